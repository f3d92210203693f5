//! What was judged wrongly before, by kinds: the siblings of the files in `cases`.

use super::cases::decided;
use super::*;

mod documents;
mod media;
mod names;
mod texts;

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// `right`: the type, or `!` and words of the refusal.
#[track_caller]
fn is(name: &str, bytes: &[u8], right: &str) {
    judged(decided(None, name, bytes), right);
    assert_eq!(of(Some(name), bytes).map(ContentType::name), decided(None, name, bytes).ok(), "{name}");
}

#[track_caller]
fn is_declared(word: &str, name: &str, bytes: &[u8], right: &str) {
    judged(decided(Some(word), name, bytes), right);
}

#[track_caller]
fn judged(found: Result<&'static str, String>, right: &str) {
    match right.strip_prefix("! ") {
        Some(words) => refused(found, &[words]),
        None => assert_eq!(found, Ok(right)),
    }
}

/// An OLE2 document whose directory holds these streams, all of them at its top.
fn ole2(class: &[u8], streams: &[&str]) -> Vec<u8> {
    let mut file = vec![0; 1024 + 128 * (streams.len() + 1)];
    file[..8].copy_from_slice(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1");
    file[30] = 9;
    file[48] = 1;
    for (entry, name) in std::iter::once(&"Root Entry").chain(streams).enumerate() {
        for (at, byte) in name.encode_utf16().flat_map(u16::to_le_bytes).enumerate() {
            file[1024 + entry * 128 + at] = byte;
        }
    }
    file[1024 + 80..1024 + 80 + class.len()].copy_from_slice(class);
    file
}

/// An ISO media file of these brands, the major one first.
fn iso(brands: &[&[u8; 4]]) -> Vec<u8> {
    let size = 12 + 4 * brands.len() as u32;
    let (major, compatible) = brands.split_first().unwrap();
    let compatible: Vec<u8> = compatible.iter().copied().flatten().copied().collect();
    [&size.to_be_bytes(), &b"ftyp"[..], &major[..], &[0; 4], &compatible, b"\0\0\0\x08free"].concat()
}

/// An archive whose entries are stored, with their sizes in their headers.
pub fn stored(entries: &[(&str, &[u8])]) -> Vec<u8> {
    entries.iter().flat_map(|(name, data)| local_entry(name, data, b"")).collect()
}

fn local_entry(name: &str, data: &[u8], extra: &[u8]) -> Vec<u8> {
    let size = (data.len() as u32).to_le_bytes();
    let header = [&b"PK\x03\x04\x0A\0\0\0\0\0\0\0!Z\0\0\0\0"[..], &size, &size].concat();
    let lengths = [name.len() as u16, extra.len() as u16].map(u16::to_le_bytes).concat();
    [&header[..], &lengths, name.as_bytes(), extra, data].concat()
}

/// The same with the directory behind them; its entries have extra fields and comments.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let files = stored(entries);
    let directory: Vec<u8> = entries
        .iter()
        .flat_map(|(name, _)| {
            let lengths = [name.len() as u8, 0, 4, 0, 3, 0];
            [&b"PK\x01\x02"[..], &[0; 24], &lengths, &[0; 12], name.as_bytes(), b"UT\0\0", b"PK\x01"].concat()
        })
        .collect();
    let size = (directory.len() as u32).to_le_bytes();
    let comment = b"a comment";
    let end = [&b"PK\x05\x06"[..], &[0; 8], &size, &[0; 4], &[comment.len() as u8, 0], comment].concat();
    [files, directory, end].concat()
}
