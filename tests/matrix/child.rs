//! Tests that change the process they run in, or the system below it, run in a process of their own.
#![allow(dead_code)] // tests/timing uses some of it

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use std::{env, io, thread};

use crate::common::{Folder, Sandbox};

const MARK: &str = "MATRIX_CHILD";
const LONGEST: Duration = Duration::from_secs(600);

/// The name of the test that this stands in, as the test binary takes it.
macro_rules! here {
    () => {{
        fn here() {}
        let name = std::any::type_name_of_val(&here).strip_suffix("::here").unwrap();
        name.split_once("::").unwrap().1.trim_end_matches("::{{closure}}")
    }};
}
pub(crate) use here;

/// Runs `test` again in a process of its own, with the shim and these variables, and asserts that it passed. `false`
/// in that process: there the test goes on.
pub fn ran_alone(test: &str, variables: &[(&str, &str)]) -> bool {
    let with_shim = |command: &mut Command| {
        command.env("LD_PRELOAD", shim()).envs(variables.iter().copied());
    };
    run(test, &[], with_shim, |_, _| {})
}

/// The same behind another program, such as `unshare -n`, and without the shim; `meanwhile` gets the
/// process id and the file that `marker` names there.
pub fn ran_under(test: &str, program: &[&str], meanwhile: impl FnOnce(u32, &Path)) -> bool {
    run(test, program, |_| {}, meanwhile)
}

fn run(
    test: &str,
    program: &[&str],
    prepare: impl FnOnce(&mut Command),
    meanwhile: impl FnOnce(u32, &Path),
) -> bool {
    if is_alone() {
        return false;
    }
    let folder = Folder::new();
    // Not by its name: it may have been built anew meanwhile.
    let exe = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    let mut words: Vec<_> = program.iter().map(|word| word.into()).collect();
    words.push(exe.into_os_string());
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]);
    let output = folder.path("output");
    let file = File::create(&output).unwrap();
    command.args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"]).env(MARK, test);
    command.env("MATRIX_MARKER", folder.path("marker"));
    command.env("SHIM_LOG", folder.path("shim.log")).stdin(Stdio::null());
    command.stdout(file.try_clone().unwrap()).stderr(file);
    prepare(&mut command);
    let mut child = command.spawn().expect("the test binary runs again");
    meanwhile(child.id(), &folder.path("marker"));
    let began = Instant::now();
    let status = loop {
        match child.try_wait().unwrap() {
            Some(status) => break Ok(status),
            None if began.elapsed() > LONGEST => {
                child.kill().unwrap();
                child.wait().unwrap();
                break Err("it hung");
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let output = fs::read_to_string(output).unwrap();
    let passed = status.is_ok_and(|status| status.success()) && output.contains("1 passed");
    assert!(passed, "{test} in a process of its own: {status:?}\n{output}");
    for line in output.lines() {
        if let Some(at) = line.find("figure: ") {
            println!("{}", &line[at..]); // the first one stands behind the test's name
        }
    }
    true
}

/// Whether this is such a process.
pub fn is_alone() -> bool {
    env::var_os(MARK).is_some()
}

/// Which case it was started for.
pub fn case() -> Option<String> {
    env::var("MATRIX_CASE").ok().filter(|_| is_alone())
}

/// A file for this process to tell the one that started it that something has happened.
pub fn marker() -> PathBuf {
    env::var_os("MATRIX_MARKER").unwrap().into()
}

/// How often the shim did this, of all that it did.
pub fn shimmed(what: &str) -> usize {
    let log = fs::read_to_string(env::var("SHIM_LOG").unwrap()).unwrap_or_default();
    log.lines().filter(|line| *line == what).count()
}

/// The names of this process's threads.
pub fn threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok()).collect()
}

/// How many descriptors this process has open.
pub fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Gives up root's privileges for good, where there are any: it feels neither limits nor permissions.
pub fn become_nobody() {
    const NOBODY: u32 = 65534;
    // SAFETY: these take plain numbers, and an empty list of groups needs no memory.
    unsafe {
        if libc::getuid() == 0 {
            assert_eq!(libc::setgroups(0, std::ptr::null()), 0);
            assert_eq!(libc::setgid(NOBODY), 0);
            assert_eq!(libc::setuid(NOBODY), 0);
            libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0); // else /proc/self belongs to root
        }
        assert_ne!(libc::getuid(), 0);
    }
}

/// Sets a limit of this process and gives back what it was. The hard one stays, so that it can be raised again.
pub fn limit(resource: libc::__rlimit_resource_t, to: u64) -> u64 {
    // SAFETY: both calls get a struct of the right type that lives through them.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(resource, &mut limit), 0);
        let before = limit.rlim_cur;
        limit.rlim_cur = to.min(limit.rlim_max);
        assert_eq!(libc::setrlimit(resource, &limit), 0, "{}", io::Error::last_os_error());
        before
    }
}

/// Changes the network of this process's own namespace.
pub fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().expect("iproute2");
    assert!(status.success(), "ip {arguments}");
}

/// Whether there is a right to make network namespaces.
pub fn may_unshare() -> bool {
    drop(Sandbox::start()); // builds it, if need be, while there is a network
    let made = Command::new("unshare").args(["-n", "ip", "link", "set", "lo", "up"]).status();
    let may = made.is_ok_and(|status| status.success());
    if !may {
        println!("not tested here: no right to make a network namespace");
    }
    may
}

/// Compiled at its first use.
fn shim() -> &'static PathBuf {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix/shim.c");
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("matrix-shim.so");
        let fresh = path.with_extension(std::process::id().to_string());
        let mut cc = Command::new(env::var_os("CC").unwrap_or("cc".into()));
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&fresh).args([source, "-ldl"]);
        assert!(cc.status().expect("a C compiler").success(), "the shim can be built");
        fs::rename(fresh, &path).unwrap(); // other processes may be using the old one
        path
    })
}
