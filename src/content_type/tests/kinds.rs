//! What was judged wrongly before, by kinds: the siblings of the files in `cases`.

use super::cases::decided;
use super::*;

const DOCX: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PPTX: &str = "application/vnd.openxmlformats-officedocument.presentationml.presentation";

/// `right`: the type, or `!` and words of the refusal.
#[track_caller]
fn is(name: &str, bytes: &[u8], right: &str) {
    judged(decided(None, name, bytes), right);
    assert_eq!(of(Some(name), bytes).map(ContentType::name), decided(None, name, bytes).ok(), "{name}");
}

#[track_caller]
fn is_declared(word: &str, name: &str, bytes: &[u8], right: &str) {
    judged(decided(Some(word), name, bytes), right);
}

#[track_caller]
fn judged(found: Result<&'static str, String>, right: &str) {
    match right.strip_prefix("! ") {
        Some(words) => refused(found, &[words]),
        None => assert_eq!(found, Ok(right)),
    }
}

/// An OLE2 document whose directory holds these streams, all of them at its top.
fn ole2(class: &[u8], streams: &[&str]) -> Vec<u8> {
    let mut file = vec![0; 1024 + 128 * (streams.len() + 1)];
    file[..8].copy_from_slice(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1");
    file[30] = 9;
    file[48] = 1;
    for (entry, name) in std::iter::once(&"Root Entry").chain(streams).enumerate() {
        for (at, byte) in name.encode_utf16().flat_map(u16::to_le_bytes).enumerate() {
            file[1024 + entry * 128 + at] = byte;
        }
    }
    file[1024 + 80..1024 + 80 + class.len()].copy_from_slice(class);
    file
}

#[test]
fn a_password_protected_office_document_keeps_its_name() {
    let far = ["a", "b", "c", "d", "e", "f", "EncryptionInfo", "EncryptedPackage"];
    for locked in [ole2(b"", &far), ole2(b"", &["\u{6}DataSpaces"]), ole2(b"", &[])] {
        for (name, right) in [("a.docx", DOCX), ("a.xlsx", XLSX), ("a.pptx", PPTX)] {
            is(name, &locked, right);
            is_declared(right, "a", &locked, right);
            is_declared(right, "a.bin", &locked, right);
        }
        is("a.doc", &locked, "application/msword");
        is_declared("application/pdf", "a.pdf", &locked, "! declared as application/pdf");
    }
    let locked = ole2(b"", &far);
    let words = "! is an Office document that is protected by a password; name it .docx, .xlsx or .pptx as it was, \
                 declare that type";
    for name in ["a", "a.zip", "a.jpg", "a.pages"] {
        is(name, &locked, words);
    }
    is_declared("application/zip", "a.docx", &locked, &format!("! declare {DOCX}, or leave"));
    is_declared("application/zip", "a", &locked, "! declared as application/zip; name it .docx");
    is_declared("application/x-ole-storage", "a", &locked, "! name it .docx");
    is("a.docm", &locked, "! is an Office document with macros");
    is("a.xlsb", &locked, "! save it as XLSX");
    // without a look at the directory: a reader that cannot begin again
    let mut far_directory = locked[..512].to_vec();
    far_directory.resize(HEAD, 0);
    far_directory[48..52].copy_from_slice(&1000_u32.to_le_bytes());
    assert_eq!(undeclared("a.docx", &far_directory), Ok(DOCX));
    assert_eq!(declared(XLSX, "a", &far_directory), Ok(XLSX));
}

/// An ISO media file of these brands, the major one first.
fn iso(brands: &[&[u8; 4]]) -> Vec<u8> {
    let size = 12 + 4 * brands.len() as u32;
    let (major, compatible) = brands.split_first().unwrap();
    let compatible: Vec<u8> = compatible.iter().copied().flatten().copied().collect();
    [&size.to_be_bytes(), &b"ftyp"[..], &major[..], &[0; 4], &compatible, b"\0\0\0\x08free"].concat()
}

#[test]
fn sound_in_mp4_is_sound_under_the_name_of_sound() {
    for brand in [b"isom", b"iso2", b"iso6", b"mp41", b"mp42", b"3gp4", b"3gp5", b"3ge6", b"dash", b"MSNV"] {
        let clip = iso(&[brand, b"isom"]);
        for extension in [
            "mp3", "aac", "wav", "amr", "ogg", "oga", "opus", "flac", "wma", "m4a", "3ga", "m4r", "aiff",
            "caf",
        ] {
            is(&format!("voice.{extension}"), &clip, "audio/x-m4a");
        }
        is_declared("audio/x-m4a", "voice", &clip, "audio/x-m4a");
        is_declared("audio/mpeg", "voice.mp3", &clip, "! declare audio/x-m4a, or leave");
        is("clip.ogv", &clip, if brand[0] == b'3' { "video/3gpp" } else { "video/mp4" });
        is("clip.avi", &clip, if brand[0] == b'3' { "video/3gpp" } else { "video/mp4" });
    }
    is("clip.3gp", &iso(&[b"mp42"]), "video/3gpp");
    is("clip.mp4", &iso(&[b"3gp5"]), "video/mp4");
    // these say by themselves that they are nothing but sound
    for brand in [b"M4A ", b"M4B ", b"M4P ", b"F4A "] {
        for name in ["a.mp4", "a.mov", "a.m4a", "a.mp3", "a", "a.jpg"] {
            is(name, &iso(&[brand]), "audio/x-m4a");
        }
        is_declared("video/mp4", "a", &iso(&[brand]), "video/mp4");
    }
}

const NOT_THE_FILE: [(&[u8], &str); 8] = [
    (b"{\"error\":\"not found\"}", "application/json"),
    (b"Not Found", "text/plain"),
    (b"<Error><Code>NoSuchKey</Code></Error>", "text/plain"),
    (b"<?xml version=\"1.0\"?><Error/>", "text/xml"),
    (b"<!DOCTYPE html><html>", "text/html"),
    (b"<html><h1>403 Forbidden</h1></html>", "text/html"),
    (b"Fehler: gel\xF6scht", "text/plain"),
    (b"\xFF\xFEN\0o\0t\0", "text/plain"),
];

#[test]
fn a_download_that_failed_is_no_photo() {
    let mut passed = Vec::new();
    for row in SUPPORTED {
        for name in row.extensions().iter().map(|extension| format!("a.{extension}")) {
            let (lenient, office) = match row.family() {
                Family::Text => continue,
                Family::Bmp | Family::Icon | Family::Pdf | Family::MpegAudio => (true, false),
                family => (false, family == Family::Ole2 || name == "a.key"),
            };
            for (bytes, text) in NOT_THE_FILE {
                match () {
                    _ if lenient && (text.ends_with("plain") || text.ends_with("json")) => {
                        is(&name, bytes, row.name());
                    }
                    _ if lenient || office => is(&name, bytes, text),
                    _ => {
                        is(
                            &name,
                            bytes,
                            &format!("! {name} is text ({text}), not {}", row.family().described()),
                        );
                        is(&name, bytes, &format!("! declare {text} to send the text"));
                        is_declared(row.name(), "a", bytes, &format!("! declare {text}"));
                        is_declared(text, &name, bytes, text);
                    }
                }
            }
            let zeros = decided(None, &name, &[0; 5000]);
            match row.family() {
                _ if name == "a.key" => refused(zeros, &["cannot be told"]),
                Family::MpegVideo | Family::Aac => assert_eq!(zeros, Ok(row.name())),
                _ if lenient => assert_eq!(zeros, Ok(row.name())),
                family => refused(
                    zeros,
                    &[&name, "does not begin as", family.described(), "only zeros", "download it again"],
                ),
            }
            let double = [&b"\0\x05\x16\x07\0\x02\0\0Mac OS X        "[..], &[0; 100]].concat();
            is(&format!("._{name}"), &double, "! is an AppleDouble file");
            passed.push(name);
        }
    }
    assert!(passed.len() > 50, "{passed:?}");
    for name in ["a.jpg", "a.png", "a.gif", "a.tif"] {
        for binary in [&b"\x01\x02\x03\x04\x05"[..], b"\xFF\xD9\xFF\xE0", b"\x89PNX"] {
            is(name, binary, &format!("! {name} does not begin as"));
        }
        is_declared("image/jpeg", "a", b"\x01", "! a does not begin as a JPEG image does; ");
        assert_eq!(of(Some(name), b""), table::by_extension(extension(name)), "a name alone");
    }
    // what is wrongly called but whole goes out as what it is; what is damaged but no text goes as it is called
    is("a.jpg", b"\x89PNG\r\n\x1A\n", "image/png");
    is("a.mp4", b"\x01\x02\x03\x04\x05\x06\x07\x08", "video/mp4");
    is("a.zip", b"\x01\x02\x03\x04\x05\x06\x07\x08", "application/zip");
    for start in [b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"] {
        is("a.mov", &[&b"\0\0\0\x20"[..], start, &[0; 40]].concat(), "video/quicktime");
    }
}

#[test]
fn text_under_the_name_of_an_old_office_document_is_text() {
    let excel = "application/vnd.ms-excel";
    let texts: [(&str, &[u8], &str); 12] = [
        ("a.xls", b"a,b\n1,2\n", "text/csv"),
        ("a.xls", b"a;b\n1;2\n", "text/csv"),
        ("a.xls", b"Preis;St\xFCck\n1;2\n", "text/csv"),
        ("a.xls", b"a\tb\n1\t2\n", "text/plain"),
        ("a.xls", b"<html><table><tr><td>1</td></tr></table></html>", "text/html"),
        ("a.xls", b"<?xml version=\"1.0\"?><Workbook/>", "text/xml"),
        ("a.doc", b"{\\rtf1\\ansi hello}", "text/rtf"),
        ("a.doc", b"<html><body>hello</body></html>", "text/html"),
        ("a.doc", b"one, two\n", "text/plain"),
        ("a.ppt", b"plain words\n", "text/plain"),
        ("a.dot", b"digraph { a -> b }\n", "text/plain"),
        ("a.xlt", b"a,b\n", "text/csv"),
    ];
    for (name, bytes, right) in texts {
        is(name, bytes, right);
        let office = table::by_extension(extension(name)).unwrap().name();
        for name in [name, "a"] {
            is_declared(office, name, bytes, right);
        }
    }
    is_declared(excel, "a.csv", b"", "text/csv");
    is_declared(excel, "a.csv", b"a\n1\n", "text/csv");
    is_declared(excel, "a.xls", b"", excel);
    is_declared(excel, "a.txt", b"", excel);
    is_declared("application/msword", "a.csv", b"", "application/msword");
    is_declared(excel, "a", b"-----BEGIN RSA PRIVATE KEY-----\n", "! private key");
    is_declared(excel, "a.bat", b"@echo off\r\n", "! a Windows script");
}

#[test]
fn bytes_that_settle_the_member_of_a_family_come_before_the_name() {
    let heic = iso(&[b"heic", b"mif1"]);
    let mp4 = iso(&[b"mp42", b"isom"]);
    let riff = |form: &[u8; 4]| [b"RIFF\x24\0\0\0", &form[..], &[0; 32]].concat();
    let office = |main: &str| stored(&[("[Content_Types].xml", b"<Types/>"), (main, b"<x/>")]);
    let members: [(&str, Vec<u8>, &[&str]); 16] = [
        ("image/heic", heic.clone(), &["a.mp4", "a.mov", "a.3gp", "a.m4a", "a.m4v"]),
        ("video/mp4", mp4.clone(), &["a.heic", "a.heif", "a.hif"]),
        ("video/quicktime", iso(&[b"qt  "]), &["a.heic"]),
        ("audio/x-wav", riff(b"WAVE"), &["a.avi", "a.webp"]),
        ("video/x-msvideo", riff(b"AVI "), &["a.wav", "a.webp"]),
        ("audio/midi", riff(b"RMID"), &["a.wav", "a.avi"]),
        (DOCX, office("word/document.xml"), &["a.xlsx", "a.pptx", "a.epub", "a.pages", "a.pkpass"]),
        (XLSX, office("xl/workbook.xml"), &["a.docx", "a.pptx", "a.numbers"]),
        (PPTX, office("ppt/presentation.xml"), &["a.docx", "a.xlsx"]),
        ("application/epub+zip", stored(&[("mimetype", b"application/epub+zip")]), &["a.docx", "a.pages"]),
        ("application/vnd.apple.pkpass", stored(&[("pass.json", b"{}")]), &["a.docx", "a.epub"]),
        (
            "application/x-iwork-keynote-sffkey",
            stored(&[("Index/Slide.iwa", b"")]),
            &["a.pages", "a.numbers"],
        ),
        ("application/msword", ole2(b"", &["WordDocument"]), &["a.xls", "a.ppt", "a.pps"]),
        ("application/vnd.ms-excel", ole2(b"", &["Workbook"]), &["a.doc", "a.ppt"]),
        ("application/vnd.ms-powerpoint", ole2(b"", &["PowerPoint Document"]), &["a.doc", "a.xls"]),
        ("application/msword", ole2(b"", &["WordDocument"]), &["a.docx", "a.xlsx"]),
    ];
    for (right, bytes, names) in members {
        for name in names {
            is(name, &bytes, right);
            let claimed = table::by_extension(extension(name)).unwrap().name();
            is_declared(claimed, "a", &bytes, &format!("! ({right}), but was declared as {claimed}"));
        }
    }
    // any document may go as an archive, and an archive that shows no more as any document
    is_declared("application/zip", "a.docx", &office("word/document.xml"), "application/zip");
    is("a.zip", &office("word/document.xml"), "application/zip");
    is("a.docx", ZIP, DOCX);
    // so do they where the name is one of a kind that Linq does not take
    for (name, bytes, right) in [
        ("a.odt", office("word/document.xml"), DOCX),
        ("a.jar", office("xl/workbook.xml"), XLSX),
        ("a.docm", stored(&[("mimetype", b"application/epub+zip")]), "application/epub+zip"),
        ("a.msg", ole2(b"", &["WordDocument"]), "application/msword"),
        ("a.msi", ole2(b"", &["Workbook"]), "application/vnd.ms-excel"),
        ("a.3g2", heic, "image/heic"),
        ("a.3g2", mp4, "! is a 3GPP2 video"),
        ("a.docm", office("word/document.xml"), "! is an Office document with macros"),
        ("a.xlsb", office("xl/workbook.xml"), "! save it as XLSX"),
        ("a.odt", ZIP.to_vec(), "! is an OpenDocument file"),
    ] {
        is(name, &bytes, right);
    }
    let webp = riff(b"WEBP");
    for name in ["a.wav", "a.avi", "a"] {
        is_webp(name, &webp);
    }
}

#[track_caller]
fn is_webp(name: &str, bytes: &[u8]) {
    assert_eq!(of(Some(name), bytes).map(ContentType::name), Some("image/webp"));
    refused(decided(None, name, bytes), &[name, "a WebP image", "allow WebP and SVG"]);
    assert_eq!(undeclared(name, bytes), Ok("image/webp"));
}

#[test]
fn images_of_any_brand_are_images() {
    let heif: [&[&[u8; 4]]; 10] = [
        &[b"mif1"],
        &[b"miaf", b"mif1"],
        &[b"avci", b"mif1"],
        &[b"avcs", b"msf1"],
        &[b"vvic", b"mif1"],
        &[b"unif"],
        &[b"tmap", b"mif1"],
        &[b"jpeg", b"mif1"],
        &[b"MiPr", b"miaf"],
        &[b"new1", b"mif1", b"miaf"],
    ];
    let heic: [&[&[u8; 4]]; 8] = [
        &[b"MiHE", b"mif1", b"heic"],
        &[b"tmap", b"mif1", b"heic"],
        &[b"miaf", b"heix"],
        &[b"heic", b"mif1", b"tmap"],
        &[b"msf1", b"hevc"],
        &[b"mif2", b"heic"],
        &[b"new1", b"heic"],
        &[b"isom", b"mif1", b"heic"],
    ];
    let avif: [&[&[u8; 4]]; 5] = [
        &[b"avif"],
        &[b"miaf", b"avif"],
        &[b"tmap", b"mif1", b"avif"],
        &[b"msf1", b"avis"],
        &[b"new1", b"avif"],
    ];
    for name in ["a", "a.mp4", "a.jpg"] {
        heif.iter().for_each(|brands| is(name, &iso(brands), "image/heif"));
        heic.iter().for_each(|brands| is(name, &iso(brands), "image/heic"));
        avif.iter().for_each(|brands| is(name, &iso(brands), "! is an AVIF image"));
        is(name, b"\0\0\0\x10ftypmif3heic", "image/heic");
        is(name, b"\0\0\0\x10ftypmif3avci", "image/heif");
        is(name, b"\0\0\0\x10ftypmif3avif", "! is an AVIF image");
    }
    is("a.heif", &iso(&[b"miaf", b"heic"]), "image/heif");
    is("a", &iso(&[b"isom", b"iso2", b"mp41"]), "video/mp4");
    is("a", &iso(&[b"new1", b"iso2"]), "video/mp4");
}

#[test]
fn programs_are_refused_whatever_they_are_called() {
    let dos = |second: u32| [&b"MZ\x90\0\x03\0"[..], &[0; 54], &second.to_le_bytes(), &[0; 100]].concat();
    let long = |start: &[u8]| [start, &[0; 100]].concat();
    let programs: [(Vec<u8>, &str); 24] = [
        (dos(128), "a Windows program"),
        (dos(100_000), "a Windows program"),
        (dos(0), "a DOS program"),
        (dos(0)[..30].to_vec(), "a DOS program"),
        (long(b"\xED\xAB\xEE\xDB\x03"), "a package to install (RPM)"),
        (long(b"xar!\0\x1C\0\x01"), "a package to install (macOS)"),
        (long(b"!<arch>\ndebian-binary   "), "a package to install (Debian)"),
        (long(b"!<arch>\n/ "), "a static library (ar)"),
        (long(b"dey\n036\0"), "a compiled Android program"),
        (long(b"vdex021\0"), "a compiled Android program"),
        (long(b"cdex001\0"), "a compiled Android program"),
        (long(b"Joy!peffpwpc"), "a program for old Macs"),
        (long(b"FasdUAS 1.101.10\x0E\0\0\0"), "a compiled AppleScript program"),
        (long(b"Cr24\x03\0\0\0"), "a browser extension"),
        (long(b"Cr24\x02\0\0\0"), "a browser extension"),
        (long(b"ITSF\x03\0\0\0"), "compiled HTML help"),
        (long(b"FWS\x0A\x10\0\0\0"), "a Flash program"),
        (long(b"CWS\x0A\x10\x20\0\0"), "a Flash program"),
        (long(b"ZWS\x0D\x10\x20\0\0"), "a Flash program"),
        (long(b"\x6F\x0D\r\n\0\0\0\0"), "a compiled Python program"),
        (long(b"\x1BLuaS\0\x19\x93"), "a compiled Lua program"),
        (long(b"\x1BLJ\x02\0"), "a compiled Lua program"),
        (long(b"\x7FELF\x02\x01\x01"), "a Linux program"),
        (ole2(b"\x84\x10\x0C\0\0\0\0\0\xC0\0\0\0\0\0\0\x46", &[]), "a Windows installer"),
    ];
    for (bytes, what) in programs {
        let words = format!(
            "! is {}",
            if what == "compiled HTML help" { "a program (compiled HTML help)" } else { what }
        );
        for name in ["a", "a.jpg", "a.pdf", "a.txt", "a.mp3", "a.rpm", "a.pkg"] {
            is(name, &bytes, &words);
            for word in ["image/jpeg", "application/zip", "application/pdf", "text/plain"] {
                is_declared(word, name, &bytes, &words);
            }
        }
    }
    let texts: [&[u8]; 10] = [
        b"MZ is what programs of Mark Zbikowski begin with, sixty-four bytes of them\n",
        b"MZ: gr\xFC\xDFe, lang genug, damit es auch ein Kopf sein koennte, und noch mehr\n",
        b"xar! said the pirate\n",
        b"Cr24 is a train\n",
        b"ITSF, whatever that is\n",
        b"FWS means nothing here\n",
        b"CWS\tZWS\n",
        b"Joy!peff is joy\n",
        b"FasdUAS 1.101.10 is how they begin\n",
        b"cdex001, vdex021\n",
    ];
    for text in texts {
        is("notes.txt", text, "text/plain");
        is_declared("text/plain", "notes", text, "text/plain");
    }
    // by their names alone, whatever is declared
    for extension in [
        "exe", "com", "pif", "rpm", "deb", "pkg", "mpkg", "crx", "chm", "swf", "scpt", "odex", "vdex", "pyc",
        "so", "wasm",
    ] {
        for bytes in [&b""[..], b"\x01\x02\x03\x04"] {
            for word in ["application/zip", "application/pdf", "image/jpeg", "text/plain"] {
                is_declared(word, &format!("a.{extension}"), bytes, "! executable files are rejected");
            }
        }
    }
}

#[test]
fn lists_are_even() {
    let kinds: [(&str, &[&str]); 7] = [
        (
            "an Office document with macros",
            &["docm", "dotm", "xlsm", "xltm", "xlam", "pptm", "potm", "ppsm", "ppam"],
        ),
        ("an Excel binary workbook", &["xlsb"]),
        ("a Java program", &["jar", "war", "ear"]),
        (
            "an application package",
            &["apk", "apks", "apkm", "xapk", "aab", "ipa", "appx", "appxbundle", "msix", "msixbundle", "xpi"],
        ),
        ("a Windows script", &["bat", "cmd", "ps1", "psm1", "js", "jse", "vbs", "vbe", "wsf", "wsh", "hta"]),
        ("a Windows registry or setup file", &["reg", "inf"]),
        ("a shortcut", &["url", "scf", "desktop"]),
    ];
    for (what, extensions) in kinds {
        for extension in extensions {
            let name = format!("a.{extension}");
            is(&name, b"", &format!("! is {what}"));
            let is_text =
                ["a Windows script", "a Windows registry or setup file", "a shortcut"].contains(&what);
            let bytes = if is_text { b"some text\r\n" } else { ZIP };
            is(&name, bytes, &format!("! is {what}"));
            if is_text {
                is_declared("text/plain", &name, bytes, "text/plain");
                is_declared("image/jpeg", &name, bytes, "! declare text/plain to send it as text");
            }
        }
    }
    for (main, macros) in [
        ("word/document.xml", "word/vbaProject.bin"),
        ("xl/workbook.xml", "xl/vbaProject.bin"),
        ("ppt/presentation.xml", "ppt/vbaProject.bin"),
    ] {
        let near = stored(&[("[Content_Types].xml", b"<Types/>"), (main, b"<x/>"), (macros, b"\0")]);
        let far = archive(&[("[Content_Types].xml", b"<Types/>"), (main, &[7; 9000]), (macros, b"\0")]);
        for bytes in [near, far] {
            for name in ["a", "a.docm", "a.docx", "a.zip", "a.xlsx"] {
                is(name, &bytes, "! is an Office document with macros");
            }
            is_declared(DOCX, "a", &bytes, "! is an Office document with macros");
        }
    }
    let binary = stored(&[("[Content_Types].xml", b"<Types/>"), ("xl/workbook.bin", b"\0")]);
    for name in ["a", "a.xlsb", "a.xlsx"] {
        is(name, &binary, "! an Excel binary workbook (XLSB), which Linq does not accept; save it as XLSX");
    }
    is_declared(XLSX, "a.xlsx", &binary, "! an Excel binary workbook (XLSB)");
}

#[test]
fn rejected_kinds_are_seen_under_other_names() {
    let packets = |size: usize, sync: usize| {
        let mut stream = vec![0xFF; size * 6];
        stream.iter_mut().skip(sync).step_by(size).for_each(|byte| *byte = b'G');
        stream[sync + 1] = 0;
        stream
    };
    let mut tar = [&b"notes.txt"[..], &[0; 503]].concat();
    tar[100..108].copy_from_slice(b"0000644\0");
    tar[124..136].copy_from_slice(b"00000000000\0");
    let sum = tar.iter().map(|&byte| u32::from(byte)).sum::<u32>() + 8 * 32;
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut no_tar = tar.clone();
    no_tar[0] += 1;
    let tag =
        |padding: usize, rest: &[u8]| [&b"ID3\x03\0\0\0\0\0\x0A"[..], &vec![0; 10 + padding], rest].concat();
    let kinds: [(Vec<u8>, &str); 17] = [
        (tag(0, b"fLaC\0\0\0\x22"), "a FLAC audio file"),
        (tag(3000, b"fLaC\0\0\0\x22"), "a FLAC audio file"),
        (tag(20_000, b"fLaC\0\0\0\x22"), "a FLAC audio file"),
        (tag(100, &tag(100, b"fLaC\0\0\0\x22")), "a FLAC audio file"),
        (tag(50, b"OggS\0\x02"), "an Ogg file"),
        (packets(188, 0), "an MPEG transport stream"),
        (packets(192, 4), "an MPEG transport stream"),
        (b"\xFF\x0A\0\x01\x02\x03".to_vec(), "a JPEG XL image"),
        (b"\xFF\x0A\xFA\x1F\x01\x90\x08\0\x10\0".to_vec(), "a JPEG XL image"),
        (b"II\xBC\x01\x20\0\0\0".to_vec(), "a JPEG XR image"),
        (b"\xFF\xD8\xFF\xF7\0\x0B\x08\0\x01".to_vec(), "a JPEG-LS image"),
        (b"\xFF\xD8\xFF\xE0\0\x04JF\xFF\xF7\0\x0B\x08".to_vec(), "a JPEG-LS image"),
        (tar, "a tar archive"),
        (b"\x25\xB5\x2F\xFD\0".to_vec(), "a Zstandard archive"),
        (b"\x27\xB5\x2F\xFD\0".to_vec(), "a Zstandard archive"),
        (b"\x1E\xB5\x2F\xFD\0".to_vec(), "a Zstandard archive"),
        (b"\x02#!SILK_V3\x0C\0".to_vec(), "a SILK voice recording"),
    ];
    for (bytes, what) in kinds {
        for name in ["a", "a.mp3", "a.jpg", "a.pdf", "a.mpg"] {
            is(name, &bytes, &format!("! {name} is {what}"));
        }
        is_declared("audio/mpeg", "a", &bytes, &format!("! a is {what}"));
    }
    is("a.bmp", &no_tar, "image/bmp");
    is("a.mp3", &tag(3000, b"\xFF\xFB\x90\x64"), "audio/mpeg");
    is("a", &tag(20_000, b"\xFF\xF1\x50\x80\x02\x1F\xFC"), "audio/aac");
    is("a", b"\xFF\xD8\xFF\xE0\0\x04JF\xFF\xDB\0\x02\xFF\xC0\0\x0B\x08", "image/jpeg");
    is("a.txt", b"\xFF\n\xFF\n text", "text/plain");
}

#[test]
fn weak_guesses_are_no_longer_made() {
    let signed =
        b"\x30\x82\x10\0\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02\xA0\x82\x0F\xF0%PDF-1.4\0\0\0\0";
    for name in ["a", "a.p7m", "a.pdf", "a.pdf.p7m"] {
        is(name, signed, "! is a signed message");
    }
    is("a.p7m", b"", "! is a signed message");
    is_declared("application/pdf", "a.p7m", signed, "! is a signed message");
    // behind a message's head, a PDF is not what the file is; under its own name it is, whatever comes before
    let mail = b"Content-Type: application/pdf\r\n\r\n%PDF-1.4\n\x01\0\xFF";
    is("a", mail, "! cannot be told");
    is("a.pdf", mail, "application/pdf");
    for padding in [&b"\n"[..], b"\r\n  ", b"\0\0\0", b"\xEF\xBB\xBF"] {
        is("a", &[padding, b"%PDF-1.4\n\x01\0\xFF"].concat(), "application/pdf");
    }
    for text in
        ["\u{FEFF}\u{2018}quoted\u{2019}", "\u{FEFF}Bell\u{7} text", "\u{FEFF}\u{1}\u{2}", "\u{FEFF}a\u{1A}"]
    {
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        is("a", &utf16, "text/plain");
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        is("a", &utf16, "text/plain");
    }
    // the main part settles it, wherever it stands
    for (main, right) in
        [("word/document.xml", DOCX), ("xl/workbook.xml", XLSX), ("ppt/presentation.xml", PPTX)]
    {
        is("a", &stored(&[(main, &[7; 6000]), ("[Content_Types].xml", b"<Types/>")]), right);
        is("a", &archive(&[("media/a.bin", &[7; 60_000]), (main, b"<x/>")]), right);
        is("a", &stored(&[(&format!("backup/{main}"), b"<x/>")]), "application/zip");
        // nor does that of an archive inside
        let inner = archive(&[(main, b"<x/>")]);
        for size in [10, 5000] {
            is("a", &archive(&[("inner.bin", &inner), ("last.bin", &vec![7; size])]), "application/zip");
        }
        let cut = archive(&[("inner.bin", &inner), ("last.bin", &[7; 9000])]);
        assert_eq!(undeclared("a", &cut[..HEAD]), Ok("application/zip"), "the end is not seen");
    }
    let table = stored(&[("Index/Document.iwa", b"x"), ("Index/Tables/DataList.iwa", b"x")]);
    is("a", &table, "application/zip");
    is("a.pages", &table, "application/x-iwork-pages-sffpages");
    is("a.numbers", &table, "application/x-iwork-numbers-sffnumbers");
    let slides = archive(&[("Index/Tables/DataList.iwa", &[7; 9000]), ("Index/Slide-12.iwa", b"x")]);
    is("a", &slides, "application/x-iwork-keynote-sffkey");
}

#[test]
fn texts_are_taken_as_texts() {
    let long = |text: &[u8]| text.repeat(10);
    let texts: [Vec<u8>; 18] = [
        b"#! shopping\nmilk\n".to_vec(),
        b"#!bang\n".to_vec(),
        b"#!\n".to_vec(),
        b"caf\xE9 cr\xE8me\n".to_vec(),
        b"\x93smart\x94 \x96 quotes\n".to_vec(),
        long(b"\xCF\xF0\xE8\xE2\xE5\xF2, \xEC\xE8\xF0\n"), // windows-1251
        long(b"\x93\xFA\x96{\x8C\xEA\x82\xCC\x83e\x83L\x83X\x83g\r\n"), // Shift-JIS
        long(b"\xD6\xD0\xCE\xC4\xCE\xC4\xB1\xBE\x81\x30\x81\x30\n"), // GB18030
        b"hello\r\n\x1A".to_vec(),
        b"gr\xFC\xDFe\r\n\x1A\x1A".to_vec(),
        b"bell\x07 and b\x08backspace\n".to_vec(),
        b"\x1B[1mbold\x1B[0m\n".to_vec(),
        b"MZ is a text".to_vec(),
        b"www".to_vec(),
        b"#!/".to_vec()[..2].to_vec(),
        b"a text that is cut within a character: \xC3".to_vec(),
        b"\xEF\xBB\xBF#! shopping\n".to_vec(),
        b"OLD TEXT WITHOUT AN END\x1A".to_vec(),
    ];
    for text in texts {
        is("a", &text, "text/plain");
        is("a.unheard-of", &text, "text/plain");
        // an extension alone refuses nothing that reads as text
        if text.len() > 4 {
            for extension in
                ["com", "exe", "so", "a", "pub", "msg", "flac", "ogg", "avif", "7z", "nef", "class", "lib"]
            {
                is(&format!("chat-www.example.{extension}"), &text, "text/plain");
            }
        }
        is("script.bat", &text, "! is a Windows script");
        is_declared(
            "text/plain",
            "www.example.com",
            &text,
            if text.len() > 4 { "text/plain" } else { "! a Windows" },
        );
    }
    is("a", b"BEGIN:VCARD\r\nN:a\0b\r\nEND:VCARD\r\n", "text/vcard");
    is("a", b"{\\rtf1 hello}\0", "text/rtf");
    is("a", b"<!DOCTYPE html><p>\0</p>", "text/html");
    is("a.jpg", b"BEGIN:VCARD\r\nN:a\0b\r\nEND:VCARD\r\n", "! is text (text/vcard)");
    for script in
        [&b"#!/bin/sh\n"[..], b"#! /usr/bin/env python3\n", b"#!\t/bin/sh\n", b"\xEF\xBB\xBF#!/bin/sh\n"]
    {
        is("a.txt", script, "! is an executable script");
    }
    for binary in
        [&b"a\0b"[..], b"\x01\x02 and words\n", b"\xFF\xFB\x90\x64", b"\xE2\x82", &[0xFF; 100], b"\x1A", b""]
    {
        assert_ne!(decided(None, "a", binary), Ok("text/plain"), "{binary:?}");
    }
}

#[test]
fn messages_lead_somewhere() {
    let office = ole2(b"", &["Contents"]);
    let class = |class: &[u8]| ole2(class, &["Contents"]);
    let short = |start: &[u8]| [start, &[0; 100]].concat();
    let kinds: [(&str, Vec<u8>, &str); 36] = [
        ("a.pub", office.clone(), "a Publisher document, which Linq does not accept; save it as PDF"),
        ("a.vsd", office.clone(), "a Visio drawing, which Linq does not accept; export it as PDF"),
        ("a.mpp", office.clone(), "a Microsoft Project plan, which Linq does not accept; save it as PDF"),
        ("a.msg", office.clone(), "an Outlook message, which Linq does not accept; save it as PDF"),
        ("a.hwp", office.clone(), "a Hangul document, which Linq does not accept; save it as PDF"),
        ("a", class(b"\x01\x12\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46"), "a Publisher document"),
        ("a", class(b"\x14\x1A\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46"), "a Visio drawing"),
        (
            "a",
            class(b"\x3A\x8F\xB7\x74\xC8\xC8\xD1\x11\xBE\x11\0\xC0\x4F\xB6\xFA\xF1"),
            "a Microsoft Project plan",
        ),
        ("a", ole2(b"", &["VisioDocument"]), "a Visio drawing"),
        ("a", ole2(b"", &["__properties_version1.0"]), "an Outlook message"),
        ("a", ole2(b"", &["\u{5}HwpSummaryInformation"]), "a Hangul document"),
        ("a", office.clone(), "an OLE2 document"),
        ("a", short(b"\0\x01\0\0\0\x10"), "a font, which Linq does not accept; pack it as a ZIP archive"),
        ("a", short(b"OTTO\0\x0B"), "a font"),
        ("a", short(b"ttcf\0\x01\0\0"), "a font"),
        ("a", short(b"wOFF\0\x01\0\0"), "a font"),
        ("a", short(b"wOF2OTTO"), "a font"),
        ("a.ttf", b"\x01\x02\x03".to_vec(), "a font"),
        ("a", short(b"AC1027\0\0"), "an AutoCAD drawing, which Linq does not accept; export it as PDF"),
        (
            "a",
            short(b"SQLite format 3\0"),
            "an SQLite database, which Linq does not accept; pack it as a ZIP",
        ),
        (
            "a",
            [&[0x41; 60][..], b"BOOKMOBI\0\0"].concat(),
            "a Kindle book, which Linq does not accept; convert it to EPUB",
        ),
        ("a", short(b"AT&TFORM\0\0\x01\0DJVM"), "a DjVu document"),
        (
            "a",
            short(b"FUJIFILMCCD-RAW 0201"),
            "a camera's raw photo, which Linq does not accept; export it as JPEG or HEIC",
        ),
        ("a", short(b"IIU\0\x18\0\0\0"), "a camera's raw photo"),
        ("a", short(b"IIRO\x08\0\0\0"), "a camera's raw photo"),
        ("a", short(b"II*\0\x10\0\0\0CR\x02\0"), "a camera's raw photo"),
        ("a", short(b"FOVb\0\0\x02\0"), "a camera's raw photo"),
        ("a", short(b"\0MRM\0\0"), "a camera's raw photo"),
        (
            "a.ogv",
            short(b"OggS\0\x02"),
            "an Ogg file, which Linq does not accept; convert it to MP4 if it is a video, to M4A",
        ),
        (
            "a",
            short(b"OggS\0\x02\0\0\0\0\0\0\0\0\x80theora"),
            "an Ogg video, which Linq does not accept; convert it to MP4",
        ),
        (
            "a",
            short(b"OggS\0\x02\0\0\0\0\0\0\0\0\x01vorbis"),
            "an Ogg audio file, which Linq does not accept; convert it to M4A",
        ),
        (
            "a.wma",
            short(b"0&\xB2u\x8Ef\xCF\x11\xA6\xD9\0\xAA\0b\xCEl"),
            "a Windows Media file, which Linq does not accept; convert it to MP4 if it is a video, to M4A",
        ),
        ("a.wma", b"".to_vec(), "a Windows Media audio file, which Linq does not accept; convert it to M4A"),
        ("a.ogv", b"".to_vec(), "an Ogg video, which Linq does not accept; convert it to MP4"),
        ("a.mka", b"".to_vec(), "a Matroska audio file, which Linq does not accept; convert it to M4A"),
        (
            "a.silk",
            short(b"#!SILK_V3"),
            "a SILK voice recording, which Linq does not accept; convert it to M4A",
        ),
    ];
    for (name, bytes, words) in kinds {
        is(name, &bytes, &format!("! {name} is {words}"));
    }
    for extension in [
        "dng", "nef", "nrw", "arw", "sr2", "cr2", "crw", "orf", "pef", "srw", "raf", "rw2", "rwl", "3fr",
        "iiq", "dcr",
    ] {
        let name = format!("a.{extension}");
        is(
            &name,
            b"II*\0\x08\0\0\0",
            "! a camera's raw photo, which Linq does not accept; export it as JPEG or HEIC",
        );
        is_declared("image/tiff", &name, b"II*\0\x08\0\0\0", "image/tiff");
    }
    is("a", b"\x01\x02\x03", "! or pack it as a ZIP archive");
    is("a", &office, "! declare its content type, or save it as PDF if it is none of them");
    is_declared(
        "image/jpeg",
        "a.pub",
        &office,
        "! a Publisher document cannot be sent as it is: save it as PDF",
    );
    is_declared("application/octet-stream", "a.jpg", &[0; 99], "! it does not begin as a JPEG image does");
    is_declared("application/octet-stream", "a.jpg", b"Not Found", "! declare text/plain to send the text");
}

/// An archive whose entries are stored, with their sizes in their headers.
pub fn stored(entries: &[(&str, &[u8])]) -> Vec<u8> {
    entries.iter().flat_map(|(name, data)| local_entry(name, data, b"")).collect()
}

fn local_entry(name: &str, data: &[u8], extra: &[u8]) -> Vec<u8> {
    let size = (data.len() as u32).to_le_bytes();
    let header = [&b"PK\x03\x04\x0A\0\0\0\0\0\0\0!Z\0\0\0\0"[..], &size, &size].concat();
    let lengths = [name.len() as u16, extra.len() as u16].map(u16::to_le_bytes).concat();
    [&header[..], &lengths, name.as_bytes(), extra, data].concat()
}

/// The same with the directory behind them; its entries have extra fields and comments.
fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let files = stored(entries);
    let directory: Vec<u8> = entries
        .iter()
        .flat_map(|(name, _)| {
            let lengths = [name.len() as u8, 0, 4, 0, 3, 0];
            [&b"PK\x01\x02"[..], &[0; 24], &lengths, &[0; 12], name.as_bytes(), b"UT\0\0", b"PK\x01"].concat()
        })
        .collect();
    let size = (directory.len() as u32).to_le_bytes();
    let comment = b"a comment";
    let end = [&b"PK\x05\x06"[..], &[0; 8], &size, &[0; 4], &[comment.len() as u8, 0], comment].concat();
    [files, directory, end].concat()
}

