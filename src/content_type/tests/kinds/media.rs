//! Sound, videos and images: brands, and rejected kinds under other names.

use super::*;

#[test]
fn sound_in_mp4_is_sound_under_the_name_of_sound() {
    for brand in [b"isom", b"iso2", b"iso6", b"mp41", b"mp42", b"3gp4", b"3gp5", b"3ge6", b"dash", b"MSNV"] {
        let clip = iso(&[brand, b"isom"]);
        for extension in [
            "mp3", "aac", "wav", "amr", "ogg", "oga", "opus", "flac", "wma", "m4a", "3ga", "m4r", "aiff",
            "caf",
        ] {
            is(&format!("voice.{extension}"), &clip, "audio/x-m4a");
        }
        is_declared("audio/x-m4a", "voice", &clip, "audio/x-m4a");
        is_declared("audio/mpeg", "voice.mp3", &clip, "! declare audio/x-m4a, or leave");
        is("clip.ogv", &clip, if brand[0] == b'3' { "video/3gpp" } else { "video/mp4" });
        is("clip.avi", &clip, if brand[0] == b'3' { "video/3gpp" } else { "video/mp4" });
    }
    is("clip.3gp", &iso(&[b"mp42"]), "video/3gpp");
    is("clip.mp4", &iso(&[b"3gp5"]), "video/mp4");
    // these say by themselves that they are nothing but sound
    for brand in [b"M4A ", b"M4B ", b"M4P ", b"F4A "] {
        for name in ["a.mp4", "a.mov", "a.m4a", "a.mp3", "a", "a.jpg"] {
            is(name, &iso(&[brand]), "audio/x-m4a");
        }
        is_declared("video/mp4", "a", &iso(&[brand]), "video/mp4");
    }
}

#[test]
fn images_of_any_brand_are_images() {
    let heif: [&[&[u8; 4]]; 10] = [
        &[b"mif1"],
        &[b"miaf", b"mif1"],
        &[b"avci", b"mif1"],
        &[b"avcs", b"msf1"],
        &[b"vvic", b"mif1"],
        &[b"unif"],
        &[b"tmap", b"mif1"],
        &[b"jpeg", b"mif1"],
        &[b"MiPr", b"miaf"],
        &[b"new1", b"mif1", b"miaf"],
    ];
    let heic: [&[&[u8; 4]]; 8] = [
        &[b"MiHE", b"mif1", b"heic"],
        &[b"tmap", b"mif1", b"heic"],
        &[b"miaf", b"heix"],
        &[b"heic", b"mif1", b"tmap"],
        &[b"msf1", b"hevc"],
        &[b"mif2", b"heic"],
        &[b"new1", b"heic"],
        &[b"isom", b"mif1", b"heic"],
    ];
    let avif: [&[&[u8; 4]]; 5] = [
        &[b"avif"],
        &[b"miaf", b"avif"],
        &[b"tmap", b"mif1", b"avif"],
        &[b"msf1", b"avis"],
        &[b"new1", b"avif"],
    ];
    for name in ["a", "a.mp4", "a.jpg"] {
        heif.iter().for_each(|brands| is(name, &iso(brands), "image/heif"));
        heic.iter().for_each(|brands| is(name, &iso(brands), "image/heic"));
        avif.iter().for_each(|brands| is(name, &iso(brands), "! is an AVIF image"));
        is(name, b"\0\0\0\x10ftypmif3heic", "image/heic");
        is(name, b"\0\0\0\x10ftypmif3avci", "image/heif");
        is(name, b"\0\0\0\x10ftypmif3avif", "! is an AVIF image");
    }
    is("a.heif", &iso(&[b"miaf", b"heic"]), "image/heif");
    is("a", &iso(&[b"isom", b"iso2", b"mp41"]), "video/mp4");
    is("a", &iso(&[b"new1", b"iso2"]), "video/mp4");
}

#[test]
fn rejected_kinds_are_seen_under_other_names() {
    let packets = |size: usize, sync: usize| {
        let mut stream = vec![0xFF; size * 6];
        stream.iter_mut().skip(sync).step_by(size).for_each(|byte| *byte = b'G');
        stream[sync + 1] = 0;
        stream
    };
    let mut tar = [&b"notes.txt"[..], &[0; 503]].concat();
    tar[100..108].copy_from_slice(b"0000644\0");
    tar[124..136].copy_from_slice(b"00000000000\0");
    let sum = tar.iter().map(|&byte| u32::from(byte)).sum::<u32>() + 8 * 32;
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut no_tar = tar.clone();
    no_tar[0] += 1;
    let tag =
        |padding: usize, rest: &[u8]| [&b"ID3\x03\0\0\0\0\0\x0A"[..], &vec![0; 10 + padding], rest].concat();
    let kinds: [(Vec<u8>, &str); 17] = [
        (tag(0, b"fLaC\0\0\0\x22"), "a FLAC audio file"),
        (tag(3000, b"fLaC\0\0\0\x22"), "a FLAC audio file"),
        (tag(20_000, b"fLaC\0\0\0\x22"), "a FLAC audio file"),
        (tag(100, &tag(100, b"fLaC\0\0\0\x22")), "a FLAC audio file"),
        (tag(50, b"OggS\0\x02"), "an Ogg file"),
        (packets(188, 0), "an MPEG transport stream"),
        (packets(192, 4), "an MPEG transport stream"),
        (b"\xFF\x0A\0\x01\x02\x03".to_vec(), "a JPEG XL image"),
        (b"\xFF\x0A\xFA\x1F\x01\x90\x08\0\x10\0".to_vec(), "a JPEG XL image"),
        (b"II\xBC\x01\x20\0\0\0".to_vec(), "a JPEG XR image"),
        (b"\xFF\xD8\xFF\xF7\0\x0B\x08\0\x01".to_vec(), "a JPEG-LS image"),
        (b"\xFF\xD8\xFF\xE0\0\x04JF\xFF\xF7\0\x0B\x08".to_vec(), "a JPEG-LS image"),
        (tar, "a tar archive"),
        (b"\x25\xB5\x2F\xFD\0".to_vec(), "a Zstandard archive"),
        (b"\x27\xB5\x2F\xFD\0".to_vec(), "a Zstandard archive"),
        (b"\x1E\xB5\x2F\xFD\0".to_vec(), "a Zstandard archive"),
        (b"\x02#!SILK_V3\x0C\0".to_vec(), "a SILK voice recording"),
    ];
    for (bytes, what) in kinds {
        for name in ["a", "a.mp3", "a.jpg", "a.pdf", "a.mpg"] {
            is(name, &bytes, &format!("! {name} is {what}"));
        }
        is_declared("audio/mpeg", "a", &bytes, &format!("! a is {what}"));
    }
    is("a.bmp", &no_tar, "image/bmp");
    is("a.mp3", &tag(3000, b"\xFF\xFB\x90\x64"), "audio/mpeg");
    is("a", &tag(20_000, b"\xFF\xF1\x50\x80\x02\x1F\xFC"), "audio/aac");
    is("a", b"\xFF\xD8\xFF\xE0\0\x04JF\xFF\xDB\0\x02\xFF\xC0\0\x0B\x08", "image/jpeg");
    is("a.txt", b"\xFF\n\xFF\n text", "text/plain");
}
