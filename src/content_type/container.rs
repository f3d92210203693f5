//! The containers: RIFF, ISO media, ZIP and OLE2, and what is inside them.

use super::detected::{
    Confidence::Certain,
    Seen::{self, Ole2, Type, Unsupported},
};
use super::unsupported;

/// RIFF and its variants for large or big-endian files; the form type at 8 tells what it is.
pub fn riff(head: &[u8]) -> Option<Seen> {
    let form = head.get(8..12).filter(|_| matches!(&head[..4], b"RIFF" | b"RIFX" | b"RF64" | b"BW64"))?;
    let name = match form {
        b"WAVE" => "audio/x-wav",
        b"AVI " => "video/x-msvideo",
        b"WEBP" => "image/webp",
        b"RMID" => "audio/midi",
        _ => return None,
    };
    Some(Type(name, Certain))
}

/// Boxes: a size and a name. Files of today begin with `ftyp`, old QuickTime files with any of a few others. A size
/// that is text ("I'm free") would be beyond anything that can be sent.
pub fn iso_bmff(head: &[u8]) -> Option<Seen> {
    let &[a, b, c, d, ref kind @ ..] = head.get(..8)? else { return None };
    let size = u32::from_be_bytes([a, b, c, d]);
    match kind {
        b"ftyp" if size < 0x1_0000 => brand(head.get(8..12)?, compatible_brands(head, size as usize)),
        b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot"
            if size < 2 || (8..0x0800_0000).contains(&size) =>
        {
            Some(Type("video/quicktime", Certain))
        }
        _ => None,
    }
}

fn compatible_brands(head: &[u8], size: usize) -> impl Iterator<Item = &[u8]> + Clone {
    head.get(16..size.min(head.len())).unwrap_or_default().chunks_exact(4)
}

fn brand<'a>(major: &[u8], compatible: impl Iterator<Item = &'a [u8]> + Clone) -> Option<Seen> {
    let any = |brands: fn(&[u8]) -> bool| compatible.clone().any(brands);
    let name = match major {
        b"avif" | b"avis" => return Some(Unsupported(&unsupported::AVIF, Certain)),
        b"crx " => return Some(Unsupported(&unsupported::CR3, Certain)),
        [b'3', b'g', b'2', _] => return Some(Unsupported(&unsupported::THREE_G2, Certain)),
        _ if is_heic(major) => "image/heic",
        b"mif1" | b"mif2" | b"msf1" => {
            if any(is_heic) {
                "image/heic"
            } else if any(|brand| matches!(brand, b"avif" | b"avis")) {
                return Some(Unsupported(&unsupported::AVIF, Certain));
            } else {
                "image/heif"
            }
        }
        b"M4A " | b"M4B " | b"M4P " => "audio/x-m4a",
        b"M4V " | b"M4VH" | b"M4VP" => "video/x-m4v",
        b"qt  " => "video/quicktime",
        [b'3', b'g', b'p' | b'e' | b'g' | b'r' | b's', _] => "video/3gpp",
        _ => "video/mp4",
    };
    Some(Type(name, Certain))
}

fn is_heic(brand: &[u8]) -> bool {
    matches!(brand, b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs")
}

/// A ZIP archive, and the document it is, by the names of its first entries.
pub fn zip(head: &[u8]) -> Option<Seen> {
    match head {
        [b'P', b'K', 3, 4, ..] => {}
        // an empty archive; one that was made in pieces
        [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, ..] => return Some(Type("application/zip", Certain)),
        _ => return None,
    }
    if let Some(mimetype) = zip_entries(head).next().filter(|entry| entry.name == b"mimetype") {
        if mimetype.data.starts_with(b"application/epub+zip") {
            return Some(Type("application/epub+zip", Certain));
        }
        if mimetype.data.starts_with(b"application/vnd.oasis.opendocument.") {
            return Some(Unsupported(&unsupported::OPEN_DOCUMENT, Certain));
        }
    }
    let any = |start: &str| zip_entries(head).any(|entry| entry.name.starts_with(start.as_bytes()));
    let has = |name: &str| zip_entries(head).any(|entry| entry.name == name.as_bytes());
    // any archive may have a folder "word"; of these names every Office document has some
    let parts = [
        "[Content_Types].xml",
        "_rels/.rels",
        "docProps/app.xml",
        "docProps/core.xml",
        "docProps/thumbnail.",
    ];
    let office = parts.map(any).contains(&true);
    let name = match () {
        _ if office && any("word/") => {
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        }
        _ if office && any("xl/") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        _ if office && any("ppt/") => {
            "application/vnd.openxmlformats-officedocument.presentationml.presentation"
        }
        _ if has("pass.json") => "application/vnd.apple.pkpass",
        _ if any("Index/Slide") || any("index.apxl") => "application/x-iwork-keynote-sffkey",
        _ if any("Index/Tables/") => "application/x-iwork-numbers-sffnumbers",
        // Pages has no entry of its own: Index/Document.iwa and Index.zip are in the three of them
        _ => "application/zip",
    };
    Some(Type(name, Certain))
}

struct Entry<'a> {
    name: &'a [u8],
    data: &'a [u8],
}