#[test]
fn the_entries_of_an_archive_are_found_behind_whatever_belongs_to_others() {
    let pass = b"pass.json";
    for (extra, data) in [
        (&b""[..], &b""[..]),
        (b"UT\x05\0\x01\0\0\0\0", b"x"),
        (b"", b"PK\x03"),
        (b"12", b"PK\x03\x04 no header"),
    ] {
        let first = local_entry("first.bin", data, extra);
        let second = local_entry("pass.json", b"{}", b"");
        is("a", &[&first[..], &second].concat(), "application/vnd.apple.pkpass");
        // one entry that only looks like one, in the data of the first
        let hidden = local_entry("pass.json", b"{}", b"");
        let first = local_entry("first.bin", &hidden, extra);
        is("a", &[&first[..], &local_entry("last.txt", b"x", extra)].concat(), "application/zip");
        // sizes that come behind the data
        let mut streamed = local_entry("first.bin", &[7; 300], extra);
        streamed[6] = 8;
        streamed[18..26].fill(0);
        let descriptor = b"PK\x07\x08\0\0\0\0\x2C\x01\0\0\x2C\x01\0\0";
        is("a", &[&streamed[..], descriptor, &second].concat(), "application/vnd.apple.pkpass");
        streamed[18..22].copy_from_slice(&u32::MAX.to_le_bytes());
        is("a", &[&streamed[..], descriptor, &second].concat(), "application/vnd.apple.pkpass");
    }
    let late = [&[7; 400][..], &local_entry("pass.json", b"{}", b"")].concat();
    is("a", &local_entry("first.bin", &late, &[0; 300]), "application/zip");
    is("a", &local_entry(&"long".repeat(80), &late, b""), "application/zip");
    // the first entry alone may be the type, also with an extra field before it
    is("a", &local_entry("mimetype", b"application/epub+zip", b"extra"), "application/epub+zip");
    is("a", &local_entry("mimetype", b"text/plain", b""), "application/zip");
    // names that are cut say nothing
    let cut = local_entry("pass.json", b"", b"");
    is("a", &cut[..cut.len() - 1], "application/zip");
    assert!(stored(&[("pass.json", pass)]).len() > 30);
}

#[test]
fn no_bytes_are_no_text() {
    is("a.bin", b"", "! cannot be told");
    is_declared("image/jpeg", "a.com", b"", "! a Windows program");
    is_declared("application/vnd.ms-excel", "a.xls", b"", "application/vnd.ms-excel");
    is("a.flac", b"", "! a FLAC audio file");
}
