"""The type of a file by declared type, name and bytes: a table for each kind of file."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.media_types import Decision, canonical, decide, objection
from chalicelib.sniffing import TEXT, UNKNOWN
from tests.support import beginnings as b

ZIP = "application/zip"
OLE = "application/x-ole-storage"
PE = "application/vnd.microsoft.portable-executable"
ELF = "application/x-executable"
SVG = "image/svg+xml"
CSV = "text/csv"
JAR = "application/java-archive"
APK = "application/vnd.android.package-archive"
CONTENT_TYPES = "[Content_Types].xml"
SVG_ROOT = b'<svg xmlns="http://www.w3.org/2000/svg" width="5" height="6"/>'
HTML = b"<!DOCTYPE html>\n<html><body><script>alert(1)</script></body></html>"
XHTML = (
    b'<?xml version="1.0"?>\n<html xmlns="http://www.w3.org/1999/xhtml"><body><svg/></body></html>'
)


def type_of(declared: str, filename: str, data: bytes) -> str:
    """The type of an accepted file."""
    decision = decide(declared, filename, data[:8192])
    assert decision.refusal is None
    return decision.content_type


KEEPS_DECLARED = [
    ("text/csv", "a.csv", b"ID;Name;Ort\n1;Anna;Bonn\n"),
    ("text/javascript", "a.js", b"function f() {}\n"),
    ("text/markdown", "a.md", b"--- \ntitle: a\n---\n"),
    ("application/sql", "a.sql", b"begin transaction;\n"),
    ("application/x-httpd-php", "a.php", b"<?php echo 1;\n"),
    ("text/x-python", "a.py", b"#!/usr/bin/env python3\nimport a\n"),
    ("application/x-sh", "a.sh", b.SCRIPT),
    ("application/jsonl", "a.jsonl", b'{"a": 1}\n{"a": 2}\n'),
    ("application/json", "a.json", b'{"a": 1}'),
    ("text/plain", "a.txt", b"%PDF-1.7 begins a PDF\n"),
    ("text/plain", "a.txt", b"GIF89a begins a GIF\n"),
    ("text/csv", "a.csv", "BMI;Größe\n22;180\n".encode("cp1252")),
    ("text/plain", "a.txt", "The free version isn’t bad.\n".encode("cp1252")),
    ("text/csv", "a.csv", "MZ;Größe;Ort\n1;2;Köln\n".encode("cp1252") * 9),
    ("text/csv", "a.csv", "RIFF;Länge;WAVE\n".encode("latin-1")),
    ("text/csv", "a.csv", "OTTO;Größe\n".encode("latin-1")),
    ("text/csv", "a.csv", "PK;名前\n".encode("shift_jis")),
    ("text/csv", "a.csv", "Rar!;Größe\n".encode("cp437") + b"\x1a"),
    ("text/csv", "a.csv", "II*;Größe\n".encode("utf-16")),
    ("application/x-subrip", "a.srt", "1\n00:00:01,000 --> 00:00:02,000\nDéjà\n".encode("cp1252")),
    ("text/plain", "a.log", b"before" + bytes(30) + b"after a crash\n"),
    ("application/x-msdos-program", "a.bat", b"@echo off\r\n"),
    ("application/vnd.ms-excel", "a.xls", b"a\tb\n1\t2\n"),
    ("application/vnd.ms-excel", "a.xls", b'<?xml version="1.0"?>\n<Workbook/>'),
    # Text formats within families of media
    ("image/vnd.dxf", "a.dxf", b"  0\nSECTION\n  2\nHEADER\n"),
    ("image/x-portable-pixmap", "a.ppm", b"P3\n1 1\n255\n0 0 0\n"),
    ("image/x-portable-bitmap", "a.pbm", b"P1\n1 1\n0\n"),
    ("image/x-xbitmap", "a.xbm", b"#define a_width 1\n"),
    ("image/x-xpixmap", "a.xpm", b"/* XPM */\nstatic char *a[] = {"),
    ("image/fits", "a.fits", b"SIMPLE  =                    T".ljust(80) * 30),
    ("image/x-xfig", "a.fig", b"#FIG 3.2\n"),
    ("image/vnd.radiance", "a.hdr", b"#?RADIANCE\n\n-Y 1 +X 1\n\x80\x80\x80\x80"),
    ("audio/x-mpegurl", "a.m3u", b"#EXTM3U\na.mp3\n"),
    ("application/vnd.apple.mpegurl", "a.m3u8", b"#EXTM3U\na.ts\n"),
    ("audio/x-scpls", "a.pls", b"[playlist]\n"),
    ("video/x-ms-asf", "a.asx", b'<asx version="3.0"></asx>'),
    ("audio/x-pn-realaudio", "a.ram", b"rtsp://example.com/a.rm\n"),
    ("model/vrml", "a.wrl", b"#VRML V2.0 utf8\n"),
    ("model/obj", "a.obj", b"v 0 0 0\n"),
    ("model/stl", "a.stl", b"solid a\n"),
    ("image/x-eps", "a.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
    ("application/postscript", "a.ps", b"%!PS-Adobe-3.0\n"),
    ("application/x-font-bdf", "a.bdf", b"STARTFONT 2.1\n"),
    ("application/pgp-keys", "a.asc", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n"),
    # Markup inside other text
    ("text/markdown", "a.md", b'<p align="center">\n# Hi\n'),
    ("text/markdown", "a.md", b"# Icon\n\n<svg></svg>\n"),
    ("text/csv", "a.csv", b"<b>name</b>,x\n1,2\n"),
    ("text/csv", "a.csv", b'title,body\nTest,"<svg></svg>"\n'),
    ("text/x-jinja", "a.jinja", b"<!-- mail --><p>{{ a }}</p>"),
    ("text/jsx", "a.jsx", b"<div>\n  <svg/>\n</div>\n"),
    ("text/plain", "a.txt", HTML),
    ("text/html", "a.html", HTML),
    ("application/xhtml+xml", "a.xhtml", XHTML),
    ("application/rss+xml", "a.xml", b'<?xml version="1.0"?><rss><a>&lt;svg&gt; <svg/></a></rss>'),
    (SVG, "a.svg", SVG_ROOT),
    (SVG, "a.svg", b"<!-- c -->" + SVG_ROOT),
    (SVG, "a.svg", b"\xef\xbb\xbf" + SVG_ROOT),
    (SVG, "a.svg", b'<?xml version="1.0"?>\n<!-- c -->\n<!DOCTYPE svg PUBLIC "a" "b">' + SVG_ROOT),
    (SVG, "a.svg", b"<!DOCTYPE svg [ <!ENTITY a 'b'> ]>" + SVG_ROOT),
    (SVG, "a.svg", SVG_ROOT.decode().encode("utf-16")),
    (SVG, "a.svg", b"<svg><script>alert(1)</script></svg>"),
    (SVG, "a.svg", b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>'),
    (SVG, "a.svgz", b.GZIP),
    # Images and video by their containers
    ("image/apng", "a.png", b.PNG),
    ("image/x-nikon-nef", "a.nef", b.TIFF),
    ("image/x-adobe-dng", "a.dng", b.TIFF),
    ("image/x-sony-arw", "a.arw", b.TIFF),
    ("image/x-pentax-pef", "a.pef", b"MM\0*" + bytes(20)),
    ("image/x-canon-cr2", "a.cr2", b"II*\0\x10\0\0\0CR\2\0" + bytes(20)),
    ("image/x-canon-cr3", "a.cr3", b.ftyp(b"crx ", b"crx ", b"isom")),
    ("image/cr3", "a.cr3", b.ftyp(b"crx ", b"crx ", b"isom")),
    ("image/heic", "a.heic", b.ftyp(b"mif1", b"heic")),
    ("image/heic", "a.heic", b.ftyp(b"heis", b"heic")),
    ("image/heic", "a.heic", b.ftyp(b"hevc", b"mif1")),
    ("image/heif", "a.heif", b.ftyp(b"mif1", b"mif1", b"heic")),
    ("image/avif", "a.avif", b.ftyp(b"mif1", b"avif", b"miaf")),
    ("image/avif", "a.avif", b.ftyp(b"avis", b"avif", b"msf1")),
    ("image/jp2", "a.jp2", b.JP2),
    ("image/x-sgi", "a.sgi", b"\1\xda\0\1\0\3" + bytes(100)),
    ("image/x-icon", "a.ico", b.ICO),
    ("image/vnd.zbrush.pcx", "a.pcx", b"\n\5\1\x08" + bytes(124)),
    ("image/x-tga", "a.tga", b"\0\0\2" + bytes(40)),
    ("video/x-mjpeg", "a.mjpeg", b.JPEG),
    ("video/mp4", "a.mp4", b.MP4),
    ("audio/mp4", "a.m4a", b.MP4),
    ("audio/x-m4a", "a.m4a", b.ftyp(b"M4A ", b"M4A ", b"mp42")),
    ("video/x-m4v", "a.m4v", b.ftyp(b"M4V ", b"M4V ", b"mp42")),
    ("video/quicktime", "a.mov", b.box(b"free", bytes(248)) + b.box(b"mdat", bytes(9))),
    ("video/quicktime", "a.mov", b.box(b"free", bytes(504)) + b.box(b"mdat", bytes(9))),
    ("video/quicktime", "a.mov", b.box(b"wide") + b.box(b"mdat", bytes(9))),
    ("audio/3gpp", "a.3gp", b.ftyp(b"3gp4", b"isom")),
    ("video/mp4", "a.m4s", b.box(b"styp", b"msdh", bytes(4), b"msdh") + b.box(b"moof")),
    ("video/mp2t", "a.ts", b.TS),
    ("video/mp2t", "a.m2ts", b.M2TS),
    ("video/mp2t", "a.mts", b.M2TS),
    ("audio/matroska", "a.mka", b.matroska(b"matroska")),
    ("video/x-matroska", "a.mkv", b.matroska(b"matroska", b"A_OPUS")),
    ("video/x-matroska", "a.mkv", b.matroska(b"webm")),
    ("audio/webm", "a.weba", b.matroska(b"webm", b"A_OPUS")),
    ("video/ogg", "a.ogv", b.OGG),
    ("audio/opus", "a.opus", b.OGG),
    ("audio/x-ms-wma", "a.wma", b.ASF),
    ("audio/mp3", "a.mp3", b.MP3),
    ("audio/aac", "a.aac", b"\xff\xf1\x50\x80" + bytes(40)),
    ("audio/x-wav", "a.wav", b.WAV),
    ("audio/basic", "a.au", b".snd\0\0\0\x18" + bytes(20)),
    # Archives and documents
    ("application/x-zip-compressed", "a.zip", b.zipped("a")),
    (ZIP, "words.zip", b.zipped("word/list.txt", "xl/a", "ppt/b", "META-INF/c")),
    (ZIP, "a.zip", b.EMPTY_ZIP),
    (ZIP, "a.zip", b.SPLIT_ZIP),
    (ZIP, "a.zip", b.package(f"{b.DOCX}.main+xml")),
    ("application/vnd.google-earth.kmz", "a.kmz", b.zipped("doc.kml")),
    ("application/vnd.comicbook+zip", "a.cbz", b.zipped("1.png")),
    ("model/vnd.usdz+zip", "a.usdz", b.zipped("a.usdc")),
    ("application/x.scratch.sb3", "a.sb3", b.zipped("project.json")),
    ("application/x-xpinstall", "a.xpi", b.zipped("META-INF/mozilla.rsa", "manifest.json")),
    (APK, "a.apk", b.zipped("META-INF/a.properties")),
    (b.DOCX, "a.docx", b.zipped("_rels/.rels", "word/document.xml")),
    (b.DOCX, "a.docx", b.OLE),
    (b.XLSX, "a.xlsx", b.OLE),
    (b.DOCM, "a.docm", b.zipped(CONTENT_TYPES, "word/document.xml")),
    ("application/vnd.oasis.opendocument.text", "a.odt", b.zipped("content.xml")),
    ("application/msword", "a.doc", b.OLE),
    ("application/vnd.ms-outlook", "a.msg", b.OLE),
    ("application/x-msi", "a.msi", b.OLE),
    ("image/vnd.fpx", "a.fpx", b.OLE),
    (JAR, "spring.jar", b.SCRIPT),
    (JAR, "spring.jar", b.SCRIPT + b.zipped("a")),
    (ZIP, "a.pyz", b"#!/usr/bin/env python3\n" + b.zipped("__main__.py")),
    ("image/bmp", "a.dib", b"\x28\0\0\0\1\0\0\0\1\0\0\0\1\0\x18\0" + bytes(30)),
    ("image/jls", "a.jls", b"\xff\xd8\xff\xf7\0\x0b\x08" + bytes(20)),
    ("application/vnd.oasis.opendocument.text-flat-xml", "a.fodt", b'<?xml version="1.0"?><a/>'),
    ("application/zstd", "a.zst", b"(\xb5/\xfd ?m letters"),
    ("application/dicom", "a.dcm", b.TIFF.ljust(128, b"\0") + b"DICM" + bytes(20)),
    (
        f"{b.OOXML}.wordprocessingml.template",
        "a.dotx",
        b.package(f"{b.OOXML}.wordprocessingml.template.main+xml"),
    ),
    (
        "application/vnd.ms-visio.drawing.main+xml",
        "a.vsdx",
        b.package("application/vnd.ms-visio.drawing.main+xml"),
    ),
    ("image/heic", "a.heic", b.ftyp(b"new1", b"new2")),
    ("video/x-mng", "a.mng", b"\x8aMNG\r\n\x1a\n" + bytes(20)),
    ("image/vnd.djvu+multipage", "a.djvu", b"AT&TFORM\0\0\0\x20DJVM" + bytes(20)),
    ("application/vnd.comicbook-rar", "a.cbr", b.RAR),
    (JAR, "a.jar", b.zipped("classes.dex")),
    ("video/mp4", "a.mp4", b.box(b"free") + b.box(b"mdat", bytes(9))),
    ("application/pdf", "a.pdf", b.PDF),
    ("application/pdf", "a.pdf", b"\n" + b.PDF),
    ("application/pdf", "a.pdf", b"\xef\xbb\xbf" + b.PDF),
    ("application/pdf", "a.pdf", b"HTTP/1.1 200 OK\r\n\r\n" + b.PDF),
    ("application/pdf", "a.pdf", b.NOISE + b.PDF),
    ("application/illustrator", "a.ai", b.PDF),
    ("application/x-tar", "a.tar", b.tar()),
    ("application/x-tar", "a.tar", b.old_tar()),
    ("application/x-archive", "a.a", b"!<arch>\n" + bytes(60)),
    ("application/x-debian-package", "a.deb", b"!<arch>\ndebian-binary   " + bytes(60)),
    ("font/woff", "a.woff", b.WOFF),
    ("application/font-woff2", "a.woff2", b.WOFF2),
    ("font/otf", "a.otf", b.OTF),
    ("font/ttf", "a.ttf", b.TTF),
    ("font/collection", "a.ttc", b.TTC),
    ("application/vnd.ms-fontobject", "a.eot", b.EOT),
    # Formats that cannot be recognised
    ("application/x-own", "a.own", b.NOISE),
    ("application/x-own", "a.own", b.tar()),
    ("application/x-own", "a.own", b.PNG),
    ("audio/mpeg", "a.mp3", b.NOISE),
    ("image/x-own", "a.own", b.NOISE),
    ("text/csv", "a.csv", b""),
]


@pytest.mark.parametrize(
    ("declared", "filename", "data"),
    KEEPS_DECLARED,
    ids=[f"{t} {d[:12]!r}" for t, _, d in KEEPS_DECLARED],
)
def test_a_declared_type_is_kept_if_the_bytes_do_not_contradict_it(
    declared: str, filename: str, data: bytes
) -> None:
    assert type_of(declared, filename, data) == declared


UNDECLARED = [
    ("a.csv", b"a,b\n1,2\n", CSV),
    ("a", b"ID;Name;Ort\n1;Anna;Bonn\n", TEXT),
    ("a", b'{"a": 1}', "application/json"),
    ("a", b'{"a": 1}\n{"a": 2}\n', TEXT),
    ("a.jsonl", b'{"a": 1}', "application/jsonl"),
    ("a.dxf", b"  0\nSECTION\n", "image/vnd.dxf"),
    ("a.m3u", b"#EXTM3U\n", "audio/x-mpegurl"),
    ("App.vue", b"<nav>\n <svg/></nav>", "text/x-vue"),
    ("README.md", b"<p>Hi</p>", "text/markdown"),
    ("a", HTML, "text/html"),
    ("a", XHTML, "application/xhtml+xml"),
    ("a", SVG_ROOT, SVG),
    ("a.svg", SVG_ROOT, SVG),
    ("a", b'<?xml version="1.0"?><a/>', "application/xml"),
    ("a.gpx", b'<?xml version="1.0"?><gpx/>', "application/gpx+xml"),
    ("a.exe", b"no program", TEXT),
    ("a.png", b"no picture", TEXT),
    ("server.key", b"-----BEGIN CERTIFICATE-----\n", TEXT),
    ("a.pdf", b"\n" + b.PDF, "application/pdf"),
    ("a", b.PDF, "application/pdf"),
    ("a", b.PNG, "image/png"),
    ("a.png", b.JPEG, "image/jpeg"),
    ("a.nef", b.TIFF, "image/x-nikon-nef"),
    ("a", b.TIFF, "image/tiff"),
    ("a", b"IIU\0" + bytes(20), "image/x-panasonic-rw2"),
    ("a", b.BMP, "image/bmp"),
    ("a", b.GIF, "image/gif"),
    ("a", b.WEBP, "image/webp"),
    ("a", b.PSD, "image/vnd.adobe.photoshop"),
    ("a", b.ICO, "image/vnd.microsoft.icon"),
    ("a", b.CUR, "image/x-win-bitmap"),
    ("a", b.JP2, "image/jp2"),
    ("a", b"\xff\x4f\xff\x51\0\x29" + bytes(20), "image/j2c"),
    ("a", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20), "image/jxl"),
    ("a", b"\xff\x0a\x7a\x01" + bytes(20), "image/jxl"),
    ("a", b"P6\n1 1\n255\n\0\1\2", "image/x-portable-pixmap"),
    ("a", b"P5 # comment\n1 1\n255\n\0", "image/x-portable-graymap"),
    ("a", b"P7\nWIDTH 1\n\0\1", "image/x-portable-arbitrarymap"),
    ("a", b"#?RADIANCE\n\n-Y 1 +X 1\n\0\0\0\0", "image/vnd.radiance"),
    ("a", b"FORM\0\0\0\x2eILBMBMHD" + bytes(20), "image/x-ilbm"),
    ("a.cr3", b.ftyp(b"crx ", b"crx ", b"isom"), "image/x-canon-cr3"),
    ("a", b.ftyp(b"heic", b"mif1", b"heic"), "image/heic"),
    ("a.heic", b.ftyp(b"mif1", b"heic"), "image/heic"),
    ("a", b.ftyp(b"mif1", b"mif1"), "image/heif"),
    ("a", b.ftyp(b"miaf", b"mif1", b"avif"), "image/avif"),
    ("a", b.MP4, "video/mp4"),
    ("a", b.MOV, "video/quicktime"),
    ("a", b.box(b"mdat", bytes(10)) + b.box(b"moov", bytes(20)), "video/quicktime"),
    ("a", b.box(b"pnot", bytes(12)) + b.box(b"mdat", bytes(9)), "video/quicktime"),
    ("a", b.ftyp(b"M4A ", b"isom"), "audio/mp4"),
    ("a.m4a", b.MP4, "audio/mp4"),
    ("a", b.ftyp(b"3gp5", b"isom"), "video/3gpp"),
    ("a", b.ftyp(b"3g2a"), "video/3gpp2"),
    ("a", b.ftyp(b"XYZ1", b"XYZ1", b"mp42"), "video/mp4"),
    ("a", b.matroska(b"matroska", b"V_VP9", b"A_OPUS"), "video/matroska"),
    ("a", b.matroska(b"matroska", b"A_FLAC"), "audio/matroska"),
    ("a.mka", b.matroska(b"matroska"), "audio/matroska"),
    ("a", b.matroska(b"webm", b"V_VP9"), "video/webm"),
    ("a", b.OGG, "audio/ogg"),
    ("a", b"OggS\0\2" + bytes(22) + b"\x80theora", "video/ogg"),
    ("a.ts", b.TS, "video/mp2t"),
    ("a", b.TS_CORRECTED, "video/mp2t"),
    ("a.ts", b"const a = 1;\n", "text/typescript"),
    ("a", b.MP3, "audio/mpeg"),
    ("a", b.MP3_WITH_TAG, "audio/mpeg"),
    ("a", b.FLAC, "audio/flac"),
    ("a", b.MIDI, "audio/midi"),
    ("a", b.AIFF, "audio/aiff"),
    ("a", b.AVI, "video/x-msvideo"),
    ("a", b.FLV, "video/x-flv"),
    ("a", b.MPEG, "video/mpeg"),
    ("a.wmv", b.ASF, "video/x-ms-wmv"),
    ("a", b"#!AMR\n\x3c\0\0", "audio/amr"),
    ("a", b.SWF, "application/vnd.adobe.flash.movie"),
    ("a", b"RIFF\x24\0\0\0ACONanih", "application/x-navi-animation"),
    ("a", b.TTF, "font/ttf"),
    ("a", b.zipped("a"), ZIP),
    ("a.ipa", b.zipped("Payload/A.app/Info.plist"), ZIP),
    ("a.kmz", b.zipped("doc.kml"), "application/vnd.google-earth.kmz"),
    ("a.docx", b.zipped("word/document.xml"), b.DOCX),
    ("a", b.zipped("word/document.xml"), ZIP),
    ("a", b.package(f"{b.DOCX}.main+xml", "word/document.xml"), b.DOCX),
    ("a", b.package(f"{b.XLSX}.main+xml"), b.XLSX),
    ("a", b.package(f"{b.PPTX}.main+xml"), b.PPTX),
    ("a", b.package("application/vnd.ms-word.document.macroEnabled.main+xml"), b.DOCM),
    (
        "a",
        b.package("application/vnd.ms-word.template.macroEnabledTemplate.main+xml"),
        "application/vnd.ms-word.template.macroEnabled.12",
    ),
    (
        "a",
        b.package("application/vnd.ms-excel.sheet.binary.macroEnabled.main"),
        "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    ),
    (
        "a",
        b.package("application/vnd.ms-visio.drawing.main+xml"),
        "application/vnd.ms-visio.drawing",
    ),
    (
        "a",
        b.package("application/vnd.ms-package.xps-fixeddocumentsequence+xml"),
        "application/vnd.ms-xpsdocument",
    ),
    ("a", b.package("application/vnd.ms-package.3dmanufacturing-3dmodel+xml"), "model/3mf"),
    ("a", b.streamed((CONTENT_TYPES, b.content_types(f"{b.DOCX}.main+xml"))), b.DOCX),
    ("a", b.zipped(("a.docx", b.package(f"{b.DOCX}.main+xml"))), ZIP),
    ("a", b.zipped(("mimetype", b"application/epub+zip"), "a"), "application/epub+zip"),
    ("a", b.zipped(("mimetype", b"image/openraster"), "a"), "image/openraster"),
    ("a", b.zipped(("mimetype", b"text/html"), "a"), ZIP),
    ("a", b.zipped(("mimetype", b"application/xhtml+xml"), "a"), ZIP),
    ("a", b.zipped(("mimetype", b"image/svg+xml"), "a"), ZIP),
    ("a", b.package("text/html.main+xml"), ZIP),
    ("a", b.zipped("META-INF/", "META-INF/MANIFEST.MF"), JAR),
    ("a", b.zipped("classes.dex"), APK),
    ("a", b.zipped(("AndroidManifest.xml", b"\3\0\x08\0")), APK),
    ("a", b.zipped(("AndroidManifest.xml", b"<manifest/>")), ZIP),
    ("a", b.OLE, OLE),
    ("a.doc", b.OLE, "application/msword"),
    ("a", b.GZIP, "application/gzip"),
    ("a.tar.gz", b.GZIP, "application/gzip"),
    ("a", b.BZIP2, "application/x-bzip2"),
    ("a", b.XZ, "application/x-xz"),
    ("a", b.ZSTD, "application/zstd"),
    ("a", b.SEVEN_ZIP, "application/x-7z-compressed"),
    ("a", b.RAR, "application/vnd.rar"),
    ("a", b.SQLITE, "application/vnd.sqlite3"),
    ("a", b.PARQUET, "application/vnd.apache.parquet"),
    ("a.rlib", b"!<arch>\n" + bytes(60), "application/x-archive"),
    ("a.png", b.NOISE, UNKNOWN),
    ("a.csv", b.NOISE, UNKNOWN),
    ("a.tga", b.NOISE, "image/x-tga"),
    ("a", b.NOISE, UNKNOWN),
    ("a", bytes(100), UNKNOWN),
    ("a", b"\xff" * 8192, UNKNOWN),
    ("a.png", b"", "application/x-empty"),
    ("a.txt", b"", TEXT),
]


@pytest.mark.parametrize("declared", ["", "application/octet-stream", "binary/octet-stream"])
@pytest.mark.parametrize(
    ("filename", "data", "expected"), UNDECLARED, ids=[f"{n} {t}" for n, _, t in UNDECLARED]
)
def test_a_file_without_a_declared_type_gets_the_most_specific_type(
    filename: str, data: bytes, expected: str, declared: str
) -> None:
    assert type_of(declared, filename, data) == expected


CORRECTED = [
    ("image/png", "a.png", b.JPEG, "image/jpeg"),
    ("image/jpeg", "a.jpg", b.WEBP, "image/webp"),
    ("image/jpeg", "a.jpg", b.ftyp(b"heic", b"heic"), "image/heic"),
    ("video/mp4", "a.mp4", b.MOV, "video/quicktime"),
    ("video/mp4", "a.mp4", b.ftyp(b"M4A ", b"isom"), "audio/mp4"),
    ("audio/mpeg", "a.mp3", b.WAV, "audio/wav"),
    (b.DOCX, "a.docx", b.package(f"{b.XLSX}.main+xml"), b.XLSX),
    (
        b.DOCX,
        "a.docx",
        b.package("application/vnd.ms-word.document.macroEnabled.main+xml"),
        b.DOCM,
    ),
    ("application/vnd.ms-excel", "a.xls", b.package(f"{b.XLSX}.main+xml"), b.XLSX),
    ("application/vnd.ms-excel", "a.xls", HTML, "text/html"),
    ("application/msword", "a.doc", b"{\\rtf1 Hi}", "application/rtf"),
    ("application/vnd.ms-excel", "a.csv", b"a,b\n1,2\n", CSV),
    ("application/postscript", "a.ai", b.PDF, "application/pdf"),
    ("application/postscript", "a.ps", b.PDF, "application/pdf"),
    ("application/x-rar", "a.rar", b.zipped("a"), ZIP),
    ("application/x-cbr", "a.cbr", b.zipped("1.png"), ZIP),
    ("application/x-tar", "a.tar.gz", b.GZIP, "application/gzip"),
    ("text/csv", "a.csv.gz", b.GZIP, "application/gzip"),
    ("application/gzip", "a.csv.gz", b"a,b\n1,2\n", TEXT),
    ("text/plain", "a.png", b.PNG, "image/png"),
    ("text/vnd.trolltech.linguist", "a.ts", b.TS, "video/mp2t"),
    ("text/vnd.trolltech.linguist", "a.ts", b"const a = 1;\n", "text/typescript"),
    ("video/mp2t", "a.mts", b"export {};\n", "text/typescript"),
    ("image/png", "a.png", b.NOISE, UNKNOWN),
    ("application/pdf", "a.pdf", b.NOISE, UNKNOWN),
    ("image/png", "a.png", b"", "application/x-empty"),
    ("text/plain", "a", b.SQLITE, "application/vnd.sqlite3"),
    ("application/x-java", "a.class", b.ELF, ELF),
    ("text/x-microdvd", "a.sub", b.MPEG, "video/mpeg"),
    ("text/x-objcsrc", "a.m", b.zipped("a"), ZIP),
]


@pytest.mark.parametrize(
    ("declared", "filename", "data", "expected"),
    CORRECTED,
    ids=[f"{d} is {t}" for d, _, _, t in CORRECTED],
)
def test_a_harmless_file_of_another_type_gets_the_type_of_its_bytes(
    declared: str, filename: str, data: bytes, expected: str
) -> None:
    assert type_of(declared, filename, data) == expected


PROGRAMS = [
    ("application/vnd.appimage", "a.AppImage", b.ELF),
    ("application/x-object", "a.o", b.ELF),
    ("application/x-pie-executable", "tool", b.ELF),
    ("application/x-sharedlib", "libfoo.so.6", b.ELF),
    ("application/octet-stream", "libfoo.so.1.2.3", b.ELF),
    ("application/octet-stream", "mod.ko", b.ELF),
    ("application/octet-stream", "a.mexa64", b.ELF),
    ("application/octet-stream", "a.node", b.ELF),
    ("application/octet-stream", "a.bin", b.ELF),
    ("application/octet-stream", "a.prx", b.ELF),
    ("audio/x-mod", "minicmd.mod", b.ELF),
    ("application/macbinary", "a.bin", b.ELF),
    ("application/x-core", "core", b.ELF),
    ("application/x-ms-dos-executable", "setup.exe", b.PE),
    ("application/x-msdownload", "a.dll", b.PE),
    ("application/x-dosexec", "a.scr", b.PE),
    ("application/octet-stream", "a.pyd", b.PE),
    ("application/octet-stream", "a.vst3", b.PE),
    ("application/octet-stream", "a.efi", b.PE),
    ("", "a", b.PE),
    ("application/x-java", "A.class", b.JAVA),
    ("application/java-vm", "A.class", b.JAVA),
    ("", "a.dylib", b.UNIVERSAL),
    ("application/x-mach-binary", "a", b.MACH_O),
    ("application/wasm", "a.wasm", b.WASM),
    ("application/x-ms-shortcut", "a.lnk", b.SHORTCUT),
    ("", "classes.dex", b.DEX),
    ("application/x-python-bytecode", "a.pyc", b"\xa7\r\r\n\0\0\0\0" + bytes(20)),
    ("application/x-makeself", "a.run", b.SCRIPT + bytes(40)),
]


@pytest.mark.parametrize(
    ("declared", "filename", "data"), PROGRAMS, ids=[f"{d} {n}" for d, n, _ in PROGRAMS]
)
def test_a_program_under_its_own_name_is_accepted(
    declared: str, filename: str, data: bytes
) -> None:
    assert type_of(declared, filename, data)


@pytest.mark.parametrize(
    ("filename", "data", "expected"),
    [
        ("a", b.UNIVERSAL, "application/x-mach-binary"),
        ("a", b"\xca\xfe\xba\xbf\0\0\0\2" + bytes(30), "application/x-mach-binary"),
        ("a", b.JAVA, "application/java-vm"),
        ("a", b.ELF, ELF),
        ("a", b.PE, PE),
        ("a", b"MZ" + bytes(58) + b"\x80\1\0\0" + bytes(10), PE),
        ("a", b"MZ" + bytes(62), "application/x-dosexec"),
    ],
)
def test_programs_of_different_systems_have_different_types(
    filename: str, data: bytes, expected: str
) -> None:
    assert type_of("", filename, data) == expected


REAL = {
    "ELF": b.ELF,
    "PE": b.PE,
    "Mach-O": b.MACH_O,
    "universal": b.UNIVERSAL,
    "Mach-O of 64 bits": b"\xca\xfe\xba\xbf\0\0\0\2" + bytes(30),
    "Java": b.JAVA,
    "WebAssembly": b.WASM,
    "shortcut": b.SHORTCUT,
    "Dalvik": b.DEX,
    "script": b.SCRIPT,
    "script with its data": b.SCRIPT + bytes(40),
    "HTML": HTML,
    "HTML in capitals": b"<HTML><BODY ONLOAD=alert(1)>",
    "HTML behind spaces": b"\n\t  <script>alert(1)</script>",
    "HTML behind a comment": b"<!-- a --><img src=x onerror=alert(1)>",
    "HTML behind a mark": b"\xef\xbb\xbf<iframe src=a>",
    "HTML in UTF-16": "<html><script>alert(1)</script>".encode("utf-16"),
    "HTML with NULs": b"<html>\0\0<script>alert(1)</script>\0",
    "HTML and a PDF": b"<html><script>alert(1)</script>" + b.PDF,
    "HTML and a GIF": b"<svg/onload=alert(1)>" + b.GIF,
    "XHTML": XHTML,
    "SVG with a script": b"<svg><script>alert(1)</script></svg>",
    "SVG with an event": b'<svg onload="alert(1)"/>',
    "SVG with a link": b'<svg><a href="javascript:alert(1)"/></svg>',
    "SVG with HTML": b"<svg><foreignObject><body/></foreignObject></svg>",
    "SVG behind a comment": b"<!-- a --><svg><script/></svg>",
}
TRUSTED = [
    ("image/png", "a.png"),
    ("image/jpeg", "a.jpg"),
    ("image/x-own", "a.own"),
    ("image/vnd.dxf", "a.dxf"),
    ("audio/mpeg", "a.mp3"),
    ("audio/x-mpegurl", "a.m3u"),
    ("video/mp4", "a.mp4"),
    ("font/woff2", "a.woff2"),
    ("application/pdf", "a.pdf"),
    ("application/zip", "a.zip"),
    (b.DOCX, "a.docx"),
    ("", "a.png"),
    ("application/octet-stream", "a.pdf"),
]


@pytest.mark.parametrize(("declared", "filename"), TRUSTED, ids=[f"{d} {n}" for d, n in TRUSTED])
@pytest.mark.parametrize("data", REAL.values(), ids=REAL)
def test_a_program_or_a_page_declared_as_another_type_is_rejected(
    data: bytes, declared: str, filename: str
) -> None:
    assert decide(declared, filename, data).refusal is not None


@pytest.mark.parametrize(
    "data",
    [
        b.zipped(("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\n"), "A.class"),
        b.zipped("AndroidManifest.xml", "classes.dex"),
    ],
    ids=["JAR", "APK"],
)
@pytest.mark.parametrize(
    ("declared", "filename", "is_honest"),
    [
        (b.DOCX, "a.docx", False),
        ("", "a.xlsx", False),
        ("application/epub+zip", "a.epub", False),
        ("image/png", "a.png", False),
        ("application/zip", "a.zip", True),
        ("application/java-archive", "a.war", True),
        ("application/vnd.android.package-archive", "a.apk", True),
        ("", "a", True),
    ],
)
def test_a_program_in_a_zip_is_not_a_document(
    data: bytes, declared: str, filename: str, *, is_honest: bool
) -> None:
    assert (decide(declared, filename, data).refusal is None) == is_honest


CONTRADICTIONS = [
    ("image/png", "a.png", b.PDF),
    ("image/png", "a.png", b.MP4),
    ("image/png", "a.png", b.zipped("a")),
    ("image/png", "a.png", b.OLE),
    ("image/png", "a.png", b.GZIP),
    ("image/png", "a.png", b.SQLITE),
    ("image/png", "a.png", b"letters\n"),
    ("image/gif", "a.gif", b"GIF89a/*<script>alert(1)</script>*/=1;"),
    ("image/png", "a.png", SVG_ROOT),
    ("video/mp4", "a.mp4", b.PNG),
    ("audio/mpeg", "a.mp3", b.JPEG),
    ("audio/mpeg", "a.mp3", b"letters\n"),
    ("application/pdf", "a.pdf", b.PNG),
    ("application/pdf", "a.pdf", b"letters\n"),
    ("application/pdf", "a.pdf", b.zipped("a")),
    (ZIP, "a.zip", b.PNG),
    (ZIP, "a.zip", b"letters\n"),
    (b.DOCX, "a.docx", b.PNG),
    ("font/woff", "a.woff", b.PNG),
    ("font/woff", "a.woff", b"letters\n"),
    ("text/plain", "a.txt", b.PNG),
    ("text/csv", "a.csv", b.zipped("a")),
    ("image/x-own", "a.own", b.PDF),
    ("image/x-own", "a.own", b.MP4),
    ("application/pdf", "a.exe", b.PE),
    ("application/pdf", "a.pdf", b.PE),
    ("text/plain", "a.txt", b.ELF),
]


@pytest.mark.parametrize(
    ("declared", "filename", "data"),
    CONTRADICTIONS,
    ids=[f"{d} {x[:8]!r}" for d, _, x in CONTRADICTIONS],
)
def test_bytes_of_one_family_under_the_type_of_another_are_rejected(
    declared: str, filename: str, data: bytes
) -> None:
    assert decide(declared, filename, data).refusal is not None


def test_a_refusal_says_what_to_do() -> None:
    assert decide("image/png", "a.png", HTML) == Decision(
        "text/html",
        None,
        "Its content is text/html, which is not what its name and type say (image/png)."
        " Rename it or declare its real type, and send it again",
    )


@pytest.mark.parametrize(
    ("declared", "filename", "data", "container"),
    [
        (b.DOCX, "a.docx", b.zipped(CONTENT_TYPES), ZIP),
        ("application/vnd.google-earth.kmz", "a.kmz", b.zipped("doc.kml"), ZIP),
        ("application/x-own", "a.own", b.zipped("a"), ZIP),
        ("", "a", b.zipped(("mimetype", b"image/openraster"), "a"), ZIP),
        ("application/x-zip-compressed", "a.zip", b.zipped("a"), None),
        (ZIP, "a.zip", b.EMPTY_ZIP, None),
        (b.XLSX, "a.xlsx", b.OLE, OLE),
        ("application/msword", "a.doc", b.OLE, OLE),
        ("", "a", b.OLE, None),
        ("image/png", "a.png", b.PNG, None),
        ("text/plain", "a.txt", b"PK letters", None),
    ],
)
def test_a_container_is_reported_beside_the_type(
    declared: str, filename: str, data: bytes, container: str | None
) -> None:
    assert decide(declared, filename, data).container == container


@pytest.mark.parametrize(
    ("declared", "filename", "data", "allowed", "expected"),
    [
        ("image/png", "a.png", b.PNG, ["image/*"], True),
        ("image/png", "a.png", b.NOISE, ["image/*"], False),
        ("image/png", "a.png", b.NOISE, ["image/png"], False),
        ("image/png", "a.png", b.NOISE, ["image/*", UNKNOWN], True),
        ("image/png", "a.png", b.NOISE, [], True),
        ("image/x-own", "a.own", b.NOISE, ["image/*"], False),
        ("image/x-own", "a.own", b.NOISE, ["image/x-own"], True),
        ("image/x-own", "a.own", b.NOISE, ["image/*", UNKNOWN], True),
        ("image/x-tga", "a.tga", b"\0\0\2" + bytes(40), ["image/x-tga"], True),
        ("", "a.tga", b"\0\0\2" + bytes(40), ["image/tga"], True),
        ("image/x-own", "a.own", b.zipped("a"), ["image/*"], False),
        ("image/x-own", "a.own", b.zipped("a"), ["image/*", ZIP], True),
        ("image/x-own", "a.own", b.TIFF, ["image/*"], True),
        ("image/vnd.dxf", "a.dxf", b"  0\nSECTION\n", ["image/*"], True),
        ("", "a.heic", b.ftyp(b"mif1", b"heic"), ["image/*"], True),
        ("application/x-zip-compressed", "a.zip", b.zipped("a"), [ZIP], True),
        ("application/vnd.google-earth.kmz", "a.kmz", b.zipped("a"), ["application/*"], True),
        (b.DOCX, "a.docx", b.zipped("word/document.xml"), [b.DOCX], True),
        (b.DOCX, "a.docx", b.OLE, [b.DOCX], True),
        ("application/vnd.ms-excel", "a.csv", b"a,b\n1,2\n", [CSV], True),
        ("video/mp2t", "a.ts", b"const a = 1;\n", ["video/*"], False),
        ("text/plain", "a.log", b"a" + bytes(9), ["text/plain"], True),
        ("text/plain", "a.log", b"a" + bytes(9), ["text/*"], False),
        ("audio/mpeg", "a.mp3", b.MP3, ["audio/*"], True),
        ("audio/mpeg", "a.mp3", bytes(200) + b.MP3, ["audio/*"], True),
        ("image/x-portable-pixmap", "a.ppm", b"P6\n1 1\n255\n\0\1\2", ["image/*"], True),
        ("image/x-tga", "a.tga", b.TARGA, ["image/*"], True),
        ("audio/mpeg", "a.mp3", b.NOISE, ["audio/*"], False),
        ("audio/mpeg", "a.mp3", b.NOISE, ["audio/mpeg"], True),
        ("image/jpeg", "a.jpg", b.PNG, ["image/jpeg"], False),
    ],
)
def test_allowed_types_hold_for_what_the_bytes_show(
    *, declared: str, filename: str, data: bytes, allowed: list[str], expected: bool
) -> None:
    decision = decide(declared, filename, data)

    assert decision.refusal is None
    assert (objection(decision, allowed=allowed) is None) is expected


def test_a_type_that_is_not_allowed_is_named_with_the_allowed_ones() -> None:
    noise = decide("image/x-own", "a.own", b.NOISE)

    assert objection(noise, allowed=["image/*", "video/*"]) == (
        "Nothing in its content shows that it is image/x-own, and application/octet-stream is"
        " not allowed. Allowed: image/*, video/*"
    )


CODE_PAGES = [
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "cp1250", "cp1251", "cp1252", "cp1253",
    "cp1254", "cp1255", "cp1256", "cp1257", "cp437", "cp850", "cp866", "latin-1", "iso8859-2",
    "iso8859-5", "iso8859-7", "iso8859-15", "koi8-r", "koi8-u", "mac-roman", "shift_jis", "cp932",
    "euc-jp", "iso2022_jp", "gb18030", "gbk", "big5", "euc-kr", "cp949", "tis-620",
]  # fmt: skip
LETTERS = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")
    | st.sampled_from("\t\n\r\f\x1b"),
    max_size=200,
)
BEGINNINGS = st.sampled_from([
    "", "BM", "MZ", "P1", "II*", "PK", "GIF89a", "OTTO", "RIFF", "ID3", "%PDF-1.4", "{\\rtf",
    "Rar!", "7z", "wide free", "fLaC", "OggS", "<svg>", "<html>", "<?xml ", "true", "ttcf", "#!",
])  # fmt: skip


@given(BEGINNINGS, LETTERS, st.sampled_from(CODE_PAGES), st.sampled_from(["text/plain", CSV]))
def test_text_in_any_encoding_is_never_rejected(
    beginning: str, letters: str, codec: str, declared: str
) -> None:
    data = (beginning + letters).encode(codec, "ignore")[:8192]

    decision = decide(declared, "a.txt", data)

    assert (decision.content_type, decision.refusal) == (declared, None)


SIGNATURES = st.sampled_from([
    b"", *(data for data in vars(b).values() if isinstance(data, bytes)), b"#!", b"<", b"PK\3\4",
    b"\0\0\0\x20ftyp", b"RIFF", b"\x1a\x45\xdf\xa3", b"\xff\xfb", b"MZ", b"{" * 5000, b"<!--" * 99,
])  # fmt: skip
DATA = st.builds(lambda beginning, rest: beginning + rest, SIGNATURES, st.binary(max_size=600))


@given(DATA, st.sampled_from(["", UNKNOWN, "binary/octet-stream", "application/x-download"]))
def test_bytes_without_a_declared_type_are_never_rejected(data: bytes, declared: str) -> None:
    decision = decide(declared, "a.bin", data)

    assert decision.refusal is None
    assert "/" in decision.content_type


@given(DATA, st.text(max_size=30), st.text(max_size=30))
def test_every_declared_type_and_every_name_get_a_decision(
    data: bytes, declared: str, name: str
) -> None:
    decision = decide(declared, name, data)

    assert canonical(decision.content_type)
    assert decision == decide(declared, name, data)


@given(st.binary(max_size=8192))
def test_random_bytes_are_never_rejected(data: bytes) -> None:
    assert decide("", "a", data).refusal is None
    assert decide(UNKNOWN, "a.bin", os.urandom(100)).refusal is None
