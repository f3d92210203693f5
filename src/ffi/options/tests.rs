use std::ffi::{CStr, c_char};
use std::mem::offset_of;
use std::ptr;

use super::*;
use crate::ffi::handle;
use crate::ffi::layout::Versioned;
use crate::ffi::place::presigned;
use crate::ffi::versioned::tests::{Sized, refusal};

/// A struct as its _default() function makes it.
fn fresh<T: Versioned>() -> T {
    // SAFETY: all zeros make one.
    let mut value: T = unsafe { std::mem::zeroed() };
    // SAFETY: each begins with its size.
    unsafe { (&raw mut value).cast::<usize>().write(size_of::<T>()) };
    value
}

#[test]
fn fields_that_an_older_struct_lacks_are_zero() {
    let older = Sized::of(offset_of!(linq_client_options, max_attempts))
        .with(offset_of!(linq_client_options, stall_timeout_ms), &7_u32.to_ne_bytes());
    // SAFETY: as many bytes as it says.
    let config = unsafe { config(older.at()) }.unwrap();
    assert_eq!(config.stall_timeout, Duration::from_millis(7));
    assert_eq!(config.max_attempts, Config::default().max_attempts);
}

#[test]
fn an_unaligned_struct_is_read() {
    let mut bytes = vec![0_u8; 1];
    bytes.extend(Sized::of(size_of::<linq_call_options>()).0);
    // SAFETY: as many bytes as it says, one byte off.
    assert!(unsafe { call(bytes.as_ptr().add(1).cast()) }.is_ok());
}

#[test]
fn null_options_are_all_defaults() {
    // SAFETY: NULL.
    unsafe {
        let config = config(ptr::null()).unwrap();
        assert!(config.api_key.is_none() && config.use_environment && config.proxy.is_none());
        let mut upload = upload(ptr::null()).unwrap();
        let core = upload.core();
        assert!(core.filename.is_none() && core.progress.is_none() && core.call.timeout.is_none());
        assert!(call(ptr::null()).unwrap().core().cancel.is_none());
    }
}

#[test]
fn every_setting_of_a_client_arrives() {
    let mut options = linq_client_options {
        api_key: c"key".as_ptr(),
        base_url: c"url".as_ptr(),
        user_agent: c"agent".as_ptr(),
        ca_file: c"fi\xffle".as_ptr(),
        ca_pem: c"pem".as_ptr(),
        proxy: c"".as_ptr(),
        flags: 7,
        connect_timeout_ms: 1,
        stall_timeout_ms: 2,
        max_attempts: 3,
        ..fresh()
    };
    // SAFETY: literals.
    let found = unsafe { config(&options) }.unwrap();
    let texts = [&found.api_key, &found.base_url, &found.user_agent, &found.ca_pem, &found.proxy];
    assert_eq!(texts.map(|text| text.as_deref().unwrap()), ["key", "url", "agent", "pem", ""]);
    assert_eq!(found.ca_file.as_ref().unwrap().as_os_str().as_encoded_bytes(), b"fi\xffle");
    assert!(!found.use_environment && found.allow_webp_svg && found.allow_http_loopback);
    let times = (found.connect_timeout.as_millis(), found.stall_timeout.as_millis(), found.max_attempts);
    assert_eq!(times, (1, 2, 3));
    options.flags = 8 + 1;
    // SAFETY: literals.
    let message = refusal(unsafe { config(&options) });
    assert_eq!(message, "linq_client_options.flags has an unknown bit: 0x8");
}

#[test]
fn bad_utf8_is_named_as_the_caller_wrote_it() {
    const BAD: *const c_char = c"\xff".as_ptr();
    // SAFETY (all): literals.
    unsafe {
        let bad = |set: fn(&mut linq_client_options)| {
            let mut options = fresh();
            set(&mut options);
            refusal(config(&options))
        };
        assert_eq!(bad(|o| o.api_key = BAD), "linq_client_options.api_key is not UTF-8");
        assert_eq!(bad(|o| o.base_url = BAD), "linq_client_options.base_url is not UTF-8");
        assert_eq!(bad(|o| o.user_agent = BAD), "linq_client_options.user_agent is not UTF-8");
        assert_eq!(bad(|o| o.ca_pem = BAD), "linq_client_options.ca_pem is not UTF-8");
        assert_eq!(bad(|o| o.proxy = BAD), "linq_client_options.proxy is not UTF-8");
        let options = linq_upload_options { filename: BAD, ..fresh() };
        assert_eq!(refusal(upload(&options)), "linq_upload_options.filename is not UTF-8");
        let options = linq_upload_options { content_type: BAD, ..fresh() };
        assert_eq!(refusal(upload(&options)), "linq_upload_options.content_type is not UTF-8");
        assert_eq!(refusal(file(&linq_file { filename: BAD, ..fresh() })), "linq_file.filename is not UTF-8");
        let message_options = linq_message { from: c"a".as_ptr(), text: BAD, ..fresh() };
        assert_eq!(refusal(message(&message_options)), "linq_message.text is not UTF-8");
        assert_eq!(
            refusal(presigned(&linq_presigned { json: BAD, ..fresh() })),
            "linq_presigned.json is not UTF-8"
        );
    }
}

