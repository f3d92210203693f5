//! The first bytes of files as they really begin, as short as the formats allow.

pub const JPEG: &[u8] = b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x01";
pub const MP3: &[u8] = b"\xFF\xFB\x90\x64\0\0\0\0";
pub const ZIP: &[u8] = b"PK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x05\0\0\0a.txthi";
pub const OLE2_WITHOUT_CLASS: &[u8] =
    b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0>\0\x03\0\xFE\xFF\x09\0\x06\0\
        \0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0";
/// No entry of it says which of Pages, Numbers and Keynote it is.
pub const PAGES: &[u8] =
    b"PK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x12\0\0\0Index/Document.iwam\
        \x8E\xCDPK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0Index/ViewStat\
        e.iwam\x8E\xCD";

/// What is taken, by the name it is taken as.
#[rustfmt::skip] // a row per sample
pub const SUPPORTED_SAMPLES: &[(&str, &[u8])] = &[
    ("image/jpeg", JPEG),
    ("image/png", b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR"),
    ("image/gif", b"GIF89a\x01\0\x01\0"),
    ("image/gif", b"GIF87a\x01\0\x01\0"),
    ("image/heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
    ("image/heic", b"\0\0\0\x10ftypheix\0\0\0\0"),
    ("image/heic", b"\0\0\0\x10ftypheim\0\0\0\0"),
    ("image/heic", b"\0\0\0\x10ftypheis\0\0\0\0"),
    ("image/heic", b"\0\0\0\x10ftyphevc\0\0\0\0"),
    ("image/heic", b"\0\0\0\x10ftyphevx\0\0\0\0"),
    ("image/heic", b"\0\0\0\x10ftyphevm\0\0\0\0"),
    ("image/heic", b"\0\0\0\x10ftyphevs\0\0\0\0"),
    ("image/heic", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heix"),
    ("image/heic", b"\0\0\0\x18ftypmsf1\0\0\0\0msf1hevs"),
    ("image/heif", b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf"),
    ("image/heif", b"\0\0\0\x10ftypmsf1\0\0\0\0"),
    ("image/heif", b"\0\0\0\x10ftypmif2\0\0\0\0"),
    ("image/tiff", b"II*\0\x08\0\0\0"),
    ("image/tiff", b"MM\0*\0\0\0\x08"),
    ("image/tiff", b"II+\0\x08\0\0\0"),
    ("image/tiff", b"MM\0+\0\x08\0\0"),
    ("image/bmp", b"BMz\0\0\0\0\0\0\x006\0\0\0(\0\0\0\x01\0\0\0\x01\0\0\0"),
    ("image/svg+xml", b"<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\">"),
    ("image/webp", b"RIFF$\0\0\0WEBPVP8 "),
    ("image/x-icon", b"\0\0\x01\0\x01\0\x10\x10\0\0\x01\0"),
    ("video/mp4", b"\0\0\0\x18ftypisom\0\0\0\0isomavc1"),
    ("video/mp4", b"\0\0\0\x14ftypmp42\0\0\0\0mp42"),
    ("video/mp4", b"\0\0\0\x10ftypMSNV\0\0\0\0"),
    ("video/mp4", b"\0\0\0\x10ftypnew1\0\0\0\0"),
    ("video/quicktime", b"\0\0\0\x14ftypqt  \0\0\0\0qt  "),
    ("video/quicktime", b"\0\0\x0C\x10moov\0\0\0lmvhd"),
    ("video/quicktime", b"\0\0\0\x01mdat\0\0\0\0\0\x01\0\0"),
    ("video/quicktime", b"\0\0\0\x08wide\0\x01\0\0mdat"),
    ("video/quicktime", b"\0\0\0\x08free\0\x01\0\0mdat"),
    ("video/quicktime", b"\0\0\0\x08skip\0\x01\0\0mdat"),
    ("video/quicktime", b"\0\0\0\x14pnot\xB0\0\0\0\0\0PICT\0\x01"),
    ("video/mpeg", b"\0\0\x01\xBA!\0\x01\0\x01\x80\x1B\x91"),
    ("video/mpeg", b"\0\0\x01\xB3\x16\0\xF0\x15"),
    ("video/mpeg2", b"\0\0\x01\xBAD\0\x04\0\x04\x01"),
    ("video/x-m4v", b"\0\0\0\x14ftypM4V \0\0\0\0M4V "),
    ("video/x-m4v", b"\0\0\0\x10ftypM4VH\0\0\0\0"),
    ("video/x-m4v", b"\0\0\0\x10ftypM4VP\0\0\0\0"),
    ("video/x-msvideo", b"RIFF$\0\0\0AVI LIST"),
    ("video/3gpp", b"\0\0\0\x14ftyp3gp4\0\0\0\x003gp4"),
    ("video/3gpp", b"\0\0\0\x10ftyp3gr6\0\0\0\0"),
    ("video/3gpp", b"\0\0\0\x10ftyp3ge6\0\0\0\0"),
    ("video/3gpp", b"\0\0\0\x10ftyp3gg6\0\0\0\0"),
    ("video/3gpp", b"\0\0\0\x10ftyp3gs6\0\0\0\0"),
    ("audio/mpeg", MP3),
    ("audio/mpeg", b"ID3\x03\0\0\0\0\0\nTIT2\0\0\0\0\0\0\xFF\xFB\x90d"),
    ("audio/mpeg", b"ID3\x04\0\0\0\x01\x10\0TIT2"),
    ("audio/mpeg", b"ID3\x02\0\0\0\0\x10\0TT2\0"),
    ("audio/x-m4a", b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42"),
    ("audio/x-m4a", b"\0\0\0\x10ftypM4B \0\0\0\0"),
    ("audio/x-m4a", b"\0\0\0\x10ftypM4P \0\0\0\0"),
    ("audio/x-caf", b"caff\0\x01\0\0desc"),
    ("audio/x-wav", b"RIFF$\0\0\0WAVEfmt "),
    ("audio/x-wav", b"RF64\xFF\xFF\xFF\xFFWAVEds64"),
    ("audio/x-wav", b"RIFX\0\0\0$WAVEfmt "),
    ("audio/x-wav", b"BW64\xFF\xFF\xFF\xFFWAVEds64"),
    ("audio/x-aiff", b"FORM\0\0\0.AIFFCOMM"),
    ("audio/x-aiff", b"FORM\0\0\0.AIFCFVER"),
    ("audio/aac", b"\xFF\xF1P\x80\x02\x1F\xFC\xDE\x02\0"),
    ("audio/aac", b"\xFF\xF9P\x80\x02\x1F\xFC\xDE\x02\0"),
    ("audio/aac", b"\xFF\xF0P\x80\x02\x1F\xFC\xDE\x02\0"),
    ("audio/aac", b"ADIF\0\x10\0\xFA"),
    ("audio/midi", b"MThd\0\0\0\x06\0\x01\0\x02"),
    ("audio/midi", b"RIFF$\0\0\0RMIDdata"),
    ("audio/amr", b"#!AMR\n<\x91"),
    ("audio/amr", b"#!AMR-WB\nD"),
    ("audio/amr", b"#!AMR_MC1.0\n\0\0"),
    ("application/pdf", b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n"),
    ("text/plain", b"Hello, world.\n"),
    ("text/plain", b"\xEF\xBB\xBFHello"),
    ("text/plain", b"\xFF\xFEH\0i\0"),
    ("text/plain", b"\xFE\xFF\0H\0i"),
    ("text/vcard", b"BEGIN:VCARD\r\nVERSION:3.0\r\n"),
    ("text/rtf", b"{\\rtf1\\ansi hello}"),
    ("text/html", b"<!DOCTYPE html>\n<html lang=\"en\">"),
    ("text/calendar", b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"),
    ("text/xml", b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<note/>"),
    ("text/xml", b"<\0?\0x\0m\0l\0 \0?\0>\0<\0a\0/\0>\0"),
    ("text/xml", b"\0<\0?\0x\0m\0l\0 \0?\0>\0<\0a\0/\0>"),
    ("application/json", b"{ \"a\": 1 }"),
    (
        "application/msword",
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0>\0\x03\0\xFE\xFF\x09\0\
            \x06\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0\0\0",
    ),
    (
        "application/vnd.ms-excel",
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0>\0\x03\0\xFE\xFF\x09\0\
            \x06\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0W\0o\0r\0k\0b\0o\0o\0k\0\0\0",
    ),
    (
        "application/vnd.ms-excel",
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0>\0\x03\0\xFE\xFF\x09\0\
            \x06\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0B\0o\0o\0k\0\0\0",
    ),
    (
        "application/vnd.ms-powerpoint",
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0>\0\x03\0\xFE\xFF\x09\0\
            \x06\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0P\0o\0w\0e\0r\0P\0o\0i\0n\0t\0 \0D\0o\0c\0u\
            \0m\0e\0n\0t\0\0\0",
    ),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        b"PK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0[Content_Types].xmlm\
            \x8E\xCDPK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x0B\0\0\0_rels/.relsm\
            \x8E\xCDPK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x11\0\0\0word/document.\
            xmlm\x8E\xCD",
    ),
    (
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        b"PK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x0B\0\0\0_rels/.relsm\x8E\xCDPK\
            \x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\0\0docProps/app.xmlm\x8E\
            \xCDPK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x0F\0\0\0word/styles.xmlm\
            \x8E\xCD",
    ),
    (
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        b"PK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0[Content_Types].xmlm\
            \x8E\xCDPK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x0B\0\0\0_rels/.relsm\
            \x8E\xCDPK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x0F\0\0\0xl/workbook.xm\
            lm\x8E\xCD",
    ),
    (
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        b"PK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0[Content_Types].xmlm\
            \x8E\xCDPK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x14\0\0\0ppt/presentati\
            on.xmlm\x8E\xCD",
    ),
    ("application/zip", PAGES),
    (
        "application/zip",
        b"PK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0Index.zipm\x8E\xCD",
    ),
    (
        "application/zip",
        b"PK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x12\0\0\0Index/Document.iwam\
            \x8E\xCDPK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x19\0\0\0Index/Tables/D\
            ataList.iwam\x8E\xCD",
    ),
    (
        "application/x-iwork-keynote-sffkey",
        b"PK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x12\0\0\0Index/Document.iwam\
            \x8E\xCDPK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x0F\0\0\0Index/Slide.iw\
            am\x8E\xCD",
    ),
    (
        "application/epub+zip",
        b"PK\x03\x04\n\0\0\0\0\0\0\0!Zoa\xAB,\x14\0\0\0\x14\0\0\0\x08\0\0\0mimetypeapplication/epub+\
            zipPK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x16\0\0\0META-INF/container.\
            xmlm\x8E\xCD",
    ),
    ("application/zip", ZIP),
    (
        "application/zip",
        b"PK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x0E\0\0\0word/notes.txtm\x8E\xCD",
    ),
    ("application/zip", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    ("application/zip", b"PK\x07\x08PK\x03\x04"),
    ("application/x-gzip", b"\x1F\x8B\x08\0\0\0\0\0\0\x03"),
    (
        "application/vnd.apple.pkpass",
        b"PK\x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0pass.jsonm\x8E\xCDPK\
            \x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\r\0\0\0manifest.jsonm\x8E\xCDPK\
            \x03\x04\x14\0\x08\0\x08\0\0\0!Z\0\0\0\0\0\0\0\0\0\0\0\0\x09\0\0\0signaturem\x8E\xCD",
    ),
];

/// What is not, by a word of its description.
#[rustfmt::skip] // a row per sample
pub const REJECTED_SAMPLES: &[(&str, &[u8])] = &[
    ("FLAC", b"fLaC\0\0\0\"\x10\0"),
    ("FLAC", b"ID3\x04\0\0\0\0\0\x04\0\0\0\0fLaC\0\0\0\""),
    ("Ogg", b"OggS\0\x02\0\0\0\0\0\0\0\0"),
    ("Ogg", b"ID3\x04\0\0\0\0\0\x04\0\0\0\0OggS\0\x02"),
    ("Ogg Opus", b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x02"),
    ("ELF", b"\x7FELF\x02\x01\x01\0"),
    (
        "Windows program",
        b"MZ\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
            \0\0\0\0\0\0\0\0\0\0\0\0\0\0@\0\0\0PE\0\0d\x86",
    ),
    ("Mach-O", b"\xCF\xFA\xED\xFE\x07\0\0\x01\x03\0\0\0"),
    ("Mach-O", b"\xCE\xFA\xED\xFE\x07\0\0\x01\x03\0\0\0"),
    ("Mach-O", b"\xFE\xED\xFA\xCF\x01\0\0\x07"),
    ("Mach-O", b"\xFE\xED\xFA\xCE\0\0\0\x07"),
    ("Mach-O", b"\xCA\xFE\xBA\xBE\0\0\0\x02\x01\0\0\x07"),
    ("Mach-O", b"\xCA\xFE\xBA\xBF\0\0\0\x02\x01\0\0\x07"),
    ("Mach-O", b"\xBE\xBA\xFE\xCA\x02\0\0\0"),
    ("Mach-O", b"\xBF\xBA\xFE\xCA\x02\0\0\0"),
    ("Java class", b"\xCA\xFE\xBA\xBE\0\0\x004\0\x1D"),
    ("Java class", b"\xCA\xFE\xBA\xBE\xFF\xFF\0A\0\x1D"),
    ("WebAssembly", b"\0asm\x01\0\0\0"),
    ("WebAssembly", b"\0asm\r\0\x01\0"),
    ("DEX", b"dex\n035\0"),
    ("bitcode", b"BC\xC0\xDE5\x14"),
    ("bitcode", b"\xDE\xC0\x17\x0B\0\0\0\0"),
    ("static library", b"!<arch>\n/               0"),
    ("static library", b"!<thin>\n//"),
    ("Windows shortcut", b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xC0\0\0\0\0\0\0F\x9B\0"),
    ("script", b"#!/bin/sh\necho\n"),
    ("script", b"#! /usr/bin/env python3\n"),
    ("script", b"\xEF\xBB\xBF#!/bin/sh\n"),
    ("AVIF", b"\0\0\0\x14ftypavif\0\0\0\0mif1"),
    ("AVIF", b"\0\0\0\x10ftypavis\0\0\0\0"),
    ("AVIF", b"\0\0\0\x14ftypmif1\0\0\0\0avif"),
    ("3GPP2", b"\0\0\0\x10ftyp3g2a\0\0\0\0"),
    ("Canon raw", b"\0\0\0\x10ftypcrx \0\0\0\0"),
    ("WebM", b"\x1AE\xDF\xA3\x9FB\x86\x81\x01B\x82\x84webm"),
    ("Matroska", b"\x1AE\xDF\xA3\xA3B\x86\x81\x01B\x82\x88matroska"),
    ("Windows Media", b"0&\xB2u\x8Ef\xCF\x11\xA6\xD9\0\xAA\0b\xCEl"),
    ("Flash", b"FLV\x01\x05\0\0\0\x09"),
    ("JPEG 2000", b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 "),
    ("JPEG 2000", b"\xFFO\xFFQ\0/"),
    ("JPEG XL", b"\0\0\0\x0CJXL \r\n\x87\n"),
    ("Photoshop", b"8BPS\0\x01\0\0"),
    ("7-Zip", b"7z\xBC\xAF'\x1C\0\x04"),
    ("RAR", b"Rar!\x1A\x07\0\xCF"),
    ("RAR", b"Rar!\x1A\x07\x01\0"),
    ("xz archive", b"\xFD7zXZ\0\0\x04"),
    ("Zstandard", b"(\xB5/\xFD\x04"),
    ("bzip2", b"BZh91AY&SY"),
    ("cabinet", b"MSCF\0\0\0\0,"),
    (
        "OpenDocument",
        b"PK\x03\x04\n\0\0\0\0\0\0\0!Zoa\xAB,'\0\0\0'\0\0\0\x08\0\0\0mimetypeapplication/vnd.oasis.o\
            pendocument.text",
    ),
];
