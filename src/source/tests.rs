use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;

use super::reader::LOOK_AHEAD;
use super::*;

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("linq-source-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path
}

fn message(result: Result<Opened<'_>, Error>) -> (ErrorKind, String) {
    let error = result.err().unwrap();
    (error.kind, error.message)
}

fn drain(opened: &mut Opened<'_>) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    while (all.len() as u64) < opened.length() {
        let mut buffer = [0; 7];
        let n = opened.read(&mut buffer)?;
        all.extend_from_slice(&buffer[..n]);
    }
    Ok(all)
}

struct Chunks {
    data: Vec<u8>,
    at: usize,
    rewinds: bool,
}

impl Reader for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = buffer.len().min(self.data.len() - self.at).min(5);
        buffer[..n].copy_from_slice(&self.data[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
    fn can_rewind(&self) -> bool {
        self.rewinds
    }
    fn rewind(&mut self) -> io::Result<()> {
        self.at = 0;
        Ok(())
    }
}

#[test]
fn what_is_no_regular_file_is_refused_and_never_waited_for() {
    assert_eq!(
        message(Source::Path(Path::new("/nowhere/at/all")).open()),
        (ErrorKind::File, "/nowhere/at/all cannot be opened: there is no such file".to_owned())
    );
    assert_eq!(
        message(Source::Path(Path::new("/nowhere/a\u{1b}[31m\nb\u{9b}ä")).open()),
        (
            ErrorKind::File,
            "/nowhere/a\\u{1b}[31m\\nb\\u{9b}ä cannot be opened: there is no such file".to_owned()
        )
    );
    assert_eq!(
        message(Source::Path(Path::new("/")).open()),
        (ErrorKind::File, "/ is a directory, not a regular file".to_owned())
    );
    assert_eq!(
        message(Source::Path(Path::new("/dev/null")).open()),
        (ErrorKind::File, "/dev/null is a device, not a regular file".to_owned())
    );
    let fifo = std::env::temp_dir().join(format!("linq-fifo-{}", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let expected = format!("{} is a FIFO, not a regular file", fifo.display());
    assert_eq!(message(Source::Path(&fifo).open()), (ErrorKind::File, expected));
    std::fs::remove_file(fifo).unwrap();
}

#[test]
fn sizes_from_one_byte_to_a_hundred_mebibytes() {
    assert_eq!(
        message(Source::Bytes(&[]).open()),
        (ErrorKind::Unsupported, "the data is empty; Linq takes files of 1 byte to 100 MiB".to_owned())
    );
    assert!(check_size("x", 1).is_ok() && check_size("x", MAX_SIZE).is_ok());
    assert_eq!(
        check_size("x", MAX_SIZE + 1).unwrap_err().message,
        "x has 104857601 bytes (100.1 MiB); Linq takes files of 1 byte to 100 MiB"
    );
}

#[test]
fn a_part_of_a_descriptor_leaves_its_position_alone() {
    let path = file("part", b"0123456789");
    let file = File::open(&path).unwrap();
    let part = |offset, length| Source::Descriptor { fd: file.as_fd(), offset, length };
    assert_eq!(drain(&mut part(3, Some(4)).open().unwrap()).unwrap(), b"3456");
    assert_eq!(drain(&mut part(3, None).open().unwrap()).unwrap(), b"3456789");
    assert_eq!(io::Read::bytes(&file).next().unwrap().unwrap(), b'0');
    assert_eq!(message(part(11, None).open()).1, "the file of the descriptor ends before offset 11");
    assert_eq!(
        message(part(3, Some(8)).open()).1,
        "the file of the descriptor has 7 bytes from offset 3 on, not 8"
    );
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_file_that_moves_is_noticed_before_its_last_bytes_leave() {
    type Change = fn(&Path);
    // what it is called when the file was opened by its path, and when only a descriptor was given; none: it is whole
    let changes: [(&str, Change, [Option<&str>; 2]); 5] = [
        (
            "cut",
            |p| drop(OpenOptions::new().write(true).open(p).unwrap().set_len(9)),
            [Some("became shorter"); 2],
        ),
        (
            "grow",
            |p| OpenOptions::new().append(true).open(p).unwrap().write_all(b"x").unwrap(),
            [Some("grew"); 2],
        ),
        ("write", |p| std::fs::write(p, b"9876543210").unwrap(), [Some("was modified"); 2]),
        (
            "replace",
            |p| {
                let other = p.with_extension("new");
                std::fs::write(&other, b"0123456789").unwrap();
                std::fs::rename(other, p).unwrap();
            },
            [Some("was replaced"), None],
        ),
        ("delete", |p| std::fs::remove_file(p).unwrap(), [None; 2]),
    ];
    for (name, change, words) in changes {
        for (by_path, how) in [true, false].into_iter().zip(words) {
            let case = format!("{name}, by its path: {by_path}");
            let path = file(name, b"0123456789");
            let held = File::open(&path).unwrap();
            let source = match by_path {
                true => Source::Path(&path),
                false => Source::Descriptor { fd: held.as_fd(), offset: 0, length: None },
            };
            let mut opened = source.open().unwrap();
            opened.read(&mut [0; 4]).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(20)); // a coarse clock stamps files
            change(&path);
            let found = drain_rest(&mut opened).err().map(|error| (error.kind, error.message));
            let called = if by_path { path.display().to_string() } else { "the descriptor".to_owned() };
            let expected = how.map(|how| {
                let advice = "upload it again when it is finished";
                (ErrorKind::File, format!("{called} {how} while it was being sent; {advice}"))
            });
            assert_eq!(found, expected, "{case}");
            let _ = std::fs::remove_file(path);
        }
    }
}

fn drain_rest(opened: &mut Opened<'_>) -> Result<(), Error> {
    for _ in 0..6 {
        opened.read(&mut [0; 1])?;
    }
    Ok(())
}

#[test]
fn readers_give_exactly_what_they_declared() {
    let open = |declared| {
        let mut chunks = Chunks { data: (0..100).collect(), at: 0, rewinds: false };
        let mut opened = Source::Reader { reader: &mut chunks, size: declared }.open().unwrap();
        opened.rename("clip.bin");
        drain(&mut opened).map(|all| all.len()).map_err(|e| e.message)
    };
    assert_eq!(open(100), Ok(100));
    assert_eq!(open(101), Err("clip.bin ended after 100 of the 101 bytes declared".to_owned()));
    assert_eq!(open(99), Err("clip.bin has more than the 99 bytes declared".to_owned()));
}

#[test]
fn a_reader_begins_again_where_it_can() {
    let data: Vec<u8> = (0..5000u32).map(|n| n as u8).collect();
    let mut chunks = Chunks { data: data.clone(), at: 0, rewinds: true };
    let mut opened = Source::Reader { reader: &mut chunks, size: 5000 }.open().unwrap();
    assert_eq!(**opened.peek(|| Ok(())).unwrap().0, data[..HEAD]);
    assert_eq!(drain(&mut opened).unwrap(), data);
    assert!(opened.rewind().unwrap());
    assert_eq!(drain(&mut opened).unwrap(), data);

    let mut chunks = Chunks { data: data.clone(), at: 0, rewinds: false };
    let mut opened = Source::Reader { reader: &mut chunks, size: 5000 }.open().unwrap();
    opened.peek(|| Ok(())).unwrap();
    opened.read(&mut [0; 100]).unwrap();
    assert!(opened.rewind().unwrap(), "what was peeked at is still here");
    assert_eq!(drain(&mut opened).unwrap(), data);
    assert!(!opened.rewind().unwrap());
}

#[test]
fn a_closer_look_needs_a_reader_that_begins_again() {
    struct Stuck(Chunks);
    impl Reader for Stuck {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
        fn can_rewind(&self) -> bool {
            true
        }
        fn rewind(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::NotSeekable.into())
        }
    }
    let tag = |size: u32| {
        let seven = [size >> 21, size >> 14, size >> 7, size].map(|seven| (seven & 0x7F) as u8);
        [b"ID3\x04\0\0", &seven[..], &vec![1; size as usize]].concat()
    };
    let song = |tags: &[u32]| {
        [tags.iter().flat_map(|size| tag(*size)).collect(), b"fLaC".to_vec(), vec![2; 2 * FURTHER]].concat()
    };
    let ahead = LOOK_AHEAD as u32;
    // the tags; whether what is behind them is seen from a file, and from a reader that begins again
    for (tags, of_file, of_reader) in [
        (&[300_000][..], true, true),
        (&[5_000, 20, 6_000], true, true),
        (&[5_000; 9], false, false),
        (&[ahead - 10], true, true),
        (&[ahead], true, false),
    ] {
        let data = song(tags);
        let look = |source: Source<'_>| {
            let mut opened = source.open().unwrap();
            let (head, further) = opened.peek(|| Ok(())).unwrap();
            assert!(**head == data[..HEAD] && drain(&mut opened).unwrap() == data, "{tags:?}");
            further.starts_with(b"fLaC") && further.len() == FURTHER
        };
        let chunks = |rewinds| Chunks { data: data.clone(), at: 0, rewinds };
        let size = data.len() as u64;
        assert_eq!(look(Source::Bytes(&data)), of_file, "{tags:?}");
        assert_eq!(look(Source::Reader { reader: &mut chunks(true), size }), of_reader, "{tags:?}");
        assert!(!look(Source::Reader { reader: &mut chunks(false), size }), "{tags:?}");
        assert!(!look(Source::Reader { reader: &mut Stuck(chunks(true)), size }), "{tags:?}");
    }
    let data = song(&[300_000]);
    let mut reader = Chunks { data: data.clone(), at: 0, rewinds: true };
    let mut opened = Source::Reader { reader: &mut reader, size: data.len() as u64 }.open().unwrap();
    assert_eq!(opened.peek(|| Err(Error::cancelled())).err().unwrap().kind, ErrorKind::Cancelled);
}

#[test]
fn a_reader_that_lies_about_its_count() {
    struct Liar;
    impl Reader for Liar {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            Ok(buffer.len() + 1)
        }
    }
    let error = Source::Reader { reader: &mut Liar, size: 10 }.open().unwrap().peek(|| Ok(())).err().unwrap();
    assert_eq!(error.message, "the reader claims to have read 11 bytes into a buffer of 10");
}
