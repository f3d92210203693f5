"""The files: what program makes each, how it is called, and what is right for it."""

import csv
import gzip
import io
import json
import py_compile
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable

import docx
import imageio_ffmpeg
import msoffcrypto.format.ooxml
import openpyxl
import pptx
import pypandoc
import xlsxwriter
import xlwt
from PIL import Image

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


@dataclass
class File:
    ending: str
    # Either the type, or words of the refusal.
    right: str | None
    make: Callable[[Path], None]
    refused: str = ""
    # Without a name: the same, unless the bytes say less than the name.
    bare: str | None = None
    # Bytes that prove nothing: only the right name and none are tried.
    weak: bool = False
    # Where several have the same ending.
    label: str = ""


def run(*command, cwd=None):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, cwd=cwd)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr[-2000:]}")


def ffmpeg(*options, sound=True, picture=False):
    def make(path):
        inputs = []
        if picture:
            inputs += ["-f", "lavfi", "-i", "testsrc2=size=128x96:rate=25:duration=1"]
        if sound:
            inputs += ["-f", "lavfi", "-i", "sine=frequency=440:duration=1"]
        run(FFMPEG, "-loglevel", "error", "-y", *inputs, *options, path)
    return make


video = partial(ffmpeg, picture=True)
picture = partial(ffmpeg, "-frames:v", "1", sound=False, picture=True)


def png(path):
    Image.effect_noise((64, 48), 40).convert("RGB").save(path, "PNG")


def magick(*options):
    def make(path):
        source = path.with_name(f"source-{path.stem}.png")
        png(source)
        run("mogrify", *options, "-format", path.suffix[1:], "-write", path, source)
        source.unlink()
    return make


def heif(*options):
    def make(path):
        source = path.with_name(f"source-{path.stem}.png")
        png(source)
        run("heif-enc", *options, "-o", path, source)
        source.unlink()
    return make


def by_pillow(kind, **options):
    return lambda path: Image.effect_noise((64, 48), 40).convert("RGB").save(path, kind, **options)


def by_docx(path, words=3):
    document = docx.Document()
    document.add_heading("Minutes", 0)
    for number in range(words):
        document.add_paragraph(f"Paragraph {number}: " + "hello " * (number % 50))
    document.save(path)


def by_openpyxl(path, sheets=1):
    book = openpyxl.Workbook()
    for number in range(sheets):
        book.create_sheet(f"Sheet {number}").append(["a", number])
    book.save(path)


def by_pptx(path, slides=1):
    show = pptx.Presentation()
    for _ in range(slides):
        show.slides.add_slide(show.slide_layouts[0]).shapes.title.text = "Hello"
    show.save(path)


def locked(make):
    def protect(path):
        make(path)
        plain = io.BytesIO(path.read_bytes())
        with open(path, "wb") as out:
            msoffcrypto.format.ooxml.OOXMLFile(plain).encrypt("secret", out)
    return protect


def macros(path):
    book = xlsxwriter.Workbook(path)
    book.add_worksheet().write(0, 0, "a")
    book.add_vba_project(io.BytesIO(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)), is_stream=True)
    book.close()


def old_excel(path):
    book = xlwt.Workbook()
    book.add_sheet("One").write(0, 0, "a")
    book.save(str(path))


def pandoc(to, *options):
    def make(path):
        text = "# Title\n\nSome *words* and [a link](https://example.com).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
        pypandoc.convert_text(text, to, "markdown", outputfile=str(path), extra_args=["--standalone", *options])
    return make


def archive(path, names=("a.txt", "photos/b.txt")):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name in names:
            zipped.writestr(name, "hello " * 100)


def tar(kind):
    def make(path):
        source = path.with_name("notes.txt")
        source.write_text("hello\n")
        run("tar", f"--format={kind}", "-cf", path, "-C", path.parent, source.name)
    return make


def packed(name):
    def make(path):
        with tarfile.open(path, f"w:{name}") as out:
            out.addfile(tarfile.TarInfo("a.txt"))
    return make


def text(words, encoding="utf-8"):
    return lambda path: path.write_bytes(words.encode(encoding))


def table(path, delimiter=","):
    with open(path, "w", newline="") as out:
        csv.writer(out, delimiter=delimiter).writerows([["name", "amount"], ["a", 1], ["b", 2]])


def program(path):
    source = path.with_name("program.c")
    source.write_text("int main(void) { return 0; }\n")
    run("cc", source, "-o", path)


def object_archive(path):
    program(path.with_name("member"))
    run("ar", "rc", path, path.with_name("member"))


def compiled(path):
    source = path.with_name("module.py")
    source.write_text("a = 1\n")
    py_compile.compile(str(source), str(path), doraise=True)


