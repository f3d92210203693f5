use std::ffi::CStr;
use std::mem::MaybeUninit;

use super::*;
use crate::Attachment;
use crate::ffi::alloc::tests::{FAULT, Fault};

const POISON: usize = 0x5a5a;

fn poison<T>() -> *mut T {
    ptr::without_provenance_mut(POISON)
}

/// Runs a body that returns an attachment; gives the status and both out parameters, which were poisoned before.
fn run(
    body: impl FnOnce() -> Result<*mut linq_attachment, Failure>,
) -> (linq_status, *mut linq_attachment, *mut linq_error) {
    let (mut out, mut error) = (poison(), poison());
    // SAFETY: both are ours.
    let status = unsafe { call(&mut out, &mut error, body) };
    (status, out, error)
}

fn a_block() -> Result<*mut linq_attachment, Failure> {
    block::attachment(&Attachment {
        attachment_id: "id".into(),
        download_url: Some("url".into()),
        filename: "f".into(),
        content_type: "t".into(),
        size_bytes: 1,
        attempts: 1,
    })
}

fn message(error: *mut linq_error) -> String {
    // SAFETY: the tests only ask about errors that are alive.
    unsafe { CStr::from_ptr((*error).message) }.to_str().unwrap().to_owned()
}

fn status_in(error: *mut linq_error) -> linq_status {
    // SAFETY: as above.
    unsafe { (*error).status }
}

fn free<T>(at: *mut T) {
    // SAFETY: linq_free takes anything.
    unsafe { crate::ffi::free::free(at.cast()) }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("from a drop");
    }
}

#[cfg(not(miri))]
struct PanicsTwiceWhenDropped;

#[cfg(not(miri))]
impl Drop for PanicsTwiceWhenDropped {
    fn drop(&mut self) {
        panic::panic_any(PanicsWhenDropped);
    }
}

#[test]
fn both_outs_are_set_on_every_path() {
    let (status, out, error) = run(a_block);
    assert_eq!(status, LINQ_OK);
    assert!(!out.is_null() && out != poison() && error.is_null());
    free(out);

    let (status, out, error) = run(|| Err(Failure::Argument("x is NULL".into())));
    assert_eq!((status, status_in(error)), (LINQ_INVALID_ARGUMENT, LINQ_INVALID_ARGUMENT));
    assert!(out.is_null());
    assert_eq!(message(error), "x is NULL");
    free(error);

    let (status, out, error) = run(|| Err(Error::new(ErrorKind::Tls, "no").into()));
    assert_eq!((status, out.is_null(), message(error).as_str()), (LINQ_TLS, true, "no"));
    free(error);
}

#[test]
fn no_place_for_the_result_is_refused_before_anything_is_done() {
    let mut error = poison();
    let body = || -> Result<*mut linq_attachment, Failure> { panic!("it ran") };
    // SAFETY: `error` is ours.
    let status = unsafe { call(ptr::null_mut(), &mut error, body) };
    assert_eq!(status, LINQ_INVALID_ARGUMENT);
    assert_eq!(message(error), "attachment is NULL: there is nowhere to put the result");
    free(error);
}

#[test]
fn no_place_for_the_error_is_fine() {
    let mut out = poison();
    // SAFETY: `out` is ours.
    let mut run = |body: fn() -> Result<*mut linq_attachment, Failure>| unsafe {
        call(&mut out, ptr::null_mut(), body)
    };
    assert_eq!(run(|| Err(Error::new(ErrorKind::Timeout, "late").into())), LINQ_TIMEOUT);
    assert_eq!(run(|| panic!("oh")), LINQ_INTERNAL);
    assert!(out.is_null());
}

#[test]
fn unaligned_outs_are_written() {
    let mut memory = [MaybeUninit::<[u8; 8]>::uninit(); 3];
    let at = memory.as_mut_ptr().cast::<u8>();
    // SAFETY: 24 bytes have space for two pointers at an odd address.
    unsafe {
        let (out, error) = (at.add(1).cast(), at.add(9 + size_of::<usize>() - 8).cast::<*mut linq_error>());
        let status = call::<linq_attachment>(out, error, || Err(Failure::NoMemory));
        assert_eq!((status, error.read_unaligned()), (LINQ_NO_MEMORY, statics::no_memory()));
        assert!(out.read_unaligned().is_null());
    }
}

#[test]
fn a_panic_is_an_internal_error() {
    let (status, out, error) = run(|| panic!("with a secret in it"));
    assert_eq!((status, out.is_null(), error), (LINQ_INTERNAL, true, statics::internal()));
    assert!(!message(error).contains("secret"));
    free(error);
}

