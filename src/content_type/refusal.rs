//! Why a file is not sent, in a sentence that says what to do.

use super::table::{ContentType, Family};
use super::unsupported::Unsupported;

#[derive(Debug)]
pub enum Refusal {
    /// The bytes are of a kind that Linq does not take.
    Rejected(&'static Unsupported),
    /// The extension is, and the bytes do not say otherwise.
    Named(&'static Unsupported),
    /// The bytes are of another family than the caller declared.
    OtherFamily {
        family: Family,
        shown: Option<&'static ContentType>,
        claimed: &'static ContentType,
    },
    /// The caller declared what is not in the API's list; with what the file is by itself.
    NotInTable(Result<&'static ContentType, Box<Refusal>>),
    Contested(&'static ContentType),
    PrivateKey,
    /// The family is known, but neither bytes nor name say more.
    Unclear(Family),
    Unknown,
}

const EXAMPLES: &str = "such as image/jpeg, video/mp4, audio/mpeg, application/pdf or text/plain";

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
            Refusal::OtherFamily { family, shown, claimed } => other_family(&file, *family, *shown, claimed),
            Refusal::NotInTable(itself) => {
                let word = printable(declared.unwrap_or_default());
                format!(
                    "{word}, declared for {file}, is not a content type that Linq accepts; {}",
                    advice(itself)
                )
            }
            Refusal::Contested(contested) => contradiction(&file, contested),
            Refusal::PrivateKey => format!(
                "{file} looks like a private key, and sending it would give it away; if that is really meant, \
                 declare text/plain"
            ),
            Refusal::Unclear(family) => format!(
                "{file} is {}, and neither its bytes nor its name say which; declare its content type",
                family.described()
            ),
            Refusal::Unknown => format!(
                "the content type of {file} cannot be told from its name or its bytes; declare one that Linq \
                 accepts, {EXAMPLES}"
            ),
        }
    }
}

fn other_family(file: &str, family: Family, shown: Option<&ContentType>, claimed: &ContentType) -> String {
    let (is, claimed) = (family.described(), claimed.name());
    match shown.map(ContentType::name) {
        Some(name) => format!(
            "{file} is {is} ({name}), but was declared as {claimed}; declare {name}, or leave the content type out"
        ),
        None => format!("{file} is {is}, but was declared as {claimed}; declare what it is"),
    }
}

/// What to declare instead of a type that the API does not know.
fn advice(itself: &Result<&'static ContentType, Box<Refusal>>) -> String {
    match itself {
        Ok(known) => {
            format!("the file looks like {0}: declare {0}, or leave the content type out", known.name())
        }
        Err(refusal) => match **refusal {
            Refusal::Named(kind) => format!("{} cannot be sent as it is: {}", kind.what, kind.remedy),
            _ => format!("declare one that it does, {EXAMPLES}"),
        },
    }
}

fn contradiction(file: &str, contested: &ContentType) -> String {
    let (what, instead) = match contested.family() {
        Family::Text => ("an SVG image", "PNG"),
        _ => ("a WebP image", "JPEG or PNG"),
    };
    format!(
        "{file} is {what}, and Linq's documents contradict each other about {}: it is in the list of accepted types, \
         and explicitly rejected; convert it to {instead}, or set LINQ_CLIENT_ALLOW_WEBP_SVG to send it all the same",
        contested.name()
    )
}

/// What came from outside, fit for a message: on one line, and not too long.
fn printable(text: &str) -> String {
    const LONGEST: usize = 100;
    let mut shown: String =
        text.chars().map(|c| if c.is_control() { '?' } else { c }).take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}
