//! Which content type is declared to the API, and which files it would not take.
//!
//! The caller's word comes first, then the bytes, then the name's extension. Formats come in families that share a
//! signature: bytes of another family than the caller declared are refused, and within a family the caller's word
//! holds, then the extension. What the API's page rejects (FLAC, OGG, executables) is refused by its bytes, whatever
//! it is called. Nothing here reads a file.

mod container;
mod detected;
mod markup;
mod refusal;
mod sniff;
pub mod table;
mod unsupported;

#[cfg(test)]
mod tests;

pub use table::ContentType;

use std::convert::Infallible;

use detected::{Confidence, Seen};
use refusal::Refusal;
use table::{Family, Note};
use unsupported::{Class, Unsupported};

/// How many of a file's first bytes to look at.
pub const HEAD: usize = 4096;

/// How many bytes to look at further on: four entries of an OLE2 directory.
pub const FURTHER: usize = 512;

/// ID3 tags that are too long for one look, one behind the other; nobody writes more.
const TAGS: usize = 8;

/// The bytes further on in the file that settle what `head` leaves open; none where nothing is open. `read` gives up
/// to [`FURTHER`] bytes from a position on, fewer at the end of the file.
pub fn probe<Bytes: AsRef<[u8]> + Default, Error>(
    head: &[u8],
    mut read: impl FnMut(u64) -> Result<Bytes, Error>,
) -> Result<Bytes, Error> {
    let Some(mut at) = sniff::probe_offset(head) else { return Ok(Bytes::default()) };
    for _ in 0..TAGS {
        let further = read(at)?;
        match sniff::id3_end(further.as_ref()) {
            Some(end) => at += end,
            None => return Ok(further),
        }
    }
    Ok(Bytes::default())
}

/// The type to declare, or a sentence that says why the file would not be accepted.
///
/// `declared` is the caller's word, where there is one. `head` holds the file's first bytes, up to [`HEAD`] of them
/// (none where only a name is known), and `further` those of [`probe`]. WebP and SVG are refused
/// unless `allow_contested`.
pub fn decide(
    declared: Option<&str>,
    filename: &str,
    head: &[u8],
    further: &[u8],
    allow_contested: bool,
) -> Result<&'static ContentType, String> {
    let file = File { allow_contested, ..File::new(filename, head, further) };
    let declared = declared.map(str::trim).filter(|word| !word.is_empty());
    let decided = match declared {
        Some(word) => file.as_declared(word).and_then(|claimed| file.uncontested(claimed)),
        None => file.undeclared(),
    };
    decided.map_err(|refusal| refusal.message(filename, declared))
}

/// What would be declared for a file, going by its bytes and its name; `None` where it would be refused. WebP and SVG
/// are named too: a client that allows them would declare just that.
fn detect(filename: Option<&str>, head: &[u8], further: &[u8]) -> Option<&'static ContentType> {
    File::new(filename.unwrap_or_default(), head, further).by_itself().ok()
}

/// The same for bytes that may be the whole file.
pub fn of(filename: Option<&str>, bytes: &[u8]) -> Option<&'static ContentType> {
    let head = &bytes[..bytes.len().min(HEAD)];
    let read = |at| {
        let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        Ok::<_, Infallible>(&rest[..rest.len().min(FURTHER)])
    };
    let Ok(further) = probe(head, read);
    detect(filename, head, further)
}

/// What the library would declare for a file of this name (a path will do) that begins with `bytes`; `None` where it
/// would refuse the file. WebP and SVG are named, although they need [`allow_webp_svg`](crate::Config::allow_webp_svg).
pub fn content_type(filename: Option<&str>, bytes: &[u8]) -> Option<&'static str> {
    of(filename, bytes).map(ContentType::name)
}

/// Everything that is known about a file before it is sent.
struct File<'a> {
    head: &'a [u8],
    seen: Seen,
    extension: &'a str,
    /// What the extension stands for, of what Linq takes, and of what it does not.
    named: Option<&'static ContentType>,
    banned: Option<&'static Unsupported>,
    allow_contested: bool,
}

impl<'a> File<'a> {
    fn new(filename: &'a str, head: &'a [u8], further: &'a [u8]) -> Self {
        let extension = extension(filename);
        File {
            head,
            seen: sniff::sniff(head, further),
            extension,
            named: table::by_extension(extension),
            banned: unsupported::by_extension(extension),
            allow_contested: true,
        }
    }

    /// The type that the bytes show, and whether they prove its family.
    fn shown(&self) -> Option<(&'static ContentType, bool)> {
        match self.seen {
            Seen::Type(name, confidence) => {
                table::by_name(name).map(|shown| (shown, confidence == Confidence::Certain))
            }
            _ => None,
        }
    }

    /// The family that the bytes prove.
    fn proven(&self) -> Option<Family> {
        match self.seen {
            Seen::Ole2 => Some(Family::Ole2),
            Seen::PrivateKey => Some(Family::Text),
            _ => self.shown().filter(|&(_, certain)| certain).map(|(shown, _)| shown.family()),
        }
    }

