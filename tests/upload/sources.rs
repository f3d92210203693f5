//! Every kind of source, and every way in which one can be at fault.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use linq::{Attachment, CallOptions, Client, Config, Error, ErrorKind, Reader, Source, UploadOptions};
use serde_json::json;

use crate::common::{Folder, Sandbox, jpeg};

fn named(client: &Client, source: Source<'_>) -> Result<Attachment, Error> {
    client.upload(source, UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() })
}

/// Gives its bytes in pieces of `step`.
struct Pieces<'a> {
    bytes: &'a [u8],
    position: usize,
    step: usize,
    rewinds: Option<u32>,
    reads: u32,
}

impl<'a> Pieces<'a> {
    fn of(bytes: &'a [u8], step: usize) -> Self {
        Pieces { bytes, position: 0, step, rewinds: None, reads: 0 }
    }
}

impl Reader for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        let n = buffer.len().min(self.step).min(self.bytes.len() - self.position);
        buffer[..n].copy_from_slice(&self.bytes[self.position..self.position + n]);
        self.position += n;
        Ok(n)
    }

    fn can_rewind(&self) -> bool {
        self.rewinds.is_some()
    }

    fn rewind(&mut self) -> io::Result<()> {
        self.position = 0;
        *self.rewinds.as_mut().expect("nobody rewinds a reader that cannot") += 1;
        Ok(())
    }
}

#[test]
fn a_path_through_a_symbolic_link() {
    let (sandbox, folder, bytes) = (Sandbox::start(), Folder::new(), jpeg(70_000));
    let file = folder.file("real.jpg", &bytes);
    let link = folder.path("link.jpg");
    std::os::unix::fs::symlink(file, &link).unwrap();
    let attachment = sandbox.client(false).upload(Source::Path(&link), UploadOptions::default()).unwrap();
    assert_eq!(attachment.filename, "link.jpg");
    sandbox.assert_only(&attachment, &bytes);
}

#[test]
fn a_descriptor_from_an_offset_on_and_its_position_stays() {
    let (sandbox, folder, bytes) = (Sandbox::start(), Folder::new(), jpeg(300_000));
    let whole = [b"before".as_slice(), &bytes, b"after"].concat();
    let mut file = File::open(folder.file("any", &whole)).unwrap();
    file.seek(io::SeekFrom::Start(3)).unwrap();
    let client = sandbox.client(false);
    let fd = file.as_fd();
    let part = Source::Descriptor { fd, offset: 6, length: Some(300_000) };
    sandbox.assert_stored(&named(&client, part).unwrap(), &bytes);
    let rest = named(&client, Source::Descriptor { fd, offset: 6, length: None }).unwrap();
    sandbox.assert_stored(&rest, &whole[6..]);
    assert_eq!(file.stream_position().unwrap(), 3);
}

#[test]
fn a_reader_in_pieces_of_any_size() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(200_000));
    let client = sandbox.client(false);
    for step in [1, 7, 4095, 4096, 4097, 1 << 20] {
        let bytes = if step == 1 { &bytes[..20_000] } else { &bytes[..] };
        let reader = &mut Pieces::of(bytes, step);
        let source = Source::Reader { reader, size: bytes.len() as u64 };
        sandbox.assert_stored(&named(&client, source).unwrap(), bytes);
    }
}

#[test]
fn a_reader_with_rewind_begins_again() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(500_000));
    let fault = sandbox.on_put(json!({"reset_after": 200_000}));
    let mut reader = Pieces { rewinds: Some(0), ..Pieces::of(&bytes, 10_000) };
    let attachment = named(&sandbox.client(false), Source::Reader { reader: &mut reader, size: 500_000 });
    fault.assert_injected(1);
    let attachment = attachment.unwrap();
    assert_eq!((attachment.attempts, reader.rewinds), (2, Some(1)));
    sandbox.assert_only(&attachment, &bytes);
}

