//! What the first bytes of a file say it is.
//!
//! `infer` is asked where its signature is exact. Where it is shorter than the format allows (two letters for BMP, EXE
//! or bitcode) or misses variants, the signature is here.

use super::detected::{Confidence, Seen};
use super::{FURTHER, container, markup, unsupported};
use infer::{app, archive, audio, image, video};

use Confidence::{Certain, Letters, Weak};
use Seen::{Type, Unsupported};

/// The beginning of a file, and a few bytes from further on.
#[derive(Clone, Copy)]
pub struct Bytes<'a> {
    pub head: &'a [u8],
    pub further: &'a [u8],
}

impl<'a> Bytes<'a> {
    /// The bytes from `offset` on, as far as they were given.
    fn at(self, offset: u64) -> &'a [u8] {
        if !self.further.is_empty() && probe_offset(self.head) == Some(offset) {
            return self.further;
        }
        usize::try_from(offset).ok().and_then(|offset| self.head.get(offset..)).unwrap_or_default()
    }
}

/// Where in the file more bytes would settle what `head` leaves open: behind an ID3 tag, at the header of a Windows
/// program, at the directory of an OLE2 document.
pub fn probe_offset(head: &[u8]) -> Option<u64> {
    let offset = id3_end(head).or_else(|| pe_header(head)).or_else(|| container::ole2_directory(head))?;
    (offset.saturating_add(FURTHER as u64) > head.len() as u64).then_some(offset)
}

/// What the bytes are; the first matcher that knows them wins.
pub fn sniff(head: &[u8], further: &[u8]) -> Seen {
    let bytes = Bytes { head, further };
    amr(head)
        .or_else(|| program(bytes))
        .or_else(|| id3(bytes))
        .or_else(|| container::riff(head))
        .or_else(|| container::iso_bmff(head))
        .or_else(|| container::zip(head))
        .or_else(|| container::ole2(head, container::ole2_directory(head).map_or(&[], |at| bytes.at(at))))
        .or_else(|| simple(head))
        .or_else(|| absent(head))
        .or_else(|| markup::text(head))
        .or_else(|| audio_frames(head, Weak))
        .or_else(|| guess(head))
        .unwrap_or(Seen::Unknown)
}

/// AMR, AMR-WB and their forms with several channels; before the scripts, since they begin with `#!` too.
fn amr(head: &[u8]) -> Option<Seen> {
    head.starts_with(b"#!AMR").then_some(Type("audio/amr", Certain))
}

/// Executables and their like.
fn program(bytes: Bytes) -> Option<Seen> {
    let head = bytes.head;
    let kind = match head {
        _ if shebang(head) => &unsupported::SHEBANG,
        [0x7F, b'E', b'L', b'F', ..] => &unsupported::ELF,
        _ if pe_header(head).is_some_and(|at| bytes.at(at).starts_with(b"PE\0\0")) => &unsupported::PE,
        // infer knows thin files and CAFEBABE, told from Java by the number that follows
        _ if app::is_mach(head) || mach_o_variant(head) => &unsupported::MACH_O,
        _ if app::is_java(head) => &unsupported::JAVA_CLASS,
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] | [0, b'a', b's', b'm', 0x0D, 0, 1, 0, ..] => {
            &unsupported::WASM
        }
        [b'd', b'e', b'x', b'\n', b'0', ..] => &unsupported::DEX,
        [0x42, 0x43, 0xC0, 0xDE, ..] | [0xDE, 0xC0, 0x17, 0x0B, ..] => &unsupported::BITCODE,
        _ if head.starts_with(b"!<arch>\n") || head.starts_with(b"!<thin>\n") => &unsupported::AR,
        _ if head.starts_with(SHORTCUT) => &unsupported::SHORTCUT,
        _ => return None,
    };
    Some(Unsupported(kind, Certain))
}

/// The size of a shortcut's header, and its class.
const SHORTCUT: &[u8] = b"\x4C\0\0\0\x01\x14\x02\0\0\0\0\0\xC0\0\0\0\0\0\0\x46";

/// `#!` and a command. Rust sources may begin with `#![`, and the first bytes of an AMR file are no script either.
fn shebang(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let Some(command) = text.strip_prefix(b"#!") else { return false };
    !command.starts_with(b"[") && !b"AMR".starts_with(command)
}

/// Where a file that begins with "MZ" says its PE header is.
fn pe_header(head: &[u8]) -> Option<u64> {
    let at = head.get(60..64).filter(|_| head.starts_with(b"MZ"))?;
    Some(u64::from(u32::from_le_bytes([at[0], at[1], at[2], at[3]])))
}

