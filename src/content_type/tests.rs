use super::detected::{Confidence, Seen};
use super::file::extension;
use super::table::{Family, Note, SUPPORTED};
use super::*;
use std::collections::HashSet;

mod cases;
mod kinds;
mod samples;
mod signatures;
use samples::*;

/// What a file is taken for with nothing declared, WebP and SVG allowed.
fn undeclared(name: &str, head: &[u8]) -> Result<&'static str, String> {
    decide(None, name, head, &[], true).map(ContentType::name)
}

fn declared(word: &str, name: &str, head: &[u8]) -> Result<&'static str, String> {
    decide(Some(word), name, head, &[], true).map(ContentType::name)
}

#[track_caller]
fn refused(result: Result<&'static str, String>, words: &[&str]) {
    let message = result.expect_err("should be refused");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

/// Every row once more, by hand, so that none changes unnoticed.
#[test]
fn the_table_is_what_it_is_meant_to_be() {
    let list = |words: &[&str]| if words.is_empty() { "-".to_owned() } else { words.join(" ") };
    let rows = SUPPORTED.iter().map(|row| {
        let (extensions, aliases) = (list(row.extensions()), list(row.aliases()));
        format!("{} | {:?} | {:?} | {extensions} | {aliases}", row.name(), row.family(), row.note())
    });
    assert!(rows.eq(include_str!("tests/table.txt").lines()), "table.rs and tests/table.txt differ");
}

#[test]
fn the_table_holds_every_type_once() {
    let names: HashSet<_> = SUPPORTED.iter().map(ContentType::name).collect();
    assert_eq!((SUPPORTED.len(), names.len()), (51, 51));
    assert!(names.iter().all(|name| name.contains('/')));
    let mut words = HashSet::new();
    for row in SUPPORTED {
        assert!(words.insert(row.name()), "{} twice", row.name());
        assert!(row.aliases().iter().all(|&alias| words.insert(alias)), "an alias of {} twice", row.name());
        assert_eq!(row.c_name().to_str(), Ok(row.name()));
        assert_eq!(row.extensions().is_empty(), row.note() == Note::Deprecated, "{}", row.name());
    }
}

#[test]
fn no_extension_has_two_meanings_in_the_tables() {
    let mut seen = HashSet::new();
    for &extension in SUPPORTED.iter().flat_map(ContentType::extensions) {
        assert!(seen.insert(extension), "{extension}");
        assert!(unsupported::by_extension(extension).is_none(), "{extension}");
    }
}

#[test]
fn every_type_is_known_by_its_extensions_alone() {
    for row in SUPPORTED {
        for extension in row.extensions() {
            for name in [format!("a.{extension}"), format!("dir.zip/a.b.{}", extension.to_uppercase())] {
                assert_eq!(detect(Some(&name), &[], &[]), Some(row), "{name}");
            }
        }
    }
}

#[test]
fn every_type_may_be_declared_for_its_own_bytes() {
    for row in SUPPORTED {
        let Some((_, head)) = SUPPORTED_SAMPLES.iter().find(|(name, _)| *name == row.name()) else {
            continue; // deprecated names and types without a signature: below
        };
        assert_eq!(declared(row.name(), "file", head), Ok(row.name()));
        for alias in row.aliases() {
            let loud = format!(" {} ; charset=utf-8", alias.to_uppercase());
            assert_eq!(declared(&loud, "file", head), Ok(row.name()), "{alias}");
        }
    }
    for row in SUPPORTED {
        assert_eq!(declared(row.name(), "file", &[]), Ok(row.name()));
    }
}

#[test]
fn the_samples_cover_the_table() {
    let without_signature = [
        "audio/mp3",
        "audio/mp4",
        "audio/aiff",
        "text/markdown",
        "text/csv",
        "application/x-iwork-pages-sffpages",
        "application/x-iwork-numbers-sffnumbers",
    ];
    for row in SUPPORTED {
        let sampled = SUPPORTED_SAMPLES.iter().any(|(name, _)| *name == row.name());
        assert_ne!(sampled, without_signature.contains(&row.name()), "{}", row.name());
    }
    assert_eq!(undeclared("a.md", b"# Title\n"), Ok("text/markdown"));
    assert_eq!(undeclared("a.csv", b"a,b\n1,2\n"), Ok("text/csv"));
    assert_eq!(undeclared("a.pages", PAGES), Ok("application/x-iwork-pages-sffpages"));
    assert_eq!(undeclared("a.numbers", PAGES), Ok("application/x-iwork-numbers-sffnumbers"));
}

#[test]
fn deprecated_names_are_taken_from_the_caller_and_never_detected() {
    let m4a = b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42";
    assert_eq!(declared("audio/mp3", "a.mp3", MP3), Ok("audio/mp3"));
    assert_eq!(declared("audio/mp4", "a.m4a", m4a), Ok("audio/mp4"));
    assert_eq!(declared("audio/aiff", "a.aiff", b"FORM\0\0\0\x2EAIFFCOMM"), Ok("audio/aiff"));
    for (_, head) in SUPPORTED_SAMPLES {
        assert_ne!(detect(None, head, &[]).map(ContentType::note), Some(Note::Deprecated));
    }
}

#[test]
fn rejected_kinds_are_refused_whatever_they_are_called_or_declared() {
    for (what, head) in REJECTED_SAMPLES {
        for name in ["", "photo.jpg", "notes.txt", "a.zip", "no-extension"] {
            refused(undeclared(name, head), &[what, "Linq does not accept"]);
            assert_eq!(detect(Some(name), head, &[]), None, "{what}");
            for word in
                ["image/jpeg", "application/zip", "text/plain", "video/mp4", "application/octet-stream"]
            {
                refused(declared(word, name, head), &[what]);
            }
        }
    }
    let message = undeclared("photo.jpg", b"fLaC\0\0\0\x22").unwrap_err();
    assert_eq!(
        message,
        "photo.jpg is a FLAC audio file, which Linq does not accept; convert it to M4A, MP3 or WAV"
    );
}

#[test]
fn rejected_extensions_are_refused_unless_the_bytes_say_otherwise() {
    let names = [
        "a.flac", "a.ogg", "a.opus", "a.webm", "a.mkv", "a.avif", "a.exe", "a.DLL", "a.msi", "a.com",
        "a.scr", "a.bat", "a.cmd", "a.ps1", "a.vbs", "a.7z", "a.rar", "a.tar", "a.psd", "a.odt", "a.jar",
        "a.wma", "a.3g2",
    ];
    for name in names {
        for head in [&b""[..], b"\x01\x02\x03\x04"] {
            refused(undeclared(name, head), &[name, "by its extension"]);
            assert_eq!(detect(Some(name), head, &[]), None);
        }
        assert_eq!(undeclared(name, b"%PDF-1.7\n"), Ok("application/pdf"));
        let text = undeclared(name, b"plain words\n");
        let is_script = ["bat", "cmd", "ps1", "vbs"].contains(&extension(name));
        if is_script {
            refused(text, &[name, "a Windows script", "declare text/plain"]);
        } else {
            assert_eq!(text, Ok("text/plain"), "{name}");
        }
    }
    assert_eq!(undeclared("photo.jpg.exe", JPEG), Ok("image/jpeg"));
    refused(declared("image/jpeg", "a.exe", b""), &["a Windows program"]);
    assert_eq!(declared("text/plain", "a.bat", b"@echo off\r\n"), Ok("text/plain"));
    refused(declared("image/jpeg", "a.bat", b"@echo off\r\n"), &["a Windows script", "declare text/plain"]);
    assert_eq!(declared("audio/mpeg", "a.flac", b""), Ok("audio/mpeg"));
}

#[test]
fn an_extension_tells_unsupported_members_of_a_family_apart() {
    refused(undeclared("setup.msi", OLE2_WITHOUT_CLASS), &["a Windows installer"]);
    refused(declared("application/msword", "setup.msi", OLE2_WITHOUT_CLASS), &["a Windows installer"]);
    refused(undeclared("mail.msg", OLE2_WITHOUT_CLASS), &["an Outlook message", "save it as PDF"]);
    refused(undeclared("app.apk", ZIP), &["an application package", "application/zip"]);
    assert_eq!(declared("application/zip", "app.jar", ZIP), Ok("application/zip"));
    refused(undeclared("photo.NEF", b"MM\0*\0\0\0\x08"), &["raw photo"]);
    assert_eq!(declared("image/tiff", "photo.dng", b"II*\0\x08\0\0\0"), Ok("image/tiff"));
    refused(undeclared("book.xlsm", ZIP), &["macros"]);
    refused(undeclared("clip.3g2", b"\0\0\0\x14ftypisom\0\0\x02\0isom"), &["a 3GPP2 video"]);
}

#[test]
fn bytes_of_another_family_are_refused_with_both_named() {
    for (name, head) in SUPPORTED_SAMPLES {
        let shown = table::by_name(name).unwrap();
        if !sniff_is_certain(head) {
            continue;
        }
        for claimed in SUPPORTED {
            let result = declared(claimed.name(), "file", head);
            if claimed.family() == shown.family() && !shown.excludes(claimed) {
                assert_eq!(result, Ok(claimed.name()), "{name}");
            } else if claimed.family() == Family::Ole2
                && shown.family() == Family::Text
                && *name != "image/svg+xml"
            {
                assert_eq!(result, Ok(*name), "programs write text under the names of old Office documents");
            } else {
                refused(result, &[name, claimed.name(), "was declared as"]);
            }
        }
    }
    refused(declared("image/jpeg", "a.doc", OLE2_WITHOUT_CLASS), &["an OLE2 document", "image/jpeg"]);
}

fn sniff_is_certain(head: &[u8]) -> bool {
    matches!(sniff::sniff(head, &[]), Seen::Type(_, Confidence::Certain))
}

#[test]
fn bytes_come_before_the_extension_and_the_extension_within_a_family() {
    assert_eq!(undeclared("photo.jpg", b"\x89PNG\r\n\x1A\n"), Ok("image/png"));
    assert_eq!(undeclared("song.m4a", b"\0\0\0\x14ftypmp42\0\0\0\0mp42"), Ok("audio/x-m4a"));
    assert_eq!(undeclared("clip.mov", b"\0\0\0\x14ftypmp42\0\0\0\0mp42"), Ok("video/quicktime"));
    assert_eq!(undeclared("photo.heif", b"\0\0\0\x14ftypheic\0\0\0\0mif1"), Ok("image/heif"));
    assert_eq!(undeclared("deck.key", ZIP), Ok("application/x-iwork-keynote-sffkey"));
    assert_eq!(undeclared("all.tar.gz", b"\x1F\x8B\x08\0"), Ok("application/x-gzip"));
    assert_eq!(undeclared("old.xls", OLE2_WITHOUT_CLASS), Ok("application/vnd.ms-excel"));
    assert_eq!(undeclared("movie.mpg", b"\0\0\x01\xBA\x44\0\x04\0"), Ok("video/mpeg"));
    assert_eq!(undeclared("page.txt", b"<!DOCTYPE html><html>"), Ok("text/plain"));
    refused(undeclared("unknown", OLE2_WITHOUT_CLASS), &["an OLE2 document", "declare"]);
    refused(undeclared("photo.jpg", OLE2_WITHOUT_CLASS), &["an OLE2 document", "declare"]);
}

#[test]
fn webp_and_svg_need_the_flag() {
    let webp = b"RIFF\x24\0\0\0WEBPVP8 ";
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
    let cases: &[(Option<&str>, &str, &[u8])] = &[
        (None, "a.webp", b""),
        (None, "a", webp),
        (None, "a.wav", webp),
        (Some("audio/x-wav"), "a", webp),
        (Some("image/webp"), "a", b""),
        (None, "a.svg", b""),
        (None, "a", svg),
        (Some("image/svg+xml"), "a", svg),
        (None, "a.png", svg),
    ];
    for (word, name, head) in cases {
        let message = decide(*word, name, head, &[], false).unwrap_err();
        for part in ["contradict", "allow WebP and SVG", "convert it"] {
            assert!(message.contains(part), "{message}");
        }
        let allowed = decide(*word, name, head, &[], true).map(ContentType::name);
        if *word == Some("audio/x-wav") {
            refused(allowed, &["image/webp", "declared as audio/x-wav"]);
        } else {
            let svg = name.contains("svg") || head.starts_with(b"<svg");
            assert_eq!(allowed, Ok(if svg { "image/svg+xml" } else { "image/webp" }));
        }
    }
    for (name, head) in [("a.webp", &b""[..]), ("a", webp), ("a.svg", b""), ("a", svg)] {
        assert_eq!(detect(Some(name), head, &[]).map(ContentType::note), Some(Note::Contested));
    }
    assert_eq!(decide(Some("text/xml"), "a.svg", svg, &[], false).unwrap().name(), "text/xml");
    assert_eq!(decide(None, "a.xml", svg, &[], false).unwrap().name(), "text/xml");
    assert_eq!(decide(None, "a.webp", JPEG, &[], false).unwrap().name(), "image/jpeg");
}

#[test]
fn the_advice_of_a_refusal_works() {
    let mut followed = HashSet::new();
    let names =
        ["file", "a.mov", "a.numbers", "a.webp", "a.svg", "a.apk", "a.msi", "a.pem", "a.jpg", "a.bat"];
    let words = ["image/jpeg", "text/plain", "application/zip", "audio/x-wav", "application/octet-stream"];
    for (_, head) in SUPPORTED_SAMPLES.iter().chain(REJECTED_SAMPLES) {
        for (name, word) in names.iter().flat_map(|name| words.map(|word| (name, word))) {
            for allowed in [false, true] {
                let Err(message) = decide(Some(word), name, head, &[], allowed) else { continue };
                let Some((before, _)) = message.split_once(", or leave the content type out") else {
                    continue;
                };
                let advised = before.rsplit_once("declare ").unwrap().1;
                for word in [Some(advised), None] {
                    let result = decide(word, name, head, &[], allowed).map(ContentType::name);
                    assert_eq!(result, Ok(advised), "{message}");
                }
                followed.insert(advised.to_owned());
            }
        }
    }
    assert!(followed.len() > 30, "{followed:?}");
    let mp42 = b"\0\0\0\x14ftypmp42\0\0\0\0mp42";
    refused(declared("image/jpeg", "clip.mov", mp42), &["declare video/quicktime, or leave"]);
    refused(
        declared("image/jpeg", "budget.numbers", PAGES),
        &["declare application/x-iwork-numbers-sffnumbers"],
    );
    refused(declared("image/jpeg", "app.apk", ZIP), &["an application package cannot be sent as it is"]);
    refused(declared("image/jpeg", "a.doc", OLE2_WITHOUT_CLASS), &["declare application/msword"]);
    refused(declared("image/jpeg", "a", OLE2_WITHOUT_CLASS), &["an OLE2 document", "declare what it is"]);
    for (word, name, head) in [
        ("image/jpeg", "a.webp", &b"RIFF$\0\0\0WEBPVP8 "[..]),
        ("application/octet-stream", "a", b"RIFF$\0\0\0WEBPVP8 "),
        ("image/png", "a.svg", b"<svg/>"),
    ] {
        let message = decide(Some(word), name, head, &[], false).unwrap_err();
        assert!(message.contains("convert it to") && message.contains("allow WebP and SVG"), "{message}");
        assert!(!message.contains("leave the content type out"), "{message}");
        let allowed = decide(Some(word), name, head, &[], true).unwrap_err();
        assert!(allowed.contains("leave the content type out"), "{allowed}");
    }
}

#[test]
fn private_keys_do_not_slip_out() {
    let pem = b"-----BEGIN RSA PRIVATE KEY-----\nMIIE";
    let bundle =
        b"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n";
    for (name, head) in
        [("a.key", &pem[..]), ("id_rsa", pem), ("a.txt", pem), ("a.key", bundle), ("a.pem", bundle)]
    {
        refused(undeclared(name, head), &[name, "private key", "declare text/plain"]);
        assert_eq!(detect(Some(name), head, &[]), None);
        assert_eq!(declared("text/plain", name, head), Ok("text/plain"));
        let keynote = declared("application/x-iwork-keynote-sffkey", name, head);
        refused(keynote, &[name]);
    }
    refused(declared("application/x-iwork-keynote-sffkey", "a.key", pem), &["private key"]);
    for name in ["a.key", "a.pem"] {
        for comment in [&b"# Schl\xFCssel\n"[..], "# Schlüssel\n".as_bytes(), b"\0\0\n"] {
            refused(undeclared(name, &[comment, pem].concat()), &[name, "private key"]);
        }
    }
    refused(undeclared("key.ppk", b"PuTTY-User-Key-File-3: ssh-ed25519\r\n"), &["private key"]);
    refused(undeclared("id_rsa.txt", b"-----BEGIN PRIVATE KEY-----\nMIIE\n# \xFC"), &["private key"]);
    let der = b"\x30\x82\x04\xBD\x02\x01\0\x30\x0D\x06\x09\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01\x05\0\x04\x82";
    refused(undeclared("server.key", der), &["server.key", "cannot be determined"]);
    assert_eq!(detect(Some("server.key"), der, &[]), None);
    assert_eq!(undeclared("a.key", b"-----BEGIN PUBLIC KEY-----\n"), Ok("text/plain"));
    assert_eq!(undeclared("a.key", b"ABCD-EFGH licence\n"), Ok("text/plain"));
    assert_eq!(undeclared("messages.pot", b"msgid \"\"\n"), Ok("text/plain"));
    assert_eq!(undeclared("deck.key", b""), Ok("application/x-iwork-keynote-sffkey"));
}

#[test]
fn names_that_the_api_does_not_know_are_answered_with_what_would_do() {
    refused(
        declared("application/octet-stream", "a.jpg", JPEG),
        &["application/octet-stream", "declare image/jpeg"],
    );
    refused(declared("image/avif", "a.png", b""), &["image/avif", "image/png"]);
    refused(declared("audio/flac", "a.flac", b""), &["audio/flac", "a FLAC audio file", "convert it to M4A"]);
    refused(declared("x/y", "a", b""), &["x/y", "declared for a,", "such as image/jpeg"]);
    refused(declared("bad\r\nX: y", &"n".repeat(400), b""), &["bad??X: y", "nnn…"]);
    assert_eq!(declared("  ", "a.jpg", b""), Ok("image/jpeg"), "blank is not declared");
    refused(undeclared("", b""), &["the file"]);
}

#[test]
fn the_extension_is_what_follows_the_last_dot() {
    let cases = [
        ("a.JPG", "JPG"),
        ("a.tar.gz", "gz"),
        (".zip", ""),
        ("..zip", ""),
        (".config.json", "json"),
        ("a.", ""),
        ("a", ""),
        ("", ""),
        ("dir.zip/a", ""),
        ("C:\\dir.zip\\a.png", "png"),
        ("dir/.jpg", ""),
    ];
    for (name, expected) in cases {
        assert_eq!(extension(name), expected, "{name}");
    }
}

#[test]
fn the_header_table_fits_a_comment() {
    let text = table::header_table();
    assert_eq!(text.lines().count(), 51);
    assert!(!text.contains("*/") && text.is_ascii() && text.lines().all(|line| line.len() <= 100));
    assert!(text.starts_with("jpg jpeg jpe jfif image/jpeg\n"), "{text}");
    assert!(text.contains("webp              image/webp  (refused unless allowed by flag)\n"), "{text}");
}