/// Both causes are reported: that it had to begin again, and that it could not.
#[test]
fn a_reader_whose_rewind_fails_ends_the_call() {
    struct Stuck(usize);
    impl Reader for Stuck {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let n = self.0.min(buffer.len());
            buffer[..n].fill(b'a');
            self.0 -= n;
            Ok(n)
        }
        fn can_rewind(&self) -> bool {
            true
        }
        fn rewind(&mut self) -> io::Result<()> {
            Err(io::Error::other("tape stuck"))
        }
    }
    let sandbox = Sandbox::start();
    let fault = sandbox.on_put(json!({"respond": {"status": 503, "code": "SlowDown"}}));
    let source = Source::Reader { reader: &mut Stuck(50_000), size: 50_000 };
    let options = UploadOptions { filename: Some("a.txt"), ..UploadOptions::default() };
    let error = sandbox.client(false).upload(source, options).unwrap_err();
    fault.assert_injected(1);
    let why = "a.txt cannot be rewound: tape stuck (after 2 attempts; the first attempt failed with: uploading a.txt: ";
    assert!(error.message.starts_with(why), "{error}");
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::File, 2), "{error}");
    assert!(!error.details.retryable);

    // After the last attempt nothing is rewound, so the cause stays as it is.
    let fault = sandbox.on_put(json!({"respond": {"status": 503, "code": "SlowDown"}}));
    let source = Source::Reader { reader: &mut Stuck(50_000), size: 50_000 };
    let options = UploadOptions { filename: Some("a.txt"), ..UploadOptions::default() };
    let error = sandbox.client_once(false).upload(source, options).unwrap_err();
    fault.assert_injected(1);
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::Storage, 1), "{error}");
    assert_eq!(error.details.storage_code.as_deref(), Some("SlowDown"));
}

#[test]
fn a_reader_without_rewind_is_not_tried_again() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(500_000));
    let fault = sandbox.on_put(json!({"reset_after": 200_000}));
    let mut reader = Pieces::of(&bytes, 10_000);
    let error = named(&sandbox.client(false), Source::Reader { reader: &mut reader, size: 500_000 });
    fault.assert_injected(1);
    let error = error.unwrap_err();
    assert_eq!((error.kind, error.details.attempts), (ErrorKind::Network, 1), "{error}");
    assert!(!error.details.retryable);
    let why = "; the reader cannot rewind, so it cannot be tried again";
    assert!(error.message.ends_with(why), "{error}");
    assert_eq!(sandbox.puts().len(), 1);
    // The same where the storage refuses for now; where it refuses for good, the reader is not to blame.
    for (respond, retryable) in
        [(json!({"status": 503, "code": "SlowDown"}), true), (json!({"status": 403}), false)]
    {
        sandbox.on_put(json!({"respond": respond}));
        let reader = &mut Pieces::of(&bytes, 10_000);
        let error = named(&sandbox.client(false), Source::Reader { reader, size: 500_000 }).unwrap_err();
        assert_eq!((error.kind, error.details.retryable), (ErrorKind::Storage, false), "{error}");
        assert_eq!(error.message.ends_with(why), retryable, "{error}");
    }
    sandbox.assert_nothing_stored();
}

/// While only the reservation failed, all that was read of the reader is its head, which is kept.
/// Whether it is the stall or the call's own timeout that ends it.
#[test]
fn a_reader_without_rewind_is_not_tried_again_after_a_timeout() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(3 << 20));
    let call = CallOptions { timeout: Some(Duration::from_millis(700)), ..CallOptions::default() };
    for (stall, call) in [(300, CallOptions::default()), (30_000, call)] {
        let client = Client::new(Config {
            stall_timeout: Duration::from_millis(stall),
            max_attempts: 1,
            ..sandbox.config(false)
        })
        .unwrap();
        for rewinds in [None, Some(0)] {
            let fault = sandbox.on_put(json!({"stall_after": 1000}));
            let mut reader = Pieces { rewinds, ..Pieces::of(&bytes, 100_000) };
            let options = UploadOptions { filename: Some("photo.jpg"), call, ..UploadOptions::default() };
            let source = Source::Reader { reader: &mut reader, size: bytes.len() as u64 };
            let error = client.upload(source, options).unwrap_err();
            fault.assert_injected(1);
            sandbox.clear_faults();
            let why = "the reader cannot rewind, so it cannot be tried again";
            assert_eq!(error.message.contains(why), rewinds.is_none(), "{error}");
            assert_eq!(
                (error.kind, error.details.retryable),
                (ErrorKind::Timeout, rewinds.is_some()),
                "{error}"
            );
        }
    }
}