/// Universal binaries with 64-bit offsets, and byte-swapped ones.
fn mach_o_variant(head: &[u8]) -> bool {
    let Some(&[a, b, c, d]) = head.get(4..8) else { return false };
    match head[..4] {
        [0xCA, 0xFE, 0xBA, 0xBF] => u32::from_be_bytes([a, b, c, d]) < 45,
        [0xBE | 0xBF, 0xBA, 0xFE, 0xCA] => u32::from_le_bytes([a, b, c, d]) < 45,
        _ => false,
    }
}

/// Where the ID3v2 tag, or several one after another, end.
pub fn id3_end(head: &[u8]) -> Option<u64> {
    let mut end = 0;
    while let Some(&[b'I', b'D', b'3', 2..=4, revision, flags, a, b, c, d]) = head.get(end..end + 10) {
        if revision == 0xFF || (a | b | c | d) & 0x80 != 0 {
            break;
        }
        let size = [a, b, c, d].iter().fold(0, |sum, &seven| sum << 7 | usize::from(seven));
        let footer = if flags & 0x10 != 0 { 10 } else { 0 };
        end += 10 + size + footer;
    }
    (end > 0).then_some(end as u64)
}

/// An ID3 tag says "audio"; which, says what follows it.
fn id3(bytes: Bytes) -> Option<Seen> {
    let behind = bytes.at(id3_end(bytes.head)?);
    let seen = if audio::is_flac(behind) {
        Unsupported(&unsupported::FLAC, Certain)
    } else if audio::is_ogg(behind) {
        Unsupported(&unsupported::OGG, Certain)
    } else {
        audio_frames(behind, Certain).unwrap_or(Type("audio/mpeg", Weak))
    };
    Some(seen)
}

/// The frames of AAC and of MP3 begin alike; the layer bits tell them apart. One frame header is `single`, but a
/// second one where the first frame ends is proof.
fn audio_frames(at: &[u8], single: Confidence) -> Option<Seen> {
    let (name, length) =
        aac_frame(at).map(|n| ("audio/aac", n)).or_else(|| mpeg_frame(at).map(|n| ("audio/mpeg", n)))?;
    // version, layer, protection, and the rate: the same in every frame
    let second = at
        .get(length..length + 3)
        .is_some_and(|next| length > 0 && next[..2] == at[..2] && (next[2] ^ at[2]) & 0x0C == 0);
    Some(Type(name, if second { Certain } else { single }))
}

/// The length of the ADTS frame that begins here.
fn aac_frame(at: &[u8]) -> Option<usize> {
    let &[0xFF, second, third, a, b, c, ..] = at else { return None };
    let rate = third >> 2 & 0x0F;
    let length = usize::from(a & 3) << 11 | usize::from(b) << 3 | usize::from(c >> 5);
    (second & 0xF6 == 0xF0 && rate < 13 && length > 7).then_some(length)
}

/// The length of the MPEG audio frame that begins here. Frames of no stated bitrate are not worth the false alarms.
fn mpeg_frame(at: &[u8]) -> Option<usize> {
    const V1_L1: [usize; 15] = [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448];
    const V1_L2: [usize; 15] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384];
    const V1_L3: [usize; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const V2_L1: [usize; 15] = [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256];
    const V2_L23: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

    let &[0xFF, second, third, ..] = at else { return None };
    let (version, layer) = (second >> 3 & 3, second >> 1 & 3); // version 0: 2.5, 2: 2, 3: 1; layer 1: III, 3: I
    let (bitrate, rate) = (usize::from(third >> 4), usize::from(third >> 2 & 3));
    if second < 0xE0 || version == 1 || layer == 0 || bitrate == 0 || bitrate == 15 || rate == 3 {
        return None;
    }
    let table = match (version, layer) {
        (3, 3) => V1_L1,
        (3, 2) => V1_L2,
        (3, _) => V1_L3,
        (_, 3) => V2_L1,
        _ => V2_L23,
    };
    let hertz = [44_100, 48_000, 32_000][rate] >> [2, 0, 1, 0][usize::from(version)];
    let (bits, padding) = (table[bitrate] * 1000, usize::from(third >> 1 & 1));
    Some(match (layer, version) {
        (3, _) => (12 * bits / hertz + padding) * 4,
        (1, 0 | 2) => 72 * bits / hertz + padding,
        _ => 144 * bits / hertz + padding,
    })
}

