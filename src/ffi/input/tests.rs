use std::ptr;

use super::*;

fn refusal<T>(result: Result<T, Failure>) -> String {
    match result {
        Err(Failure::Argument(message)) => message,
        Err(other) => panic!("another failure: {other:?}"),
        Ok(_) => panic!("it was let through"),
    }
}

#[test]
fn texts_are_utf8_and_required_ones_not_null() {
    // SAFETY (all): literals and NULL.
    unsafe {
        assert_eq!(required(c"häh".as_ptr(), "x").unwrap(), "häh");
        assert_eq!(refusal(required(ptr::null(), "linq_file.filename")), "linq_file.filename is NULL");
        assert_eq!(optional(ptr::null(), "x").unwrap(), None);
        assert_eq!(optional(c"".as_ptr(), "x").unwrap(), Some(""));
        let bad = c"a\xff";
        assert_eq!(refusal(optional(bad.as_ptr(), "linq_message.text")), "linq_message.text is not UTF-8");
        assert_eq!(refusal(attachment_id(bad.as_ptr())), "attachment_id is not UTF-8");
    }
}

#[test]
fn a_path_is_bytes() {
    // SAFETY: literals and NULL.
    unsafe {
        assert_eq!(path(c"a\xff/b".as_ptr()).unwrap().as_os_str().as_bytes(), b"a\xff/b");
        assert_eq!(refusal(path(ptr::null())), "path is NULL");
    }
}

#[test]
fn lists_are_read_whole() {
    let texts = [c"a".as_ptr(), c"b".as_ptr(), ptr::null()];
    // SAFETY: as many as are there.
    unsafe {
        assert_eq!(list(texts.as_ptr(), 2, "to", "to_count").unwrap(), ["a", "b"]);
        assert_eq!(list(ptr::null(), 0, "to", "to_count").unwrap(), [""; 0]);
        assert_eq!(refusal(list(texts.as_ptr(), 3, "to", "to_count")), "to[2] is NULL");
        assert_eq!(refusal(list(ptr::null(), 1, "to", "to_count")), "to is NULL, but to_count is 1");
    }
}

#[test]
fn absurd_counts_and_lengths_are_refused_unread() {
    let one = c"a".as_ptr();
    let at: *const c_void = (&raw const one).cast();
    // SAFETY: refused before anything is read.
    unsafe {
        for count in [LIST_LIMIT + 1, 1 << (usize::BITS - 4), usize::MAX] {
            assert_eq!(
                refusal(list(&one, count, "to", "to_count")),
                format!("to_count is {count}; at most 65536 are possible")
            );
        }
        for length in [isize::MAX as u64 + 1, u64::MAX] {
            assert_eq!(
                refusal(bytes(at, length, "bytes", "length")),
                format!("length is {length}, which is more than memory can hold")
            );
        }
        let last = ptr::without_provenance::<c_void>(usize::MAX - 1);
        assert_eq!(
            refusal(bytes(last, 4, "bytes", "length")),
            "length is 4, which is more than memory can hold"
        );
        assert_eq!(refusal(bytes(ptr::null(), 4, "bytes", "length")), "bytes is NULL, but length is 4");
        let length = JSON_LIMIT + 1;
        assert_eq!(
            refusal(json(one, length)),
            format!("length is {length}; the limit for this JSON is 1048576 bytes")
        );
        assert_eq!(refusal(json(ptr::null(), 0)), "json is NULL");
        assert!(content_type(ptr::null(), at, usize::MAX).is_null());
    }
}

#[test]
fn bytes_are_those_of_the_caller() {
    let three = [1_u8, 2, 3];
    // SAFETY: three of three.
    unsafe {
        assert_eq!(bytes(three.as_ptr().cast(), 3, "b", "l").unwrap(), [1, 2, 3]);
        assert_eq!(bytes(ptr::null(), 0, "b", "l").unwrap(), [0; 0]);
    }
}

#[test]
fn a_content_type_comes_from_the_bytes_or_the_name() {
    let of = |name: *const c_char, bytes: &[u8]| {
        // SAFETY: a literal or NULL, and the bytes that are there.
        let at = unsafe { content_type(name, bytes.as_ptr().cast(), bytes.len()) };
        // SAFETY: NULL or static.
        (!at.is_null()).then(|| unsafe { CStr::from_ptr(at) }.to_str().unwrap())
    };
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    assert_eq!(of(ptr::null(), png), Some("image/png"));
    assert_eq!(of(c"some.dir/photo.jpg".as_ptr(), b""), Some("image/jpeg"));
    assert_eq!(of(c"\xff.jpg".as_ptr(), b""), Some("image/jpeg"));
    assert_eq!(of(c"photo.jpg/".as_ptr(), b""), None);
    assert_eq!(of(ptr::null(), b""), None);
    // SAFETY: all NULL.
    assert!(unsafe { content_type(ptr::null(), ptr::null(), 0) }.is_null());
}

#[test]
fn an_unknown_pointer_is_no_client_and_no_token() {
    let mut unknown = 7_u64;
    let at = &raw mut unknown;
    assert!(refusal(client(at.cast())).starts_with("client is not a live linq_client"));
    let name = "linq_call_options.cancel";
    assert!(
        refusal(cancel(at.cast(), name))
            .starts_with("linq_call_options.cancel is not a live linq_cancel_token")
    );
    assert!(cancel(ptr::null_mut(), name).unwrap().is_none());
}

#[test]
fn zero_milliseconds_are_the_default() {
    assert_eq!(millis(0), None);
    assert_eq!(millis(u32::MAX), Some(Duration::from_millis(4_294_967_295)));
}
