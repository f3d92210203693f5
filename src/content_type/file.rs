//! Decides what a file is declared as, from the caller's type, its bytes and its name.

use super::detected::{Confidence, Seen};
use super::refusal::{ENCRYPTED, Refusal};
use super::table::{self, ContentType, Family, Note};
use super::unsupported::{self, Class, Unsupported};
use super::{markup, sniff};

/// Everything that is known about a file before it is sent.
pub struct File<'a> {
    head: &'a [u8],
    seen: Seen,
    extension: &'a str,
    /// What the extension stands for: a type that Linq accepts, or a kind that it does not.
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

    /// What the file is by its bytes, else by its extension.
    pub fn by_itself(&self) -> Result<&'static ContentType, Refusal> {
        self.not_rejected(self.named)?;
        if matches!(self.seen, Seen::PrivateKey) || self.is_key_file_with_private_key() {
            return Err(Refusal::PrivateKey);
        }
        if let Some(kind) = self.banned.filter(|kind| self.may_be_banned(kind)) {
            return Err(Refusal::Named(kind));
        }
        match self.named {
            Some(named) if !self.only_the_name_is_keynote() => self.as_named(named),
            _ => self.as_seen(),
        }
    }

    /// What would be declared if the caller declared nothing.
    fn undeclared(&self) -> Result<&'static ContentType, Refusal> {
        self.by_itself().and_then(|chosen| self.uncontested(chosen))
    }

    /// The declared type, unless the bytes disprove it.
    fn as_declared(&self, word: &str) -> Result<&'static ContentType, Refusal> {
        let claimed = table::by_name(word);
        self.not_rejected(claimed)?;
        let Some(claimed) = claimed else {
            return Err(Refusal::NotInTable(self.undeclared().map_err(Box::new)));
        };
        if matches!(self.seen, Seen::PrivateKey) && claimed.family() != Family::Text {
            return Err(Refusal::PrivateKey);
        }
        if let Some(kind) = self.banned.filter(|kind| !self.may_be_sent_as(kind, claimed)) {
            return Err(Refusal::Named(kind));
        }
        if let Some(text) = self.text_of_office(claimed) {
            return Ok(text);
        }
        if self.is_disproved(claimed) {
            let itself = self.undeclared().map_err(Box::new);
            return Err(Refusal::OtherType { is: self.described(), claimed, itself });
        }
        self.begins_as(claimed).map(|()| claimed)
    }

    /// The type of the extension, unless the bytes prove another.
    fn as_named(&self, named: &'static ContentType) -> Result<&'static ContentType, Refusal> {
        if let Some(text) = self.text_of_office(named) {
            return Ok(text);
        }
        self.begins_as(named)?;
        let is_video = |known: &ContentType| known.name().starts_with("video/");
        let is_only_sound = self.seen_name() == Some("audio/x-m4a") && is_video(named);
        if self.is_disproved(named) || is_only_sound { self.as_seen() } else { Ok(named) }
    }

    /// The type of the bytes alone; the name decides only between sound and video of brands that have both.
    fn as_seen(&self) -> Result<&'static ContentType, Refusal> {
        match self.seen {
            Seen::Type("video/mp4" | "video/3gpp", _) if self.is_named_as_audio() => {
                table::by_name("audio/x-m4a").ok_or(Refusal::Unknown)
            }
            Seen::Encrypted => Err(Refusal::Encrypted),
            Seen::Ole2 => Err(Refusal::Unclear(Family::Ole2)),
            _ => self.shown().map(|(shown, _)| shown).ok_or(Refusal::Unknown),
        }
    }

    fn seen_name(&self) -> Option<&'static str> {
        if let Seen::Type(name, _) = self.seen { Some(name) } else { None }
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
            Seen::Ole2 | Seen::Encrypted => Some(Family::Ole2),
            Seen::PrivateKey => Some(Family::Text),
            _ => self.shown().filter(|&(_, certain)| certain).map(|(shown, _)| shown.family()),
        }
    }

    /// What a file of proven bytes is called in a message.
    fn described(&self) -> String {
        match (self.seen, self.shown(), self.proven()) {
            (Seen::Encrypted, ..) => ENCRYPTED.to_owned(),
            (_, Some((shown, _)), _) => format!("{} ({})", shown.family().described(), shown.name()),
            (_, None, Some(family)) => family.described().to_owned(),
            _ => "something else".to_owned(),
        }
    }

    /// Whether the bytes prove that it is not `claimed`: by their family, or by the member of it that they are.
    fn is_disproved(&self, claimed: &ContentType) -> bool {
        // Office keeps documents with a password in OLE2; one whose directory is out of sight may be such.
        let holds_package = matches!(self.seen, Seen::Encrypted | Seen::Ole2) && claimed.is_office_zip();
        match (self.proven(), self.shown()) {
            (Some(_), _) if holds_package => false,
            (Some(family), _) if family != claimed.family() => true,
            (_, Some((shown, _))) => shown.excludes(claimed),
            _ => false,
        }
    }

    /// The text that the bytes are; SVG is an image.
    fn text(&self) -> Option<&'static ContentType> {
        let text = self.shown().map(|(shown, _)| shown).filter(|shown| shown.family() == Family::Text);
        text.filter(|text| text.note() != Note::Contested)
    }

    /// The same, unless it is so short that it may be a truncated signature.
    fn whole_text(&self) -> Option<&'static ContentType> {
        let is_riff = matches!(self.head.get(..4), Some(b"RIFF" | b"RIFX" | b"RF64" | b"BW64"));
        let signature = if is_riff { 12 } else { 4 };
        self.text().filter(|_| self.head.len() > signature)
    }

    /// The text that is named or declared as an old Office document: programs write HTML and CSV as `.xls`, RTF as
    /// `.doc`, and browsers on Windows declare CSV as Excel's.
    fn text_of_office(&self, claimed: &ContentType) -> Option<&'static ContentType> {
        if claimed.family() != Family::Ole2 {
            return None;
        }
        let named = self.named.filter(|named| named.family() == Family::Text);
        let is_excel = claimed.name() == "application/vnd.ms-excel";
        if self.head.is_empty() {
            return named.filter(|named| is_excel && named.name() == "text/csv");
        }
        let text = self.text()?;
        let is_table = is_excel && text.name() == "text/plain" && markup::reads_as_csv(self.head);
        named.or(if is_table { table::by_name("text/csv") } else { Some(text) })
    }

    /// Refuses what is named or declared as `claimed`, but is a text or nothing but zeros, or lacks the signature
    /// without which no program opens it.
    fn begins_as(&self, claimed: &'static ContentType) -> Result<(), Refusal> {
        let family = claimed.family();
        // Files of these families may have other bytes in front of their signature.
        let lenient = matches!(family, Family::Bmp | Family::Icon | Family::Pdf | Family::MpegAudio);
        if self.head.is_empty() || lenient || family == Family::Text {
            return Ok(());
        }
        let signature = sniff::begins_as(family, self.head);
        if signature == Some(true) {
            return Ok(());
        }
        if let Some(text) = self.whole_text() {
            return Err(Refusal::Text { text, claimed });
        }
        let zeros = self.head.len() >= 8 && self.head.iter().all(|&byte| byte == 0);
        let streams = matches!(family, Family::MpegVideo | Family::Aac);
        if self.proven().is_none() && (signature == Some(false) || zeros && !streams) {
            return Err(Refusal::NoSignature { claimed, zeros });
        }
        Ok(())
    }

    /// Refuses what is rejected by its bytes, whatever its name. A text may happen to begin with the same four letters.
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

    /// Whether the bytes leave it possible that the file is what its extension stands for.
    fn may_be_banned(&self, kind: &Unsupported) -> bool {
        match (self.proven(), kind.family) {
            _ if self.whole_text().is_some() => kind.class == Class::Script,
            (Some(_), Some(Family::Zip)) if matches!(self.seen, Seen::Encrypted) => true,
            (Some(proven), family) => family == Some(proven) && !self.is_settled_against(kind),
            (None, _) => true,
        }
    }

    /// Whether the bytes show another member of the kind's family. Macros may be beyond the bytes that were read.
    fn is_settled_against(&self, kind: &Unsupported) -> bool {
        self.shown().is_some_and(|(shown, _)| match shown.family() {
            Family::Zip => {
                shown.name() != "application/zip" && !(kind.is_office_zip() && shown.is_office_zip())
            }
            Family::IsoBmff => !shown.name().starts_with("video/"),
            family => family == Family::Ole2,
        })
    }

    /// Whether a file with the extension of this kind may still be what the caller declared.
    fn may_be_sent_as(&self, kind: &Unsupported, claimed: &ContentType) -> bool {
        match kind.class {
            Class::Absent => true,
            Class::Program => !self.may_be_banned(kind),
            Class::Script => claimed.family() == Family::Text || !self.may_be_banned(kind),
        }
    }

    fn is_named_as_audio(&self) -> bool {
        self.named.is_some_and(|named| named.name().starts_with("audio/"))
            || self.banned.is_some_and(Unsupported::is_audio)
    }

    /// `.key` is the extension of keys too, which need not be text; Keynote's bytes prove a ZIP.
    fn only_the_name_is_keynote(&self) -> bool {
        self.extension_is("key") && !self.head.is_empty() && self.proven() != Some(Family::Zip)
    }

    fn extension_is(&self, extension: &str) -> bool {
        self.extension.eq_ignore_ascii_case(extension)
    }

    /// In such files the key may come after a certificate or a comment.
    fn is_key_file_with_private_key(&self) -> bool {
        ["key", "pem"].iter().any(|name| self.extension_is(name)) && markup::holds_private_key(self.head)
    }

    /// The API's page both lists WebP and SVG and rejects them. An SVG image that is called XML is XML.
    fn uncontested(&self, chosen: &'static ContentType) -> Result<&'static ContentType, Refusal> {
        if chosen.note() == Note::Contested && !self.allow_contested {
            return Err(Refusal::Contested(chosen));
        }
        Ok(chosen)
    }
}

/// What follows the last dot in the last part of a path; nothing for a name like `.zip`.
pub fn extension(filename: &str) -> &str {
    let base = filename.rsplit(['/', '\\']).next().unwrap_or_default();
    base.trim_start_matches('.').rsplit_once('.').map_or("", |(_, extension)| extension)
}
