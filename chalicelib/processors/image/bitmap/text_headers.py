"""Images whose headers are text: the Netpbm family, XBM, XPM, Radiance HDR, FITS.

Each function takes the file, reads a bounded part of it and raises SizeUnknown.
"""

import re
from typing import BinaryIO

from chalicelib.processors.image.size import Size, SizeUnknown, exactly, round_size

_MAX_TEXT = 256 * 1024  # bytes: comments may precede the size
_NETPBM = re.compile(
    rb"P.(?:\s|#[^\r\n]*[\r\n])+(\d{1,10})(?:\s|#[^\r\n]*[\r\n])+(\d{1,10})(?=\s|#)"
)
_XBM_WIDTH = re.compile(
    rb"^[ \t]*#[ \t]*define[ \t]+(?:\w*_)?width[ \t]+(\d{1,10})(?=\s)", re.MULTILINE
)
_XBM_HEIGHT = re.compile(
    rb"^[ \t]*#[ \t]*define[ \t]+(?:\w*_)?height[ \t]+(\d{1,10})(?=\s)", re.MULTILINE
)
_XPM = re.compile(rb'"\s{0,20}(\d{1,10})\s{1,20}(\d{1,10})\s{1,20}\d{1,10}\s{1,20}\d{1,10}')
_RADIANCE = re.compile(rb"\r?\n\r?\n[+-]([XY])\s+(\d{1,10})\s+[+-]([XY])\s+(\d{1,10})\s*\n")
_IM = re.compile(rb"[\r\n]Image size \(x\*y\): (\d{1,10})\*(\d{1,10})[\r\n]")
_PAM = re.compile(rb"^(WIDTH|HEIGHT)[ \t]+(\d{1,10})[ \t\r]*$", re.MULTILINE)
_FITS_BLOCK, _FITS_CARD = 2880, 80  # bytes
_MAX_FITS_BLOCKS = 1000


def read_netpbm(file: BinaryIO) -> Size:
    """PBM, PGM, PPM, text or binary, and PFM.

    https://netpbm.sourceforge.net/doc/ppm.html
    """
    return _size_in(_NETPBM.match(_head(file)))


def read_pam(file: BinaryIO) -> Size:
    """PAM, a header of named lines.

    https://netpbm.sourceforge.net/doc/pam.html
    """
    header, end, _ = _head(file).partition(b"\nENDHDR")
    sides = {name: int(number) for name, number in _PAM.findall(header)}
    if not end or len(sides) < 2:
        raise SizeUnknown("Its header does not contain its size")
    return Size(sides[b"WIDTH"], sides[b"HEIGHT"])


def read_xbm(file: BinaryIO) -> Size:
    """XBM, a C source file.

    https://en.wikipedia.org/wiki/X_BitMap
    """
    head = _head(file)
    width, height = _XBM_WIDTH.search(head), _XBM_HEIGHT.search(head)
    if not width or not height:
        raise SizeUnknown("Its header does not contain its size")
    return round_size(int(width[1]), int(height[1]))


def read_xpm(file: BinaryIO) -> Size:
    """XPM, whose first string contains four numbers.

    https://en.wikipedia.org/wiki/X_PixMap
    """
    return _size_in(_XPM.search(_head(file)))


def read_radiance(file: BinaryIO) -> Size:
    """Radiance HDR; the header names an axis for each of two numbers.

    https://radsite.lbl.gov/radiance/refer/filefmts.pdf
    """
    match = _RADIANCE.search(_head(file))
    if not match or match[1] == match[3]:
        raise SizeUnknown("Its header does not contain its size")
    sides = {match[1]: int(match[2]), match[3]: int(match[4])}
    return round_size(sides[b"X"], sides[b"Y"])


def read_im(file: BinaryIO) -> Size:
    """Pillow's IFUNC images.

    https://pillow.readthedocs.io/en/stable/handbook
    """
    return _size_in(_IM.search(_head(file)))


def read_fits(file: BinaryIO) -> Size:
    """The first image, which may follow a header without data.

    FITS 4.0, 4.4.1 and 10.1.1
    """
    cards: dict[bytes, int] = {}
    file.seek(0)
    for _ in range(_MAX_FITS_BLOCKS):
        block = exactly(file, _FITS_BLOCK)
        for start in range(0, _FITS_BLOCK, _FITS_CARD):
            card = block[start : start + _FITS_CARD]
            if card.startswith(b"END     "):
                size = _fits_size(cards)
                if size:
                    return size
                if cards.get(b"NAXIS"):
                    raise SizeUnknown("Its first data are not an image")
                cards = {}
                break
            value = re.fullmatch(rb"=\s+(\d{1,10})\s*(?:/.*)?", card[8:], re.DOTALL)
            if value:
                cards.setdefault(card[:8].rstrip(), int(value[1]))
    raise SizeUnknown("Its header has no end")


def _fits_size(cards: dict[bytes, int]) -> Size | None:
    """The size of an image; a compressed image is a table with the size under other names."""
    if b"ZNAXIS1" in cards:
        return Size(cards[b"ZNAXIS1"], cards.get(b"ZNAXIS2", 1))
    if cards.get(b"NAXIS", 0) > 0 and b"TFIELDS" not in cards:
        return Size(cards.get(b"NAXIS1", 0), cards.get(b"NAXIS2", 1))
    return None


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(_MAX_TEXT)


def _size_in(match: re.Match[bytes] | None) -> Size:
    if not match:
        raise SizeUnknown("Its header does not contain its size")
    return round_size(int(match[1]), int(match[2]))