/// The local headers that can be found in `head`. Where an entry's size is in its header, its data is stepped over: it
/// may be an archive itself. Else the next header is looked for; compressed data hardly ever looks like one.
fn zip_entries(head: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    let mut rest = head;
    std::iter::from_fn(move || {
        let start = rest.windows(4).position(|word| word == b"PK\x03\x04")?;
        let header = rest.get(start..start + 30)?;
        let length = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let (name, extra) = (length(26), length(28));
        let name_at = start + 30;
        let entry = Entry {
            name: rest.get(name_at..name_at + name)?,
            data: rest.get(name_at + name + extra..).unwrap_or_default(),
        };
        let size_is_known = header[6] & 8 == 0;
        let size = u32::from_le_bytes([header[18], header[19], header[20], header[21]]);
        let data = if size_is_known { extra + size as usize } else { 0 };
        rest = rest.get((name_at + name).saturating_add(data)..).unwrap_or_default();
        Some(entry)
    })
}

const OLE2_MAGIC: &[u8] = b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1";

/// Where an OLE2 document's directory begins.
pub fn ole2_directory(head: &[u8]) -> Option<u64> {
    let header = head.get(..52).filter(|_| head.starts_with(OLE2_MAGIC))?;
    let shift = u32::from(header[30]);
    let sector = u32::from_le_bytes([header[48], header[49], header[50], header[51]]);
    matches!(shift, 9 | 12).then(|| (u64::from(sector) + 1) << shift)
}

/// An OLE2 document: by the class in its directory's first entry, which says what program wrote it, else by the name
/// of a stream in the others.
pub fn ole2(head: &[u8], directory: &[u8]) -> Option<Seen> {
    if !head.starts_with(OLE2_MAGIC) {
        return None;
    }
    let class = directory.get(80..96);
    // the end of a class id of the Office or Installer kind; before it, the number
    let number = class
        .filter(|class| class[8..] == *b"\xC0\0\0\0\0\0\0\x46")
        .map(|class| u32::from_le_bytes([class[0], class[1], class[2], class[3]]));
    let power_point = class.is_some_and(|class| class.starts_with(b"\x10\x8D\x81\x64\x9B\x4F\xCF\x11"));
    let stream = |name: &str| {
        let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        [head, directory].iter().any(|bytes| bytes.windows(utf16.len()).any(|window| window == utf16))
    };
    Some(match number {
        Some(0x000C_1082 | 0x000C_1084 | 0x000C_1086) => Unsupported(&unsupported::MSI, Certain),
        Some(0x0002_0D0B) => Unsupported(&unsupported::OUTLOOK, Certain),
        Some(0x0002_0906) => Type("application/msword", Certain),
        Some(0x0002_0810 | 0x0002_0820) => Type("application/vnd.ms-excel", Certain),
        _ if power_point => Type("application/vnd.ms-powerpoint", Certain),
        _ if stream("WordDocument") => Type("application/msword", Certain),
        _ if stream("PowerPoint Document") => Type("application/vnd.ms-powerpoint", Certain),
        _ if stream("Workbook\0") || stream("Book\0") => Type("application/vnd.ms-excel", Certain),
        _ => Ole2,
    })
}
