//! Recognises a file by its first bytes.
//!
//! `infer` is used where its signature is exact. Where it is shorter than the format allows (two letters for BMP, EXE
//! or bitcode) or misses variants, the signature is here.

use super::detected::{Confidence, Seen};
use super::table::Family;
use super::{audio, container, markup, program, unsupported};
use infer::{archive, image, video};

use Confidence::{Certain, Letters, Weak};
use Seen::{Type, Unsupported};

/// How many bytes to look at further on.
pub const FURTHER: usize = 4096;

/// Where in a file of `size` bytes more of them would decide what `head` leaves open: behind an ID3 tag, at the
/// directory of an OLE2 document, at the end of a ZIP archive.
pub fn probe_offset(head: &[u8], size: u64) -> Option<u64> {
    if head.starts_with(b"PK\x03\x04") {
        return size.checked_sub(FURTHER as u64).filter(|_| size > head.len() as u64);
    }
    let offset = audio::id3_end(head).or_else(|| container::ole2_directory(head))?;
    (offset.saturating_add(FURTHER as u64) > head.len() as u64).then_some(offset)
}

/// What the bytes are; the first matcher that knows them wins. `further` are the bytes at [`probe_offset`].
pub fn sniff(head: &[u8], further: &[u8]) -> Seen {
    let at = |offset: u64| {
        let inside = usize::try_from(offset).ok().and_then(|offset| head.get(offset..)).unwrap_or_default();
        if further.is_empty() { inside } else { further }
    };
    audio::amr(head)
        .or_else(|| program::executable(head))
        .or_else(|| audio::id3_end(head).map(|end| audio::behind_id3(at(end))))
        .or_else(|| container::riff(head))
        .or_else(|| container::iso_bmff(head))
        .or_else(|| container::zip(head, if further.is_empty() { head } else { further }))
        .or_else(|| container::ole2(head, container::ole2_directory(head).map_or(&[], at)))
        .or_else(|| absent(head))
        .or_else(|| simple(head))
        .or_else(|| markup::text(head))
        .or_else(|| audio::frames(head, Weak))
        .or_else(|| guess(head))
        .unwrap_or(Seen::Unknown)
}

/// Whether the file may be of that family, where no program opens one without its signature; `head` may be shorter.
pub fn begins_as(family: Family, head: &[u8]) -> Option<bool> {
    let signatures: &[&[u8]] = match family {
        Family::Jpeg => &[b"\xFF\xD8\xFF"],
        Family::Png => &[PNG],
        Family::Gif => &[b"GIF87a", b"GIF89a"],
        Family::Tiff => &[b"II*\0", b"II+\0", b"MM\0*", b"MM\0+"],
        _ => return None,
    };
    Some(signatures.iter().any(|signature| head.starts_with(signature) || signature.starts_with(head)))
}

const PNG: &[u8] = b"\x89PNG\r\n\x1A\n";

/// Types whose first bytes are enough.
fn simple(head: &[u8]) -> Option<Seen> {
    let name = match head {
        _ if image::is_jpeg(head) => "image/jpeg",
        _ if head.starts_with(PNG) => "image/png",
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
        _ if infer::audio::is_flac(head) => return Some(Unsupported(&unsupported::FLAC, Letters)),
        _ if infer::audio::is_ogg_opus(head) => &unsupported::OPUS,
        _ if infer::audio::is_ogg(head) => return Some(Unsupported(audio::ogg(head), Letters)),
        _ if head.strip_prefix(b"\x02").unwrap_or(head).starts_with(b"#!SILK") => &unsupported::SILK,
        [0x1A, 0x45, 0xDF, 0xA3, ..] => matroska(head),
        _ if video::is_wmv(head) => &unsupported::ASF,
        _ if video::is_flv(head) => &unsupported::FLV,
        _ if image::is_jpeg2000(head) || head.starts_with(b"\xFF\x4F\xFF\x51") => &unsupported::JP2,
        // infer takes two bytes (FF 0A) for JPEG XL as well
        _ if head.starts_with(b"\0\0\0\x0CJXL \r\n\x87\n") => &unsupported::JXL,
        [b'I', b'I', 0xBC, 0 | 1, ..] => &unsupported::JPEG_XR,
        _ if is_jpeg_ls(head) => &unsupported::JPEG_LS,
        _ if is_raw_photo(head) => &unsupported::CAMERA_RAW,
        [b'8', b'B', b'P', b'S', 0, 1 | 2, ..] => &unsupported::PSD,
        _ if archive::is_7z(head) => &unsupported::SEVEN_ZIP,
        _ if archive::is_rar(head) => &unsupported::RAR,
        _ if archive::is_xz(head) => &unsupported::XZ,
        [0x1E | 0x22..=0x28, 0xB5, 0x2F, 0xFD, ..] => &unsupported::ZSTD,
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => &unsupported::BZIP2,
        [b'M', b'S', b'C', b'F', 0, 0, 0, 0, ..] => &unsupported::CABINET,
        _ if matches!(head.get(257..263), Some(b"ustar\0" | b"ustar ")) || is_old_tar(head) => {
            &unsupported::TAR
        }
        _ if transport_stream(head) => &unsupported::MPEG_TS,
        [0, 5, 0x16, 0 | 7, 0, _, 0, 0, ..] => &unsupported::APPLE_DOUBLE,
        _ if is_pkcs7(head) => &unsupported::SIGNED,
        [0, 1, 0, 0, 0, 1..=64, ..] | [b't', b't', b'c', b'f', 0, ..] => &unsupported::FONT,
        [b'O', b'T', b'T', b'O', 0, ..] | [b'w', b'O', b'F', b'F' | b'2', 0 | b'O' | b't', ..] => {
            &unsupported::FONT
        }
        [b'A', b'C', b'1', b'0', b'0'..=b'9', b'0'..=b'9', 0, ..] => &unsupported::DWG,
        _ if head.starts_with(b"SQLite format 3\0") => &unsupported::SQLITE,
        _ if head.get(60..68) == Some(b"BOOKMOBI") => &unsupported::KINDLE,
        _ if head.starts_with(b"AT&TFORM") => return Some(Unsupported(&unsupported::DJVU, Letters)),
        _ => return None,
    };
    Some(Unsupported(kind, Certain))
}

