"""Archives, packages and compressed files: by the standard library, py7zr, pycdlib and others."""

import bz2
import gzip
import io
import lzma
import tarfile
import tempfile
import zipapp
import zipfile
from collections.abc import Callable
from pathlib import Path

import cramjam
import lz4.frame
import py7zr
import pycdlib
import zstandard
from files import File, Files, Names

CONTENTS = {
    "notes.txt": "Grüße".encode(),
    "word/list.txt": b"a\nb\n",
    "photos/Übersicht.png": b"\x89PNG\r\n\x1a\n" + bytes(300),
    "empty": b"",
}
# Formats based on ZIP: format, extension, entries in order.
PACKAGES: list[tuple[str, str, dict[str, bytes]]] = [
    ("wheel", "whl", {"a/__init__.py": b"", "a-1.dist-info/METADATA": b"Name: a\n"}),
    ("nupkg", "nupkg", {"_rels/.rels": b"<x/>", "a.nuspec": b"<x/>", "[Content_Types].xml": b"<x/>"}),
    ("vsix", "vsix", {"extension.vsixmanifest": b"<x/>", "[Content_Types].xml": b"<Types/>"}),
    ("xpi", "xpi", {"META-INF/mozilla.rsa": b"0", "manifest.json": b"{}"}),
    ("xpi", "xpi", {"manifest.json": b"{}", "a.js": b"1"}),
    ("kmz", "kmz", {"doc.kml": b"<kml/>", "files/a.png": b"\x89PNG"}),
    ("cbz", "cbz", {"001.jpg": b"\xff\xd8\xff", "ComicInfo.xml": b"<x/>"}),
    ("usdz", "usdz", {"a.usdc": b"PXR-USDC" + bytes(80)}),
    ("sb3", "sb3", {"project.json": b"{}", "a.svg": b"<svg/>"}),
    ("jar", "jar", {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\r\n", "A.class": b"\xca\xfe\xba\xbe"}),
    ("jar", "jar", {"META-INF/": b"", "META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\r\n"}),
    ("war", "war", {"META-INF/MANIFEST.MF": b"Manifest-Version: 1.0\r\n", "WEB-INF/web.xml": b"<x/>"}),
    ("apk", "apk", {"AndroidManifest.xml": b"\3\0\x08\0", "classes.dex": b"dex\n035\0", "res/a.xml": b"0"}),
    ("apk", "apk", {"META-INF/com/android/build/gradle/app-metadata.properties": b"a=1\n",
                    "classes.dex": b"dex\n035\0", "AndroidManifest.xml": b"\3\0\x08\0"}),
]  # fmt: skip


def zipped(contents: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A ZIP of these entries, with a fixed date."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in contents.items():
            info = zipfile.ZipInfo(name, (2024, 1, 2, 3, 4, 6))
            archive.writestr(info, data, method)
    return out.getvalue()


class Pipe(io.RawIOBase):
    """A writable file that cannot seek: its ZIPs have data descriptors."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        content = bytes(data)  # type: ignore[call-overload] # any buffer
        self.data += content
        return len(content)


def zips(names: Names) -> Files:
    """ZIPs in all methods, streamed, empty, with a comment, ZIP64; and packages based on ZIP."""
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        yield File("zip", names("zip"), zipped(CONTENTS, method), f"zipfile {method}")
        ppt = {"ppt/slides.txt": b"a", "xl/a.csv": b"1", "META-INF/b": b"2"}
        yield File("zip", names("zip"), zipped(ppt, method), f"zipfile {method}, telling folders")
    yield File("zip", names("zip"), zipped({}), "zipfile, empty")
    piped = Pipe()
    with zipfile.ZipFile(piped, "w") as archive:
        archive.writestr("a.txt", b"streamed")
        archive.comment = b"PK and a comment <html>"
    yield File("zip", names("zip"), bytes(piped.data), "zipfile, streamed, with a comment")
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w") as archive,
        archive.open(zipfile.ZipInfo("big.bin"), "w", force_zip64=True) as entry,
    ):
        entry.write(bytes(5000))
    yield File("zip", names("zip"), out.getvalue(), "zipfile, ZIP64")
    for name, extension, contents in PACKAGES:
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            data = zipped(contents, method)
            yield File(name, names(extension), data, f"zipfile, {name}")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "out.pyz")
        source.mkdir()
        (source / "__main__.py").write_text("print(1)\n")
        for interpreter in (None, "/usr/bin/env python3"):
            zipapp.create_archive(source, target, interpreter)
            yield File("pyz", names("pyz"), target.read_bytes(), f"zipapp {interpreter}")


def tarred(kind: int) -> bytes:
    """A tar in one of Python's three formats."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for name, data in CONTENTS.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def _framed(data: bytes) -> bytes:
    return bytes(cramjam.snappy.compress(data))


COMPRESSORS: list[tuple[str, str, str, Callable[[bytes], bytes]]] = [
    ("gz", "targz", "gz", lambda data: gzip.compress(data, mtime=0)),
    ("bz2", "tarbz2", "bz2", bz2.compress),
    ("xz", "tarxz", "xz", lzma.compress),
    ("zst", "tarzst", "zst", zstandard.ZstdCompressor().compress),
    ("lzma", "lzma", "lzma", lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE)),
    ("lz4", "lz4", "lz4", lz4.frame.compress),
    ("br", "br", "br", lambda data: bytes(cramjam.brotli.compress(data))),
    ("snappy", "snappy", "sz", _framed),
]
SHORT = {"gz": "tgz", "bz2": "tbz2", "xz": "txz", "zst": "tzst"}


def tars(names: Names) -> Files:
    """Tars in three formats and eight compressions, and single files in the eight."""
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        data = tarred(kind)
        yield File("tar", names("tar"), data, f"tarfile {kind}")
        for _, name, extension, compress in COMPRESSORS:
            packed = compress(data)
            yield File(name, names(f"tar.{extension}"), packed, f"tarfile {kind}, {extension}")
            if extension in SHORT:
                yield File(name, names(SHORT[extension]), packed, f"tarfile {kind}, {extension}")
    for inner, data in (("csv", b"a;b\n1;2\n" * 50), ("log", b"free\n"), ("sql", b"begin;\n" * 9)):
        for name, _, extension, compress in COMPRESSORS:
            yield File(
                name, names(f"{inner}.{extension}"), compress(data), f"{extension} of {inner}"
            )
    file = io.BytesIO()
    with gzip.GzipFile("Übersicht.csv", "wb", fileobj=file, mtime=0) as packed_file:
        packed_file.write(b"a\n")
    yield File("gz", names("csv.gz"), file.getvalue(), "gzip, with a name inside")


def others(names: Names) -> Files:
    """7z, ISO 9660, cpio, ar and Debian packages."""
    for password in (None, "secret"):
        for filters in (None, [{"id": py7zr.FILTER_COPY}], [{"id": py7zr.FILTER_BZIP2}]):
            if password and filters:
                continue
            out = io.BytesIO()
            with py7zr.SevenZipFile(out, "w", filters=filters, password=password) as archive:
                for name, data in CONTENTS.items():
                    archive.writestr(data, name)
            yield File("7z", names("7z"), out.getvalue(), f"py7zr {filters} {password}")
    for joliet in (None, 3):
        disc = pycdlib.PyCdlib()
        disc.new(joliet=joliet)
        data = b"a text"
        path = {"joliet_path": "/a.txt"} if joliet else {}
        disc.add_fp(io.BytesIO(data), len(data), "/A.TXT;1", **path)
        out = io.BytesIO()
        disc.write_fp(out)
        disc.close()
        yield File("iso", names("iso"), out.getvalue(), f"pycdlib, Joliet {joliet}")
    yield File("cpio", names("cpio"), _cpio({"a.txt": b"hello"}), "cpio's newc form, by the book")
    objects = _ar({"a.o": b"\x7fELF" + bytes(60)})
    yield File("ar", names("a"), objects, "ar's form, by the book")
    control = io.BytesIO()
    with tarfile.open(fileobj=control, mode="w:gz", compresslevel=1) as archive:
        info = tarfile.TarInfo("./control")
        info.size = 10
        archive.addfile(info, io.BytesIO(b"Package: a"))
    members = {"debian-binary": b"2.0\n", "control.tar.gz": control.getvalue()}
    deb = _ar({**members, "data.tar.xz": lzma.compress(tarred(tarfile.GNU_FORMAT))})
    yield File("deb", names("deb"), deb, "ar's form, as dpkg-deb has it")


def _cpio(contents: dict[str, bytes]) -> bytes:
    """A cpio archive.

    https://www.kernel.org/doc/html/latest/driver-api/early-userspace/buffer-format.html
    """
    out = bytearray()
    for name, data in [*contents.items(), ("TRAILER!!!", b"")]:
        fields = (1, 0o100644, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)


def _ar(contents: dict[str, bytes]) -> bytes:
    """An ar archive in the common form of System V and GNU: `man 5 ar`."""
    out = bytearray(b"!<arch>\n")
    for name, data in contents.items():
        fields = f"{name + '/':<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}"
        out += fields.encode() + b"`\n" + data + b"\n" * (len(data) % 2)
    return bytes(out)


MAKERS = (zips, tars, others)
