"""ISO base media files (MP4, QuickTime, HEIC, AVIF, JPEG 2000, …) by their brands.

Sources: https://mp4ra.org/registered-types/brands, ISO/IEC 14496-12, Apple's QuickTime File Format.
"""

from chalicelib.sniffing.evidence import Evidence

_HEADER = 8  # bytes of a box's size and type
_MP4 = "video/mp4"
_HEIF = "image/heif"
_BRANDS = {
    "image/avif": b"avif avis avio",
    "image/heic": b"heic heix heim heis hevc hevx hevm hevs",
    "image/avci": b"avci avcs",
    "image/x-canon-cr3": b"crx ",
    "image/jp2": b"jp2 ",
    "image/jpx": b"jpx jpxb",
    "image/jpm": b"jpm ",
    "image/jph": b"jph ",
    "video/mj2": b"mjp2 mj2s",
    "image/jxl": b"jxl ",
    "audio/mp4": b"M4A  M4B  M4P  F4A  F4B ",
    "audio/vnd.audible.aax": b"aax  aaxc",
    "video/quicktime": b"qt  ",
    "video/3gpp": b"3gp1 3gp2 3gp3 3gp4 3gp5 3gp6 3gp7 3gp8 3gp9 3ge6 3ge7 3ge9 3gg6 3gg9 3gr6 3gr9"
    b" 3gs6 3gs7 3gs9 3gt9 3gh9 3gm9 3gf9",
    "video/3gpp2": b"3g2a 3g2b 3g2c",
    _HEIF: b"mif1 mif2 msf1 miaf MA1A MA1B",
    _MP4: b"isom iso2 iso3 iso4 iso5 iso6 iso7 iso8 iso9 mp41 mp42 avc1 dash msdh msix cmfc cmf2"
    b" MSNV ndsc NDSC M4V  M4VH M4VP F4V  F4P  f4v  mmp4 mp71 hvc1 isml piff",
}
_TYPES = {
    brands[at : at + 4]: content_type
    for content_type, brands in _BRANDS.items()
    for at in range(0, len(brands), 5)
}
# General brands of still images; the other brands decide the type.
_GENERAL = (_HEIF, _MP4)
# The first boxes of a QuickTime file without a brand.
_BOXES = frozenset({b"wide", b"free", b"skip", b"mdat", b"moov", b"pnot", b"uuid", b"junk"})
_SEGMENT_BOXES = frozenset({b"moof", b"sidx", b"prft", b"emsg"})


def find_iso_media(head: bytes) -> Evidence | None:
    """The type in the first boxes; None if the file does not begin with a box."""
    if head.startswith(b"\0\0\0\x0cjP  \r\n\x87\n"):
        return _by_brands(head[12:]) or Evidence("image/jp2")
    return _by_brands(head) or _without_brands(head)


def _by_brands(head: bytes) -> Evidence | None:
    """The type of the major brand, or of the compatible brands if the major one is general."""
    if head[4:8] not in (b"ftyp", b"styp") or len(head) < _HEADER + 4:
        return None
    size = int.from_bytes(head[:4], "big")
    compatible = [head[at : at + 4] for at in range(16, min(size, len(head)), 4)]
    major = _TYPES.get(head[8:12])
    if major == _MP4 or (major is not None and major not in _GENERAL):
        return Evidence(major)
    others = [_TYPES[brand] for brand in compatible if brand in _TYPES]
    special = next((other for other in others if other not in _GENERAL), None)
    if major == _HEIF:
        return Evidence(special if special in ("image/avif", "image/heic") else _HEIF)
    content_type = special or next(iter(others), None)
    return (
        Evidence(content_type)
        if content_type
        else Evidence(_MP4, perhaps=tuple(_BRANDS), is_sure=False)
    )


def _without_brands(head: bytes) -> Evidence | None:
    """An old QuickTime file: its boxes follow each other, as far as the bytes go."""
    if head[4:8] in _SEGMENT_BOXES and int.from_bytes(head[:4], "big") >= _HEADER:
        return Evidence(_MP4)
    at = boxes = 0
    while head[at + 4 : at + _HEADER] in _BOXES:
        size = int.from_bytes(head[at : at + 4], "big")
        boxes += 1
        if size < _HEADER:
            # 0: up to the end of the file. 1: an eight-byte size follows.
            size = len(head) if size == 0 else int.from_bytes(head[at + 8 : at + 16], "big")
        if size < _HEADER:
            return None
        at += size
    if not boxes:
        return None
    is_sure = at >= len(head) or boxes > 1
    return Evidence("video/quicktime", perhaps=(_MP4, "audio/mp4"), is_sure=is_sure)
