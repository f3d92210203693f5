use std::ffi::CStr;

use super::*;

use crate::Details;
use crate::ffi::alloc::tests::{FAULT, Fault};

pub(in crate::ffi) fn text<'a>(at: *const c_char) -> Option<&'a str> {
    // SAFETY: the tests only look at texts of blocks that are alive.
    (!at.is_null()).then(|| unsafe { CStr::from_ptr(at) }.to_str().unwrap())
}

fn free<T>(at: *mut T) {
    // SAFETY: linq_free takes anything.
    unsafe { crate::ffi::free::free(at.cast()) }
}

pub(in crate::ffi) fn an_attachment() -> Attachment {
    Attachment {
        attachment_id: "id-1".into(),
        download_url: Some("https://cdn.example/a".into()),
        filename: String::new(),
        content_type: "image/jpeg".into(),
        size_bytes: u64::MAX,
        attempts: 3,
    }
}

pub(in crate::ffi) fn a_presigned() -> Presigned {
    Presigned {
        attachment_id: "id-2".into(),
        upload_url: format!("https://up.example/a?X-Amz-Signature={}", "s".repeat(1000)),
        download_url: Some("https://cdn.example/b".into()),
        http_method: "PUT".into(),
        expires_at: "2024-01-15T10:45:00Z".into(),
        headers: vec![("Content-Type".into(), "image/png".into())],
        filename: Some("b.png".into()),
        content_type: Some("image/png".into()),
        size_bytes: Some(7),
        expires_at_ms: 8,
        clock: None,
    }
}

pub(in crate::ffi) fn an_error(message: &str) -> Error {
    Error::new(ErrorKind::Storage, message)
}

#[test]
fn a_result_is_one_block_with_its_strings_inside() {
    let block = attachment(&an_attachment()).unwrap();
    // SAFETY: just made.
    let found = unsafe { &*block };
    assert_eq!(found.struct_size, size_of::<linq_attachment>());
    assert_eq!(text(found.attachment_id), Some("id-1"));
    assert_eq!(text(found.download_url), Some("https://cdn.example/a"));
    assert_eq!(text(found.filename), Some(""));
    assert_eq!(text(found.content_type), Some("image/jpeg"));
    assert_eq!((found.size_bytes, found.attempts, found.reserved_2), (u64::MAX, 3, 0));
    let distance = found.content_type.addr() - block.addr();
    assert!(distance > size_of::<linq_attachment>() && distance < 200);
    free(block);
}

#[test]
pub(in crate::ffi) fn a_presigned_place_has_each_text_in_its_own_field() {
    let from = a_presigned();
    let block = presigned(&from).unwrap();
    // SAFETY: just made; one header.
    let (found, header) = unsafe { (&*block, &*(*block).headers) };
    assert_eq!(found.struct_size, size_of::<linq_presigned>());
    assert_eq!((text(found.attachment_id), text(found.http_method)), (Some("id-2"), Some("PUT")));
    assert_eq!(text(found.upload_url), Some(&*from.upload_url));
    assert_eq!(text(found.download_url), Some("https://cdn.example/b"));
    assert_eq!(text(found.expires_at), Some("2024-01-15T10:45:00Z"));
    assert_eq!((text(found.filename), text(found.content_type)), (Some("b.png"), Some("image/png")));
    assert_eq!(text(found.json), Some(&*from.to_json()));
    assert_eq!((text(header.name), text(header.value)), (Some("Content-Type"), Some("image/png")));
    assert_eq!((found.header_count, found.size_bytes, found.expires_at_ms), (1, 7, 8));
    free(block);
}

#[test]
fn an_info_has_each_text_in_its_own_field() {
    let info = AttachmentInfo {
        attachment_id: "id".into(),
        filename: "f".into(),
        content_type: "t".into(),
        size_bytes: 1,
        created_at: "then".into(),
        created_at_ms: 2,
        download_url: Some("url".into()),
        status: Some("complete".into()),
    };
    let block = attachment_info(&info).unwrap();
    // SAFETY: just made.
    let found = unsafe { &*block };
    assert_eq!(found.struct_size, size_of::<linq_attachment_info>());
    assert_eq!((text(found.attachment_id), text(found.filename)), (Some("id"), Some("f")));
    assert_eq!((text(found.content_type), text(found.created_at)), (Some("t"), Some("then")));
    assert_eq!((text(found.download_url), text(found.status)), (Some("url"), Some("complete")));
    assert_eq!((found.size_bytes, found.created_at_ms), (1, 2));
    free(block);
}

