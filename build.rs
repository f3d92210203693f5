//! Makes linq.h from src/ffi, and gives the shared library its name and its manners.

use std::path::Path;
use std::{env, fs};

// Only the list for the header is used here.
#[allow(dead_code)]
#[path = "src/content_type/table.rs"]
mod table;

/// What the header is made from.
const SOURCES: [&str; 2] = ["src/ffi/types.rs", "src/ffi/mod.rs"];
const CONFIG: &str = "cbindgen.toml";
const HEADER: &str = "include/linq.h";

fn main() {
    for input in SOURCES.iter().chain(&[CONFIG, HEADER, "build.rs", "src/content_type/table.rs"]) {
        println!("cargo:rerun-if-changed={input}");
    }
    link();
    if env::var_os("CARGO_FEATURE_CAPI").is_some() {
        header();
    }
}

/// The shared library's name, and that it stays loaded: the host may hold our callbacks and handlers after dlclose.
fn link() {
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|found| found == value);
    let arguments: &[&str] = if is("CARGO_CFG_TARGET_VENDOR", "apple") {
        &["-Wl,-install_name,@rpath/liblinq.0.dylib"]
    } else if is("CARGO_CFG_TARGET_OS", "android") {
        // An app's libraries are all called lib*.so.
        &["-Wl,-soname,liblinq.so", "-Wl,-z,nodelete"]
    } else {
        &["-Wl,-soname,liblinq.so.0", "-Wl,-z,nodelete"]
    };
    for argument in arguments {
        println!("cargo:rustc-cdylib-link-arg={argument}");
    }
}

/// Writes the header to OUT_DIR, and to include/ in a git checkout where it differs. A tree that cannot be written
/// does not fail the build: whoever only builds has no use for a new header.
fn header() {
    let mut config = cbindgen::Config::from_file(CONFIG).expect("cbindgen.toml");
    config.header = config.header.map(fill);
    let builder = cbindgen::Builder::new().with_config(config);
    let made = SOURCES.iter().fold(builder, |builder, source| builder.with_src(source)).generate();
    let made = match made {
        Ok(made) => made,
        // The compiler says it better.
        Err(cbindgen::Error::ParseSyntaxError { .. }) => return,
        Err(error) => panic!("linq.h: {error}"),
    };
    let mut text = Vec::new();
    made.write(&mut text);
    let text = on_one_line(&String::from_utf8(text).expect("UTF-8"));
    fs::write(Path::new(&env::var_os("OUT_DIR").expect("OUT_DIR")).join("linq.h"), &text)
        .expect("OUT_DIR/linq.h");
    if Path::new(".git").exists() && fs::read_to_string(HEADER).ok().as_deref() != Some(&text) {
        let _ = fs::create_dir_all("include").and_then(|()| fs::write(HEADER, &text));
    }
}

/// A comment of one line takes one line.
fn on_one_line(header: &str) -> String {
    let mut text = String::new();
    let mut lines = header.lines();
    while let Some(line) = lines.next() {
        let mut ahead = lines.clone();
        match (line.trim(), ahead.next().and_then(|next| next.trim().strip_prefix("* ")), ahead.next()) {
            ("/**", Some(words), Some(end)) if end.trim() == "*/" => {
                text += &format!("{line} {words} */\n");
                lines = ahead;
            }
            ("", ..) if text.ends_with("\n\n") => {}
            _ => text += &format!("{line}\n"),
        }
    }
    text
}

/// Fills in what is written down elsewhere.
fn fill(text: String) -> String {
    let package = |name: &str| env::var(format!("CARGO_PKG_VERSION{name}")).expect("a version");
    let types: Vec<_> = table::header_table().lines().map(|line| format!(" *  {line}")).collect();
    text.replace("@VERSION@", &package(""))
        .replace("@MAJOR@", &package("_MAJOR"))
        .replace("@MINOR@", &package("_MINOR"))
        .replace("@PATCH@", &package("_PATCH"))
        .replace("@CONTENT_TYPES@", &types.join("\n"))
}
