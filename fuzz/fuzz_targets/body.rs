#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| linq_fuzz::run("body", input));
