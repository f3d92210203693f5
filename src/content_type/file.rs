//! What a file is declared as: by the caller's word, its bytes and its name together.

use super::detected::{Confidence, Seen};
use super::refusal::Refusal;
use super::table::{self, ContentType, Family, Note};
use super::unsupported::{self, Class, Unsupported};
use super::{markup, sniff};

/// Everything that is known about a file before it is sent.
pub struct File<'a> {
    head: &'a [u8],
    seen: Seen,
    extension: &'a str,
    /// What the extension stands for, of what Linq takes, and of what it does not.
    named: Option<&'static ContentType>,
    banned: Option<&'static Unsupported>,
    allow_contested: bool,
}

impl<'a> File<'a> {
    pub fn new(filename: &'a str, head: &'a [u8], further: &'a [u8], allow_contested: bool) -> Self {
        let extension = extension(filename);
        File {
            head,
            seen: sniff::sniff(head, further),
            extension,
            named: table::by_extension(extension),
            banned: unsupported::by_extension(extension),
            allow_contested,
        }
    }

    /// The type to declare, or why there is none.
    pub fn decide(&self, declared: Option<&str>) -> Result<&'static ContentType, Refusal> {
        match declared {
            Some(word) => self.as_declared(word).and_then(|claimed| self.uncontested(claimed)),
            None => self.undeclared(),
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
    pub fn by_itself(&self) -> Result<&'static ContentType, Refusal> {
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
pub fn extension(filename: &str) -> &str {
    let base = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    base.trim_start_matches('.').rsplit_once('.').map_or("", |(_, extension)| extension)
}
