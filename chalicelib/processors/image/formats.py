"""Chooses the format of an image, and the reader of its size, by its first bytes.

The bytes decide, not the type: cameras and programs often declare the type of another photo format.
The declared type decides only for formats without a signature.
"""

import functools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple

from chalicelib.processors.image.bitmap import (
    bitmaps,
    icons,
    jpeg,
    png,
    raw_photos,
    text_headers,
    webp,
)
from chalicelib.processors.image.drawing import metafiles, svg
from chalicelib.processors.image.iso_boxes import canon_cr3, heif, jpeg_2000, jpeg_xl
from chalicelib.processors.image.size import NotAnImage, Size, SizeUnknown
from chalicelib.processors.image.tiff import tiff_images

HEAD = 1024  # bytes that identify a format
_MAX_BRANDS = 256  # bytes of an ISO media file in which brands are searched
# Raw photos that are TIFF; only their names distinguish them.
_RAW = frozenset({
    "3fr", "arw", "dcr", "dng", "erf", "fff", "iiq", "k25", "kdc", "mef", "mos", "nef", "nrw",
    "orf", "pef", "rwl", "sr2", "srf", "srw",
})  # fmt: skip


class Format(NamedTuple):
    """A format: its short `name`, and `read`, which raises SizeUnknown.

    `mark` is a regular expression for the beginning of the file. It is compiled when it is used.
    """

    name: str
    mark: bytes
    read: Callable[[BinaryIO], Size]


def find(head: bytes, content_type: str, filename: str) -> Format | None:
    """The format of a file that begins with `head`; None if it is unknown."""
    for each in _FORMATS:
        if re.match(each.mark, head, re.DOTALL):
            return _raw(each, content_type, filename) if each.name == "tiff" else each
    return _UNMARKED.get(content_type)


def _raw(tiff_format: Format, content_type: str, filename: str) -> Format:
    """A TIFF under the name of the raw format that its media type or its filename says."""
    names = (content_type.rpartition("-")[2], PurePosixPath(filename).suffix[1:].lower())
    name = next((name for name in names if name in _RAW), None)
    return (
        Format(name, tiff_format.mark, functools.partial(tiff_images.read, raw=name))
        if name
        else tiff_format
    )


def _iso_media(file: BinaryIO) -> Size:
    """HEIC, AVIF and CR3, by their major and compatible brands."""
    file.seek(0)
    head = file.read(_MAX_BRANDS)
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[start : start + 4] for start in range(8, end, 4)]
    if b"crx " in brands:
        return replace(canon_cr3.read(file), format="cr3")
    if not heif.BRANDS.intersection(brands):
        raise NotAnImage
    try:
        return replace(heif.read(file), format=heif.format_of(brands))
    except SizeUnknown as error:
        error.format = heif.format_of(brands)
        raise


