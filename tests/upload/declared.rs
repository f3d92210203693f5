//! What is declared of a file: its type and its name.

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;

use linq::{Client, Config, ErrorKind, FileInfo, Reader, Source, UploadOptions};

use crate::common::{Folder, Sandbox};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";
const WEBP: &[u8] = b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0";
const MP4: &[u8] = b"\0\0\0\x14ftypmp42\0\0\0\0isom\0\0\0\x08free";
const SVG: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>";

#[test]
fn the_type_comes_from_the_caller_then_the_bytes_then_the_name() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    // the caller's word, the name, the bytes, and what is declared
    let table: [(Option<&str>, &str, &[u8], &str); 20] = [
        (None, "a.png", PNG, "image/png"),
        (None, "a.jpg", PNG, "image/png"),
        (None, "a", PNG, "image/png"),
        (None, "a.csv", b"a,b\n1,2\n", "text/csv"),
        (None, "a.BMP", b"\x01\x02\x03", "image/bmp"),
        (Some("image/png"), "a.jpg", PNG, "image/png"),
        (Some("text/markdown"), "a.txt", b"# title\n", "text/markdown"),
        (Some("image/jpg"), "a", b"\xff\xd8\xff", "image/jpeg"),
        (Some("audio/wav"), "a", b"\x01", "audio/x-wav"),
        (Some("application/gzip"), "a", b"\x1f\x8b\x08\0", "application/x-gzip"),
        (Some(" Text/Plain; charset=utf-8 "), "a", b"hello", "text/plain"),
        (Some("audio/mp3"), "a", b"\x01", "audio/mp3"),
        (None, "voice.mp3", MP4, "audio/x-m4a"),
        (None, "clip.heic", MP4, "video/mp4"),
        (Some("application/vnd.ms-excel"), "a.csv", b"a,b\n1,2\n", "text/csv"),
        (None, "report.xls", b"<html><table></table></html>", "text/html"),
        (None, "letter.doc", b"{\\rtf1 hello}", "text/rtf"),
        (None, "notes", b"caf\xe9 cr\xe8me\n", "text/plain"),
        (None, "www.example.com", b"plain text\n", "text/plain"),
        (Some("application/json"), "photo.jpg", b"{\"error\":\"not found\"}", "application/json"),
    ];
    for (declared, name, bytes, expected) in table {
        let options =
            UploadOptions { filename: Some(name), content_type: declared, ..UploadOptions::default() };
        let attachment = client.upload(Source::Bytes(bytes), options).unwrap();
        assert_eq!(attachment.content_type, expected, "{declared:?} {name}");
        sandbox.assert_stored(&attachment, bytes);
        assert_eq!(sandbox.reservations().last().unwrap().json()["content_type"], expected);
        assert_eq!(sandbox.puts().last().unwrap().header("content-type"), expected);
    }
}

