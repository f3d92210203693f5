use super::*;
use crate::ffi::types::*;

/// A struct in memory of exactly the caller's size, so that Miri and sanitizers see any read beyond it.
pub(in crate::ffi) struct Sized(pub(in crate::ffi) Vec<u8>);

impl Sized {
    pub(in crate::ffi) fn of(size: usize) -> Self {
        let mut bytes = vec![0; size];
        bytes[..size_of::<usize>()].copy_from_slice(&size.to_ne_bytes());
        bytes.shrink_to_fit();
        Sized(bytes)
    }

    pub(in crate::ffi) fn with(mut self, offset: usize, value: &[u8]) -> Self {
        self.0[offset..offset + value.len()].copy_from_slice(value);
        self
    }

    pub(in crate::ffi) fn at<T>(&self) -> *const T {
        self.0.as_ptr().cast()
    }
}

pub(in crate::ffi) fn refusal<T>(result: Result<T, Failure>) -> String {
    match result {
        Err(Failure::Argument(message)) => message,
        Err(other) => panic!("another failure: {other:?}"),
        Ok(_) => panic!("it was let through"),
    }
}

fn every_version<T: Versioned>() {
    let name = T::NAME;
    // SAFETY (all): memory of as many bytes as the struct says, or none.
    unsafe {
        assert_eq!(refusal(versioned(ptr::null::<T>())), format!("{name} is NULL"));
        let ours = size_of::<T>();
        for size in size_of::<usize>()..ours {
            let older = Sized::of(size);
            assert_eq!(versioned(older.at::<T>()).is_ok(), T::ENDS.contains(&size), "{name} of {size} bytes");
        }
        for size in [0, 1, SIZE_LIMIT + 1, usize::MAX] {
            let lie = Sized::of(size_of::<usize>()).with(0, &size.to_ne_bytes());
            let message = refusal(versioned(lie.at::<T>()));
            assert!(message.starts_with(&format!("{name}.struct_size is {size}, ")), "{message}");
        }
        for size in [ours, ours + 1, ours + 8, SIZE_LIMIT] {
            assert!(versioned(Sized::of(size).at::<T>()).is_ok(), "{name} of {size} bytes");
        }
        for size in [ours + 1, ours + 8, SIZE_LIMIT] {
            for at in (ours..ours + 8).chain([SIZE_LIMIT / 2, size - 1]).filter(|at| *at < size) {
                let newer = Sized::of(size).with(at, &[1]);
                let message = refusal(versioned(newer.at::<T>()));
                assert!(message.starts_with(&format!("{name} sets a field that this version")), "{message}");
            }
        }
    }
}

#[test]
fn structs_of_every_version_are_accepted_or_refused() {
    every_version::<linq_client_options>();
    every_version::<linq_file>();
    every_version::<linq_source>();
    every_version::<linq_upload_options>();
    every_version::<linq_call_options>();
    every_version::<linq_message>();
    every_version::<linq_presigned>();
}
