//! Executables, by their first bytes.

use super::detected::{
    Confidence::{Certain, Letters},
    Seen::{self, Unsupported},
};
use super::{markup, unsupported};
use infer::app;

/// Executables and their like.
pub fn executable(head: &[u8]) -> Option<Seen> {
    let kind = match head {
        _ if shebang(head) => &unsupported::SHEBANG,
        [0x7F, b'E', b'L', b'F', ..] => &unsupported::ELF,
        [b'M', b'Z', ..] => return dos_program(head),
        // infer knows thin files and CAFEBABE, told from Java by the number that follows
        _ if app::is_mach(head) || mach_o_variant(head) => &unsupported::MACH_O,
        _ if app::is_java(head) => &unsupported::JAVA_CLASS,
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] | [0, b'a', b's', b'm', 0x0D, 0, 1, 0, ..] => {
            &unsupported::WASM
        }
        [b'd', b'e', b'x' | b'y', b'\n', b'0', ..] => &unsupported::DEX,
        [b'v', b'd', b'e', b'x', b'0', ..] | [b'c', b'd', b'e', b'x', b'0', ..] => {
            return Some(Unsupported(&unsupported::DEX, Letters));
        }
        [0x42, 0x43, 0xC0, 0xDE, ..] | [0xDE, 0xC0, 0x17, 0x0B, ..] => &unsupported::BITCODE,
        _ if head.starts_with(b"!<arch>\ndebian") => &unsupported::DEB,
        _ if head.starts_with(b"!<arch>\n") || head.starts_with(b"!<thin>\n") => &unsupported::AR,
        _ if head.starts_with(SHORTCUT) => &unsupported::SHORTCUT,
        [0xED, 0xAB, 0xEE, 0xDB, ..] => &unsupported::RPM,
        [b'x', b'a', b'r', b'!', 0, ..] => &unsupported::XAR,
        [b'C', b'r', b'2', b'4', 2 | 3, 0, 0, 0, ..] => &unsupported::CRX,
        [b'I', b'T', b'S', b'F', 1..=4, 0, 0, 0, ..] => &unsupported::HTML_HELP,
        _ if head.starts_with(b"Joy!peff") => return Some(Unsupported(&unsupported::PEF, Letters)),
        _ if head.starts_with(b"FasdUAS ") => return Some(Unsupported(&unsupported::APPLE_SCRIPT, Letters)),
        [b'F' | b'C' | b'Z', b'W', b'S', 1..=64, _, _, _, _, ..] if !markup::reads_as_text(head) => {
            &unsupported::FLASH
        }
        // the version, and since 3.7 flags
        [_, 0x0C | 0x0D, b'\r', b'\n', 0..=3, 0, 0, 0, ..] => &unsupported::PYTHON,
        [0x1B, b'L', b'u', b'a', 0x50..=0x5F, ..] | [0x1B, b'L', b'J', 1 | 2, ..] => &unsupported::LUA,
        _ => return None,
    };
    Some(Unsupported(kind, Certain))
}

/// The size of a shortcut's header, and its class.
const SHORTCUT: &[u8] = b"\x4C\0\0\0\x01\x14\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46";

/// `#!` and the path of a command.
fn shebang(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    text.strip_prefix(b"#!").is_some_and(|command| command.trim_ascii_start().starts_with(b"/"))
}

/// What begins with "MZ" and is no text: a program for DOS, or for Windows where the header says that there is another.
fn dos_program(head: &[u8]) -> Option<Seen> {
    const HEADER: usize = 28;
    if head.len() < HEADER || markup::reads_as_text(head) {
        return None;
    }
    let second = head.get(60..64).map_or(0, |at| u32::from_le_bytes([at[0], at[1], at[2], at[3]]));
    let kind = if second >= 64 { &unsupported::PE } else { &unsupported::DOS };
    Some(Unsupported(kind, Certain))
}

/// Universal binaries with 64-bit offsets, and byte-swapped ones.
fn mach_o_variant(head: &[u8]) -> bool {
    let Some(&[a, b, c, d]) = head.get(4..8) else { return false };
    match head[..4] {
        [0xCA, 0xFE, 0xBA, 0xBF] => u32::from_be_bytes([a, b, c, d]) < 45,
        [0xBE | 0xBF, 0xBA, 0xFE, 0xCA] => u32::from_le_bytes([a, b, c, d]) < 45,
        _ => false,
    }
}
