//! Kinds of files that Linq does not take.
//!
//! The API's page rejects FLAC, OGG and executables by name; the others are common kinds that are not in its list.
//! A kind is known by its bytes (see `sniff`), by its extension, or both.

use super::table::Family;

/// A kind of file that cannot be sent.
#[derive(Debug)]
pub struct Unsupported {
    /// With its article, for messages.
    pub what: &'static str,
    pub extensions: &'static [&'static str],
    pub remedy: &'static str,
    /// Where it shares its signature with supported types, so that only the extension tells it from them.
    pub family: Option<Family>,
    pub class: Class,
}

/// How far the caller's word goes against such an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Not in the list of types; the caller may know better than the name.
    Absent,
    /// Runs on a computer: refused whatever it is declared as, unless its bytes prove the name wrong.
    Program,
    /// Runs too, but is text, and may be sent as text when the caller says so.
    Script,
}

type Words = &'static [&'static str];

const IMAGE: &str = "convert it to JPEG or PNG";
const AUDIO: &str = "convert it to M4A, MP3 or WAV";
const VIDEO: &str = "convert it to MP4";
const ARCHIVE: &str = "pack it as a ZIP archive";
const DOCUMENT: &str = "save it as PDF";
const RAW: &str = "convert it to JPEG, or declare image/tiff if that is what it is";
const OFFICE: &str = "save it without macros (DOCX, XLSX, PPTX) or as PDF";
const PACKAGE: &str = "executable files are rejected; declare application/zip to send it as an archive";
const RUNS: &str = "executable files are rejected";
const SOURCE: &str = "executable files are rejected; declare text/plain to send it as text";

const fn absent(what: &'static str, extensions: Words, remedy: &'static str) -> Unsupported {
    Unsupported { what, extensions, remedy, family: None, class: Class::Absent }
}

const fn within(family: Family, what: &'static str, extensions: Words, remedy: &'static str) -> Unsupported {
    Unsupported { what, extensions, remedy, family: Some(family), class: Class::Absent }
}

const fn program(what: &'static str, extensions: Words) -> Unsupported {
    Unsupported { what, extensions, remedy: RUNS, family: None, class: Class::Program }
}

const fn script(what: &'static str, extensions: Words) -> Unsupported {
    Unsupported { what, extensions, remedy: SOURCE, family: Some(Family::Text), class: Class::Script }
}

pub static FLAC: Unsupported = absent("a FLAC audio file", &["flac"], AUDIO);
pub static OGG: Unsupported = absent("an Ogg file", &["ogg", "oga", "ogx", "spx"], AUDIO);
pub static OPUS: Unsupported = absent("an Ogg Opus audio file", &["opus"], AUDIO);
pub static OGV: Unsupported = absent("an Ogg video", &["ogv"], VIDEO);
pub static WMA: Unsupported = absent("a Windows Media audio file", &["wma"], AUDIO);

pub static AVIF: Unsupported = absent("an AVIF image", &["avif", "avifs"], IMAGE);
pub static JXL: Unsupported = absent("a JPEG XL image", &["jxl"], IMAGE);
pub static JP2: Unsupported = absent("a JPEG 2000 image", &["jp2", "j2k", "jpf", "jpx"], IMAGE);
pub static PSD: Unsupported = absent("a Photoshop image", &["psd", "psb"], IMAGE);
pub static CR3: Unsupported = absent("a Canon raw photo", &["cr3"], IMAGE);
pub static CAMERA_RAW: Unsupported =
    within(Family::Tiff, "a camera's raw photo", &["dng", "nef", "arw", "cr2", "orf", "pef", "srw"], RAW);

pub static WEBM: Unsupported = absent("a WebM video", &["webm"], VIDEO);
pub static MATROSKA: Unsupported = absent("a Matroska file", &["mkv", "mka", "mk3d"], VIDEO);
pub static ASF: Unsupported = absent("a Windows Media file", &["wmv", "asf"], VIDEO);
pub static FLV: Unsupported = absent("a Flash video", &["flv"], VIDEO);
pub static THREE_G2: Unsupported = within(Family::IsoBmff, "a 3GPP2 video", &["3g2", "3gp2"], VIDEO);
/// `.ts` is not listed: it is TypeScript as well.
pub static MPEG_TS: Unsupported = absent("an MPEG transport stream", &["m2ts", "mts"], VIDEO);

