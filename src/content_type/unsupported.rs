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

/// Whether a declared type overrides such an extension.
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
const MEDIA: &str = "convert it to MP4 if it is a video, to M4A, MP3 or WAV if it is sound";
const ARCHIVE: &str = "pack it as a ZIP archive";
const DOCUMENT: &str = "save it as PDF";
const DRAWING: &str = "export it as PDF, or pack it as a ZIP archive";
const RAW: &str = "export it as JPEG or HEIC";
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
pub static OGG: Unsupported = absent("an Ogg file", &["ogx"], MEDIA);
pub static OGG_AUDIO: Unsupported = absent("an Ogg audio file", &["ogg", "oga", "spx"], AUDIO);
pub static OPUS: Unsupported = absent("an Ogg Opus audio file", &["opus"], AUDIO);
pub static OGV: Unsupported = absent("an Ogg video", &["ogv", "ogm"], VIDEO);
pub static SILK: Unsupported = absent("a SILK voice recording", &["silk"], AUDIO);
pub static WMA: Unsupported = absent("a Windows Media audio file", &["wma"], AUDIO);
pub static MATROSKA_AUDIO: Unsupported = absent("a Matroska audio file", &["mka", "weba"], AUDIO);

pub static AVIF: Unsupported = absent("an AVIF image", &["avif", "avifs"], IMAGE);
pub static JXL: Unsupported = absent("a JPEG XL image", &["jxl"], IMAGE);
pub static JP2: Unsupported = absent("a JPEG 2000 image", &["jp2", "j2k", "jpf", "jpx"], IMAGE);
pub static JPEG_XR: Unsupported = absent("a JPEG XR image", &["jxr", "hdp", "wdp"], IMAGE);
pub static JPEG_LS: Unsupported = absent("a JPEG-LS image", &["jls"], IMAGE);
pub static PSD: Unsupported = absent("a Photoshop image", &["psd", "psb"], IMAGE);
pub static CR3: Unsupported = absent("a Canon raw photo", &["cr3"], RAW);
pub static CAMERA_RAW: Unsupported = within(
    Family::Tiff,
    "a camera's raw photo",
    &[
        "dng", "nef", "nrw", "arw", "sr2", "srf", "cr2", "crw", "orf", "pef", "srw", "raf", "rw2", "rwl",
        "3fr", "fff", "iiq", "dcr", "kdc", "erf", "mef", "mos", "mrw", "x3f",
    ],
    RAW,
);

pub static WEBM: Unsupported = absent("a WebM video", &["webm"], VIDEO);
pub static MATROSKA: Unsupported = absent("a Matroska file", &["mkv", "mk3d"], MEDIA);
pub static ASF: Unsupported = absent("a Windows Media file", &["wmv", "asf"], MEDIA);
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
pub static MACROS: Unsupported = within(
    Family::Zip,
    "an Office document with macros",
    &["docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm", "ppsm", "ppam"],
    OFFICE,
);
pub static XLSB: Unsupported =
    within(Family::Zip, "an Excel binary workbook (XLSB)", &["xlsb"], "save it as XLSX");
pub static OUTLOOK: Unsupported = within(Family::Ole2, "an Outlook message", &["msg"], DOCUMENT);
pub static PUBLISHER: Unsupported = within(Family::Ole2, "a Publisher document", &["pub"], DOCUMENT);
pub static VISIO: Unsupported =
    within(Family::Ole2, "a Visio drawing", &["vsd", "vss", "vst"], "export it as PDF");
pub static PROJECT: Unsupported = within(Family::Ole2, "a Microsoft Project plan", &["mpp", "mpt"], DOCUMENT);
pub static HANGUL: Unsupported = within(Family::Ole2, "a Hangul document", &["hwp"], DOCUMENT);
pub static SIGNED: Unsupported = absent(
    "a signed message or a bundle of certificates (PKCS #7)",
    &["p7m", "p7s", "p7b", "p7c"],
    "save the document inside it, and send that",
);

pub static FONT: Unsupported = absent("a font", &["ttf", "otf", "ttc", "woff", "woff2", "eot"], ARCHIVE);
pub static DWG: Unsupported = absent("an AutoCAD drawing", &["dwg"], DRAWING);
pub static SQLITE: Unsupported = absent("an SQLite database", &["sqlite", "sqlite3"], ARCHIVE);
pub static KINDLE: Unsupported =
    absent("a Kindle book", &["mobi", "azw", "azw3"], "convert it to EPUB or PDF");
pub static DJVU: Unsupported = absent("a DjVu document", &["djvu", "djv"], DOCUMENT);
pub static APPLE_DOUBLE: Unsupported = absent(
    "an AppleDouble file, in which a Mac keeps what belongs to another file, not that file itself",
    &[],
    "send the file whose name does not begin with \"._\"",
);