#[test]
fn types_that_linq_would_refuse_never_reach_the_network() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let executable = [b"\x7fELF\x02\x01\x01".as_slice(), &[0; 100]].concat();
    type Row<'a> = (Option<&'a str>, &'a str, &'a [u8], &'a [&'a str]);
    let table: [Row<'_>; 16] = [
        (None, "song.mp3", b"fLaC\0\0\0\x22", &["song.mp3 is a FLAC audio file, which Linq does not accept"]),
        (Some("audio/mpeg"), "song", b"OggS\0\x02\0\0\0\0\0\0\0\0", &["song is an Ogg file"]),
        (None, "photo.jpg", &executable, &["photo.jpg is a Linux program or library (ELF)"]),
        (None, "setup.exe", b"\x01\x02", &["by its extension, setup.exe is a Windows program"]),
        (
            Some("image/jpeg"),
            "a.jpg",
            PNG,
            &["a.jpg is a PNG image (image/png)", "declared as image/jpeg; declare image/png"],
        ),
        (
            Some("image/avif"),
            "a.avif",
            b"\x01",
            &["image/avif, declared for a.avif, is not a content type that Linq accepts"],
        ),
        (None, "noise", b"\x01\x02\x03", &["the content type of noise cannot be determined"]),
        (
            None,
            "photo.jpg",
            b"{\"error\":\"not found\"}",
            &[
                "photo.jpg is text (application/json), not a JPEG image",
                "declare application/json to send the text",
            ],
        ),
        (None, "clip.mp4", b"Not Found", &["clip.mp4 is text (text/plain), not an ISO media file"]),
        (None, "photo.heic", &[0; 5000], &["photo.heic does not begin as an ISO media file", "only zeros"]),
        (Some("image/jpeg"), "a", b"\x01\x02\x03", &["a does not begin as a JPEG image does"]),
        (Some("image/heic"), "a", MP4, &["(video/mp4), but was declared as image/heic; declare video/mp4"]),
        (Some("audio/mpeg"), "voice.mp3", MP4, &["declared as audio/mpeg; declare audio/x-m4a, or leave"]),
        (
            None,
            "app.js",
            b"alert(1)\n",
            &["by its extension, app.js is a Windows script", "declare text/plain"],
        ),
        (None, "a.webp", WEBP, &["a.webp is a WebP image", "allow WebP and SVG"]),
        (None, "a.svg", SVG, &["a.svg is an SVG image", "allow WebP and SVG"]),
    ];
    for (declared, name, bytes, words) in table {
        let options =
            UploadOptions { filename: Some(name), content_type: declared, ..UploadOptions::default() };
        let error = client.upload(Source::Bytes(bytes), options).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported, "{error}");
        for words in words {
            assert!(error.message.contains(words), "{words:?} in {error}");
        }
    }
    assert!(sandbox.requests().is_empty());
    assert_eq!(sandbox.accepted("api"), 0);
}

/// An archive of one long entry and one that tells what it is, with the directory at its end.
fn archive(last: &str) -> Vec<u8> {
    let entries =
        [("[Content_Types].xml", vec![7; 100]), ("word/document.xml", vec![7; 9000]), (last, vec![7; 10])];
    let (mut files, mut directory) = (Vec::new(), Vec::new());
    for (name, data) in entries {
        let sizes = (data.len() as u32).to_le_bytes().repeat(2);
        let lengths = [name.len() as u8, 0, 0, 0];
        files.extend(
            [b"PK\x03\x04\x0a\0\0\0\0\0\0\0\0\0\0\0\0\0", &sizes[..], &lengths, name.as_bytes(), &data]
                .concat(),
        );
        directory.extend([b"PK\x01\x02", &[0; 24][..], &lengths, &[0; 14], name.as_bytes()].concat());
    }
    let size = (directory.len() as u32).to_le_bytes();
    [files, directory, [b"PK\x05\x06", &[0; 8][..], &size, &[0; 6]].concat()].concat()
}

struct Rewinding<'a>(&'a [u8], usize);
impl Reader for Rewinding<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = buffer.len().min(self.0.len() - self.1);
        buffer[..n].copy_from_slice(&self.0[self.1..][..n]);
        self.1 += n;
        Ok(n)
    }
    fn can_rewind(&self) -> bool {
        true
    }
    fn rewind(&mut self) -> std::io::Result<()> {
        self.1 = 0;
        Ok(())
    }
}

#[test]
fn the_end_of_an_archive_is_read_from_every_source() {
    let (sandbox, folder) = (Sandbox::start(), Folder::new());
    let client = sandbox.client(false);
    let expected = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
    let (document, macros) = (archive("word/styles.xml"), archive("word/vbaProject.bin"));
    for (bytes, is_refused) in [(&document, false), (&macros, true)] {
        let path = folder.file("report", bytes);
        let file = File::open(&path).unwrap();
        let mut reader = Rewinding(bytes, 0);
        let size = bytes.len() as u64;
        for source in [
            Source::Path(&path),
            Source::Descriptor { fd: file.as_fd(), offset: 0, length: None },
            Source::Bytes(bytes),
            Source::Reader { reader: &mut reader, size },
        ] {
            let options = UploadOptions { filename: Some("report"), ..UploadOptions::default() };
            match client.upload(source, options) {
                Ok(attachment) => {
                    assert!(!is_refused);
                    assert_eq!(attachment.content_type, expected);
                    sandbox.assert_stored(&attachment, bytes);
                }
                Err(error) => {
                    assert!(is_refused, "{error}");
                    assert_eq!(error.kind, ErrorKind::Unsupported);
                    assert!(error.message.starts_with("report is an Office document with macros"), "{error}");
                }
            }
        }
    }
    assert_eq!(sandbox.puts().len(), 4);
}

