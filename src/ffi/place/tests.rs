use std::ffi::c_void;
use std::ptr;

use super::*;
use crate::ffi::alloc::tests::LAST_RELEASED;
use crate::ffi::block::tests::{a_presigned, an_attachment, text};
use crate::ffi::free::free;
use crate::{Error, ErrorKind};

/// Gives what `user_data` leads to, after a look at the place that has expired.
unsafe extern "C" fn gives(user_data: *mut c_void, expired: *const linq_presigned) -> *mut linq_presigned {
    // SAFETY: a view for the time of the call.
    assert_eq!(text(unsafe { (*expired).attachment_id }), Some("id-2"));
    // SAFETY: not live, so it is left alone.
    unsafe { free(expired.cast_mut().cast()) };
    // SAFETY: as above: it is still there.
    assert_eq!(text(unsafe { (*expired).filename }), Some("b.png"));
    match user_data.is_null() {
        true => expired.cast_mut(),
        // SAFETY: the tests hand over a pointer to what is to be given.
        false => unsafe { *user_data.cast() },
    }
}

fn renewed(given: &mut *mut linq_presigned) -> Result<Option<Presigned>, Error> {
    renew(Some(gives), ptr::from_mut(given).cast()).unwrap()(&a_presigned())
}

fn assert_no_place(result: Result<Option<Presigned>, Error>) {
    let error = result.unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidArgument);
    assert_eq!(
        error.message,
        "renew returned something that is not a live linq_presigned: it was freed, or is something else"
    );
}

#[test]
fn what_is_given_is_the_librarys() {
    let mut next = a_presigned();
    next.attachment_id = "id-3".into();
    let mut given = block::presigned(&next).unwrap();
    assert_eq!(renewed(&mut given).unwrap().unwrap().attachment_id, "id-3");
    assert!(registry::take(given).is_none(), "it is not the host's any more");
    assert!(LAST_RELEASED.take().iter().all(|byte| *byte == 0));
    assert_eq!(renewed(&mut ptr::null_mut()).unwrap(), None);
    assert!(renew(None, ptr::null_mut()).is_none());
}

#[test]
fn what_is_no_place_is_refused_and_left_alone() {
    assert_no_place(renew(Some(gives), ptr::null_mut()).unwrap()(&a_presigned()));
    let attachment = block::attachment(&an_attachment()).unwrap();
    assert_no_place(renewed(&mut attachment.cast()));
    // SAFETY: still alive, which is what is being tested.
    assert_eq!(text(unsafe { (*attachment).attachment_id }), Some("id-1"));
    let gone = block::presigned(&a_presigned()).unwrap();
    // SAFETY (both): linq_free takes anything.
    unsafe { free(gone.cast()) };
    unsafe { free(attachment.cast()) };
    assert_no_place(renewed(&mut gone.cast()));
}