    /// Refuses what is rejected by its bytes, whatever it is called. Of four letters, a text may be about them.
    fn not_rejected(&self, claimed: Option<&'static ContentType>) -> Result<(), Refusal> {
        let claims_text = claimed.is_some_and(|claimed| claimed.family() == Family::Text);
        match self.seen {
            Seen::Unsupported(_, Confidence::Letters) if claims_text && markup::reads_as_text(self.head) => {
                Ok(())
            }
            Seen::Unsupported(kind, _) => Err(Refusal::Rejected(kind)),
            _ => Ok(()),
        }
    }

    /// The caller's word, unless the bytes prove it wrong.
    fn as_declared(&self, word: &str) -> Result<&'static ContentType, Refusal> {
        let claimed = table::by_name(word);
        self.not_rejected(claimed)?;
        let Some(claimed) = claimed else {
            return Err(Refusal::NotInTable(self.undeclared().map_err(Box::new)));
        };
        let proven = self.proven();
        if matches!(self.seen, Seen::PrivateKey) && claimed.family() != Family::Text {
            return Err(Refusal::PrivateKey);
        }
        if let Some(family) = proven.filter(|&family| family != claimed.family()) {
            let itself = self.undeclared().map_err(Box::new);
            return Err(Refusal::OtherFamily { family, claimed, itself });
        }
        match self.banned {
            Some(kind) if !kind.may_be(claimed, proven) => Err(Refusal::Named(kind)),
            _ => Ok(claimed),
        }
    }

    /// What would be declared if the caller declared nothing.
    fn undeclared(&self) -> Result<&'static ContentType, Refusal> {
        self.by_itself().and_then(|chosen| self.uncontested(chosen))
    }

    /// What the file is by its bytes, else by its extension.
    fn by_itself(&self) -> Result<&'static ContentType, Refusal> {
        self.not_rejected(self.named)?;
        if matches!(self.seen, Seen::PrivateKey) || self.is_key_file_with_private_key() {
            return Err(Refusal::PrivateKey);
        }
        let shown = self.shown().map(|(shown, _)| shown);
        match (self.banned, self.proven()) {
            (Some(kind), None) => return Err(Refusal::Named(kind)),
            (Some(kind), family) if kind.family == family => return Err(Refusal::Named(kind)),
            _ => {}
        }
        match (self.named, self.proven()) {
            (Some(named), Some(family)) if named.family() == family => Ok(named),
            (_, Some(family)) => shown.ok_or(Refusal::Unclear(family)),
            (Some(named), None) if !self.only_the_name_is_a_document() => Ok(named),
            (_, None) => shown.ok_or(Refusal::Unknown),
        }
    }

    /// Some extensions of documents are those of texts as well: `.pot` of translations, `.dot` of graphs. Where the
    /// bytes read as text, they are. `.key` is that of keys too, which need not be text; Keynote's bytes prove a ZIP.
    fn only_the_name_is_a_document(&self) -> bool {
        let text = self.shown().is_some_and(|(shown, _)| shown.family() == Family::Text);
        text && (self.extension_is("pot") || self.extension_is("dot"))
            || self.extension_is("key") && !self.head.is_empty()
    }

    fn extension_is(&self, extension: &str) -> bool {
        self.extension.eq_ignore_ascii_case(extension)
    }

    /// In such files the key may come after a certificate or a comment.
    fn is_key_file_with_private_key(&self) -> bool {
        ["key", "pem"].iter().any(|name| self.extension_is(name)) && markup::holds_private_key(self.head)
    }

    /// The API's page both lists WebP and SVG and rejects them. The bytes count too, so that a WebP image does not
    /// pass under the name of another RIFF kind; an SVG image that is called XML is XML.
    fn uncontested(&self, chosen: &'static ContentType) -> Result<&'static ContentType, Refusal> {
        let shown = self.shown().map(|(shown, _)| shown);
        let hidden = shown.filter(|_| chosen.family() == Family::Riff);
        match [Some(chosen), hidden].into_iter().flatten().find(|one| one.note() == Note::Contested) {
            Some(contested) if !self.allow_contested => Err(Refusal::Contested(contested)),
            _ => Ok(chosen),
        }
    }
}

impl Unsupported {
    /// Whether a file with this kind's extension may still be what the caller declared.
    fn may_be(&self, claimed: &ContentType, proven: Option<Family>) -> bool {
        let proven_otherwise = proven.is_some_and(|family| self.family != Some(family));
        match self.class {
            Class::Absent => true,
            Class::Program => proven_otherwise,
            Class::Script => claimed.family() == Family::Text || proven_otherwise,
        }
    }
}

/// What stands behind the last dot of the last part of a path; nothing for a name like `.zip`.
fn extension(filename: &str) -> &str {
    let base = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    base.trim_start_matches('.').rsplit_once('.').map_or("", |(_, extension)| extension)
}
