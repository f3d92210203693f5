//! Row 43, from Rust: readers that block, lie, cancel, or call the library. The same as C callbacks: tests/c.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use linq::{Attachment, CallOptions, CancelToken, Client, Error, ErrorKind, Reader, Source, UploadOptions};

use crate::common::{Sandbox, jpeg, upload};
use crate::support::{assert_is, both, failed};

/// Gives the bytes 10,000 at a time, and does something before each read after the first 50,000.
struct Acting<'a, F> {
    bytes: &'a [u8],
    position: usize,
    act: F,
}

impl<F: FnMut(usize) -> io::Result<Option<usize>>> Reader for Acting<'_, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= 50_000
            && let Some(answer) = (self.act)(buffer.len())?
        {
            return Ok(answer);
        }
        let n = buffer.len().min(10_000).min(self.bytes.len() - self.position);
        buffer[..n].copy_from_slice(&self.bytes[self.position..self.position + n]);
        self.position += n;
        Ok(n)
    }
}

fn send(
    client: &Client,
    bytes: &[u8],
    call: CallOptions<'_>,
    act: impl FnMut(usize) -> io::Result<Option<usize>>,
) -> Result<Attachment, Error> {
    let mut reader = Acting { bytes, position: 0, act };
    let source = Source::Reader { reader: &mut reader, size: bytes.len() as u64 };
    client.upload(source, UploadOptions { filename: Some("photo.jpg"), call, ..UploadOptions::default() })
}

/// A reader that blocks for a second holds up its own upload alone; that is not a stall of the network.
#[test]
fn row_43_blocks() {
    both(|tls| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(200_000));
        let client =
            Client::new(linq::Config { stall_timeout: Duration::from_millis(500), ..sandbox.config(tls) })
                .unwrap();
        thread::scope(|scope| {
            let (client, bytes) = (&client, &bytes);
            let (inside, is_inside) = mpsc::channel();
            let (done, is_done) = mpsc::channel();
            let blocked = scope.spawn(move || {
                let mut once = true;
                send(client, bytes, CallOptions::default(), |_| {
                    if std::mem::take(&mut once) {
                        inside.send(()).unwrap();
                        thread::sleep(Duration::from_secs(1));
                        is_done.recv().unwrap();
                    }
                    Ok(None)
                })
            });
            is_inside.recv().unwrap();
            sandbox.assert_stored(&upload(client, &jpeg(1000)).unwrap(), &jpeg(1000));
            assert!(!blocked.is_finished(), "the other is still blocked");
            done.send(()).unwrap();
            let attachment = blocked.join().unwrap().unwrap();
            assert_eq!(attachment.attempts, 1);
            sandbox.assert_stored(&attachment, bytes);
        });
    });
}

#[test]
fn row_43_fails_or_lies() {
    both(|tls| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(200_000));
        let client = sandbox.client(tls);
        let refused = |act: fn(usize) -> io::Result<Option<usize>>| {
            let error = failed(&sandbox, send(&client, &bytes, CallOptions::default(), act));
            assert_is(&error, ErrorKind::File, None, 1, false);
            error.message
        };
        let message = refused(|_| Err(io::Error::other("the tape tore")));
        assert_eq!(message, "uploading photo.jpg: photo.jpg cannot be read: the tape tore");
        let message = refused(|room| Ok(Some(room + 1)));
        assert!(message.starts_with("uploading photo.jpg: photo.jpg claims to have read "), "{message}");
        let message = refused(|_| Ok(Some(0)));
        // The first 4096 bytes were read to look at.
        assert_eq!(message, "uploading photo.jpg: photo.jpg ended after 54096 of the 200000 bytes declared");
        sandbox.assert_nothing_stored();
        sandbox.assert_stored(&upload(&client, &bytes).unwrap(), &bytes);
    });
}

/// The call ends as soon as the read that cancelled it returns.
#[test]
fn row_43_cancels() {
    both(|tls| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(200_000));
        let token = CancelToken::new().unwrap();
        let call = CallOptions { cancel: Some(&token), ..CallOptions::default() };
        let mut reads = 0;
        let result = send(&sandbox.client(tls), &bytes, call, |_| {
            reads += 1;
            token.cancel();
            Ok(None)
        });
        assert_is(&failed(&sandbox, result), ErrorKind::Cancelled, None, 1, false);
        assert_eq!(reads, 1, "it is not asked again");
        sandbox.assert_nothing_stored();
    });
}

/// Another upload with the same client from inside a read: no deadlock, and both arrive whole.
#[test]
fn row_43_calls_the_library() {
    both(|tls| {
        let (sandbox, bytes) = (Sandbox::start(), jpeg(200_000));
        let client = sandbox.client(tls);
        let mut inner = Vec::new();
        let outer = send(&client, &bytes, CallOptions::default(), |_| {
            if inner.len() < 3 {
                inner.push(upload(&client, &bytes[..60_000]).unwrap());
            }
            Ok(None)
        });
        sandbox.assert_stored(&outer.unwrap(), &bytes);
        assert_eq!(inner.len(), 3);
        inner.iter().for_each(|attachment| sandbox.assert_stored(attachment, &bytes[..60_000]));
    });
}