#[test]
fn a_receipt_has_each_text_in_its_own_field() {
    for message_id in [Some("m".to_owned()), None] {
        let from = Receipt { chat_id: "c".into(), message_id, idempotency_key: "k".into() };
        let block = receipt(&from).unwrap();
        // SAFETY: just made.
        let found = unsafe { &*block };
        assert_eq!(found.struct_size, size_of::<linq_receipt>());
        assert_eq!(
            (text(found.chat_id), text(found.message_id), text(found.idempotency_key)),
            (Some("c"), from.message_id.as_deref(), Some("k"))
        );
        free(block);
    }
}

#[test]
fn what_is_not_known_is_null_or_zero() {
    let info = AttachmentInfo {
        attachment_id: "id".into(),
        filename: "a".into(),
        content_type: "b".into(),
        size_bytes: 0,
        created_at: "then".into(),
        created_at_ms: -5,
        download_url: None,
        status: None,
    };
    let block = attachment_info(&info).unwrap();
    // SAFETY: just made.
    let found = unsafe { &*block };
    assert_eq!(
        (text(found.download_url), text(found.status), text(found.created_at)),
        (None, None, Some("then"))
    );
    assert_eq!((found.size_bytes, found.created_at_ms), (0, -5));
    free(block);

    let error = error(&an_error("no")).unwrap();
    // SAFETY: just made.
    let found = unsafe { &*error };
    let texts =
        [found.storage_code, found.storage_request_id, found.doc_url, found.trace_id, found.attachment_id];
    assert!(texts.iter().all(|text| text.is_null()));
    assert_eq!((found.http_status, found.api_code, found.retry_after_ms, found.retryable), (0, 0, 0, 0));
    free(error);
}

#[test]
fn an_error_carries_everything_that_is_known() {
    let mut from = an_error("it failed");
    *from.details = Details {
        http_status: Some(503),
        api_code: Some(1007),
        storage_code: Some("SlowDown".into()),
        storage_request_id: Some("r".into()),
        storage_id_2: Some("2".into()),
        doc_url: Some("d".into()),
        trace_id: Some("t".into()),
        retry_after: Some(Duration::from_secs(u64::MAX)),
        attempts: 4,
        retryable: true,
        attachment_id: Some("a".into()),
        idempotency_key: Some("k".into()),
        system_error: Some(libc::ENOENT),
        sent: false,
        renewed: false,
        network_changed: false,
    };
    let block = error(&from).unwrap();
    // SAFETY: just made.
    let found = unsafe { &*block };
    assert_eq!((found.status, text(found.message)), (LINQ_STORAGE, Some("it failed")));
    assert_eq!((text(found.storage_code), text(found.storage_request_id)), (Some("SlowDown"), Some("r")));
    assert_eq!((text(found.storage_id_2), text(found.doc_url)), (Some("2"), Some("d")));
    assert_eq!((text(found.trace_id), text(found.attachment_id)), (Some("t"), Some("a")));
    assert_eq!((found.http_status, found.api_code, found.attempts, found.retryable), (503, 1007, 4, 1));
    assert_eq!((text(found.idempotency_key), found.system_error), (Some("k"), libc::ENOENT));
    assert_eq!(found.retry_after_ms, u32::MAX, "a wait of centuries is cut, not wrapped");
    free(block);
}

