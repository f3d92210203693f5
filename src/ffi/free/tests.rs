use std::ptr;

use crate::ffi::alloc::tests::LAST_RELEASED;
use crate::ffi::block::tests::{a_presigned, an_attachment, an_error, text};
use crate::ffi::block::{attachment, error, presigned};
use crate::ffi::boundary::catch_panic;
use crate::ffi::types::*;
use crate::ffi::{handle, statics};
use crate::{Client, Config};

fn free<T>(at: *mut T) {
    // SAFETY: linq_free takes anything.
    unsafe { super::free(at.cast()) }
}

#[test]
fn a_second_free_a_member_and_an_unknown_pointer_are_ignored() {
    let block = attachment(&an_attachment()).unwrap();
    // SAFETY: just made.
    let member = unsafe { (*block).attachment_id };
    free(member.cast_mut());
    // SAFETY: still alive, which is what is being tested.
    assert_eq!(text(unsafe { (*block).attachment_id }), Some("id-1"));
    free(block);
    free(block);
    free(ptr::null_mut::<u8>());
    let mut unknown = 7;
    free(&raw mut unknown);
    free(ptr::without_provenance_mut::<u8>(1));
    assert_eq!(unknown, 7);
}

#[test]
fn the_static_errors_are_never_freed() {
    for error in [statics::no_memory(), statics::internal()] {
        free(error);
        free(error);
        // SAFETY: static.
        assert!(text(unsafe { (*error).message }).is_some());
    }
}

#[test]
fn a_block_is_zero_before_it_is_freed() {
    /// Frees it, and checks its contents at that moment.
    fn zero<T>(block: *mut T, at_least: usize) {
        free(block);
        let released = LAST_RELEASED.take();
        let kind = std::any::type_name::<T>();
        assert!(released.len() >= at_least, "{kind}: {} bytes", released.len());
        assert!(released.iter().all(|byte| *byte == 0), "{kind}");
    }
    zero(attachment(&an_attachment()).unwrap(), size_of::<linq_attachment>() + 1);
    // The secret is in it twice: in the URL and in the JSON.
    zero(presigned(&a_presigned()).unwrap(), size_of::<linq_presigned>() + 2000);
    zero(error(&an_error("no")).unwrap(), size_of::<linq_error>() + 1);
    zero(handle::token(), size_of::<usize>());
    // Plain http, so that no certificates are loaded: Miri has no files.
    let base_url = Some("http://127.0.0.1:1".to_owned());
    let config = Config { use_environment: false, base_url, ..Config::default() };
    zero(handle::client(Client::new(config).unwrap()).unwrap(), size_of::<usize>());
}

#[test]
fn freeing_inside_another_call_works() {
    let block = attachment(&an_attachment()).unwrap();
    catch_panic((), || free(block));
}