_drawing = metafiles.without("It is a drawing, which has no size in pixels")
_unread = metafiles.without("The size in this format is not read")
_FORMATS = (
    Format("png", rb"\x89PNG\r\n\x1a\n", png.read),
    Format("mng", rb"\x8aMNG\r\n\x1a\n", png.read),
    Format("jng", rb"\x8bJNG\r\n\x1a\n", png.read),
    Format("jpeg", rb"\xff\xd8\xff", jpeg.read),
    Format("gif", rb"GIF8[79]a", bitmaps.at("<HH", 6)),
    Format("webp", rb"RIFF.{4}WEBP", webp.read),
    Format("ani", rb"RIFF.{4}ACON", icons.read_animated),
    Format("heif", rb".{4}ftyp(?!jp[2xm] |jxl )", _iso_media),
    Format("jp2", rb"\x00\x00\x00\x0cjP  \r\n\x87\n|.{4}ftypjp[2xm] ", jpeg_2000.read),
    Format("jp2", rb"\xff\x4f\xff\x51", jpeg_2000.read_codestream),
    Format("jxl", rb"\x00\x00\x00\x0cJXL \r\n\x87\n", jpeg_xl.read),
    Format("jxl", rb"\xff\x0a", jpeg_xl.read_codestream),
    Format("cr2", rb"(?:II\*\x00|MM\x00\*).{4}CR", tiff_images.read_canon),
    Format("rw2", rb"IIU\x00", tiff_images.read_panasonic),
    Format("jxr", rb"II\xbc", tiff_images.read_jpeg_xr),
    Format("orf", rb"IIRO|IIRS|MMOR", functools.partial(tiff_images.read, raw="orf")),
    Format("tiff", rb"II\*\x00|MM\x00\*|II\+\x00|MM\x00\+", tiff_images.read),
    Format("raf", rb"FUJIFILMCCD-RAW", raw_photos.read_fujifilm),
    Format("mrw", rb"\x00MRM", raw_photos.read_minolta),
    Format("x3f", rb"FOVb", raw_photos.read_sigma),
    Format("crw", rb"II.{4}HEAPCCDR", _unread),
    Format("bmp", rb"BM.{12}[\x0c-\x7f]\x00\x00\x00", bitmaps.read_bmp),
    # An ICO needs at least one icon, because a TGA may begin like an ICO without any.
    Format("ico", rb"\x00\x00\x01\x00(?!\x00\x00)", icons.read_windows),
    Format("cur", rb"\x00\x00\x02\x00(?!\x00\x00)", icons.read_windows),
    Format("dib", rb"[(l|]\0{3}.{8}\x01\0[\x01\x04\x08\x10\x18\x20]\0", bitmaps.read_dib),
    Format("icns", rb"icns", icons.read_apple),
    Format("psd", rb"8BPS\x00[\x01\x02]", bitmaps.at(">II", 14, height_first=True)),
    Format("xcf", rb"gimp xcf ", bitmaps.at(">II", 14)),
    Format("dds", rb"DDS \x7c\x00\x00\x00", bitmaps.at("<II", 12, height_first=True)),
    Format("ktx", rb"\xabKTX [12][01]\xbb\r\n\x1a\n", bitmaps.read_ktx),
    Format("blp", rb"BLP[12]", bitmaps.at("<II", 12)),
    Format("msp", rb"DanM|LinS", bitmaps.at("<HH", 4)),
    Format("exr", rb"v/1\x01", bitmaps.read_exr),
    Format("qoi", rb"qoif", bitmaps.at(">II", 4)),
    Format("farbfeld", rb"farbfeld", bitmaps.at(">II", 8)),
    Format("sun", rb"Y\xa6j\x95", bitmaps.at(">II", 4)),
    Format("sgi", rb"\x01\xda[\x00\x01][\x01\x02]", bitmaps.read_sgi),
    Format("pcx", rb"\n[\x00\x02-\x05][\x00\x01][\x01\x02\x04\x08]", bitmaps.read_pcx),
    Format("flif", rb"FLIF", bitmaps.read_flif),
    Format("bpg", rb"BPG\xfb", bitmaps.read_bpg),
    Format("djvu", rb"AT&TFORM", bitmaps.read_djvu),
    Format("xwd", rb".{4}\x00\x00\x00\x07\x00\x00\x00[\x00-\x02]", bitmaps.at(">II", 16)),
    Format("emf", rb"\x01\x00\x00\x00.{36} EMF", metafiles.read_emf),
    Format("wmf", rb"\xd7\xcd\xc6\x9a", metafiles.read_wmf),
    Format("wmf", rb"\x01\x00\x09\x00\x00[\x01\x03]", _drawing),
    Format("pam", rb"P7\s", text_headers.read_pam),
    Format("pnm", rb"P[1-6][\s#]", text_headers.read_netpbm),
    Format("pfm", rb"P[Ff]\s", text_headers.read_netpbm),
    Format("hdr", rb"#\?(?:RADIANCE|RGBE)", text_headers.read_radiance),
    Format("fits", rb"SIMPLE  =", text_headers.read_fits),
    Format("im", rb"Image type: ", text_headers.read_im),
    Format("xpm", rb"\s*/\* XPM", text_headers.read_xpm),
    Format("xbm", rb"\s*(?:/\*(?:[^*]|\*(?!/))*\*/\s*)*#[ \t]*define\s", text_headers.read_xbm),
    Format("dxf", rb"(?:\s*999\r?\n[^\n]*\n)*\s*0\r?\nSECTION\s|AutoCAD Binary DXF", _drawing),
    Format("dwg", rb"AC10\d\d", _drawing),
    Format("fig", rb"#FIG ", _drawing),
    Format("eps", rb"%!PS|\xc5\xd0\xd3\xc6", _drawing),
    Format("svg", svg.XML, svg.read),
    Format("svg", rb"\x1f\x8b\x08", svg.read_gzip),
)  # fmt: skip
_UNMARKED = {
    "image/x-tga": Format("tga", b"", bitmaps.read_tga),
    "image/vnd.wap.wbmp": Format("wbmp", b"", bitmaps.read_wbmp),
}