pub static SEVEN_ZIP: Unsupported = absent("a 7-Zip archive", &["7z"], ARCHIVE);
pub static RAR: Unsupported = absent("a RAR archive", &["rar"], ARCHIVE);
pub static TAR: Unsupported =
    absent("a tar archive", &["tar"], "compress it with gzip, or pack it as a ZIP archive");
pub static XZ: Unsupported = absent("an xz archive", &["xz", "txz"], ARCHIVE);
pub static BZIP2: Unsupported = absent("a bzip2 archive", &["bz2", "tbz2"], ARCHIVE);
pub static ZSTD: Unsupported = absent("a Zstandard archive", &["zst"], ARCHIVE);
pub static CABINET: Unsupported = absent("a Windows cabinet archive", &["cab"], ARCHIVE);

pub static OPEN_DOCUMENT: Unsupported =
    within(Family::Zip, "an OpenDocument file", &["odt", "ods", "odp", "odg"], DOCUMENT);
pub static MACROS: Unsupported =
    within(Family::Zip, "an Office document with macros", &["docm", "xlsm", "pptm"], OFFICE);
/// `.msg` is not listed: texts have that name as well.
pub static OUTLOOK: Unsupported = absent("an Outlook message", &[], DOCUMENT);
pub static APP_PACKAGE: Unsupported =
    within(Family::Zip, "an application package", &["jar", "apk", "ipa", "appx", "msix"], PACKAGE);

pub static PE: Unsupported = program("a Windows program", &["exe", "dll", "scr", "com", "sys", "cpl"]);
pub static MSI: Unsupported =
    Unsupported { family: Some(Family::Ole2), ..program("a Windows installer", &["msi", "msp"]) };
pub static SHORTCUT: Unsupported = program("a Windows shortcut", &["lnk"]);
pub static ELF: Unsupported = program("a Linux program or library (ELF)", &["so", "elf", "ko"]);
pub static MACH_O: Unsupported = program("an Apple program or library (Mach-O)", &["dylib"]);
pub static JAVA_CLASS: Unsupported = program("a compiled Java class", &["class"]);
pub static DEX: Unsupported = program("a compiled Android program (DEX)", &["dex"]);
pub static WASM: Unsupported = program("a WebAssembly program", &["wasm"]);
pub static BITCODE: Unsupported = program("compiled LLVM bitcode", &["bc"]);
pub static AR: Unsupported = program("a static library or package (ar)", &["a", "lib", "deb"]);
/// Shell, Python and the like without a `#!` line are source text, so no extension of theirs is listed.
pub static SHEBANG: Unsupported = program("an executable script (it begins with #!)", &[]);
pub static WINDOWS_SCRIPT: Unsupported =
    script("a Windows script", &["bat", "cmd", "ps1", "vbs", "vbe", "wsf", "wsh", "hta", "jse"]);

static ALL: &[&Unsupported] = &[
    &FLAC,
    &OGG,
    &OPUS,
    &OGV,
    &WMA,
    &AVIF,
    &JXL,
    &JP2,
    &PSD,
    &CR3,
    &CAMERA_RAW,
    &WEBM,
    &MATROSKA,
    &ASF,
    &FLV,
    &THREE_G2,
    &MPEG_TS,
    &SEVEN_ZIP,
    &RAR,
    &TAR,
    &XZ,
    &BZIP2,
    &ZSTD,
    &CABINET,
    &OPEN_DOCUMENT,
    &MACROS,
    &OUTLOOK,
    &APP_PACKAGE,
    &PE,
    &MSI,
    &SHORTCUT,
    &ELF,
    &MACH_O,
    &JAVA_CLASS,
    &DEX,
    &WASM,
    &BITCODE,
    &AR,
    &SHEBANG,
    &WINDOWS_SCRIPT,
];

/// The kind that an extension (without its dot) stands for, where Linq does not take it.
pub fn by_extension(extension: &str) -> Option<&'static Unsupported> {
    ALL.iter().copied().find(|kind| kind.extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}
