//! Why a file is not sent, in a sentence that says what to do.

use super::table::{ContentType, Family};
use super::unsupported::Unsupported;

#[derive(Debug)]
pub enum Refusal {
    /// The bytes are of a kind that Linq does not take.
    Rejected(&'static Unsupported),
    /// The extension is of such a kind, and the bytes do not disprove it.
    Named(&'static Unsupported),
    /// The bytes are of another type than the caller declared.
    OtherType {
        is: String,
        claimed: &'static ContentType,
        /// What it would be declared as otherwise.
        itself: Result<&'static ContentType, Box<Refusal>>,
    },
    /// The declared type is not in the API's list; with what the file would be declared as otherwise.
    NotInTable(Result<&'static ContentType, Box<Refusal>>),
    /// It is a text under the name of something else.
    Text {
        text: &'static ContentType,
        claimed: &'static ContentType,
    },
    /// It lacks the signature of its type.
    NoSignature {
        claimed: &'static ContentType,
        zeros: bool,
    },
    Contested(&'static ContentType),
    PrivateKey,
    /// An Office document with a password, and neither name nor caller say which kind.
    Encrypted,
    /// The family is known, but neither bytes nor name say more.
    Unclear(Family),
    Unknown,
}

const EXAMPLES: &str = "such as image/jpeg, video/mp4, audio/mpeg, application/pdf or text/plain";
pub const ENCRYPTED: &str = "an Office document that is protected by a password";
const NAME_ENCRYPTED: &str =
    "name it .docx, .xlsx or .pptx as it was, declare that type, or save it without the password";

impl Refusal {
    pub fn message(&self, filename: &str, declared: Option<&str>) -> String {
        let file = if filename.is_empty() { "the file".to_owned() } else { printable(filename) };
        match self {
            Refusal::Rejected(Unsupported { what, remedy, .. }) => {
                format!("{file} is {what}, which Linq does not accept; {remedy}")
            }
            Refusal::Named(Unsupported { what, remedy, .. }) => {
                format!("by its extension, {file} is {what}, which Linq does not accept; {remedy}")
            }
            Refusal::OtherType { is, claimed, itself } => {
                let claimed = claimed.name();
                format!("{file} is {is}, but was declared as {claimed}; {}", advice(itself, "what it is"))
            }
            Refusal::Text { text, claimed } => format!(
                "{file} is text ({}), not {}; it may be an error message that was saved in place of the file: \
                 send the file itself, or {}",
                text.name(),
                claimed.family().described(),
                declare_text(text)
            ),
            Refusal::NoSignature { claimed, zeros } => format!(
                "{file} does not begin as {} does{}; it may be damaged or not copied whole: export or download it \
                 again",
                claimed.family().described(),
                if *zeros { ": there are only zeros" } else { "" }
            ),
            Refusal::NotInTable(itself) => {
                let word = printable(declared.unwrap_or_default());
                let looks = itself.as_ref().map(|known| format!("the file looks like {}: ", known.name()));
                format!(
                    "{word}, declared for {file}, is not a content type that Linq accepts; {}{}",
                    looks.unwrap_or_default(),
                    advice(itself, &format!("one that it does, {EXAMPLES}"))
                )
            }
            Refusal::Contested(contested) => {
                let (what, remedy) = contradiction(contested);
                format!("{file} is {what}, and {remedy}")
            }
            Refusal::PrivateKey => format!(
                "{file} looks like a private key, and sending it would give it away; if that is really meant, \
                 declare text/plain"
            ),
            Refusal::Encrypted => format!("{file} is {ENCRYPTED}; {NAME_ENCRYPTED}"),
            Refusal::Unclear(family) => format!(
                "{file} is {}, and neither its bytes nor its name say which; declare its content type, or save it as \
                 PDF if it is something else",
                family.described()
            ),
            Refusal::Unknown => format!(
                "the content type of {file} cannot be determined from its name or its bytes; declare one that Linq \
                 accepts, {EXAMPLES}, or pack it as a ZIP archive"
            ),
        }
    }
}

/// What to do instead: declare what the file is by itself, else `other`.
fn advice(itself: &Result<&'static ContentType, Box<Refusal>>, other: &str) -> String {
    match itself.as_ref().map_err(|refusal| &**refusal) {
        Ok(known) => format!("declare {}, or leave the content type out", known.name()),
        Err(Refusal::Named(kind)) => format!("{} cannot be sent as it is: {}", kind.what, kind.remedy),
        Err(Refusal::Contested(contested)) => {
            let (what, remedy) = contradiction(contested);
            format!("it looks like {what}: {remedy}")
        }
        Err(Refusal::Text { text, .. }) => declare_text(text),
        Err(Refusal::NoSignature { claimed, .. }) => {
            format!("it does not begin as {} does", claimed.family().described())
        }
        Err(Refusal::Encrypted) => NAME_ENCRYPTED.to_owned(),
        Err(_) => format!("declare {other}"),
    }
}

fn declare_text(text: &ContentType) -> String {
    format!("declare {} to send the text", text.name())
}

/// The name of a contested type, and what to do about it.
fn contradiction(contested: &ContentType) -> (&'static str, String) {
    let what = match contested.family() {
        Family::Text => "an SVG image",
        _ => "a WebP image",
    };
    let remedy = format!(
        "Linq's documents contradict each other about {}, which is in the list of accepted types, and explicitly \
         rejected; convert it to JPEG or PNG, or allow WebP and SVG to send it all the same",
        contested.name()
    );
    (what, remedy)
}

/// A text from outside as one line of limited length, for a message.
fn printable(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut shown: String =
        text.chars().map(|c| if c.is_control() { '?' } else { c }).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
