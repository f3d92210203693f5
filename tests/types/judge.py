"""Makes the files, asks the library about each under right and wrong names, and says where it is wrong."""

import ctypes
import json
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from files import DOCX, FILES, PPTX, XLSX

TYPES = {
    "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/tiff": "tif", "image/heic": "heic",
    "image/heif": "heif", "image/bmp": "bmp", "image/x-icon": "ico", "video/mp4": "mp4", "video/quicktime": "mov",
    "video/x-m4v": "m4v", "video/3gpp": "3gp", "video/mpeg": "mpg", "video/mpeg2": "vob", "video/x-msvideo": "avi",
    "audio/mpeg": "mp3", "audio/x-m4a": "m4a", "audio/aac": "aac", "audio/x-wav": "wav", "audio/x-aiff": "aiff",
    "audio/x-caf": "caf", "audio/midi": "mid", "audio/amr": "amr", "application/pdf": "pdf", "text/plain": "txt",
    "text/markdown": "md", "text/vcard": "vcf", "text/rtf": "rtf", "text/csv": "csv", "text/html": "html",
    "text/calendar": "ics", "text/xml": "xml", "application/json": "json", "application/msword": "doc",
    "application/vnd.ms-excel": "xls", "application/vnd.ms-powerpoint": "ppt", DOCX: "docx", XLSX: "xlsx",
    PPTX: "pptx", "application/epub+zip": "epub", "application/x-iwork-pages-sffpages": "pages",
    "application/x-iwork-numbers-sffnumbers": "numbers", "application/vnd.apple.pkpass": "pkpass",
    "application/zip": "zip", "application/x-gzip": "gz",
}
NAMED = {ending: name for name, ending in TYPES.items()}
TEXTS = {name for name in TYPES if name.startswith("text/")} | {"application/json"}
SOUND = {"mp3", "aac", "wav", "aiff", "caf", "amr", "mid", "ogg", "opus", "flac", "wma", "silk"}
OFFICE = {"doc", "xls", "ppt"}
LENIENT = {"bmp", "ico", "pdf", "mp3"}
ZIPS = {"zip", "docx", "xlsx", "pptx", "epub", "pages", "numbers", "pkpass"}
# Endings of what Linq does not take: such that only they tell from a ZIP archive, scripts, and others.
PACKAGES, SCRIPTS, OTHERS = {"jar", "odt", "apk"}, {"bat", "js"}, {"webm", "exe", "psd", "com", "ttf", "silk"}
ENDINGS = set(NAMED) | SOUND | PACKAGES | SCRIPTS | OTHERS


def expected(file, ending):
    """The type that is right for the file under a name with another ending; None where it is to be refused."""
    right, named = file.right, NAMED.get(ending)
    if right is None:
        return None
    if file.bare and file.label == "locked":  # a document with a password is OLE2, and keeps its name
        return named if ending in OFFICE | {"docx", "xlsx", "pptx"} else None
    if right in TEXTS:
        proven = right in {"text/rtf", "text/html", "text/xml"}
        alone = right if proven else file.bare or right
        if named in TEXTS:
            return named
        if ending in SCRIPTS:
            return None
        if ending in OFFICE:
            return "text/csv" if ending == "xls" and b"," in file.bytes.split(b"\n")[0] and alone == "text/plain" else alone
        if ending in LENIENT:
            return right if proven else named
        return None if named or ending in SOUND & set(NAMED) else alone
    if right in {"video/mp4", "video/quicktime", "video/3gpp", "video/x-m4v"}:
        if ending in {"mp4", "mov", "3gp", "m4v", "m4a"}:
            return named
        return "audio/x-m4a" if ending in SOUND and right in {"video/mp4", "video/3gpp"} else right
    kin = {
        "image/heic": {"heif"}, "video/mpeg": {"vob"}, "video/mpeg2": {"mpg"}, "application/zip": ZIPS,
        DOCX: {"zip"}, XLSX: {"zip"}, PPTX: {"zip"}, "application/epub+zip": {"zip"},
    }
    if right == "application/zip" and ending in PACKAGES:
        return None
    return named if ending in kin.get(right, ()) else right


class Library:
    def __init__(self, path):
        self.function = ctypes.CDLL(str(path)).linq_content_type
        self.function.restype = ctypes.c_char_p
        self.function.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_size_t]

    def content_type(self, name, content):
        found = self.function(name.encode(), content, len(content))
        return found and found.decode()


def uploaded(program, paths):
    """What came of uploading each: the type, or the message of the refusal."""
    done = subprocess.run([program, "--json", *paths], capture_output=True, text=True)
    answers = {}
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        error = answer.get("error")
        if error and (error["status"], error["attempts"]) != ("LINQ_UNSUPPORTED", 0):
            sys.exit(f"the upload itself failed: {line}")
        answers[answer["file"]] = (answer.get("content_type"), error["message"] if error else "")
    return answers


def main(target, *endings):
    library = Library(Path(target) / "debug/liblinq.so")
    files = [file for file in FILES if not endings or file.ending in endings]
    wrong, asked = [], 0
    with tempfile.TemporaryDirectory() as folder:
        def make(numbered):
            number, file = numbered
            own = Path(folder) / str(number)
            own.mkdir()
            path = own / f"{file.label or 'file'}.{file.ending}"
            file.make(path)
            file.bytes = path.read_bytes()
            return path

        with ThreadPoolExecutor(2) as pool:
            paths = list(pool.map(make, enumerate(files)))

        cases = []  # the path to upload, the file, what is right, and words of the message
        for file, path in zip(files, paths):
            bare = file.bare or file.right
            bare, words = (bare, "") if bare in TYPES else (None, file.bare or file.refused)
            names = [(path.name, file.right, file.refused), (path.stem, bare, words)]
            if not file.weak:
                others = ENDINGS - {file.ending, TYPES.get(file.right)}
                names += [(f"{path.stem}.{other}", expected(file, other), file.refused) for other in sorted(others)]
            for name, right, words in names:
                asked += 1
                found = library.content_type(name, file.bytes)
                if found != (right or ("image/webp" if file.ending == "webp" else None)):
                    wrong.append(f"linq_content_type of {path.name} as {name}: {found}, not {right}")
                if name.endswith((file.ending, path.stem, ".jpg", ".mp4", ".docx", ".doc", ".exe")):
                    copy = path.parent / "named" / name
                    copy.parent.mkdir(exist_ok=True)
                    copy.write_bytes(file.bytes)
                    cases.append((str(copy), path, right, words))

        answers = uploaded(Path(target) / "types/linq-upload", [copy for copy, *_ in cases])
        for copy, path, right, words in cases:
            found, message = answers[copy]
            if found != right or words not in message:
                wrong.append(f"{path.name} uploaded as {Path(copy).name}: {found or message}, not {right or words}")
    for line in wrong:
        print(f"!! {line}")
    print(f"{len(files)} files, {asked} names, {len(cases)} of them uploaded; {len(wrong)} wrong answers")
    sys.exit(bool(wrong) or not files)


if __name__ == "__main__":
    main(*sys.argv[1:])
