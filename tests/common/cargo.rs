//! What `cargo test` does not build: the C libraries, and the sandbox.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// `target/debug` or wherever this test was built.
pub fn profile_dir() -> PathBuf {
    env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// Builds into the directory that this test was built into.
pub fn build(arguments: &[&str]) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("OUT_DIR");
    for (name, _) in env::vars_os() {
        // What `cargo test` sets for us would make build scripts run again, and everything above them.
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_") && name != "CARGO_HOME" {
            cargo.env_remove(&*name);
        }
    }
    let directory = profile_dir();
    let profile = directory.file_name().unwrap().to_str().unwrap();
    let profile = if profile == "debug" { "dev" } else { profile };
    cargo.args(["build", "--quiet", "--profile", profile]).args(arguments);
    cargo.arg("--target-dir").arg(directory.parent().unwrap());
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{cargo:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Where the sandbox's program is; built at the first use.
pub fn sandbox() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        env::var_os("LINQ_SANDBOX").map(PathBuf::from).unwrap_or_else(|| {
            build(&["-p", "linq-sandbox"]);
            profile_dir().join("linq-sandbox")
        })
    })
}
