//! What the bytes prove, and what they do not.

use super::kinds::stored;
use super::*;

#[test]
fn every_type_is_seen_in_its_bytes_without_a_name() {
    for (name, head) in SUPPORTED_SAMPLES {
        assert_eq!(detect(None, head, &[]).map(ContentType::name), Some(*name));
        assert_eq!(undeclared("", head), Ok(*name));
    }
}

#[test]
fn archives_and_streams_with_marks_further_in_are_refused() {
    let mut tar = vec![0; 512];
    tar[..5].copy_from_slice(b"a.txt");
    tar[257..263].copy_from_slice(b"ustar\0");
    refused(undeclared("a.jpg", &tar), &["a tar archive", "gzip"]);
    let mut stream = vec![0xFF; 188 * 6];
    stream.iter_mut().step_by(188).for_each(|sync| *sync = b'G');
    stream[1] = 0;
    refused(declared("video/mpeg", "a.ts", &stream), &["transport stream"]);
}

#[test]
fn weak_signatures_refuse_nothing() {
    let texts: &[&[u8]] = &[
        b"BM is a bitmap's beginning",
        b"MZ are the initials of Mark Zbikowski",
        b"ID3 is a tag",
        b"PK is a name",
        b"OggS is a container",
        b"fLaC is a codec",
        b"RIFF is a phrase",
        b"I'm free today",
        b"#1 of a list",
        b"BC before Christ",
        b"BZh is not enough",
        b"GIF is an image",
        b"8BPS",
        b"MSCF",
        b"7z",
        b"FORM of words",
        b"GGGGGGGGGGGGGGGGGGGGG",
        b"see %PDF-1.4 for details",
        b"#![allow(unused)]\n",
        b"MThd",
        b"caff",
    ];
    for text in texts {
        assert_eq!(undeclared("notes.txt", text), Ok("text/plain"), "{text:?}");
        assert_eq!(declared("text/csv", "notes", text), Ok("text/csv"), "{text:?}");
    }
    let weak: &[&[u8]] = &[
        b"MZ\x90\0\x03\0\0\0",
        b"BM\x01\x02\x03",
        b"\0\0\x01\0\x01\0\x10\x10",
        b"\xFF\xFB\x90\x64",
        b"\xFF\xF1\x50\x80\x02\x1F\xFC",
        b"\0\0\x01\xB3\x16\0",
        b"plain words",
        b"\xFF\x0A",
        b"junk\x01%PDF-1.4",
        b"\xFE\xFF\0h\0i",
    ];
    for head in weak {
        for (name, lenient) in [("a.pdf", "application/pdf"), ("a.mp3", "audio/mpeg"), ("a.bmp", "image/bmp")]
        {
            assert_eq!(declared(lenient, name, head), Ok(lenient), "{head:?}");
            assert_eq!(undeclared(name, head), Ok(lenient), "{head:?}");
        }
    }
}

#[test]
fn four_letters_count_unless_a_text_claims_them() {
    refused(undeclared("song.mp3", b"fLaC...."), &["FLAC"]);
    refused(undeclared("", b"OggS...."), &["Ogg"]);
    refused(declared("text/plain", "a", b"fLaC\0\0\0\x22"), &["FLAC"]);
}