#[test]
fn reserved_fields_must_be_zero() {
    let one = 1_u8;
    let at: *const c_char = (&raw const one).cast();
    // SAFETY (all): literals and a byte.
    unsafe {
        let call_options = linq_call_options { reserved: 1, ..fresh() };
        assert_eq!(refusal(call(&call_options)), "linq_call_options.reserved is reserved and must be zero");
        let options = linq_upload_options { reserved: 1, ..fresh() };
        assert_eq!(refusal(upload(&options)), "linq_upload_options.reserved is reserved and must be zero");
        let info = linq_file { reserved: at.cast(), ..fresh() };
        assert_eq!(refusal(file(&info)), "linq_file.reserved is reserved and must be zero");
    }
}

unsafe extern "C" fn gives_nothing(_: *mut std::ffi::c_void, _: *mut std::ffi::c_void, _: usize) -> i64 {
    0
}

unsafe extern "C" fn begins_again(_: *mut std::ffi::c_void) -> i32 {
    0
}

#[test]
fn each_kind_of_source_arrives() {
    let four = [1_u8, 2, 3, 4];
    // SAFETY (all): literals, four bytes of four, descriptor 0.
    unsafe {
        let mut path = source(&linq_source { kind: 1, path: c"p".as_ptr(), ..fresh() }).unwrap();
        assert!(matches!(path.core(), Source::Path(path) if path == Path::new("p")));
        let mut whole = source(&linq_source { kind: 2, ..fresh() }).unwrap();
        assert!(matches!(whole.core(), Source::Descriptor { offset: 0, length: None, .. }));
        let mut part = source(&linq_source { kind: 2, offset: 5, length: 6, ..fresh() }).unwrap();
        assert!(matches!(part.core(), Source::Descriptor { offset: 5, length: Some(6), .. }));
        let bytes = linq_source { kind: 3, bytes: four.as_ptr().cast(), length: 4, ..fresh() };
        assert!(matches!(source(&bytes).unwrap().core(), Source::Bytes(bytes) if bytes == four));
        let reader = linq_source { kind: 4, read: Some(gives_nothing), length: 9, ..fresh() };
        assert!(
            matches!(source(&reader).unwrap().core(), Source::Reader { reader, size: 9 } if !reader.can_rewind())
        );
        let again = linq_source { rewind: Some(begins_again), ..reader };
        assert!(
            matches!(source(&again).unwrap().core(), Source::Reader { reader, .. } if reader.can_rewind())
        );
    }
}

#[test]
fn a_source_has_its_required_fields_and_no_others() {
    // SAFETY (all): refused before anything is read.
    let why = |s: linq_source| refusal(unsafe { source(&s) });
    for kind in [0, 5, u32::MAX] {
        assert_eq!(
            why(linq_source { kind, ..fresh() }),
            format!("linq_source.kind is {kind}; set it to one of LINQ_SOURCE_...")
        );
    }
    assert_eq!(why(linq_source { kind: 1, ..fresh() }), "linq_source.path is NULL");
    assert_eq!(why(linq_source { kind: 4, length: 1, ..fresh() }), "linq_source.read is NULL");
    assert_eq!(
        why(linq_source { kind: 3, length: 1, ..fresh() }),
        "linq_source.bytes is NULL, but linq_source.length is 1"
    );
    for (descriptor, signed) in [(u32::MAX, -1), (1 << 31, i32::MIN)] {
        let message = format!("linq_source.descriptor is {signed}, which is not a descriptor");
        assert_eq!(why(linq_source { kind: 2, descriptor, ..fresh() }), message);
    }
    let all = || linq_source {
        path: c"p".as_ptr(),
        bytes: c"b".as_ptr().cast(),
        read: Some(gives_nothing),
        rewind: Some(begins_again),
        user_data: ptr::without_provenance_mut(1),
        offset: 1,
        length: 1,
        descriptor: 1,
        ..fresh()
    };
    let unused = |name| format!("linq_source.{name} does not belong to this kind of source");
    let without_path = || linq_source { path: ptr::null(), ..all() };
    assert_eq!(why(linq_source { kind: 1, ..all() }), unused("bytes"));
    assert_eq!(why(linq_source { kind: 2, ..all() }), unused("path"));
    assert_eq!(why(linq_source { kind: 3, ..without_path() }), unused("read"));
    assert_eq!(why(linq_source { kind: 4, ..without_path() }), unused("bytes"));
    let reader = linq_source { kind: 4, bytes: ptr::null(), ..without_path() };
    assert_eq!(why(reader), unused("offset"));
    assert_eq!(why(linq_source { kind: 1, path: c"p".as_ptr(), length: 1, ..fresh() }), unused("length"));
    let bytes = linq_source { kind: 3, bytes: c"b".as_ptr().cast(), length: 1, descriptor: 1, ..fresh() };
    assert_eq!(why(bytes), unused("descriptor"));
    let rewinds = linq_source { kind: 1, path: c"p".as_ptr(), rewind: Some(begins_again), ..fresh() };
    assert_eq!(why(rewinds), unused("rewind"));
}

