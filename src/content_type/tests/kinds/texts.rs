//! Texts, and programs that look like texts.

use super::*;

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
fn no_bytes_are_no_text() {
    is("a.bin", b"", "! cannot be determined");
    is_declared("image/jpeg", "a.com", b"", "! a Windows program");
    is_declared("application/vnd.ms-excel", "a.xls", b"", "application/vnd.ms-excel");
    is("a.flac", b"", "! a FLAC audio file");
}

#[test]
fn a_private_key_is_a_text_to_who_means_it() {
    let key = b"-----BEGIN PRIVATE KEY-----\nMIIE\n";
    for name in ["key", "key.jpg", "key.com", "key.bat", "key.xls"] {
        is_declared("text/plain", name, key, "text/plain");
        is_declared("image/jpeg", name, key, "! looks like a private key");
        if name != "key.bat" {
            is(name, key, "! looks like a private key");
        }
    }
}
