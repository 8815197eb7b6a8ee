"""Beginnings of files of many formats: small, and valid by their specifications."""

import gzip
import io
import struct
import tarfile
import zipfile
import zlib

OOXML = "application/vnd.openxmlformats-officedocument"
DOCX = f"{OOXML}.wordprocessingml.document"
XLSX = f"{OOXML}.spreadsheetml.sheet"
PPTX = f"{OOXML}.presentationml.presentation"
DOCM = "application/vnd.ms-word.document.macroEnabled.12"

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\2\0\0\1\0\1\0\0\xff\xd9"
GIF = b"GIF89a\1\0\1\0\0\0\0"
BMP = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0" + bytes(36)
TIFF = b"II*\0\x08\0\0\0\0\0\0\0\0\0"
WEBP = b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0\x2f\0\0\0"
ICO = b"\0\0\1\0\1\0\x20\x20\0\0\1\0\x20\0" + struct.pack("<II", 40, 22) + bytes(40)
CUR = b"\0\0\2\0\1\0\x20\x20\0\0\1\0\x20\0" + struct.pack("<II", 40, 22) + bytes(40)
TARGA = bytes([0, 0, 2]) + bytes(9) + struct.pack("<HHBB", 80, 120, 24, 0) + bytes(40)
PSD = b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 80, 120, 8, 3)
PDF = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog>>\nendobj\n%%EOF\n"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
ELF = b"\x7fELF\2\1\1\0" + bytes(56)
PE = b"MZ\x90\0" + bytes(56) + b"\x40\0\0\0PE\0\0" + bytes(100)
MACH_O = b"\xcf\xfa\xed\xfe\7\0\0\1" + bytes(24)
UNIVERSAL = b"\xca\xfe\xba\xbe\0\0\0\2\1\0\0\7" + bytes(30)
JAVA = b"\xca\xfe\xba\xbe\0\0\0\x41" + bytes(30)
WASM = b"\0asm\1\0\0\0\1\4\1\x60\0\0"
SHORTCUT = b"L\0\0\0\1\x14\2\0\0\0\0\0\xc0\0\0\0\0\0\0\x46"
DEX = b"dex\n035\0" + bytes(24)
SCRIPT = b"#!/bin/sh\necho hello\n"
FLAC = b"fLaC\0\0\0\x22\x10\0\x10\0" + bytes(30)
MP3_WITH_TAG = b"ID3\4\0\0\0\0\0\x0a" + bytes(20)
MP3 = (b"\xff\xfb\x90\x64" + bytes(413)) * 3
OGG = b"OggS\0\2" + bytes(22) + b"\x01vorbis" + bytes(20)
AVI = b"RIFF\x24\x08\0\0AVI LIST\0\0\0\0"
WAV = b"RIFF\x24\x08\0\0WAVEfmt \x10\0\0\0"
AIFF = b"FORM\0\0\0\x2eAIFFCOMM\0\0\0\x12"
FLV = b"FLV\1\5\0\0\0\x09\0\0\0\0"
ASF = b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c" + bytes(20)
MPEG = b"\0\0\1\xba\x44\0\4\0\4\1" + bytes(40)
TS = (b"G\x40\x11\x10" + bytes(184)) * 5
M2TS = (bytes(4) + b"G\x40\x11\x10" + bytes(184)) * 5
TS_CORRECTED = (b"G\x40\x11\x10" + bytes(200)) * 5
MIDI = b"MThd\0\0\0\6\0\0\0\1\0\x60"
SWF = b"FWS\6\x40\0\0\0\0"
WOFF = b"wOFF\0\1\0\0" + bytes(40)
WOFF2 = b"wOF2\0\1\0\0" + bytes(40)
OTF = b"OTTO\0\x0a\0\x80\0\3\0\x20CFF " + bytes(40)
TTF = b"\0\1\0\0\0\x0a\0\x80\0\3\0\x20DSIG" + bytes(40)
TTC = b"ttcf\0\1\0\0\0\0\0\2" + bytes(20)
EOT = bytes(8) + b"\1\0\2\0" + bytes(22) + b"LP" + bytes(40)
GZIP = gzip.compress(b"hello", mtime=0)
BZIP2 = b"BZh91AY&SY\x19\x31\x65\x3d\0\0"
XZ = b"\xfd7zXZ\0\0\4\xe6\xd6\xb4\x46"
ZSTD = b"\x28\xb5\x2f\xfd\x04\x58\x29\0\0"
SEVEN_ZIP = b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24)
RAR = b"Rar!\x1a\7\1\0" + bytes(20)
SQLITE = b"SQLite format 3\0\x10\0\1\1\0\x40\x20\x20" + bytes(40)
PARQUET = b"PAR1\x15\4\x15\x20" + bytes(30)
JP2 = b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\x14ftypjp2 \0\0\0\0jp2 "
NOISE = b"\xa7\x01\xfe\x93\x00\x17" * 50
EMPTY_ZIP = b"PK\5\6" + bytes(18)
SPLIT_ZIP = b"PK\7\x08PK\3\4" + bytes(40)


def box(name: bytes, *content: bytes) -> bytes:
    """A box of an ISO media file."""
    joined = b"".join(content)
    return struct.pack(">I4s", 8 + len(joined), name) + joined


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    """The beginning of an ISO media file with these brands."""
    return box(b"ftyp", major, bytes(4), *compatible) + box(b"free", bytes(100))


MP4 = ftyp(b"isom", b"isom", b"mp41")
MOV = ftyp(b"qt  ", b"qt  ")


def matroska(kind: bytes, *codecs: bytes) -> bytes:
    """The beginning of a Matroska file whose tracks have these codecs."""
    head = b"\x42\x86\x81\1\x42\x82" + bytes([0x80 + len(kind)]) + kind
    entries = b"".join(
        b"\xae" + bytes([0x80 + len(c) + 2]) + b"\x86" + bytes([0x80 + len(c)]) + c for c in codecs
    )
    tracks = b"\x16\x54\xae\x6b" + bytes([0x80 + len(entries)]) + entries if codecs else b""
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 + len(head)]) + head + tracks


def zipped(*entries: str | tuple[str, bytes], deflated: bool = False) -> bytes:
    """An archive with these files; those without content have a few letters."""
    packed = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
    with zipfile.ZipFile(packed, "w", method) as archive:
        for entry in entries:
            name, content = entry if isinstance(entry, tuple) else (entry, b"letters")
            # ZipInfo has a fixed time: the ids of tests hold the first bytes.
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return packed.getvalue()


def streamed(*entries: tuple[str, bytes]) -> bytes:
    """An archive with the sizes after its entries, as streaming programs write it."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    packed = Pipe()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            member = zipfile.ZipInfo(name)
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w") as entry:
                entry.write(content)
    return packed.getvalue()


def content_types(main: str) -> bytes:
    """`[Content_Types].xml` of a package whose main part has this type."""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/main" ContentType="{main}"/></Types>'
    ).encode()


def package(main: str, *others: str) -> bytes:
    """An office document whose main part has this type."""
    return zipped(("[Content_Types].xml", content_types(main)), *others, deflated=True)


def tar() -> bytes:
    """A tar archive with one file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return packed.getvalue()


def old_tar() -> bytes:
    """A tar archive as Unix's version 7 wrote it: no mark, a checksum."""
    header = bytearray(tar()[:512])
    header[257:512] = bytes(255)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


def deflated(content: bytes) -> bytes:
    """Compressed as in a ZIP."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(content) + compressor.flush()