/// A JPEG file whose frame is of the kind that JPEG-LS has.
fn is_jpeg_ls(head: &[u8]) -> bool {
    let mut rest = head.strip_prefix(b"\xFF\xD8").unwrap_or_default();
    while let &[0xFF, marker, high, low, ..] = rest {
        match marker {
            0xF7 => return true,
            0xE0..=0xEF | 0xFE | 0xDB | 0xC4 => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                rest = rest.get(2 + length..).unwrap_or_default();
            }
            _ => return false,
        }
    }
    false
}

/// Raw photos with a signature of their own; most cameras write TIFF.
fn is_raw_photo(head: &[u8]) -> bool {
    let starts: [&[u8]; 8] = [
        b"FUJIFILMCCD-RAW ",
        b"IIU\0",
        b"IIRO\x08\0",
        b"IIRS\x08\0",
        b"MMOR\0\0",
        b"FOVb\0\0",
        b"\0MRM\0",
        b"II\x1A\0\0\0HEAPCCDR",
    ];
    starts.iter().any(|start| head.starts_with(start))
        || head.starts_with(b"II*\0") && matches!(head.get(8..11), Some(b"CR\x02"))
}

/// A signed or enveloped message in DER: its type follows the first length.
fn is_pkcs7(head: &[u8]) -> bool {
    let start = head.get(..24).filter(|start| start[0] == 0x30).unwrap_or_default();
    start.windows(9).any(|id| id[..8] == *b"\x2A\x86\x48\x86\xF7\x0D\x01\x07" && matches!(id[8], 2 | 3))
}

/// A tar archive from before "ustar" has no signature, only a checksum of its header.
fn is_old_tar(head: &[u8]) -> bool {
    let Some((header, stated)) = head.get(..512).zip(head.get(148..156)) else { return false };
    let digits = stated.trim_ascii_start().iter().take_while(|digit| matches!(digit, b'0'..=b'7'));
    let stated = digits.fold(0, |sum, &digit| sum * 8 + u32::from(digit - b'0'));
    if stated == 0 {
        return false;
    }
    let outside = header[..148].iter().chain(&header[156..]).map(|&byte| u32::from(byte)).sum::<u32>();
    header[0] != 0 && stated == outside + 8 * u32::from(b' ')
}

fn matroska(head: &[u8]) -> &'static unsupported::Unsupported {
    let webm = head[..head.len().min(256)].windows(4).any(|word| word == b"webm");
    if webm { &unsupported::WEBM } else { &unsupported::MATROSKA }
}

/// Packets of 188 bytes that begin with 'G', or of 192 with four bytes before it. A text can be all G, so one byte
/// must not be text.
fn transport_stream(head: &[u8]) -> bool {
    [(188, 0), (192, 4)].iter().any(|&(size, sync)| {
        let five = head.get(..5 * size).unwrap_or_default();
        !five.is_empty()
            && five.chunks(size).all(|packet| packet[sync] == b'G')
            && five.iter().any(|&byte| byte < 8)
    })
}

/// Signatures that are too short or too common to prove anything.
fn guess(head: &[u8]) -> Option<Seen> {
    let name = match head {
        [0xFF, 0x0A, _, _, ..] => return Some(Unsupported(&unsupported::JXL, Letters)),
        [0, 0, 1, 0, low, high, ..] if low | high != 0 => "image/x-icon",
        [0, 0, 1, 0xB3, ..] => "video/mpeg",
        _ if head.starts_with(b"ADIF") => "audio/aac",
        _ if is_padded_pdf(head) => "application/pdf",
        _ => return None,
    };
    Some(Type(name, Weak))
}

/// Readers also accept a PDF with white space in front. After text it may be part of a message.
fn is_padded_pdf(head: &[u8]) -> bool {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let start = head.iter().position(|byte| !byte.is_ascii_whitespace() && *byte != 0);
    start.is_some_and(|start| head[start..].starts_with(b"%PDF-"))
}