#[test]
fn headers_stand_in_the_same_block() {
    let headers: Vec<(String, String)> = [("Content-Type", "image/jpeg"), ("X-Empty", "")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let take = |headers: &[(String, String)]| {
        flat([Some("id")], headers, |[attachment_id], at| linq_presigned {
            attachment_id,
            headers: at,
            header_count: headers.len(),
            // SAFETY: zeros are a linq_presigned.
            ..unsafe { std::mem::zeroed() }
        })
        .unwrap()
    };
    let block = take(&headers);
    // SAFETY: just made; two headers.
    let (found, [first, second]) = unsafe { (&*block, &*(*block).headers.cast::<[linq_header; 2]>()) };
    assert_eq!((text(found.attachment_id), found.header_count), (Some("id"), 2));
    assert_eq!((text(first.name), text(first.value)), (Some("Content-Type"), Some("image/jpeg")));
    assert_eq!((text(second.name), text(second.value)), (Some("X-Empty"), Some("")));
    free(block);
    let none = take(&[]);
    // SAFETY: just made.
    assert!(unsafe { (*none).headers.is_null() });
    free(none);
}

#[test]
fn a_nul_from_a_server_never_shortens_a_text() {
    let lie = Attachment { attachment_id: "id\0more".into(), ..an_attachment() };
    let Err(Failure::Core(refused)) = attachment(&lie) else { panic!("it went through") };
    assert_eq!(refused.kind, ErrorKind::Protocol);
    let headers = [("X".to_owned(), "a\0b".to_owned())];
    assert!(matches!(flat([], &headers, |[], _| 0_u8), Err(Failure::Core(_))));

    let block = error(&an_error("a\0b")).unwrap();
    // SAFETY: just made.
    assert_eq!(
        text(unsafe { (*block).message }),
        Some("a\u{fffd}b"),
        "an error reaches the caller all the same"
    );
    free(block);
}

#[test]
fn no_memory_is_a_failure_and_not_the_end() {
    FAULT.set(Fault::NoMemory);
    let failed = attachment(&an_attachment());
    FAULT.set(Fault::None);
    assert!(matches!(failed, Err(Failure::NoMemory)));
}

fn an_event(kind: EventKind) -> Event {
    let step = Some(crate::report::Step::Put);
    Event { tag: 1, sent: 2, total: 3, remaining: 4, attempt: 5, max_attempts: 6, step, kind }
}

#[test]
fn an_event_and_what_it_points_to_are_one_block() {
    let block = event(&an_event(EventKind::Finished(an_attachment()))).unwrap();
    // SAFETY: just made, and the attachment is part of it.
    let (found, its) = unsafe { (&*block, &*(*block).attachment) };
    assert_eq!((found.struct_size, found.kind), (size_of::<linq_event>(), LINQ_EVENT_FINISHED));
    assert_eq!((found.tag, found.sent, found.total, found.remaining), (1, 2, 3, 4));
    assert!(found.error.is_null() && found.reserved.is_null() && found.reserved_2 == 0);
    assert_eq!(found.attachment.addr() - block.addr(), size_of::<linq_event>());
    assert_eq!((its.struct_size, text(its.attachment_id)), (size_of::<linq_attachment>(), Some("id-1")));
    assert_eq!((text(its.content_type), its.attempts), (Some("image/jpeg"), 3));
    free(block);

    let block = event(&an_event(EventKind::Failed(an_error("no")))).unwrap();
    // SAFETY: just made, and the error is part of it.
    let (found, its) = unsafe { (&*block, &*(*block).error) };
    assert_eq!((found.kind, found.tag), (LINQ_EVENT_FAILED, 1));
    assert_eq!((found.attempt, found.max_attempts), (5, 6));
    assert_eq!((found.step, found.again_in_ms), (LINQ_STEP_PUT, 0));
    assert!(found.attachment.is_null());
    assert_eq!((text(its.message), its.status), (Some("no"), LINQ_STORAGE));
    free(block);

    let block = event(&an_event(EventKind::Retry(an_error("busy"), Duration::from_millis(1500)))).unwrap();
    // SAFETY: just made, and the error is part of it.
    let (found, its) = unsafe { (&*block, &*(*block).error) };
    assert_eq!((found.kind, found.again_in_ms, text(its.message)), (LINQ_EVENT_RETRY, 1500, Some("busy")));
    free(block);

    let block = event(&an_event(EventKind::Progress)).unwrap();
    // SAFETY: just made.
    let found = unsafe { &*block };
    assert_eq!((found.kind, found.remaining), (LINQ_EVENT_PROGRESS, 4));
    assert!(found.attachment.is_null() && found.error.is_null());
    free(block);
}

#[test]
fn what_a_server_sent_and_cannot_be_told_is_a_failed_event() {
    let lie = Attachment { attachment_id: "id\0more".into(), ..an_attachment() };
    let block = event(&an_event(EventKind::Finished(lie))).unwrap();
    // SAFETY: just made.
    let (found, its) = unsafe { (&*block, &*(*block).error) };
    assert!(found.kind == LINQ_EVENT_FAILED && found.attachment.is_null());
    assert_eq!((its.status, found.tag), (LINQ_PROTOCOL, 1));
    free(block);
}

#[test]
#[cfg(not(miri))] // Miri blocks no signals
fn an_event_without_memory_stays_in_its_queue() {
    use crate::{Client, Config, Queue, QueuedSource, QueuedUpload};
    use std::sync::Arc;

    // Plain http, so that no certificates are looked for: Miri has no files.
    let base_url = Some("http://127.0.0.1:1".to_owned());
    let config = Config { use_environment: false, base_url, ..Config::default() };
    let queue = Queue::new(Arc::new(Client::new(config).unwrap()), Some(1)).unwrap();
    let source = QueuedSource::Bytes(Box::new(b"hello"));
    let (place, filename, content_type, cancel, timeout) = (None, Some("a/b".to_owned()), None, None, None);
    queue.add(QueuedUpload { source, place, filename, content_type, cancel, timeout, tag: 7 }).unwrap();
    let ask = || queue.next_with(Some(Duration::from_secs(20)), event);
    FAULT.set(Fault::NoMemory);
    let failed = ask();
    FAULT.set(Fault::None);
    assert!(matches!(failed, Err(Failure::NoMemory)));
    let block = ask().unwrap().unwrap();
    // SAFETY: just made.
    assert_eq!(unsafe { ((*block).tag, (*(*block).error).status) }, (7, LINQ_UNSUPPORTED));
    free(block);
}
