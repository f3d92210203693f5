//! The one table of the content types that the Linq API takes.
//!
//! Everything else is derived from it: what a caller may declare, what a file name means, and the list in the C header.
//! The names are those of `SupportedContentType` on the API's page "Pre-upload a file"; the Wallet pass was added to
//! the API later. This file imports nothing of the crate, so that the build script can use it too.

use core::ffi::CStr;

/// A content type that the Linq API takes.
#[derive(Debug, PartialEq, Eq)]
pub struct ContentType {
    name: &'static CStr,
    family: Family,
    note: Note,
    extensions: &'static [&'static str],
    aliases: &'static [&'static str],
}

/// Formats that share a signature: their first bytes alone do not always tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Jpeg,
    Png,
    Gif,
    IsoBmff,
    Tiff,
    Bmp,
    Icon,
    Riff,
    MpegVideo,
    MpegAudio,
    Aac,
    Caf,
    Aiff,
    Midi,
    Amr,
    Pdf,
    Zip,
    Ole2,
    Gzip,
    Text,
}

impl Family {
    /// What a file of this family is called in a message.
    pub const fn described(self) -> &'static str {
        match self {
            Family::Jpeg => "a JPEG image",
            Family::Png => "a PNG image",
            Family::Gif => "a GIF image",
            Family::IsoBmff => "an ISO media file (the family of MP4, MOV, M4A and HEIC)",
            Family::Tiff => "a TIFF image",
            Family::Bmp => "a BMP image",
            Family::Icon => "an icon",
            Family::Riff => "a RIFF file (the family of WAV, AVI and WebP)",
            Family::MpegVideo => "an MPEG video",
            Family::MpegAudio => "an MP3 audio file",
            Family::Aac => "an AAC audio file",
            Family::Caf => "a CAF audio file",
            Family::Aiff => "an AIFF audio file",
            Family::Midi => "a MIDI file",
            Family::Amr => "an AMR audio file",
            Family::Pdf => "a PDF document",
            Family::Zip => "a ZIP archive (the family of DOCX, XLSX, PPTX, EPUB, Pages, Numbers and Keynote)",
            Family::Ole2 => "an OLE2 document (the family of DOC, XLS and PPT)",
            Family::Gzip => "a gzip archive",
            Family::Text => "a text file",
        }
    }
}

/// What the API's page says about a type beyond accepting it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Nothing: it arrives as it was sent.
    Canonical,
    /// It arrives as another type.
    Transcoded,
    /// An old name: taken from the caller, never produced by detection.
    Deprecated,
    /// In the list of types, and yet "explicitly rejected" by the same page's prose.
    Contested,
}

impl ContentType {
    /// The name that is declared to the API.
    pub const fn name(&self) -> &'static str {
        match self.name.to_str() {
            Ok(name) => name,
            Err(_) => "",
        }
    }

    /// The same name as C wants it.
    #[cfg(any(feature = "capi", test))]
    pub const fn c_name(&self) -> &'static CStr {
        self.name
    }

    pub const fn family(&self) -> Family {
        self.family
    }

    pub const fn note(&self) -> Note {
        self.note
    }

    /// Lower case, without the dot, the usual one first.
    pub const fn extensions(&self) -> &'static [&'static str] {
        self.extensions
    }

    /// Whether a file whose bytes show this type cannot be `other` of the same family.
    pub fn excludes(&self, other: &ContentType) -> bool {
        let is_image = |known: &ContentType| known.name().starts_with("image/");
        // any document of this family may be sent as an archive, and one that shows no more may be any of them
        let is_archive = |known: &ContentType| known.name() == "application/zip";
        match self.family {
            IsoBmff => is_image(self) != is_image(other),
            Zip => self != other && !is_archive(self) && !is_archive(other),
            Riff | Ole2 => self != other,
            _ => false,
        }
    }

    /// DOCX, XLSX and PPTX.
    pub fn is_office_zip(&self) -> bool {
        self.name().starts_with("application/vnd.openxmlformats-officedocument.")
    }

    /// Other names for the same thing, as MIME libraries and browsers produce them.
    pub const fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }
}

type Words = &'static [&'static str];

const fn row(
    name: &'static CStr,
    family: Family,
    note: Note,
    extensions: Words,
    aliases: Words,
) -> ContentType {
    ContentType { name, family, note, extensions, aliases }
}

