//! Office documents, archives and what is inside them.

use super::*;

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
    let words = "! a is an Office document that is protected by a password, but was declared as application/zip; name it";
    is_declared("application/zip", "a", &locked, words);
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
fn weak_guesses_are_no_longer_made() {
    let signed =
        b"\x30\x82\x10\0\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02\xA0\x82\x0F\xF0%PDF-1.4\0\0\0\0";
    for name in ["a", "a.p7m", "a.pdf", "a.pdf.p7m"] {
        is(name, signed, "! is a signed message");
    }
    is("a.p7m", b"", "! is a signed message");
    let keys =
        b"\x30\x82\x0A\x10\x02\x01\x03\x30\x82\x09\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x07\x01\xA0\x82\x09";
    is("a.p12", keys, "! cannot be determined"); // PKCS #12 has the next number
    is_declared("application/pdf", "a.p7m", signed, "! is a signed message");
    // behind a message's head, a PDF is not what the file is; under its own name it is, whatever comes before
    let mail = b"Content-Type: application/pdf\r\n\r\n%PDF-1.4\n\x01\0\xFF";
    is("a", mail, "! cannot be determined");
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