#[test]
fn what_follows_an_id3_tag_decides() {
    let tag = |size: usize, rest: &[u8]| {
        let mut head = b"ID3\x04\0\0".to_vec();
        head.extend([size >> 21, size >> 14, size >> 7, size].map(|seven| (seven & 0x7F) as u8));
        head.resize(10 + size, 0);
        head.extend_from_slice(rest);
        head
    };
    assert_eq!(undeclared("a", &tag(300, b"\xFF\xFB\x90\x64")), Ok("audio/mpeg"));
    assert_eq!(undeclared("a", &tag(300, b"\xFF\xF1\x50\x80\x02\x1F\xFC")), Ok("audio/aac"));
    assert_eq!(undeclared("a.aac", &tag(300, b"")), Ok("audio/aac"));
    refused(undeclared("a.mp3", &tag(300, b"fLaC\0\0\0\x22")), &["FLAC"]);
    let two = [tag(30, b""), tag(40, b"fLaC\0\0\0\x22")].concat();
    refused(undeclared("a.mp3", &two), &["FLAC"]);
    let mut footed = tag(30, b"3DI-footer");
    footed[5] = 0x10;
    refused(undeclared("a.mp3", &[&footed, &b"fLaC\0\0\0\x22"[..]].concat()), &["FLAC"]);
    let far = [tag(5000, b""), tag(20, b""), tag(6000, b"fLaC\0\0\0\x22")].concat();
    assert_eq!(of(Some("a.mp3"), &far), None);
    assert_eq!(of(Some("a.mp3"), &far[..11_000]).map(ContentType::name), Some("audio/mpeg"), "not seen");

    let mut long = tag(100_000, b"");
    long.truncate(HEAD);
    assert_eq!(sniff::probe_offset(&long, 200_000), Some(100_010));
    assert_eq!(undeclared("a", &long), Ok("audio/mpeg"));
    let seen = |further| decide(None, "a.mp3", &long, further, true).map(ContentType::name);
    assert_eq!(seen(b"\xFF\xFB\x90\x64"), Ok("audio/mpeg"));
    assert_eq!(seen(b"\xFF\xF9\x50\x80\x02\x1F\xFC"), Ok("audio/aac"));
    refused(seen(b"fLaC\0\0\0\x22"), &["FLAC"]);
}

#[test]
fn aac_and_mp3_are_told_apart_and_two_frames_are_proof() {
    let mut mp3 = vec![0; 417 + 4]; // 144 * 128000 / 44100
    mp3[..4].copy_from_slice(b"\xFF\xFB\x90\x64");
    mp3[417..].copy_from_slice(b"\xFF\xFB\x90\x64");
    refused(declared("audio/aac", "a.aac", &mp3), &["audio/mpeg", "audio/aac"]);
    assert_eq!(undeclared("a.aac", &mp3), Ok("audio/mpeg"));

    // MPEG-2 at 22 050 Hz, 2.5 at 11 025 Hz, layers II and I of both, each with the length of its frame
    for (frame, length) in [
        (b"\xFF\xF3\x80\xC4", 208),
        (b"\xFF\xE3\x80\xC4", 417),
        (b"\xFF\xFD\x80\xC4", 417),
        (b"\xFF\xF5\x80\xC4", 417),
        (b"\xFF\xFF\x80\xC4", 276),
        (b"\xFF\xF7\x80\xC4", 276),
        (b"\xFF\xF3\x82\xC4", 209),
    ] {
        let frames = [&frame[..], &vec![0; length - 4], frame].concat();
        refused(declared("audio/aac", "a.aac", &frames), &["audio/mpeg", "audio/aac"]);
        assert_eq!(
            declared("audio/aac", "a.aac", &frames[..length]),
            Ok("audio/aac"),
            "one frame is no proof"
        );
    }

    let mut aac = vec![0; 16 + 7];
    aac[..7].copy_from_slice(b"\xFF\xF1\x50\x80\x02\x1F\xFC");
    aac[16..].copy_from_slice(b"\xFF\xF1\x50\x80\x02\x1F\xFC");
    refused(declared("audio/mpeg", "a.mp3", &aac), &["audio/aac", "audio/mpeg"]);
    assert_eq!(undeclared("a.mp3", &aac), Ok("audio/aac"));
    assert_eq!(undeclared("a.mp3", &aac[..16]), Ok("audio/mpeg"), "one frame is no proof");
    assert_eq!(undeclared("a", &aac[..16]), Ok("audio/aac"));
    refused(undeclared("a", &[0xFF; 100]), &["cannot be determined"]);
}

