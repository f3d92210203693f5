//! Compiles and runs the C programs in tests/c, each of which tests what linq.h promises, against the sandbox.
//!
//! | variable | |
//! |---|---|
//! | `CC`, `CXX` | the compilers; `cc`, `c++` |
//! | `LINQ_CC` | one for the programs alone, where they are for another machine: `CC` compiles the C inside the library too |
//! | `LINQ_CFLAGS` | flags for them, such as `-fsanitize=address` |
//! | `LINQ_LINK` | `static` (the default) or `shared` |
//! | `LINQ_LIBRARY` | the library to link, instead of one that is built here; the other kind may lie beside it |
//! | `LINQ_LIBS` | what the archive needs of the system, where that is not glibc |
//! | `LINQ_RUN` | what to run the programs under, such as `valgrind --error-exitcode=9 -q` |
//! | `LINQ_TEST_SLOW` | how many times slower that is |
//! | `LINQ_ONLY` | names of programs, with commas between; else all |
//! | `LINQ_SANDBOX` | the sandbox's program, instead of one that is built here |
#![cfg(feature = "capi")]

#[path = "c/support/runner.rs"]
mod runner;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use runner::{Build, compiler, output, root, words};

/// How many programs there are at least: a test that finds nothing must not pass.
const PROGRAMS: usize = 35;

#[test]
fn the_c_programs_pass() {
    let build = Build::new();
    let only = env::var("LINQ_ONLY").unwrap_or_default();
    let only: Vec<_> = only.split(',').filter(|name| !name.is_empty()).collect();
    let mut names: Vec<_> = fs::read_dir(root().join("tests/c"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| only.is_empty() || only.contains(&&**name))
        .collect();
    names.sort();
    assert!(names.len() >= if only.is_empty() { PROGRAMS } else { only.len() }, "only {names:?} were found");
    // Two at a time, each with a sandbox of its own: most of them wait for something most of the time.
    let next = AtomicUsize::new(0);
    let work = || {
        let sandbox = runner::sandbox();
        std::iter::from_fn(|| names.get(next.fetch_add(1, Ordering::Relaxed)))
            .filter_map(|name| runner::run(&build.program(name), name, &sandbox, &build).err())
            .inspect(|why| eprintln!("{why}"))
            .collect::<Vec<_>>()
    };
    let failed = thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut failed = work();
        failed.extend(other.join().unwrap());
        failed
    });
    assert!(
        failed.is_empty(),
        "{} of {} C programs failed:\n{}",
        failed.len(),
        names.len(),
        failed.join("\n")
    );
}

#[test]
fn the_header_compiles_alone_and_twice() {
    assert_header_compiles(&compiler("CC", "cc"), "c", &["c99", "c11", "c2x"]);
}

#[test]
#[ignore = "needs a C++ compiler, and clang"]
fn the_header_compiles_in_cpp_and_by_clang() {
    // Each compiler has warnings of its own.
    assert_header_compiles(&compiler("CXX", "c++"), "c++", &["c++17"]);
    assert_header_compiles(&["clang".to_owned()], "c", &["c99", "c11", "c2x"]);
    assert_header_compiles(&["clang++".to_owned()], "c++", &["c++17"]);
}

fn assert_header_compiles(tool: &[String], language: &str, standards: &[&str]) {
    for (standard, times) in standards.iter().flat_map(|standard| [(standard, 1), (standard, 2)]) {
        let mut check = Command::new(&tool[0]);
        check.args(&tool[1..]).args(["-x", language]).arg(format!("-std={standard}"));
        check.args(["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-fsyntax-only"]);
        check.args(words("LINQ_CFLAGS")).arg("-I").arg(root().join("include"));
        output(check.args(["-include", "linq.h"].repeat(times)).arg("/dev/null"));
    }
}

#[test]
fn the_header_is_current() {
    let fresh = include_str!(concat!(env!("OUT_DIR"), "/linq.h"));
    let found = fs::read_to_string(root().join("include/linq.h")).unwrap_or_default();
    assert!(found == fresh, "include/linq.h is stale; any `cargo build` in a git checkout writes it anew");
}

#[test]
fn the_shared_library_exports_the_functions_of_the_header_and_nothing_else() {
    let flags = if cfg!(target_vendor = "apple") { &["-gU"][..] } else { &["-D", "--defined-only"] };
    let shared = runner::shared_library();
    let listed = output(Command::new("nm").args(flags).arg(shared));
    let mut exported: Vec<_> = listed
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .map(|name| name.split('@').next().unwrap_or(name))
        .map(|name| if cfg!(target_vendor = "apple") { &name[1..] } else { name })
        .collect();
    exported.sort();
    let header = fs::read_to_string(root().join("include/linq.h")).unwrap();
    let mut declared: Vec<_> = header
        .lines()
        .filter(|line| !line.starts_with([' ', '#', '/', '*']))
        .filter(|line| !line.starts_with("typedef") && !line.starts_with("static inline"))
        .filter_map(|line| line.split_once('('))
        .filter_map(|(before, _)| before.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("linq_"))
        .collect();
    declared.sort();
    assert!(declared.len() >= 24, "only {declared:?} were found in the header");
    assert_eq!(exported, declared);
    let debian = fs::read_to_string(root().join("packaging/debian/liblinq0.symbols")).unwrap();
    let listed: Vec<_> = debian.lines().filter_map(|line| line.trim_start().split_once("@Base")).collect();
    assert_eq!(listed.iter().map(|(name, _)| *name).collect::<Vec<_>>(), declared);
}

#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn the_shared_library_has_its_name_and_stays_loaded() {
    let dynamic = output(Command::new("readelf").arg("-d").arg(runner::shared_library()));
    let soname = if cfg!(target_os = "android") { "[liblinq.so]" } else { "[liblinq.so.0]" };
    assert!(dynamic.lines().any(|line| line.contains("SONAME") && line.contains(soname)), "{dynamic}");
    assert!(dynamic.lines().any(|line| line.contains("FLAGS_1") && line.contains("NODELETE")), "{dynamic}");
}

#[test]
fn every_file_of_the_c_tests_is_a_program_or_support() {
    for entry in fs::read_dir(root().join("tests/c")).unwrap() {
        let path = entry.unwrap().path();
        let is_program = path.extension().is_some_and(|extension| extension == "c");
        assert!(is_program || path.ends_with("support"), "{} is never run", Path::new(&path).display());
    }
}
