//! Generates linq.h from src/ffi, and sets how the shared library is linked.

use std::collections::BTreeMap;
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
/// does not fail the build: building needs no new header.
fn header() {
    let mut config = cbindgen::Config::from_file(CONFIG).expect("cbindgen.toml");
    let template = fill(config.header.take().expect("the template of the header"));
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
    let text = on_one_line(&indented(&place(&template, &String::from_utf8(text).expect("UTF-8"))));
    fs::write(Path::new(&env::var_os("OUT_DIR").expect("OUT_DIR")).join("linq.h"), &text)
        .expect("OUT_DIR/linq.h");
    if Path::new(".git").exists() && fs::read_to_string(HEADER).ok().as_deref() != Some(&text) {
        let _ = fs::create_dir_all("include").and_then(|()| fs::write(HEADER, &text));
    }
}

/// Puts each declaration where the template names it: on a line that begins with "@ ". cbindgen itself would write all
/// constants, then all types, then all functions.
fn place(template: &str, declarations: &str) -> String {
    let blocks = declarations.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
    let mut blocks: BTreeMap<_, _> = blocks.map(|block| (declared_name(block), block)).collect();
    let mut text = String::new();
    for line in template.lines() {
        let Some(names) = line.strip_prefix("@ ") else {
            text += &format!("{line}\n");
            continue;
        };
        for name in names.split_whitespace() {
            let block =
                blocks.remove(name).unwrap_or_else(|| panic!("{CONFIG}: {name} is not in {SOURCES:?}"));
            text += &format!("{block}\n\n");
        }
    }
    assert!(blocks.is_empty(), "{CONFIG} has no place for {:?}", blocks.keys());
    text
}

/// The name that a declaration declares, comment and all.
fn declared_name(block: &str) -> &str {
    let code = block.split_once("*/\n").map_or(block, |(_, code)| code);
    let first = code.lines().next().unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(rest) = first.strip_prefix("#define ").or(first.split_once("(*").map(|(_, rest)| rest)) {
        return rest.split(|c| !is_name(c)).next().unwrap_or_default();
    }
    let before = first.split('(').next().unwrap_or_default().trim_end_matches([' ', '{', ';']);
    before.rsplit(|c| !is_name(c)).next().unwrap_or_default()
}

/// An example stands four blanks in, without the fences that keep rustdoc from taking it for Rust.
fn indented(header: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for line in header.lines() {
        if line.starts_with(" * ```") {
            inside = !inside;
        } else if let Some(code) = line.strip_prefix(" * ").filter(|_| inside) {
            text += &format!(" *     {code}\n");
        } else {
            text += &format!("{line}\n");
        }
    }
    text
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

/// Fills in the version and the table of content types.
fn fill(text: String) -> String {
    let package = |name: &str| env::var(format!("CARGO_PKG_VERSION{name}")).expect("a version");
    let types: Vec<_> = table::header_table().lines().map(|line| format!(" *  {line}")).collect();
    text.replace("@VERSION@", &package(""))
        .replace("@MAJOR@", &package("_MAJOR"))
        .replace("@MINOR@", &package("_MINOR"))
        .replace("@PATCH@", &package("_PATCH"))
        .replace("@CONTENT_TYPES@", &types.join("\n"))
}
