//! Sound: AMR, ID3 tags, the frames of MP3 and AAC, Ogg.

use super::detected::{
    Confidence::{self, Certain, Weak},
    Seen::{self, Type, Unsupported},
};
use super::unsupported;

/// AMR, AMR-WB and their forms with several channels; before the scripts, since they begin with `#!` too.
pub fn amr(head: &[u8]) -> Option<Seen> {
    head.starts_with(b"#!AMR").then_some(Type("audio/amr", Certain))
}

/// Where the ID3v2 tags that a file begins with end, with the padding behind them.
pub fn id3_end(head: &[u8]) -> Option<u64> {
    id3_tag(head).map(|_| tags_end(head))
}

/// Where ID3v2 tags, one after another, and the zeros behind them end; it may be beyond `bytes`.
pub fn tags_end(bytes: &[u8]) -> u64 {
    let mut end = 0;
    while let Some(rest) = bytes.get(end..) {
        let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        match zeros + id3_tag(&rest[zeros..]).unwrap_or_default() {
            0 => break,
            passed => end += passed,
        }
    }
    end as u64
}

/// The length of the ID3v2 tag that begins here.
fn id3_tag(at: &[u8]) -> Option<usize> {
    let &[b'I', b'D', b'3', 2..=4, revision, flags, a, b, c, d, ..] = at else { return None };
    if revision == 0xFF || (a | b | c | d) & 0x80 != 0 {
        return None;
    }
    let size = [a, b, c, d].iter().fold(0, |sum, &seven| sum << 7 | usize::from(seven));
    let footer = if flags & 0x10 != 0 { 10 } else { 0 };
    Some(10 + size + footer)
}

/// An ID3 tag means audio; what follows it decides the type.
pub fn behind_id3(behind: &[u8]) -> Seen {
    if infer::audio::is_flac(behind) {
        Unsupported(&unsupported::FLAC, Certain)
    } else if infer::audio::is_ogg(behind) {
        Unsupported(&unsupported::OGG, Certain)
    } else {
        frames(behind, Certain).unwrap_or(Type("audio/mpeg", Weak))
    }
}

/// The frames of AAC and of MP3 begin alike; the layer bits tell them apart. One frame header is `single`, but a
/// second one where the first frame ends is proof.
pub fn frames(at: &[u8], single: Confidence) -> Option<Seen> {
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

/// The length of the MPEG audio frame that begins here. Frames without a stated bitrate would cause false alarms.
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

pub fn ogg(head: &[u8]) -> &'static unsupported::Unsupported {
    let holds = |codec: &[u8]| head.windows(codec.len()).any(|word| word == codec);
    match () {
        _ if holds(b"\x80theora") => &unsupported::OGV,
        _ if holds(b"\x01vorbis") || holds(b"Speex   ") || holds(b"\x7FFLAC") => &unsupported::OGG_AUDIO,
        _ => &unsupported::OGG,
    }
}