def database(path):
    path.unlink(missing_ok=True)
    with sqlite3.connect(path) as base:
        base.execute("create table t (a)")


def package(path):
    root = path.with_name("package")
    (root / "DEBIAN").mkdir(parents=True, exist_ok=True)
    (root / "DEBIAN/control").write_text(
        "Package: x\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.com>\nDescription: x\n")
    run("dpkg-deb", "--build", root, path)


H264 = ["-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"]
H265 = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-tag:v", "hvc1", "-an"]
PHONE = ["-c:v", "h263", "-s", "128x96", "-ar", "8000", "-ac", "1", "-c:a", "libopencore_amrnb", "-b:a", "12.2k"]

FILES = [
    # images
    File("jpg", "image/jpeg", magick()),
    File("jpeg", "image/jpeg", by_pillow("JPEG", progressive=True)),
    File("png", "image/png", magick()),
    File("png", "image/png", ffmpeg("-f", "apng", sound=False, picture=True), label="animated"),
    File("gif", "image/gif", magick()),
    File("gif", "image/gif", ffmpeg(sound=False, picture=True), label="animated"),
    File("heic", "image/heic", heif()),
    File("heic", "image/heic", heif("-t", "32"), label="thumbnail"),
    File("tiff", "image/tiff", magick()),
    File("tif", "image/tiff", magick("-endian", "MSB"), label="big-endian"),
    File("bmp", "image/bmp", magick()),
    File("dib", "image/bmp", by_pillow("BMP")),
    File("ico", "image/x-icon", by_pillow("ICO"), weak=True),
    File("avif", None, heif("-A"), "an AVIF image"),
    File("avif", None, picture("-c:v", "libaom-av1", "-cpu-used", "8"), "an AVIF image", label="video"),
    File("webp", None, magick(), "a WebP image"),
    File("jxl", None, picture("-c:v", "libjxl"), "a JPEG XL image"),
    File("jp2", None, magick(), "a JPEG 2000 image"),
    File("j2k", None, picture("-c:v", "jpeg2000", "-format", "j2k", "-f", "image2"), "a JPEG 2000 image"),
    File("jls", None, picture("-c:v", "jpegls"), "a JPEG-LS image"),
    File("psd", None, magick(), "a Photoshop image"),
    # sound
    File("mp3", "audio/mpeg", ffmpeg()),
    File("mp3", "audio/mpeg", ffmpeg("-write_xing", "0", "-id3v2_version", "0"), label="bare"),
    File("mp2", "audio/mpeg", ffmpeg()),
    File("aac", "audio/aac", ffmpeg()),
    File("aac", "audio/aac", ffmpeg("-write_id3v2", "1", "-metadata", "title=x"), label="tagged"),
    File("m4a", "audio/x-m4a", ffmpeg()),
    File("m4a", "audio/x-m4a", ffmpeg("-c:a", "alac"), label="lossless"),
    File("wav", "audio/x-wav", ffmpeg()),
    File("wav", "audio/x-wav", ffmpeg("-rf64", "always"), label="large"),
    File("wav", "audio/x-wav", ffmpeg("-c:a", "adpcm_ima_wav"), label="adpcm"),
    File("aiff", "audio/x-aiff", ffmpeg()),
    File("caf", "audio/x-caf", ffmpeg()),
    File("amr", "audio/amr", ffmpeg("-ar", "8000", "-ac", "1", "-c:a", "libopencore_amrnb")),
    File("flac", None, ffmpeg(), "a FLAC audio file"),
    File("ogg", None, ffmpeg("-c:a", "libvorbis"), "an Ogg audio file"),
    File("oga", None, ffmpeg("-c:a", "flac"), "an Ogg audio file"),
    File("opus", None, ffmpeg("-c:a", "libopus"), "an Ogg Opus audio file"),
    File("wma", None, ffmpeg(), "convert it to MP4 if it is a video, to M4A"),
    File("mka", None, ffmpeg("-c:a", "libvorbis"), "a Matroska file"),
    # videos
    File("mp4", "video/mp4", video(*H264)),
    File("mp4", "video/mp4", video(*H264, "-movflags", "+faststart"), label="faststart"),
    File("mp4", "video/mp4", video(*H264, "-movflags", "frag_keyframe+empty_moov"), label="fragments"),
    File("mp4", "video/mp4", video(*H264, "-brand", "mp42"), label="mp42"),
    File("mp4", "video/mp4", video(*H265), label="hevc"),
    File("mp4", "video/mp4", ffmpeg("-c:a", "aac"), label="sound"),
    File("mp4", "video/mp4", video(*H264, "-f", "psp"), label="psp"),
    File("mov", "video/quicktime", video(*H264)),
    File("m4v", "video/x-m4v", video(*H264, "-f", "ipod"), label="ipod"),
    File("3gp", "video/3gpp", video(*PHONE)),
    File("3gp", "video/3gpp", ffmpeg("-ar", "8000", "-ac", "1", "-c:a", "libopencore_amrnb"), label="voice"),
    File("avi", "video/x-msvideo", video("-c:a", "libmp3lame")),
    File("mpg", "video/mpeg", video("-f", "mpeg")),
    File("m1v", "video/mpeg", video("-c:v", "mpeg1video", "-an"), weak=True),
    File("vob", "video/mpeg2", video("-f", "dvd"), label="dvd"),
    File("3g2", None, video(*PHONE), "a 3GPP2 video"),
    File("mkv", None, video(*H264), "a Matroska file"),
    File("webm", None, video("-c:v", "libvpx", "-c:a", "libopus"), "a WebM video"),
    File("ogv", None, video("-c:v", "libtheora", "-c:a", "libvorbis"), "an Ogg video"),
    File("wmv", None, video(), "a Windows Media file"),
    File("flv", None, video("-c:v", "flv", "-c:a", "libmp3lame", "-ar", "44100"), "a Flash video"),
    File("swf", None, video("-c:v", "flv", "-c:a", "libmp3lame", "-ar", "44100"), "a Flash program"),
    File("mts", None, video(*H264, "-f", "mpegts"), "an MPEG transport stream"),
    File("m2ts", None, video(*H264, "-f", "mpegts", "-mpegts_m2ts_mode", "1"), "an MPEG transport stream"),
    # documents
    File("docx", DOCX, by_docx),
    File("docx", DOCX, partial(by_docx, words=2000), label="long"),
    File("docx", DOCX, pandoc("docx"), label="pandoc"),
    File("docx", DOCX, locked(by_docx), bare="an Office document that is protected by a password", label="locked"),
    File("xlsx", XLSX, by_openpyxl),
    File("xlsx", XLSX, partial(by_openpyxl, sheets=200), label="long"),
    File("xlsx", XLSX, locked(by_openpyxl), bare="an Office document that is protected by a password", label="locked"),
    File("pptx", PPTX, by_pptx),
    File("pptx", PPTX, partial(by_pptx, slides=60), label="long"),
    File("pptx", PPTX, pandoc("pptx"), label="pandoc"),
    File("pptx", PPTX, locked(by_pptx), bare="an Office document that is protected by a password", label="locked"),
    File("xls", "application/vnd.ms-excel", old_excel),
    File("pdf", "application/pdf", by_pillow("PDF")),
    File("epub", "application/epub+zip", pandoc("epub")),
    File("rtf", "text/rtf", pandoc("rtf")),
    File("html", "text/html", pandoc("html")),
    File("xml", "text/xml", pandoc("docbook5"), label="docbook"),
    File("json", "application/json", lambda path: path.write_text(json.dumps({"a": [1, 2]}))),
    File("csv", "text/csv", table, bare="text/plain"),
    File("md", "text/markdown", pandoc("markdown"), bare="text/plain"),
    File("txt", "text/plain", text("Grüße, 12 €\n")),
    File("txt", "text/plain", text("Grüße aus Köln, café crème\n", "latin-1"), label="latin1"),
    File("txt", "text/plain", text("Привет, мир. Как дела сегодня?\n" * 3, "windows-1251"), label="cyrillic"),
    File("txt", "text/plain", text("日本語のテキストです。\n" * 4, "shift-jis"), label="shift-jis"),
    File("txt", "text/plain", text("中文文本，还有更多。\n" * 4, "gb18030"), label="gb18030"),
    File("txt", "text/plain", text("‘Quoted’ text\n", "utf-16"), label="utf-16"),
    File("xlsm", None, macros, "an Office document with macros"),
    File("odt", None, pandoc("odt"), "an OpenDocument file"),
    # archives, programs, and what else there is
    File("zip", "application/zip", archive),
    File("gz", "application/x-gzip", lambda path: path.write_bytes(gzip.compress(b"hello"))),
    File("tgz", "application/x-gzip", packed("gz")),
    File("tar", None, tar("ustar"), "a tar archive"),
    File("tar", None, tar("v7"), "a tar archive", label="v7"),
    File("tar", None, tar("gnu"), "a tar archive", label="gnu"),
    File("bz2", None, packed("bz2"), "a bzip2 archive"),
    File("xz", None, packed("xz"), "an xz archive"),
    File("elf", None, program, "a Linux program"),
    File("a", None, object_archive, "a static library"),
    File("deb", None, package, "a package to install (Debian)"),
    File("pyc", None, compiled, "a compiled Python program"),
    File("sqlite", None, database, "an SQLite database"),
]
