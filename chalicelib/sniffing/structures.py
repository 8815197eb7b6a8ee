"""Formats whose header must be parsed, not only compared: RIFF, Ogg, Matroska, icons and more.

Each function returns the evidence at the beginning of a file, or None. Its docstring has the
source.
"""

# ruff: noqa: PLR2004 - the numbers are places and values in the headers of these formats

import re
import struct
from collections.abc import Callable

from chalicelib.sniffing.evidence import Evidence
from chalicelib.sniffing.mpeg import find_mpeg_audio, find_transport_stream, has_frames
from chalicelib.sniffing.programs import find_program

_RIFF = {
    b"WAVE": "audio/wav",
    b"AVI ": "video/x-msvideo",
    b"WEBP": "image/webp",
    b"ACON": "application/x-navi-animation",
    b"RMID": "audio/midi",
    b"sfbk": "audio/x-sfbk",
    b"CDXA": "video/mpeg",
    b"AMV ": "video/x-amv",
}
_IFF = {
    b"AIFF": "audio/aiff",
    b"AIFC": "audio/aiff",
    b"8SVX": "audio/x-8svx",
    b"ILBM": "image/x-ilbm",
    b"PBM ": "image/x-ilbm",
    b"ANIM": "video/x-anim",
}
_PORTABLE_MAPS = {
    b"1": "image/x-portable-bitmap",
    b"2": "image/x-portable-graymap",
    b"3": "image/x-portable-pixmap",
    b"4": "image/x-portable-bitmap",
    b"5": "image/x-portable-graymap",
    b"6": "image/x-portable-pixmap",
    b"7": "image/x-portable-arbitrarymap",
    b"F": "image/x-portable-floatmap",
    b"f": "image/x-portable-floatmap",
}
# Sizes of bitmap headers: https://learn.microsoft.com/windows/win32/gdi/bitmap-header-types
_BITMAP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_CODEC = re.compile(rb"\x86[\x80-\xff]([AV])_")


def find_riff(head: bytes) -> Evidence | None:
    """RIFF and IFF by their form type: https://learn.microsoft.com/windows/win32/multimedia/riff."""
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        return _evidence(_RIFF.get(head[8:12]))
    if head[:4] in (b"FORM", b"LIST", b"CAT "):
        return _evidence(_IFF.get(head[8:12]))
    return None


def find_ogg(head: bytes) -> Evidence | None:
    """Ogg by the streams that begin in it: https://www.rfc-editor.org/rfc/rfc5334."""
    if not head.startswith(b"OggS\0"):
        return None
    if b"\x80theora" in head or b"BBCD\0" in head:
        return Evidence("video/ogg")
    sounds = (b"\x01vorbis", b"OpusHead", b"Speex   ", b"\x7fFLAC")
    return Evidence("audio/ogg" if any(mark in head for mark in sounds) else "application/ogg")


def find_matroska(head: bytes) -> Evidence | None:
    """Matroska and WebM; audio if the tracks are in these bytes and none is video: RFC 9559."""
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    name = "webm" if b"\x42\x82\x84webm" in head[:128] else "matroska"
    tracks = head.find(b"\x16\x54\xae\x6b")
    kinds: set[bytes] = set()
    if tracks > 0 and tracks + 5 < len(head):
        width = 9 - head[tracks + 4].bit_length()
        size = int.from_bytes(head[tracks + 4 : tracks + 4 + width], "big") & (1 << 7 * width) - 1
        if tracks + 4 + width + size <= len(head):
            kinds = set(_CODEC.findall(head, tracks, tracks + 4 + width + size))
    return Evidence(f"audio/{name}" if kinds == {b"A"} else f"video/{name}")


def find_bitmap(head: bytes) -> Evidence | None:
    """A Windows bitmap, by the size of its header."""
    header = int.from_bytes(head[14:18], "little")
    return _evidence("image/bmp" if head[:2] == b"BM" and header in _BITMAP_HEADERS else None)