#[test]
fn a_message_arrives_whole() {
    let to = [c"+1".as_ptr(), c"+2".as_ptr()];
    let ids = [c"id".as_ptr()];
    let message_options = linq_message {
        from: c"+0".as_ptr(),
        to: to.as_ptr(),
        to_count: 2,
        text: c"hi".as_ptr(),
        attachment_ids: ids.as_ptr(),
        attachment_count: 1,
        idempotency_key: c"k".as_ptr(),
        ..fresh()
    };
    // SAFETY: as many as are there.
    let message_options = unsafe { message(&message_options) }.unwrap();
    let Message { from, to, text, attachment_ids, idempotency_key } = message_options.core();
    assert_eq!((from, text, idempotency_key), ("+0", Some("hi"), Some("k")));
    assert_eq!((to, attachment_ids), (&["+1", "+2"][..], &["id"][..]));
}

#[test]
fn a_token_and_a_deadline_arrive() {
    let token = handle::token();
    let options = linq_call_options { cancel: token, timeout_ms: 5, ..fresh() };
    // SAFETY: a live token.
    let found = unsafe { call(&options) }.unwrap();
    // SAFETY: alive.
    unsafe { handle::cancel(token) };
    assert!(found.core().cancel.unwrap().is_cancelled());
    assert_eq!(found.core().timeout, Some(Duration::from_millis(5)));
    let upload_options = linq_upload_options { cancel: token, timeout_ms: 6, ..fresh() };
    // SAFETY: a live token.
    let mut found = unsafe { upload(&upload_options) }.unwrap();
    let found = found.core().call;
    assert!(found.cancel.unwrap().is_cancelled());
    assert_eq!(found.timeout, Some(Duration::from_millis(6)));
    // SAFETY: linq_free takes anything.
    unsafe { crate::ffi::free::free(token.cast()) };
    // SAFETY: the struct is whole; its token is looked up and not touched.
    assert_eq!(
        refusal(unsafe { call(&options) }),
        "linq_call_options.cancel is not a live linq_cancel_token: it was freed, or is something else"
    );
}

#[test]
fn a_presigned_place_is_what_its_json_says() {
    let json = c"{\"attachment_id\": \"id\", \"upload_url\": \"https://u.example/a?q\", \"download_url\": \"d\", \
        \"http_method\": \"PUT\", \"expires_at\": \"2024-01-15T10:45:00Z\", \"required_headers\": {\"A\": \"b\"}}";
    // SAFETY: literals.
    let found = unsafe { presigned(&linq_presigned { json: CStr::as_ptr(json), ..fresh() }) }.unwrap();
    assert_eq!((found.attachment_id.as_str(), found.headers.len()), ("id", 1));
    // SAFETY: NULL inside.
    assert_eq!(refusal(unsafe { presigned(&fresh()) }), "linq_presigned.json is NULL");
}

/// The path and the strings are copies, and the bytes are where the host has them.
#[test]
fn an_upload_for_a_queue_owns_what_it_needs() {
    let (mut path, bytes) = (*b"/tmp/a.txt\0", *b"hello");
    let add = |source: &linq_source, options: &linq_upload_options, tag| {
        // SAFETY: both are whole, and what they point to lives.
        queued(None, unsafe { super::source(source)? }, unsafe { upload(options)? }, tag)
    };
    let (mut source, mut options) = (fresh::<linq_source>(), fresh::<linq_upload_options>());
    source.kind = LINQ_SOURCE_PATH;
    source.path = path.as_ptr().cast();
    options.filename = path.as_ptr().cast();
    let copied = add(&source, &options, 7).unwrap();
    path.fill(b'x');
    assert!(matches!(copied.source, QueuedSource::Path(path) if path == Path::new("/tmp/a.txt")));
    assert_eq!((copied.filename.as_deref(), copied.tag), (Some("/tmp/a.txt"), 7));

    (source.path, source.kind) = (std::ptr::null(), LINQ_SOURCE_BYTES);
    (source.bytes, source.length) = (bytes.as_ptr().cast(), 5);
    options.filename = std::ptr::null();
    let QueuedSource::Bytes(borrowed) = add(&source, &options, 0).unwrap().source else { panic!() };
    let read = std::thread::spawn(move || (*borrowed).as_ref().to_vec()).join().unwrap();
    assert_eq!(read, b"hello");
    let refused = add(&source, &options, LINQ_QUEUE_ALL);
    assert!(matches!(refused, Err(Failure::Argument(message)) if message.contains("LINQ_QUEUE_ALL")));
}
