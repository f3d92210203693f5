//! What the bytes of a file were found to be, and how surely.

use super::unsupported;

/// How much a signature proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// Nothing else begins like this.
    Certain,
    /// Four letters, which a text might begin with too.
    Letters,
    /// Good for a guess, never for a refusal.
    Weak,
}

/// What the bytes are.
#[derive(Clone, Copy, Debug)]
pub enum Seen {
    /// A type of the table, by name.
    Type(&'static str, Confidence),
    /// An OLE2 document that does not say which.
    Ole2,
    /// An Office document behind a password: DOCX, XLSX or PPTX in OLE2.
    Encrypted,
    /// A kind that Linq does not take.
    Unsupported(&'static unsupported::Unsupported, Confidence),
    /// A private key, which is hardly meant to be on a public server.
    PrivateKey,
    /// Nothing known.
    Unknown,
}