#[test]
fn a_panic_in_a_drop_is_an_internal_error() {
    let (status, out, error) = run(|| {
        let _held = PanicsWhenDropped;
        Err(Failure::NoMemory)
    });
    assert_eq!((status, out.is_null(), status_in(error)), (LINQ_INTERNAL, true, LINQ_INTERNAL));
}

#[test]
#[cfg(not(miri))] // leaks what the second panic carries, on purpose
fn a_payload_that_panics_when_dropped_is_an_internal_error() {
    let (status, ..) = run(|| panic::panic_any(PanicsWhenDropped));
    assert_eq!(status, LINQ_INTERNAL);
    let (status, ..) = run(|| panic::panic_any(PanicsTwiceWhenDropped));
    assert_eq!(status, LINQ_INTERNAL);
}

#[test]
fn a_panic_while_an_error_is_built_is_an_internal_error() {
    FAULT.set(Fault::Panic);
    let (status, out, error) = run(|| Err(Failure::Argument("x is NULL".into())));
    FAULT.set(Fault::None);
    assert_eq!((status, out.is_null(), error), (LINQ_INTERNAL, true, statics::internal()));
    assert_eq!(status_in(error), LINQ_INTERNAL);
}

#[test]
fn no_memory_for_an_error_gives_the_static_one() {
    FAULT.set(Fault::NoMemory);
    let (status, out, error) = run(|| Err(Failure::Argument("x is NULL".into())));
    FAULT.set(Fault::None);
    assert_eq!((status, out.is_null(), error), (LINQ_NO_MEMORY, true, statics::no_memory()));
    assert_eq!(status_in(error), LINQ_NO_MEMORY);
}

#[test]
fn a_callback_is_outside_and_what_it_calls_inside_again() {
    assert!(!INSIDE.get());
    catch_panic((), || {
        assert!(INSIDE.get());
        call_host(|| {
            assert!(!INSIDE.get());
            catch_panic((), || assert!(INSIDE.get()));
            assert!(!INSIDE.get());
        });
        assert!(INSIDE.get());
    });
    assert!(!INSIDE.get());
    catch_panic((), || panic!("and back"));
    assert!(!INSIDE.get());
}

/// The lines of a function itself may only call the boundary; whatever may panic must be in the closure.
#[test]
fn every_exported_function_catches_panics() {
    // Runs in signal handlers, or only returns something static.
    const WITHOUT: [&str; 4] =
        ["linq_cancel_token_cancel", "linq_status_name", "linq_version", "linq_abi_version"];
    let mut seen = 0;
    for function in include_str!("../mod.rs").split("extern \"C\" fn ").skip(1) {
        let name = function.split('(').next().unwrap();
        let body = function.split_once(" {\n").unwrap().1.split("\n}").next().unwrap();
        seen += 1;
        if WITHOUT.contains(&name) {
            continue;
        }
        for line in body.lines().map(|line| &line[4..]).filter(|line| !line.starts_with("    ")) {
            let allowed = ["let body = || ", "};", "catch_panic(", "unsafe { boundary::call"]
                .iter()
                .any(|beginning| line.starts_with(beginning));
            assert!(allowed, "{name} does this outside of catch_panic: {line}");
        }
        assert!(
            body.contains("catch_panic(") || body.contains("boundary::call"),
            "{name} does not catch panics"
        );
    }
    assert_eq!(seen, 26);
}

/// What this test binary writes to stderr when it runs only `panics_where_it_is_told`.
#[cfg(not(miri))] // Miri starts no processes
fn stderr_of(place: &str) -> String {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ffi::boundary::tests::panics_where_it_is_told", "--nocapture", "--test-threads=1"])
        .env("LINQ_TEST_PANIC", place)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn panics_where_it_is_told() {
    let Ok(place) = std::env::var("LINQ_TEST_PANIC") else { return };
    let panics = || {
        let _ = catch_unwind(|| panic!("shown"));
    };
    catch_panic((), || ()); // the first call installs the hook
    match &*place {
        "inside" => catch_panic((), || panic!("shown")),
        "callback" => catch_panic((), || call_host(panics)),
        "host" => panics(),
        "helper" => {
            let _ = thread::Builder::new().name("linq-dns".into()).spawn(|| panic!("shown")).unwrap().join();
        }
        _ => unreachable!(),
    }
}

#[test]
#[cfg(not(miri))]
fn our_panics_are_silent_and_those_of_the_host_are_not() {
    for (place, shown) in [("inside", false), ("helper", false), ("callback", true), ("host", true)] {
        assert_eq!(stderr_of(place).contains("shown"), shown, "{place}");
    }
}
