//! The offset of every field of every struct, on 32 and on 64 bits. Callers are compiled with these numbers: they may be
//! added to, but never change.

use std::mem::offset_of;

use super::types::*;

/// A struct that callers of other versions may pass in.
///
/// # Safety
/// Any bytes are a valid value: the fields are integers, pointers and optional function pointers only.
pub(super) unsafe trait Versioned {
    /// Its name in C.
    const NAME: &'static str;
    /// The sizes that an older caller's struct may have: the offsets of all fields but the first. A struct_size alone is
    /// no version; `sizeof` of a pointer to the struct would give that size by mistake.
    const ENDS: &'static [usize];
}

/// Each struct with its size, and its fields with their offsets, as (32 bits, 64 bits). There is no padding: tests/c/header.c
/// asserts that each field begins where the one before it ends.
macro_rules! layout {
    ($($type:ident $small:literal $large:literal {
        struct_size 0 0, $first:ident $first_small:literal $first_large:literal
        $(, $field:ident $field_small:literal $field_large:literal)*
    })+) => {$(
        // SAFETY: `types.rs` has no other kinds of fields.
        unsafe impl Versioned for $type {
            const NAME: &'static str = stringify!($type);
            const ENDS: &'static [usize] = &[$(offset_of!($type, $field)),*];
        }
        const _: () = {
            // No `..`: a field that is not listed does not compile.
            fn _every_field_is_listed(all: $type) {
                let $type { struct_size: _, $first: _ $(, $field: _)* } = all;
            }
            assert!(size_of::<$type>() == either($small, $large));
            assert!(offset_of!($type, struct_size) == 0);
            assert!(offset_of!($type, $first) == either($first_small, $first_large));
            $(assert!(offset_of!($type, $field) == either($field_small, $field_large));)*
        };
    )+};
}

// The oldest supported Rust does not count a use in an unnamed constant.
#[allow(dead_code)]
const fn either(small: usize, large: usize) -> usize {
    if cfg!(target_pointer_width = "64") { large } else { small }
}

layout! {
    linq_client_options 44 72 {
        struct_size 0 0, api_key 4 8, base_url 8 16, user_agent 12 24, ca_file 16 32, ca_pem 20 40, proxy 24 48,
        flags 28 56, connect_timeout_ms 32 60, stall_timeout_ms 36 64, max_attempts 40 68
    }
    linq_file 24 40 { struct_size 0 0, filename 4 8, content_type 8 16, reserved 12 24, size_bytes 16 32 }
    linq_source 48 72 {
        struct_size 0 0, path 4 8, bytes 8 16, read 12 24, rewind 16 32, user_data 20 40, offset 24 48,
        length 32 56, kind 40 64, descriptor 44 68
    }
    linq_upload_options 48 88 {
        struct_size 0 0, filename 4 8, content_type 8 16, progress 12 24, user_data 16 32, cancel 20 40,
        timeout_ms 24 48, reserved 28 52, renew 32 56, renew_user_data 36 64,
        attempt 40 72, attempt_user_data 44 80
    }
    linq_call_options 24 40 {
        struct_size 0 0, cancel 4 8, timeout_ms 8 16, reserved 12 20, attempt 16 24, attempt_user_data 20 32
    }
    linq_message 32 64 {
        struct_size 0 0, from 4 8, to 8 16, to_count 12 24, text 16 32, attachment_ids 20 40,
        attachment_count 24 48, idempotency_key 28 56
    }
    linq_presigned 64 112 {
        struct_size 0 0, attachment_id 4 8, upload_url 8 16, download_url 12 24, http_method 16 32,
        expires_at 20 40, headers 24 48, header_count 28 56, json 32 64, filename 36 72, content_type 40 80,
        reserved 44 88, expires_at_ms 48 96, size_bytes 56 104
    }
    linq_attachment 40 64 {
        struct_size 0 0, attachment_id 4 8, download_url 8 16, filename 12 24, content_type 16 32, reserved 20 40,
        size_bytes 24 48, attempts 32 56, reserved_2 36 60
    }
    linq_attachment_info 48 80 {
        struct_size 0 0, attachment_id 4 8, filename 8 16, content_type 12 24, created_at 16 32,
        download_url 20 40, status 24 48, reserved 28 56, size_bytes 32 64, created_at_ms 40 72
    }
    linq_receipt 16 32 { struct_size 0 0, chat_id 4 8, message_id 8 16, idempotency_key 12 24 }
    linq_request 28 48 {
        struct_size 0 0, method 4 8, path 8 16, json 12 24, idempotency_key 16 32, flags 20 40, reserved 24 44
    }
    linq_response 20 32 { struct_size 0 0, json 4 8, trace_id 8 16, http_status 12 24, reserved 16 28 }
    linq_error 68 104 {
        struct_size 0 0, message 4 8, storage_code 8 16, storage_request_id 12 24, storage_id_2 16 32, doc_url 20 40,
        trace_id 24 48, attachment_id 28 56, status 32 64, http_status 36 68, api_code 40 72, retry_after_ms 44 76,
        attempts 48 80, retryable 52 84, idempotency_key 56 88, system_error 60 96, reserved 64 100
    }
    linq_queue_options 12 16 { struct_size 0 0, max_in_flight 4 8, reserved 8 12 }
    linq_event 72 88 {
        struct_size 0 0, attachment 4 8, error 8 16, reserved 12 24, tag 16 32, sent 24 40, total 32 48,
        remaining 40 56, kind 48 64, reserved_2 52 68, attempt 56 72, max_attempts 60 76, step 64 80, again_in_ms 68 84
    }
    linq_attempt 120 136 {
        struct_size 0 0, host 4 8, request_id 8 16, reason 12 24, bytes_sent 16 32, bytes_received 24 40,
        lookup_us 32 48, connect_us 40 56, proxy_us 48 64, tls_us 56 72, send_us 64 80, wait_us 72 88,
        receive_us 80 96, total_us 88 104, step 96 112, number 100 116, http_status 104 120, status 108 124,
        reused 112 128, again_in_ms 116 132
    }
}

const _: () = {
    assert!(size_of::<linq_header>() == either(8, 16));
    assert!(offset_of!(linq_header, name) == 0);
    assert!(offset_of!(linq_header, value) == either(4, 8));
};
