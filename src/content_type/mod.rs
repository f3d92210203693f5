//! Which content type is declared to the API, and which files it would not take.
//!
//! The type that the caller declares comes first, then the bytes, then the name's extension. Formats come in families
//! that share a signature: bytes of another family than the declared type are refused, and so are bytes that prove
//! another member of it; otherwise the declared type decides within a family, then the extension. What the API's page
//! rejects (FLAC, OGG, executables) is refused by its bytes, whatever it is called; text and zeros are refused under
//! the names of most others. Nothing here reads a file.

mod audio;
mod container;
mod detected;
mod file;
mod markup;
mod program;
mod refusal;
mod sniff;
pub mod table;
mod unsupported;

#[cfg(test)]
mod tests;

pub use sniff::FURTHER;
pub use table::ContentType;

use std::convert::Infallible;

use file::File;

/// How many of a file's first bytes to look at.
pub const HEAD: usize = 4096;

/// How often to look further behind ID3 tags, where other tags or padding may follow.
const LOOKS: usize = 8;

/// The bytes further on in a file of `size` bytes that decide what `head` leaves open; none if nothing is open. `read`
/// returns up to [`FURTHER`] bytes from a position on, fewer at the end of the file.
pub fn probe<Bytes: AsRef<[u8]> + Default, Error>(
    head: &[u8],
    size: u64,
    mut read: impl FnMut(u64) -> Result<Bytes, Error>,
) -> Result<Bytes, Error> {
    let Some(mut at) = sniff::probe_offset(head, size) else { return Ok(Bytes::default()) };
    let has_tags = audio::id3_end(head).is_some();
    for _ in 0..LOOKS {
        let further = read(at)?;
        match audio::tags_end(further.as_ref()) {
            end if has_tags && end > 0 => at += end,
            _ => return Ok(further),
        }
    }
    Ok(Bytes::default())
}

/// The type to declare, or a sentence that says why the file would not be accepted.
///
/// `declared` is the type that the caller declares, if any. `head` has the file's first bytes, up to [`HEAD`] of them
/// (none if only a name is known), and `further` those of [`probe`]. WebP and SVG are refused unless `allow_contested`.
pub fn decide(
    declared: Option<&str>,
    filename: &str,
    head: &[u8],
    further: &[u8],
    allow_contested: bool,
) -> Result<&'static ContentType, String> {
    let declared = declared.map(str::trim).filter(|word| !word.is_empty());
    let decided = File::new(filename, head, further, allow_contested).decide(declared);
    decided.map_err(|refusal| refusal.message(filename, declared))
}

/// What would be declared for a file, going by its bytes and its name; `None` where it would be refused. WebP and SVG
/// are named too: a client that allows them would declare just that.
fn detect(filename: Option<&str>, head: &[u8], further: &[u8]) -> Option<&'static ContentType> {
    File::new(filename.unwrap_or_default(), head, further, true).by_itself().ok()
}

/// The same for bytes that may be the whole file.
pub fn of(filename: Option<&str>, bytes: &[u8]) -> Option<&'static ContentType> {
    let (head, further) = parts(bytes);
    detect(filename, head, further)
}

/// What [`decide`] looks at, of bytes that may be the whole file.
fn parts(bytes: &[u8]) -> (&[u8], &[u8]) {
    let head = &bytes[..bytes.len().min(HEAD)];
    let read = |at| {
        let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        Ok::<_, Infallible>(&rest[..rest.len().min(FURTHER)])
    };
    let Ok(further) = probe(head, bytes.len() as u64, read);
    (head, further)
}

/// What the library would declare for a file of this name (a path will do) that begins with `bytes`; `None` where it
/// would refuse the file. WebP and SVG are named, although they need [`allow_webp_svg`](crate::Config::allow_webp_svg).
pub fn content_type(filename: Option<&str>, bytes: &[u8]) -> Option<&'static str> {
    of(filename, bytes).map(ContentType::name)
}