#[test]
fn a_reader_without_rewind_survives_a_failed_reservation() {
    let (sandbox, bytes) = (Sandbox::start(), jpeg(500_000));
    let fault = sandbox.on_reserve(json!({"respond": {"status": 503, "headers": [["Retry-After", "0"]]}}));
    let reader = &mut Pieces::of(&bytes, 10_000);
    let attachment = named(&sandbox.client(false), Source::Reader { reader, size: 500_000 }).unwrap();
    fault.assert_injected(1);
    assert_eq!(attachment.attempts, 2);
    sandbox.assert_only(&attachment, &bytes);
}

#[test]
fn readers_that_break_their_word() {
    struct Broken(fn(&mut [u8]) -> io::Result<usize>);
    impl Reader for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            (self.0)(buffer)
        }
    }
    let sandbox = Sandbox::start();
    let client = sandbox.client(false);
    let refused = |reader: &mut dyn Reader, size| {
        let error = named(&client, Source::Reader { reader, size }).unwrap_err();
        assert_eq!((error.kind, error.details.retryable), (ErrorKind::File, false), "{error}");
        error.message
    };
    let message = refused(&mut Broken(|_| Err(io::Error::other("the tape tore"))), 10);
    assert_eq!(message, "photo.jpg cannot be read: the tape tore");
    let message = refused(&mut Broken(|b| Ok(b.len() + 1)), 10);
    assert_eq!(message, "photo.jpg claims to have read 11 bytes into a buffer of 10");
    let message = refused(&mut Broken(|_| Ok(0)), 10);
    assert_eq!(message, "photo.jpg ended after 0 of the 10 bytes declared");
    assert!(sandbox.puts().is_empty());

    let bytes = jpeg(100_000);
    let message = refused(&mut Pieces::of(&bytes, 5000), 100_001);
    assert!(message.ends_with("photo.jpg ended after 100000 of the 100001 bytes declared"), "{message}");
    let message = refused(&mut Pieces::of(&bytes, 5000), 99_999);
    assert!(message.ends_with("photo.jpg has more than the 99999 bytes declared"), "{message}");
    sandbox.assert_nothing_stored();
}

#[test]
fn paths_that_are_no_regular_file() {
    let (sandbox, folder) = (Sandbox::start(), Folder::new());
    let client = sandbox.client(false);
    let fifo = folder.path("fifo.jpg");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let began = Instant::now();
    for (path, why, number) in [
        (folder.path(""), "is a directory, not a regular file", None),
        (fifo, "is a FIFO, not a regular file", None),
        ("/dev/null".into(), "is a device, not a regular file", None),
        (folder.path("missing.jpg"), "cannot be opened: there is no such file", Some(libc::ENOENT)),
        (folder.file("a", b"a").join("b"), "cannot be opened: Not a directory", Some(libc::ENOTDIR)),
        ("".into(), "the path is empty; give that of a file", None),
    ] {
        let options = UploadOptions { filename: Some("photo.jpg"), ..UploadOptions::default() };
        let error = client.upload(Source::Path(&path), options).unwrap_err();
        assert_eq!(error.kind, ErrorKind::File);
        assert_eq!(error.message, format!("{} {why}", path.display()).trim_start());
        assert_eq!(error.details.system_error, number, "{error}");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "nobody waits for the FIFO's writer");
    assert!(sandbox.requests().is_empty());
}

