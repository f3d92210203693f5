//! Names that promise what the bytes are not, and messages that say so.

use super::*;

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
                _ if name == "a.key" => refused(zeros, &["cannot be determined"]),
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
    refused(
        decided(None, name, bytes),
        &[name, "a WebP image", "; convert it to JPEG or PNG, or allow WebP and SVG"],
    );
    assert_eq!(undeclared(name, bytes), Ok("image/webp"));
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
    is("a", &office, "! declare its content type, or save it as PDF if it is something else");
    is_declared(
        "image/jpeg",
        "a.pub",
        &office,
        "! a Publisher document cannot be sent as it is: save it as PDF",
    );
    is_declared("application/octet-stream", "a.jpg", &[0; 99], "! it does not begin as a JPEG image does");
    is_declared("application/octet-stream", "a.jpg", b"Not Found", "! declare text/plain to send the text");
}