#[test]
fn an_archive_is_what_its_own_entries_say() {
    const WORD: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let docx = stored(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<document/>")]);
    let pass = stored(&[("icon.png", b"\x89PNG"), ("pass.json", b"{}")]);
    let core = stored(&[("docProps/core.xml", b"<x/>"), ("word/document.xml", b"<document/>")]);
    let thumbnail = stored(&[("docProps/thumbnail.jpeg", JPEG), ("word/document.xml", b"<document/>")]);
    let app = stored(&[("docProps/app.xml", b"<x/>"), ("word/document.xml", b"<document/>")]);
    for (archive, name) in [
        (&docx, WORD),
        (&core, WORD),
        (&app, WORD),
        (&thumbnail, WORD),
        (&pass, "application/vnd.apple.pkpass"),
        (&stored(&[("index.apxl.gz", b"")]), "application/x-iwork-keynote-sffkey"),
        (&stored(&[("a.docx", &docx)]), "application/zip"),
        (&stored(&[("a.pkpass", &pass), ("b.txt", b"")]), "application/zip"),
        (&stored(&[("a.docx", &docx), ("pass.json", b"")]), "application/vnd.apple.pkpass"),
        (&stored(&[("docProps/readme.txt", b"x"), ("word/list.txt", b"x")]), "application/zip"),
        (&stored(&[("pass.json.txt", b"x")]), "application/zip"),
    ] {
        assert_eq!(undeclared("backup.bin", archive), Ok(name));
    }
}

#[test]
fn an_iwork_document_is_no_pages_document_for_what_all_of_them_have() {
    let document = [7; 7000];
    let numbers = stored(&[("Index/Document.iwa", &document), ("Index/Tables/DataList.iwa", b"x")]);
    let head = &numbers[..HEAD];
    assert_eq!(undeclared("budget", head), Ok("application/zip"));
    for (name, expected) in [
        ("budget.numbers", "application/x-iwork-numbers-sffnumbers"),
        ("letter.pages", "application/x-iwork-pages-sffpages"),
        ("talk.key", "application/x-iwork-keynote-sffkey"),
    ] {
        assert_eq!(undeclared(name, head), Ok(expected));
        refused(declared("image/jpeg", name, head), &[&format!("declare {expected}, or leave")]);
    }
}

#[test]
fn ole2_documents_are_told_by_class_or_stream() {
    let classes: &[(&[u8; 16], &str)] = &[
        (b"\x06\x09\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46", "application/msword"),
        (b"\x20\x08\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46", "application/vnd.ms-excel"),
        (b"\x10\x08\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46", "application/vnd.ms-excel"),
        (b"\x10\x8D\x81\x64\x9B\x4F\xCF\x11\x86\xEA\0\xAA\0\xB9\x29\xE8", "application/vnd.ms-powerpoint"),
    ];
    let installers: [&[u8; 16]; 3] = [
        b"\x84\x10\x0C\0\0\0\0\0\xC0\0\0\0\0\0\0\x46",
        b"\x82\x10\x0C\0\0\0\0\0\xC0\0\0\0\0\0\0\x46",
        b"\x86\x10\x0C\0\0\0\0\0\xC0\0\0\0\0\0\0\x46",
    ];
    let outlook = b"\x0B\x0D\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46";
    let streams = [
        ("WordDocument", "application/msword"),
        ("Workbook", "application/vnd.ms-excel"),
        ("Book", "application/vnd.ms-excel"),
        ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ];
    for (shift, sector) in [(9, 2), (9, 1000_u32), (12, 0), (12, 30)] {
        let mut head = vec![0; HEAD];
        head[..8].copy_from_slice(b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1");
        head[30] = shift;
        head[48..52].copy_from_slice(&sector.to_le_bytes());
        let at = (sector as usize + 1) << shift;
        let look = sniff::probe_offset(&head, 1 << 30);
        assert_eq!(look, (at + FURTHER > HEAD).then_some(at as u64));
        let seen_in = |directory: &[u8]| {
            let mut head = head.clone();
            let further = if at >= HEAD { directory } else { &[] };
            if at < HEAD {
                head[at..at + directory.len()].copy_from_slice(directory);
            }
            decide(None, "file", &head, further, true).map(ContentType::name)
        };
        let seen = |class: &[u8; 16]| seen_in(&[&[0; 80], &class[..]].concat());
        for (stream, name) in streams {
            // the root's entry without a class, one of another stream, and the one that tells
            let mut directory = vec![0; 3 * 128];
            for (entry, byte) in stream.encode_utf16().flat_map(u16::to_le_bytes).enumerate() {
                directory[2 * 128 + entry] = byte;
            }
            assert_eq!(seen_in(&directory), Ok(name));
        }
        for (class, name) in classes {
            assert_eq!(seen(class), Ok(*name));
        }
        for class in installers {
            refused(seen(class), &["a Windows installer"]);
        }
        refused(seen(outlook), &["an Outlook message"]);
    }
}

#[test]
fn svg_is_found_behind_everything_that_may_come_first() {
    let svgs = [
        "\u{FEFF}  \n<svg/>",
        "<?xml version=\"1.0\"?>\n<!-- made <svg> by hand -->\n<svg width=\"1\">",
        "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"http://www.w3.org/svg11.dtd\">\n<svg>",
        "<?xml version=\"1.0\"?><!DOCTYPE svg [ <!ENTITY a \"b\"> ]><svg:svg xmlns:svg=\"x\">",
        "<!DOCTYPE svg [ <!ENTITY x \"]>\"> ]><svg/>",
        "<!DOCTYPE svg [ <!-- longer than what is looked at",
    ];
    for svg in svgs {
        assert_eq!(undeclared("", svg.as_bytes()), Ok("image/svg+xml"), "{svg}");
        let utf16: Vec<u8> = [0xFFFE_u16]
            .into_iter()
            .map(u16::swap_bytes)
            .chain(svg.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(undeclared("", &utf16), Ok("image/svg+xml"), "{svg}");
    }
    let others = [
        ("<?xml version=\"1.0\"?><rss/>", "text/xml"),
        ("<!-- <svg> --><html lang=\"en\">", "text/html"),
        ("<!doctype HTML>", "text/html"),
        ("\n<BODY>", "text/html"),
        ("<svgfoo>", "text/plain"),
        ("<p>a fragment</p>", "text/plain"),
        ("<!-- never closed", "text/plain"),
        ("< svg>", "text/plain"),
        ("BEGIN:VCALENDAR\r\n", "text/calendar"),
        ("\u{FEFF}begin:vcard\n", "text/vcard"),
        ("[1] a footnote", "text/plain"),
        ("{braces}", "text/plain"),
        ("[ {\"a\": 1}]", "application/json"),
    ];
    for (text, name) in others {
        assert_eq!(undeclared("", text.as_bytes()), Ok(name), "{text}");
    }
    let utf16_xml: Vec<u8> =
        "<?xml version=\"1.0\"?><a/>".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(undeclared("", &utf16_xml), Ok("text/xml"));
}

#[test]
fn text_is_what_reads_as_text() {
    assert_eq!(undeclared("README", b"hello\n\x1B[1mbold\x1B[0m\x0C"), Ok("text/plain"));
    assert_eq!(undeclared("a.unknown", "grüße €".as_bytes()), Ok("text/plain"));
    assert_eq!(undeclared("", &"grüße €".as_bytes()[..10]), Ok("text/plain"), "cut within a character");
    assert_eq!(undeclared("main.c", b"int a = 1;\n"), Ok("text/plain"));
    assert_eq!(undeclared("app.ts", b"let a: number = 1;\n"), Ok("text/plain"));
    assert_eq!(undeclared("", b"\xFF\xFEh\0i\0"), Ok("text/plain"));
    assert_eq!(undeclared("", b"\xFF\xFEh\0\x3D\xD8"), Ok("text/plain"), "cut within a pair");
    for binary in [&b"a\0b"[..], b"\x01", b"\xFF\xFE\0\0", b"\xE2", b"\x1A"] {
        refused(undeclared("", binary), &["the file", "declare one", "image/jpeg"]);
        assert_eq!(undeclared("a.txt", binary), Ok("text/plain"));
    }
}

#[test]
fn one_byte_that_is_not_utf8_hides_no_signature() {
    let texts: [(&str, &[u8]); 8] = [
        ("text/html", b"<!DOCTYPE html><html><body>Gr\xFC\xDFe</body></html>"),
        ("text/html", b"\xEF\xBB\xBF\n<html><body>Gr\xFC\xDFe"),
        ("text/xml", b"<?xml version=\"1.0\" encoding=\"iso-8859-1\"?><a>\xFC</a>"),
        ("text/rtf", b"{\\rtf1\\ansi Gr\xFC\xDFe}"),
        ("text/vcard", b"BEGIN:VCARD\r\nVERSION:2.1\r\nN:M\xFCller;J\xFCrgen\r\n"),
        ("text/calendar", b"BEGIN:VCALENDAR\r\nSUMMARY:Gr\xFC\xDFe\r\n"),
        ("text/plain", b"-----BEGIN CERTIFICATE-----\n# Schl\xFCssel\n"),
        ("image/svg+xml", b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><svg><text>\xFC</text></svg>"),
    ];
    for (name, text) in texts {
        assert_eq!(undeclared("", text), Ok(name));
        if name == "image/svg+xml" {
            assert_eq!(undeclared("photo.jpg", text), Ok(name));
        } else {
            refused(undeclared("photo.jpg", text), &["photo.jpg is text", name, "not a JPEG image"]);
        }
        refused(declared("image/jpeg", "photo.jpg", text), &["photo.jpg is a text file", name, "image/jpeg"]);
    }
    // what proves nothing in UTF-8 proves nothing here
    for text in [&b"Gr\xFC\xDFe"[..], b"{\"a\": \"\xFC\"}", b"<p>\xFC"] {
        assert_eq!(declared("application/pdf", "a.pdf", text), Ok("application/pdf"));
        assert_eq!(undeclared("a.pdf", text), Ok("application/pdf"));
    }
}

#[test]
fn a_cut_head_never_turns_a_supported_file_into_a_rejected_one() {
    for (name, head) in SUPPORTED_SAMPLES {
        for length in 0..head.len() {
            let seen = sniff::sniff(&head[..length], &[]);
            assert!(
                !matches!(seen, Seen::Unsupported(..) | Seen::PrivateKey),
                "{name} cut to {length}: {seen:?}"
            );
            let _ = sniff::probe_offset(&head[..length], 1 << 30);
            assert_eq!(declared(name, "file", &head[..length]), Ok(*name), "cut to {length}");
        }
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let samples = SUPPORTED_SAMPLES.iter().chain(REJECTED_SAMPLES);
    for (_, sample) in samples.chain([&("", OLE2_WITHOUT_CLASS)]) {
        for length in 0..64 {
            for kept in [0, 2, 4, 8, 12, 30] {
                let mut head: Vec<u8> = (0..length).map(|_| random()).collect();
                let kept = length.min(kept).min(sample.len());
                head[..kept].copy_from_slice(&sample[..kept]);
                let further: Vec<u8> = (0..random() % 20).map(|_| random()).collect();
                let _ = decide(None, "a.key", &head, &further, false);
                let _ = decide(Some("text/plain"), "a", &head, &further, true);
                let _ = detect(None, &head, &further);
            }
        }
    }
}
