//! The containers: RIFF, ISO media, ZIP and OLE2, and what is inside them.

use super::detected::{
    Confidence::Certain,
    Seen::{self, Encrypted, Ole2, Type, Unsupported},
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

/// Boxes: a size and a name. Modern files begin with `ftyp`, old QuickTime files with one of a few others. The limits
/// on the size rule out texts ("I'm free").
pub fn iso_bmff(head: &[u8]) -> Option<Seen> {
    let &[a, b, c, d, ref kind @ ..] = head.get(..8)? else { return None };
    let size = u32::from_be_bytes([a, b, c, d]);
    match kind {
        b"ftyp" if size < 0x1_0000 => brand(
            head.get(8..12)?,
            head.get(12..16).unwrap_or_default(),
            compatible_brands(head, size as usize),
        ),
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

fn brand<'a>(
    major: &'a [u8],
    minor: &'a [u8],
    compatible: impl Iterator<Item = &'a [u8]> + Clone,
) -> Option<Seen> {
    let name = match major {
        b"crx " => return Some(Unsupported(&unsupported::CR3, Certain)),
        [b'3', b'g', b'2', _] => return Some(Unsupported(&unsupported::THREE_G2, Certain)),
        b"M4A " | b"M4B " | b"M4P " | b"F4A " | b"F4B " => "audio/x-m4a",
        b"M4V " | b"M4VH" | b"M4VP" => "video/x-m4v",
        b"qt  " => "video/quicktime",
        [b'3', b'g', b'p' | b'e' | b'g' | b'r' | b's', _] => "video/3gpp",
        // a short form of HEIF, which has the coding of the image in place of the version
        b"mif3" => return Some(image_brand([minor].into_iter())),
        _ if is_image(major) => return Some(image_brand(std::iter::once(major).chain(compatible))),
        _ if compatible.clone().any(is_image) => return Some(image_brand(compatible)),
        _ => "video/mp4",
    };
    Some(Type(name, Certain))
}

/// The type of a file with image brands: the first brand that names a coding decides.
fn image_brand<'a>(brands: impl Iterator<Item = &'a [u8]>) -> Seen {
    for brand in brands {
        if is_heic(brand) {
            return Type("image/heic", Certain);
        }
        if matches!(brand, b"avif" | b"avis") {
            return Unsupported(&unsupported::AVIF, Certain);
        }
    }
    Type("image/heif", Certain)
}

fn is_heic(brand: &[u8]) -> bool {
    matches!(brand, b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"hevm" | b"hevs")
}

/// The brands of HEIF, AVIF, and of images that are coded in other ways.
fn is_image(brand: &[u8]) -> bool {
    const OTHERS: [&[u8; 4]; 26] = [
        b"mif1", b"mif2", b"mif3", b"msf1", b"miaf", b"MiHE", b"MiHA", b"MiHB", b"MiHM", b"MiPr", b"MiAn",
        b"MiAC", b"MiCm", b"avif", b"avis", b"avci", b"avcs", b"vvic", b"vvis", b"evbi", b"evbs", b"tmap",
        b"unif", b"jpeg", b"jpgs", b"j2ki",
    ];
    is_heic(brand) || OTHERS.iter().any(|other| brand == *other)
}

/// A ZIP archive, and the document it is, by the names of its entries: those at the start, and those in `tail`, the
/// end of the file, where it has its directory.
pub fn zip(head: &[u8], tail: &[u8]) -> Option<Seen> {
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
    let names = || zip_entries(head).map(|entry| entry.name).chain(zip_directory(tail));
    let any = |start: &str| names().any(|name| name.starts_with(start.as_bytes()));
    let has = |whole: &str| names().any(|name| name == whole.as_bytes());
    // any archive may have a folder "word"; of these names every Office document has some
    let parts = [
        "[Content_Types].xml",
        "_rels/.rels",
        "docProps/app.xml",
        "docProps/core.xml",
        "docProps/thumbnail.",
    ];
    let office = parts.map(any).contains(&true);
    if ["word/vbaProject.bin", "xl/vbaProject.bin", "ppt/vbaProject.bin"].map(has).contains(&true) {
        return Some(Unsupported(&unsupported::MACROS, Certain));
    }
    if has("xl/workbook.bin") {
        return Some(Unsupported(&unsupported::XLSB, Certain));
    }
    let name = match () {
        _ if has("word/document.xml") || office && any("word/") => {
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
        }
        _ if has("xl/workbook.xml") || office && any("xl/") => {
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        }
        _ if has("ppt/presentation.xml") || office && any("ppt/") => {
            "application/vnd.openxmlformats-officedocument.presentationml.presentation"
        }
        _ if has("pass.json") => "application/vnd.apple.pkpass",
        _ if any("Index/Slide") || any("index.apxl") => "application/x-iwork-keynote-sffkey",
        // Pages and Numbers have no entry of their own: documents of all three have a Document.iwa, and may have tables
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

/// The names in the archive's directory, as far as `tail` holds it; none where `tail` is not the end of the file.
fn zip_directory(tail: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = tail.windows(4).rposition(|word| word == b"PK\x05\x06").unwrap_or_default();
    let size = match tail.get(end..end + 22) {
        Some(&[b'P', b'K', 5, 6, .., a, b, c, d, _, _, _, _, low, high])
            if end + 22 + usize::from(u16::from_le_bytes([low, high])) == tail.len() =>
        {
            u32::from_le_bytes([a, b, c, d]) as usize
        }
        _ => 0,
    };
    let mut rest = &tail[end.saturating_sub(size)..end];
    std::iter::from_fn(move || {
        let start = rest.windows(4).position(|word| word == b"PK\x01\x02")?;
        let header = rest.get(start..start + 46)?;
        let length = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let name_at = start + 46;
        let name = rest.get(name_at..name_at + length(28))?;
        rest = &rest[name_at + name.len()..];
        Some(name)
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
    let has_class = |start: &[u8]| class.is_some_and(|class| class.starts_with(start));
    let is_power_point = has_class(b"\x10\x8D\x81\x64\x9B\x4F\xCF\x11");
    let is_project = has_class(b"\x3A\x8F\xB7\x74\xC8\xC8\xD1\x11");
    let stream = |name: &str| {
        let utf16: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        [head, directory].iter().any(|bytes| bytes.windows(utf16.len()).any(|window| window == utf16))
    };
    Some(match number {
        Some(0x000C_1082 | 0x000C_1084 | 0x000C_1086) => Unsupported(&unsupported::MSI, Certain),
        Some(0x0002_0D0B) => Unsupported(&unsupported::OUTLOOK, Certain),
        Some(0x0002_1201) => Unsupported(&unsupported::PUBLISHER, Certain),
        Some(0x0002_1A13 | 0x0002_1A14) => Unsupported(&unsupported::VISIO, Certain),
        _ if is_project => Unsupported(&unsupported::PROJECT, Certain),
        Some(0x0002_0906) => Type("application/msword", Certain),
        Some(0x0002_0810 | 0x0002_0820) => Type("application/vnd.ms-excel", Certain),
        _ if is_power_point => Type("application/vnd.ms-powerpoint", Certain),
        _ if stream("EncryptedPackage") || stream("\u{6}DataSpaces") => Encrypted,
        _ if stream("WordDocument") => Type("application/msword", Certain),
        _ if stream("PowerPoint Document") => Type("application/vnd.ms-powerpoint", Certain),
        _ if stream("Workbook\0") || stream("Book\0") => Type("application/vnd.ms-excel", Certain),
        _ if stream("VisioDocument") => Unsupported(&unsupported::VISIO, Certain),
        _ if stream("HwpSummaryInformation") => Unsupported(&unsupported::HANGUL, Certain),
        _ if stream("__properties_version1.0") => Unsupported(&unsupported::OUTLOOK, Certain),
        _ => Ole2,
    })
}