pub static APP_PACKAGE: Unsupported = within(
    Family::Zip,
    "an application package",
    &["apk", "apks", "apkm", "xapk", "aab", "ipa", "appx", "appxbundle", "msix", "msixbundle", "xpi"],
    PACKAGE,
);
pub static JAVA: Unsupported = within(Family::Zip, "a Java program", &["jar", "war", "ear"], PACKAGE);

pub static PE: Unsupported =
    program("a Windows program", &["exe", "dll", "scr", "com", "sys", "cpl", "ocx", "pif", "efi"]);
pub static DOS: Unsupported = program("a DOS program", &[]);
pub static MSI: Unsupported =
    Unsupported { family: Some(Family::Ole2), ..program("a Windows installer", &["msi", "msp", "mst"]) };
pub static SHORTCUT: Unsupported = program("a Windows shortcut", &["lnk"]);
pub static HTML_HELP: Unsupported = program("a program (compiled HTML help)", &["chm"]);
pub static ELF: Unsupported = program("a Linux program or library (ELF)", &["so", "elf", "ko"]);
pub static MACH_O: Unsupported = program("an Apple program or library (Mach-O)", &["dylib"]);
pub static PEF: Unsupported = program("a program for old Macs (PEF)", &[]);
pub static APPLE_SCRIPT: Unsupported = program("a compiled AppleScript program", &["scpt"]);
pub static JAVA_CLASS: Unsupported = program("a compiled Java class", &["class"]);
pub static DEX: Unsupported = program("a compiled Android program (DEX)", &["dex", "odex", "vdex"]);
pub static WASM: Unsupported = program("a WebAssembly program", &["wasm"]);
pub static PYTHON: Unsupported = program("a compiled Python program", &["pyc", "pyo"]);
pub static LUA: Unsupported = program("a compiled Lua program", &["luac"]);
pub static BITCODE: Unsupported = program("compiled LLVM bitcode", &["bc"]);
pub static FLASH: Unsupported = program("a Flash program", &["swf"]);
pub static AR: Unsupported = program("a static library (ar)", &["a", "lib"]);
pub static DEB: Unsupported = program("a package to install (Debian)", &["deb", "udeb"]);
pub static RPM: Unsupported = program("a package to install (RPM)", &["rpm"]);
pub static XAR: Unsupported = program("a package to install (macOS)", &["pkg", "mpkg", "xar"]);
pub static CRX: Unsupported = program("a browser extension (CRX)", &["crx"]);
/// Shell, Python and the like without a `#!` line are source text, so no extension of theirs is listed.
pub static SHEBANG: Unsupported = program("an executable script (it begins with #!)", &[]);
pub static WINDOWS_SCRIPT: Unsupported = script(
    "a Windows script",
    &[
        "bat", "cmd", "ps1", "psm1", "psd1", "js", "jse", "vbs", "vbe", "ws", "wsf", "wsh", "wsc", "sct",
        "hta",
    ],
);
pub static SETTINGS: Unsupported = script("a Windows registry or setup file", &["reg", "inf"]);
pub static LINK: Unsupported = script("a shortcut", &["url", "scf", "desktop"]);

static ALL: &[&Unsupported] = &[
    &FLAC,
    &OGG,
    &OGG_AUDIO,
    &OPUS,
    &OGV,
    &SILK,
    &WMA,
    &MATROSKA_AUDIO,
    &AVIF,
    &JXL,
    &JP2,
    &JPEG_XR,
    &JPEG_LS,
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
    &XLSB,
    &OUTLOOK,
    &PUBLISHER,
    &VISIO,
    &PROJECT,
    &HANGUL,
    &SIGNED,
    &FONT,
    &DWG,
    &SQLITE,
    &KINDLE,
    &DJVU,
    &APPLE_DOUBLE,
    &APP_PACKAGE,
    &JAVA,
    &PE,
    &DOS,
    &MSI,
    &SHORTCUT,
    &HTML_HELP,
    &ELF,
    &MACH_O,
    &PEF,
    &APPLE_SCRIPT,
    &JAVA_CLASS,
    &DEX,
    &WASM,
    &PYTHON,
    &LUA,
    &BITCODE,
    &FLASH,
    &AR,
    &DEB,
    &RPM,
    &XAR,
    &CRX,
    &SHEBANG,
    &WINDOWS_SCRIPT,
    &SETTINGS,
    &LINK,
];

impl Unsupported {
    /// Sound and nothing else, by its extension.
    pub fn is_audio(&self) -> bool {
        self.remedy == AUDIO
    }

    /// One of Office's documents whose parts are those of DOCX, XLSX and PPTX.
    pub fn is_office_zip(&self) -> bool {
        [&MACROS, &XLSB].iter().any(|kind| std::ptr::eq(*kind, self))
    }
}

/// The kind that an extension (without its dot) stands for, where Linq does not take it.
pub fn by_extension(extension: &str) -> Option<&'static Unsupported> {
    ALL.iter().copied().find(|kind| kind.extensions.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}