def find_icon(head: bytes) -> Evidence | None:
    """An icon or a cursor, by its first entry: https://learn.microsoft.com/previous-versions/ms997538(v=msdn.10)."""
    if head[:4] not in (b"\0\0\1\0", b"\0\0\2\0") or len(head) < 22 or head[9] not in (0, 255):
        return None
    (count,) = struct.unpack_from("<H", head, 4)
    size, start = struct.unpack_from("<II", head, 14)
    if not count or not size or start < 6 + 16 * count:
        return None
    return Evidence("image/vnd.microsoft.icon" if head[2] == 1 else "image/x-win-bitmap")


def find_font(head: bytes) -> Evidence | None:
    """TrueType by its first table, and Embedded OpenType by its mark."""
    if head[:4] == b"\0\1\0\0" and 0 < int.from_bytes(head[4:6], "big") < 256:
        return _evidence("font/ttf" if re.match(rb"[A-Za-z0-9 /]{4}", head[12:16]) else None)
    return _evidence("application/vnd.ms-fontobject" if head[34:36] == b"LP" else None)


def find_pcx(head: bytes) -> Evidence | None:
    """A PCX image. Its few header values make weak evidence."""
    if len(head) < 128 or head[0] != 10 or head[1] > 5 or head[2] > 1:
        return None
    is_sure = head[3] in (1, 2, 4, 8) and head[64] == 0
    return Evidence("image/vnd.zbrush.pcx", is_sure=False) if is_sure else None


def find_portable_map(head: bytes) -> Evidence | None:
    """Netpbm images: https://netpbm.sourceforge.net/doc/."""
    match = re.match(rb"P([1-7Ff])[ \t\r\n](?=[\s#\d-]|WIDTH)", head)
    return _evidence(_PORTABLE_MAPS[match.group(1)] if match else None)


def is_targa(head: bytes) -> bool:
    """Whether the header of a Targa image, which has no signature, may be here."""
    if len(head) < 18 or head[1] > 1 or head[2] not in (1, 2, 3, 9, 10, 11):
        return False
    width, height = struct.unpack_from("<HH", head, 12)
    return bool(width and height) and head[16] in (8, 15, 16, 24, 32) and head[17] < 64


def is_bare_bitmap(head: bytes) -> bool:
    """Whether a bitmap without a file header may be here: header size, one plane, bits."""
    if head[:4] not in (b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0") or len(head) < 16:
        return False
    planes, bits = struct.unpack_from("<HH", head, 12)
    return planes == 1 and bits in (1, 4, 8, 16, 24, 32)


def find_old_tar(head: bytes) -> Evidence | None:
    """A tar older than POSIX, by the checksum of its first header."""
    digits = head[148:156].strip(b" \0")
    if len(head) < 512 or not re.fullmatch(rb"[0-7]{1,7}", digits):
        return None
    is_right = sum(head[:148]) + 8 * 32 + sum(head[156:512]) == int(digits, 8)
    return _evidence("application/x-tar" if is_right else None)


def _evidence(content_type: str | None) -> Evidence | None:
    return Evidence(content_type) if content_type else None


STRUCTURES: tuple[Callable[[bytes], Evidence | None], ...] = (
    find_program,
    find_riff,
    find_ogg,
    find_matroska,
    find_bitmap,
    find_icon,
    find_font,
    find_portable_map,
    find_old_tar,
    find_mpeg_audio,
    find_transport_stream,
    find_pcx,
)
# Formats without a signature, or with a weak one. They count only for a file of that declared type.
PERHAPS: tuple[tuple[str, Callable[[bytes], bool]], ...] = (
    ("image/x-tga", is_targa),
    ("image/bmp", is_bare_bitmap),
    ("image/bmp", lambda head: head.startswith(b"BM")),
    ("image/vnd.microsoft.icon", lambda head: head.startswith((b"\0\0\1\0", b"\0\0\2\0"))),
    ("font/ttf", lambda head: head.startswith(b"\0\1\0\0")),
    ("audio/mpeg", has_frames),
)