use Family::*;
use Note::*;

/// Every type that the API takes.
#[rustfmt::skip] // a row per type
pub const SUPPORTED: &[ContentType] = &[
    row(c"image/jpeg", Jpeg, Canonical, &["jpg", "jpeg", "jpe", "jfif"], &["image/jpg", "image/pjpeg", "image/x-jpeg"]),
    row(c"image/png", Png, Canonical, &["png", "apng"], &["image/x-png", "image/apng", "image/vnd.mozilla.apng"]),
    row(c"image/gif", Gif, Canonical, &["gif"], &[]),
    row(c"image/heic", IsoBmff, Canonical, &["heic"], &["image/heic-sequence", "image/x-heic"]),
    row(c"image/heif", IsoBmff, Canonical, &["heif", "hif"], &["image/heif-sequence", "image/x-heif"]),
    row(c"image/tiff", Tiff, Transcoded, &["tif", "tiff"], &["image/tif", "image/x-tif", "image/x-tiff"]),
    row(c"image/bmp", Bmp, Canonical, &["bmp", "dib"], &["image/x-ms-bmp", "image/x-bmp", "image/x-windows-bmp"]),
    row(c"image/svg+xml", Text, Contested, &["svg"], &["image/svg", "image/svg-xml"]),
    row(c"image/webp", Riff, Contested, &["webp"], &["image/x-webp"]),
    row(c"image/x-icon", Icon, Canonical, &["ico"], &["image/vnd.microsoft.icon", "image/ico", "image/icon"]),

    row(c"video/mp4", IsoBmff, Canonical, &["mp4", "mpg4"], &["application/mp4", "video/x-mp4"]),
    row(c"video/quicktime", IsoBmff, Canonical, &["mov", "qt"], &["video/x-quicktime", "video/mov"]),
    row(c"video/mpeg", MpegVideo, Canonical, &["mpeg", "mpg", "mpe", "m1v"], &["video/mpg", "video/x-mpeg", "video/x-mpg"]),
    row(c"video/mpeg2", MpegVideo, Canonical, &["m2v", "mpg2", "vob"], &["video/mpeg-2", "video/x-mpeg2", "video/x-mpeg-2"]),
    row(c"video/x-m4v", IsoBmff, Canonical, &["m4v"], &["video/m4v"]),
    row(c"video/x-msvideo", Riff, Canonical, &["avi"], &["video/avi", "video/msvideo", "video/vnd.avi"]),
    row(c"video/3gpp", IsoBmff, Canonical, &["3gp", "3gpp"], &["video/3gp", "audio/3gpp"]),

    row(c"audio/mpeg", MpegAudio, Canonical, &["mp3", "mpga", "mp2"],
        &["audio/x-mp3", "audio/mpg", "audio/x-mpeg", "audio/x-mpg", "audio/mpeg3", "audio/x-mpeg-3"]),
    row(c"audio/mp3", MpegAudio, Deprecated, &[], &[]),
    row(c"audio/x-m4a", IsoBmff, Canonical, &["m4a", "m4b", "m4r", "3ga"], &["audio/m4a", "audio/mp4a-latm", "audio/m4b", "audio/x-m4b"]),
    row(c"audio/mp4", IsoBmff, Deprecated, &[], &[]),
    row(c"audio/x-caf", Caf, Transcoded, &["caf"], &["audio/caf"]),
    row(c"audio/x-wav", Riff, Canonical, &["wav", "wave"], &["audio/wav", "audio/wave", "audio/vnd.wave", "audio/x-pn-wav"]),
    row(c"audio/x-aiff", Aiff, Canonical, &["aiff", "aif", "aifc"], &["audio/aif", "audio/x-aif", "audio/aifc", "audio/x-aifc"]),
    row(c"audio/aiff", Aiff, Deprecated, &[], &[]),
    row(c"audio/aac", Aac, Canonical, &["aac", "adts"], &["audio/x-aac", "audio/aacp", "audio/x-hx-aac-adts", "audio/vnd.dlna.adts"]),
    row(c"audio/midi", Midi, Canonical, &["mid", "midi", "kar"],
        &["audio/mid", "audio/x-mid", "audio/x-midi", "audio/sp-midi", "application/x-midi"]),
    row(c"audio/amr", Amr, Canonical, &["amr", "awb"], &["audio/x-amr", "audio/amr-nb", "audio/amr-wb"]),

    row(c"application/pdf", Pdf, Canonical, &["pdf"], &["application/x-pdf"]),
    row(c"text/plain", Text, Canonical, &["txt", "text", "log"], &["text/x-log"]),
    row(c"text/markdown", Text, Canonical, &["md", "markdown"], &["text/x-markdown"]),
    row(c"text/vcard", Text, Canonical, &["vcf", "vcard"], &["text/x-vcard", "text/directory", "application/vcard"]),
    row(c"text/rtf", Text, Canonical, &["rtf"], &["application/rtf", "application/x-rtf"]),
    row(c"text/csv", Text, Canonical, &["csv"], &["application/csv", "text/x-csv", "text/comma-separated-values"]),
    row(c"text/html", Text, Canonical, &["html", "htm"], &[]),
    row(c"text/calendar", Text, Canonical, &["ics", "ifb"], &["text/x-vcalendar", "application/ics"]),
    row(c"text/xml", Text, Canonical, &["xml"], &["application/xml", "application/x-xml"]),
    row(c"application/json", Text, Canonical, &["json"], &["text/json", "application/x-json"]),

    row(c"application/msword", Ole2, Canonical, &["doc", "dot"], &["application/x-msword", "application/doc"]),
    row(c"application/vnd.openxmlformats-officedocument.wordprocessingml.document", Zip, Canonical, &["docx"], &[]),
    row(c"application/vnd.ms-excel", Ole2, Canonical, &["xls", "xlt"],
        &["application/msexcel", "application/x-msexcel", "application/excel", "application/x-excel", "application/xls"]),
    row(c"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Zip, Canonical, &["xlsx"], &[]),
    row(c"application/vnd.ms-powerpoint", Ole2, Canonical, &["ppt", "pps", "pot"],
        &["application/mspowerpoint", "application/x-mspowerpoint", "application/powerpoint", "application/ppt"]),
    row(c"application/vnd.openxmlformats-officedocument.presentationml.presentation", Zip, Canonical, &["pptx"], &[]),
    row(c"application/x-iwork-pages-sffpages", Zip, Canonical, &["pages"], &["application/vnd.apple.pages"]),
    row(c"application/x-iwork-numbers-sffnumbers", Zip, Canonical, &["numbers"], &["application/vnd.apple.numbers"]),
    row(c"application/x-iwork-keynote-sffkey", Zip, Canonical, &["key"], &["application/vnd.apple.keynote"]),
    row(c"application/epub+zip", Zip, Canonical, &["epub"], &["application/epub", "application/x-epub+zip"]),
    row(c"application/zip", Zip, Canonical, &["zip"],
        &["application/x-zip-compressed", "application/x-zip", "application/zip-compressed"]),
    row(c"application/x-gzip", Gzip, Canonical, &["gz", "tgz"],
        &["application/gzip", "application/x-gunzip", "application/x-tgz", "application/x-compressed-tar"]),
    row(c"application/vnd.apple.pkpass", Zip, Canonical, &["pkpass"], &[]),
];

/// The type of that name or alias; upper case, spaces around it and parameters (`; charset=utf-8`) do not matter.
pub fn by_name(declared: &str) -> Option<&'static ContentType> {
    let essence = declared.split(';').next().unwrap_or_default().trim();
    let is = |name: &str| name.eq_ignore_ascii_case(essence);
    SUPPORTED.iter().find(|row| is(row.name()) || row.aliases().iter().any(|alias| is(alias)))
}

/// The type that an extension (without its dot) stands for.
pub fn by_extension(extension: &str) -> Option<&'static ContentType> {
    SUPPORTED.iter().find(|row| row.extensions().iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

/// The table as plain text, a line per type: extensions, name, note. Made for the comment at the top of the C header.
#[allow(dead_code)] // for the build script
pub fn header_table() -> String {
    let mut text = String::new();
    for row in SUPPORTED {
        let extensions = if row.extensions.is_empty() { "-".to_owned() } else { row.extensions.join(" ") };
        let note = match row.note {
            Canonical => "",
            Transcoded => "  (transcoded on delivery)",
            Deprecated => "  (deprecated name; never detected)",
            Contested => "  (refused unless allowed by flag)",
        };
        text += &format!("{extensions:<18}{}{note}\n", row.name());
    }
    text
}