/// Types whose first bytes are enough.
fn simple(head: &[u8]) -> Option<Seen> {
    let name = match head {
        _ if image::is_jpeg(head) => "image/jpeg",
        _ if head.starts_with(b"\x89PNG\r\n\x1A\n") => "image/png",
        _ if head.starts_with(b"GIF87a") || head.starts_with(b"GIF89a") => "image/gif",
        [b'I', b'I', 0x2A | 0x2B, 0, ..] | [b'M', b'M', 0, 0x2A | 0x2B, ..] => "image/tiff",
        _ if bmp(head) => "image/bmp",
        [0, 0, 1, 0xBA, pack, ..] if pack & 0xF0 == 0x20 => "video/mpeg",
        [0, 0, 1, 0xBA, pack, ..] if pack & 0xC0 == 0x40 => "video/mpeg2",
        _ if head.starts_with(b"caff\0\x01") => "audio/x-caf",
        [b'F', b'O', b'R', b'M', _, _, _, _, b'A', b'I', b'F', b'F' | b'C', ..] => "audio/x-aiff",
        _ if head.starts_with(b"MThd\0\0\0\x06") => "audio/midi",
        _ if head.starts_with(b"%PDF-") => "application/pdf",
        _ if archive::is_gz(head) => "application/x-gzip",
        _ => return None,
    };
    Some(Type(name, Certain))
}

/// "BM" alone proves nothing; with the reserved zeros and a header size that exists it does.
fn bmp(head: &[u8]) -> bool {
    head.starts_with(b"BM")
        && head.get(6..10) == Some(&[0; 4])
        && matches!(head.get(14..18), Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]))
}

/// Kinds that Linq does not take, other than programs.
fn absent(head: &[u8]) -> Option<Seen> {
    let kind = match head {
        _ if audio::is_flac(head) => return Some(Unsupported(&unsupported::FLAC, Letters)),
        _ if audio::is_ogg_opus(head) => &unsupported::OPUS,
        _ if audio::is_ogg(head) => return Some(Unsupported(&unsupported::OGG, Letters)),
        [0x1A, 0x45, 0xDF, 0xA3, ..] => matroska(head),
        _ if video::is_wmv(head) => &unsupported::ASF,
        _ if video::is_flv(head) => &unsupported::FLV,
        _ if image::is_jpeg2000(head) || head.starts_with(b"\xFF\x4F\xFF\x51") => &unsupported::JP2,
        // infer takes two bytes (FF 0A) for JPEG XL as well
        _ if head.starts_with(b"\0\0\0\x0CJXL \r\n\x87\n") => &unsupported::JXL,
        [b'8', b'B', b'P', b'S', 0, 1 | 2, ..] => &unsupported::PSD,
        _ if archive::is_7z(head) => &unsupported::SEVEN_ZIP,
        _ if archive::is_rar(head) => &unsupported::RAR,
        _ if archive::is_xz(head) => &unsupported::XZ,
        [0x28, 0xB5, 0x2F, 0xFD, ..] => &unsupported::ZSTD,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => &unsupported::BZIP2,
        [b'M', b'S', b'C', b'F', 0, 0, 0, 0, ..] => &unsupported::CABINET,
        _ if matches!(head.get(257..263), Some(b"ustar\0" | b"ustar ")) => &unsupported::TAR,
        _ if transport_stream(head) => &unsupported::MPEG_TS,
        _ => return None,
    };
    Some(Unsupported(kind, Certain))
}

fn matroska(head: &[u8]) -> &'static unsupported::Unsupported {
    let webm = head[..head.len().min(256)].windows(4).any(|word| word == b"webm");
    if webm { &unsupported::WEBM } else { &unsupported::MATROSKA }
}

/// Packets of 188 bytes, each beginning with 'G'. A text can be all G, so one byte must not be text.
fn transport_stream(head: &[u8]) -> bool {
    let packets = head.len().min(5 * 188) / 188;
    packets == 5
        && (0..packets).all(|packet| head[packet * 188] == b'G')
        && head[..packets * 188].iter().any(|&byte| byte < 8)
}

/// What is left: signatures too short or too common to prove anything.
fn guess(head: &[u8]) -> Option<Seen> {
    let name = match head {
        [0, 0, 1, 0, low, high, ..] if low | high != 0 => "image/x-icon",
        [0, 0, 1, 0xB3, ..] => "video/mpeg",
        _ if head.starts_with(b"ADIF") => "audio/aac",
        // the format allows for other bytes before it
        _ if archive::is_pdf(head) => "application/pdf",
        _ => return None,
    };
    Some(Type(name, Weak))
}
