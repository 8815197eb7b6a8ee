"""Images for tests: handmade headers, and whole files written by real programs."""

import base64
import gzip
import struct
import zlib

SCAN = b"\xff\xda\0\2"
Entry = tuple[int, int, bytes]  # type, count and value of a directory entry
Entries = dict[int, "Entry | list[Entries]"]


def png(width: int, height: int, *chunks: bytes, after: bytes = b"") -> bytes:
    """A PNG with `chunks` before its image and `after` behind it."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    image = chunk(b"IDAT", bytes(20))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + image + after + chunk(b"IEND", b"")


def chunk(name: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + checksum


def jpeg(width: int, height: int, *, before: int = 0, segments: bytes = b"") -> bytes:
    """A JPEG with `before` bytes of profiles and previews in front of the size."""
    data = b"\xff\xd8" + segments
    while before > 0:
        length = min(before, 65533)
        data += segment(0xE2, bytes(length))
        before -= length
    return data + segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + bytes(9)) + SCAN


def segment(marker: int, data: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", 2 + len(data)) + data


def webp(width: int, height: int, *chunks: bytes, flags: int = 0) -> bytes:
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    data = b"VP8X\n\0\0\0" + bytes([flags, 0, 0, 0]) + sides + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(data)) + b"WEBP" + data


def riff_chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) & 1)


def box(name: bytes, *contents: bytes) -> bytes:
    data = b"".join(contents)
    return struct.pack(">I4s", 8 + len(data), name) + data


def heif(
    brand: bytes,
    width: int,
    height: int,
    *properties: bytes,
    more: bytes = b"",
    used: bytes = b"",
    item: int = 1,
    brands: bytes = b"mif1",
) -> bytes:
    """A HEIF whose primary image has these properties after its size; `more` is in `meta`.

    `used` replaces the `ipma` box that associates them.
    """
    size = box(b"ispe", bytes(4), struct.pack(">II", width, height))
    indices = bytes(range(1, 2 + len(properties)))
    ipma = box(b"ipma", bytes(4), struct.pack(">IHB", 1, item, len(indices)), indices)
    properties_box = box(b"iprp", box(b"ipco", size, *properties), used or ipma)
    primary = box(b"pitm", bytes(4), struct.pack(">H", item))
    meta = box(b"meta", bytes(4), box(b"hdlr", bytes(8), b"pict"), primary, properties_box, more)
    return box(b"ftyp", brand, bytes(4), brands) + meta + box(b"mdat", bytes(400_000))


def irot(times: int) -> bytes:
    """`irot`: a rotation by `times` 90 degrees."""
    return box(b"irot", bytes([times]))


def clap(*ratios: int) -> bytes:
    """`clap`: width, height and both offsets as numerators and denominators."""
    return box(b"clap", struct.pack(">IIIIiIiI", *ratios))


def short(order: str, value: int) -> Entry:
    return 3, 1, struct.pack(order + "H2x", value)


def long(order: str, *values: int) -> Entry:
    return 4, len(values), struct.pack(f"{order}{len(values)}I", *values)


def tiff(*pages: Entries, order: str = "<", mark: bytes = b"", gap: int = 0) -> bytes:
    """A TIFF of these directories; an entry may be a list of directories below it.

    `mark` replaces the first four bytes, and `gap` bytes precede the first directory.
    """
    start = 16 + gap
    head = mark or (b"II*\0" if order == "<" else b"MM\0*")
    data = (head + struct.pack(order + "I", start)).ljust(start, b"\0")
    for number, page in enumerate(pages, 1):
        data += directory(page, order, len(data), is_last=number == len(pages))
    return data


def directory(entries: Entries, order: str, start: int, *, is_last: bool = True) -> bytes:
    """One IFD at an offset, with its long values and the directories below it."""
    values_at = start + 2 + 12 * len(entries) + 4
    fields, values = b"", b""
    for tag, entry in sorted(entries.items()):
        if isinstance(entry, list):
            offsets = []
            for below in entry:
                offsets.append(values_at + len(values))
                values += directory(below, order, offsets[-1])
            kind, count, value = long(order, *offsets)
        else:
            kind, count, value = entry
        if len(value) > 4:
            value, values = struct.pack(order + "I", values_at + len(values)), values + value
        fields += struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")
    after = 0 if is_last else values_at + len(values)
    head = struct.pack(order + "H", len(entries))
    return head + fields + struct.pack(order + "I", after) + values


def sides(order: str, width: int, height: int) -> Entries:
    return {0x100: long(order, width), 0x101: long(order, height)}


def exif(orientation: int, *, order: str = "<") -> bytes:
    return tiff({0x112: short(order, orientation)}, order=order)


def fits(*cards: str) -> bytes:
    text = "".join(card.ljust(80) for card in (*cards, "END"))
    return text.ljust(-(-len(text) // 2880) * 2880).encode()


def text_profile(data: bytes) -> bytes:
    """Exif in a text chunk of a PNG, as ImageMagick writes it."""
    return b"\nexif\n%8d\n" % len(data) + data.hex().encode() + b"\n"


def svgz(text: bytes) -> bytes:
    return gzip.compress(text, mtime=0)


# Written by Pillow and pillow-heif: 51 x 37 pixels, which the encoder enlarged to 64 x 64.
HEIC_51X37 = base64.b64decode("""
AAAAGGZ0eXBoZWljAAAAAG1pZjFoZWljAAABfW1ldGEAAAAAAAAAIWhkbHIAAAAAAAAAAHBpY3QAAAAAAAAAAAAAAAAAAAAA
Imlsb2MAAAAAREAAAQABAAAAAAGdAAEAAAAAAAAAFwAAACNpaW5mAAAAAAABAAAAFWluZmUCAAAAAAEAAGh2YzEAAAAADnBp
dG0AAAAAAAEAAAD9aXBycAAAAN1pcGNvAAAAdmh2Y0MBA3AAAACQAAAAAAAe8AD8/fj4AAAPA2AAAQAYQAEMAf//A3AAAAMA
kAAAAwAAAwAeugJAYQABACpCAQEDcAAAAwCQAAADAAADAB6gIIEFlurkprm4CGgwIAAAAwMgAAADACFiAAEABkQBwXPAiQAA
ABNjb2xybmNseAABAA0ABoAAAAAUaXNwZQAAAAAAAABAAAAAQAAAAChjbGFwAAAAMwAAAAEAAAAlAAAAAf////MAAAAC////
5QAAAAIAAAAQcGl4aQAAAAADCAgIAAAAGGlwbWEAAAAAAAAAAQABBYECAwWEAAAAH21kYXQAAAATKAGvE4D4UNCn//91yHxm
KVNXgA==
""")
# Written by Pillow: 48 x 64 pixels, turned by a property.
AVIF_TURNED = base64.b64decode("""
AAAAHGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZgAAAPNtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAA
AAAAAA5waXRtAAAAAAABAAAAHmlsb2MAAAAARAAAAQABAAAAAQAAARcAAAAjAAAAKGlpbmYAAAAAAAEAAAAaaW5mZQIAAAAA
AQAAYXYwMUNvbG9yAAAAAHJpcHJwAAAAUmlwY28AAAAUaXNwZQAAAAAAAAAwAAAAQAAAAA5waXhpAAAAAAEIAAAADGF2MUOB
ABwAAAAAE2NvbHJuY2x4AAEADQAGgAAAAAlpcm90AwAAABhpcG1hAAAAAAAAAAEAAQUBAoMEhQAAACttZGF0EgAKCRgVb/2m
AhoNQDIUFMZlAgnlAADCEWj4B+YtpH/oCGA=
""")
# Written by Pillow: 48 x 64 pixels, turned by Exif.
WEBP_TURNED = base64.b64decode("""
UklGRlQAAABXRUJQVlA4WAoAAAAIAAAALwAAPwAAVlA4TBQAAAAvL8APAAcQEf0PAAnh/3oxov+pH0VYSUYaAAAATU0AKgAA
AAgAAQESAAMAAAABAAYAAAAAAAA=
""")
TIFF_TURNED = base64.b64decode("""
SUkqAIgAAAD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA
+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7APsA+wD7AAoAAAEDAAEA
AAAwAAAAAQEDAAEAAABAAAAAAgEDAAEAAAABAAAAAwEDAAEAAAAFgAAABgEDAAEAAAABAAAAEQEEAAEAAAAIAAAAEgEDAAEA
AAAGAAAAFgEDAAEAAABAAAAAFwEEAAEAAACAAAAAHAEDAAEAAAABAAAAAAAAAA==
""")
# Written by imagecodecs: libjxl in a container, libjxl without, jxrlib.
JXL = base64.b64decode(
    "AAAADEpYTCANCocKAAAAFGZ0eXBqeGwgAAAAAGp4bCAAAAAaanhsY/8Ky0AkCAQBABwASxiLFYIDAA=="
)
JXL_NAKED = base64.b64decode("/wogAxCBSAgEAQAcAEsYixWCAwA=")  # 137 x 101
JXR = base64.b64decode("""
SUm8ASAAAAAkw91vA07+S7GFPXd2jckNAAAAAAAAAAAIAAG8AQAQAAAACAAAAAK8BAABAAAAAAAAAIC8BAABAAAAQAAAAIG8
BAABAAAAMAAAAIK8CwABAAAAAADAQoO8CwABAAAAAADAQsC8BAABAAAAhgAAAMG8BAABAAAAeAAAAAAAAABXTVBIT1RPABEA
wHEAPwAvYADAAAAMAAAAwAAAAAAEb/8AAQAAAQDOAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACOSAAAAAAAAAAAAAAAAAAA
AAAAAAAGAAAAAAAAAAAAAAAAAAGAAAAAAAAAAGAAGAAwAwGGMyA=
""")
# Written by Pillow with OpenJPEG: 64 x 48 pixels.
JP2 = base64.b64decode("""
AAAADGpQICANCocKAAAAFGZ0eXBqcDIgAAAAAGpwMiAAAAAtanAyaAAAABZpaGRyAAAAMAAAAEAAAQcHAAAAAAAPY29scgEA
AAAAABEAAACZanAyY/9P/1EAKQAAAAAAQAAAADAAAAAAAAAAAAAAAEAAAAAwAAAAAAAAAAAAAQcBAf9SAAwAAAABAAUEBAAB
/1wAE0BASEhQSEhQSEhQSEhQSEhQ/2QAJQABQ3JlYXRlZCBieSBPcGVuSlBFRyB2ZXJzaW9uIDIuNS40/5AACgAAAAAAGAAB
/5PfgBAIkICAgICA/9k=
""")
WEBP_LOSSY = base64.b64decode(
    "UklGRjgAAABXRUJQVlA4ICwAAABQAwCdASpAADAAPm02mEkkIyKhIqgAgA2JaQAAE/GOHwhFgAD++5zAAAAAAA=="
)
WEBP_LOSSLESS = base64.b64decode("UklGRiAAAABXRUJQVlA4TBQAAAAvP8ALAAcQEf0PAAnh/3oxov+pHw==")