#[test]
fn webp_and_svg_pass_where_they_are_allowed() {
    let sandbox = Sandbox::start();
    let (strict, client) = (
        sandbox.client(false),
        Client::new(Config { allow_webp_svg: true, ..sandbox.config(false) }).unwrap(),
    );
    for (name, bytes, expected) in [("a.webp", WEBP, "image/webp"), ("a.svg", SVG, "image/svg+xml")] {
        let options = UploadOptions { filename: Some(name), ..UploadOptions::default() };
        let attachment = client.upload(Source::Bytes(bytes), options).unwrap();
        assert_eq!(attachment.content_type, expected);
        sandbox.assert_stored(&attachment, bytes);

        // Where there are no bytes yet, the name or the caller says it.
        for content_type in [None, Some(expected)] {
            let file = FileInfo { filename: name, content_type, size_bytes: 5 };
            let presigned = client.presign(file, Default::default()).unwrap();
            assert_eq!(presigned.content_type.as_deref(), Some(expected));
            let before = sandbox.requests().len();
            let error = strict.presign(file, Default::default()).unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unsupported, "{name} {content_type:?}: {error}");
            assert!(error.message.contains("allow WebP and SVG"), "{error}");
            assert_eq!(sandbox.requests().len(), before, "{name} {content_type:?}");
        }
    }
}

#[test]
fn names_arrive_as_they_are() {
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let long = format!("{}.png", "ż".repeat(251));
    for name in ["x", "photo of us \"2\" & <3>.png", "żółw 🐢.png", ".png", "a%2Fb?c#d.png", &long] {
        let options = UploadOptions { filename: Some(name), ..UploadOptions::default() };
        let attachment = client.upload(Source::Bytes(PNG), options).unwrap();
        assert_eq!(attachment.filename, name);
        sandbox.assert_stored(&attachment, PNG);
    }
}

#[test]
fn names_that_cannot_be_meant_never_reach_the_network() {
    let (sandbox, folder) = (Sandbox::start(), Folder::new());
    let client = sandbox.client(false);
    let long = "ä".repeat(256);
    let table = [
        ("", "the file name has 0 characters; Linq takes 1 to 255"),
        (&*long, "the file name has 256 characters; Linq takes 1 to 255"),
        ("a\r\nb", "the file name holds control characters"),
        ("a\0b", "the file name holds control characters"),
        ("a\u{85}b", "the file name holds control characters"),
        ("a/b", "the file name holds a path separator; give the name alone"),
        ("..\\b", "the file name holds a path separator; give the name alone"),
    ];
    for (name, why) in table {
        let options = UploadOptions { filename: Some(name), ..UploadOptions::default() };
        let error = client.upload(Source::Bytes(PNG), options).unwrap_err();
        assert_eq!((error.kind, &*error.message), (ErrorKind::Unsupported, why), "{name:?}");
        let file = FileInfo { filename: name, content_type: Some("image/png"), size_bytes: 5 };
        let error = client.presign(file, Default::default()).unwrap_err();
        assert_eq!((error.kind, &*error.message), (ErrorKind::Unsupported, why), "{name:?}");
    }
    let error = client.upload(Source::Bytes(PNG), UploadOptions::default()).unwrap_err();
    let why = "this source has no name of its own; set a filename";
    assert_eq!((error.kind, &*error.message), (ErrorKind::InvalidArgument, why));

    // macOS refuses such names itself
    if cfg!(target_os = "linux") {
        let path = folder.path("").join(OsStr::from_bytes(b"caf\xe9.png"));
        std::fs::write(&path, PNG).unwrap();
        let error = client.upload(Source::Path(&path), UploadOptions::default()).unwrap_err();
        let why = "the file's name is not UTF-8; set a filename";
        assert_eq!((error.kind, &*error.message), (ErrorKind::Unsupported, why));
        assert!(sandbox.requests().is_empty());
        let options = UploadOptions { filename: Some("café.png"), ..UploadOptions::default() };
        let attachment = client.upload(Source::Path(&path), options).unwrap();
        sandbox.assert_only(&attachment, PNG);
    }
}