#[test]
fn descriptors_that_do_not_hold_what_is_asked_for() {
    let (sandbox, folder) = (Sandbox::start(), Folder::new());
    let client = sandbox.client(false);
    let file = File::open(folder.file("any", &jpeg(100))).unwrap();
    let (reader, _writer) = io::pipe().unwrap();
    let table = [
        (file.as_fd(), 101, None, "the file of the descriptor ends before offset 101"),
        (file.as_fd(), 10, Some(91), "the file of the descriptor has 90 bytes from offset 10 on, not 91"),
        (
            file.as_fd(),
            u64::MAX,
            Some(u64::MAX),
            "the file of the descriptor ends before offset 18446744073709551615",
        ),
        (reader.as_fd(), 0, Some(5), "the descriptor is a FIFO, not a regular file; use a reader instead"),
    ];
    for (fd, offset, length, why) in table {
        let error = named(&client, Source::Descriptor { fd, offset, length }).unwrap_err();
        assert_eq!((error.kind, &*error.message), (ErrorKind::File, why));
    }
    let error = named(&client, Source::Descriptor { fd: file.as_fd(), offset: 100, length: None });
    assert_eq!(error.unwrap_err().kind, ErrorKind::Unsupported, "an empty rest");
    assert!(sandbox.requests().is_empty());
}

/// What a content provider hands out may be a pipe or a socket. Its advice works: a reader sends that.
#[test]
fn a_descriptor_that_cannot_seek_is_sent_by_a_reader() {
    struct Pipe(io::PipeReader);
    impl linq::Reader for Pipe {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            io::Read::read(&mut self.0, buffer)
        }
    }
    let (sandbox, bytes) = (Sandbox::start(), jpeg(300_000));
    let client = sandbox.client(true);
    let (socket, _other) = std::os::unix::net::UnixStream::pair().unwrap();
    let error = named(&client, Source::Descriptor { fd: socket.as_fd(), offset: 0, length: Some(5) });
    let expected = "the descriptor is a socket, not a regular file; use a reader instead";
    assert_eq!(error.unwrap_err().message, expected);

    let (reader, mut writer) = io::pipe().unwrap();
    let attachment = std::thread::scope(|scope| {
        scope.spawn(|| io::Write::write_all(&mut writer, &bytes).map(|()| drop(writer)));
        let mut reader = Pipe(reader);
        named(&client, Source::Reader { reader: &mut reader, size: 300_000 }).unwrap()
    });
    sandbox.assert_only(&attachment, &bytes);
}

/// A server that stops reading for a while gives the file time to change under us. Nothing is padded, nothing goes
/// unnoticed.
#[test]
fn a_file_that_changes_while_it_is_sent() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 4] = [
        ("became shorter", |path| File::options().write(true).open(path).unwrap().set_len(1 << 20).unwrap()),
        ("grew", |path| File::options().write(true).open(path).unwrap().set_len(17 << 20).unwrap()),
        ("was modified", |path| {
            let file = File::options().write(true).open(path).unwrap();
            file.write_at(b"x", 10).unwrap();
        }),
        ("was replaced", |path| fs::rename(path.with_extension("new"), path).unwrap()),
    ];
    let bytes = &jpeg(16 << 20);
    std::thread::scope(|scope| {
        for (how, change) in changes {
            scope.spawn(move || {
                let (sandbox, folder) = (Sandbox::start(), Folder::new());
                let path = folder.file("photo.jpg", bytes);
                folder.file("photo.new", bytes);
                let fault = sandbox.on_put(json!({"stall_after": 100_000, "for_ms": 1000}));
                let client = sandbox.client(false);
                let error = std::thread::scope(|scope| {
                    let upload = scope.spawn(|| client.upload(Source::Path(&path), UploadOptions::default()));
                    while fault.injected() == 0 {
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    change(&path);
                    upload.join().unwrap().expect_err(how)
                });
                assert_eq!((error.kind, error.details.attempts), (ErrorKind::File, 1), "{error}");
                let end = format!(
                    "{} {how} while it was being sent; upload it again when it is finished",
                    path.display()
                );
                assert!(error.message.ends_with(&end), "{how}: {error}");
                sandbox.assert_nothing_stored();
                let put = &sandbox.puts()[0];
                assert!(put.number("body_bytes") < bytes.len() as u64, "{how}: {put:?}");
            });
        }
    });
}
