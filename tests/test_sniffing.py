import io
import zipfile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.sniffing import sniff


def zipped(*names: str) -> bytes:
    """The beginning of a ZIP with these entries."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, b"application/epub+zip")
    return packed.getvalue()[:8192]


@pytest.mark.parametrize(
    ("head", "content_type"),
    [
        pytest.param(b"", "application/x-empty", id="empty"),
        pytest.param(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png", id="PNG"),
        pytest.param(b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg", id="JPEG"),
        pytest.param(b"GIF89a\1\0\1\0", "image/gif", id="GIF"),
        pytest.param(b"%PDF-1.7\n", "application/pdf", id="PDF"),
        pytest.param(b"\0\0\0\x20ftypisom\0\0\2\0", "video/mp4", id="MP4"),
        pytest.param(b"<!DOCTYPE html><html>", "text/html", id="HTML"),
        pytest.param(b"\n  <BODY onload=x>", "text/html", id="HTML fragment"),
        pytest.param(b"<!-- a --><p>", "text/html", id="HTML comment"),
        pytest.param(b"<abc>", "text/plain", id="almost HTML"),
        pytest.param(b'<?xml version="1.0"?><a/>', "application/xml", id="XML"),
        pytest.param(b'<?xml version="1.0"?>\n<svg xmlns="x">', "image/svg+xml", id="SVG"),
        pytest.param(b'<svg width="1">', "image/svg+xml", id="bare SVG"),
        pytest.param(b'{"a": 1}', "application/json", id="JSON"),
        pytest.param(b"MZ,b\n1,2\n", "text/plain", id="text that begins like a program"),
        pytest.param(b"BM,b\n1,2\n", "text/plain", id="text that begins like a bitmap"),
        pytest.param(b"\x7fELF\2\1\1\0", "application/x-executable", id="ELF"),
        pytest.param(b"\xcf\xfa\xed\xfe\7\0\0\1", "application/x-mach-binary", id="Mach-O"),
        pytest.param(b"\xca\xfe\xba\xbe\0\0\0\x41", "application/java-vm", id="Java class"),
        pytest.param(b"\0asm\1\0\0\0", "application/wasm", id="WebAssembly"),
        pytest.param(
            b"MZ\x90\0" + bytes(56) + b"\x40\0\0\0PE\0\0",
            "application/vnd.microsoft.portable-executable",
            id="PE",
        ),
        pytest.param(
            b"MZ\x90\0" + bytes(56) + b"\x40\0\1\0PE\0\0",
            "application/vnd.microsoft.portable-executable",
            id="PE with its header further on",
        ),
        pytest.param(zipped("a.txt"), "application/zip", id="ZIP"),
        pytest.param(b"PK\3\4", "application/zip", id="ZIP that ends at once"),
        pytest.param(
            zipped("[Content_Types].xml", "word/document.xml"),
            "application/zip",
            id="ZIP with the names of DOCX",
        ),
        pytest.param(zipped("mimetype", "a"), "application/epub+zip", id="EPUB"),
        pytest.param(zipped("META-INF/MANIFEST.MF"), "application/java-archive", id="JAR"),
        pytest.param(
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
            "application/x-ole-storage",
            id="old Office",
        ),
        pytest.param(b"\0\0\0\x1cftypavif", "image/avif", id="AVIF"),
        pytest.param(b"\0\0\0\x18ftypheic", "image/heic", id="HEIC"),
        pytest.param(b"\0\0\0\x14ftypqt  \0\0\2\0", "video/quicktime", id="QuickTime"),
        pytest.param(b"\0\0\0\x14ftyp3gp4\0\0\2\0", "video/3gpp", id="3GPP"),
        pytest.param(b"\x1f\x8b\x08\0" + bytes(10), "application/gzip", id="gzip"),
        pytest.param(b"RIFF\x24\x08\0\0WAVEfmt ", "audio/wav", id="WAV"),
        pytest.param(b"RIFF\x24\x08\0\0AVI LIST", "video/x-msvideo", id="AVI"),
        pytest.param(b"ID3\3" + bytes(50), "audio/mpeg", id="MP3"),
        pytest.param(b"hello world", "text/plain", id="text"),
        pytest.param(b"a;b\r\n1;2\r\n", "text/plain", id="CSV"),
        pytest.param("Grüße".encode(), "text/plain", id="UTF-8"),
        pytest.param("Grüße".encode()[:3], "text/plain", id="UTF-8 cut in a character"),
        pytest.param("Grüße".encode("utf-8-sig"), "text/plain", id="UTF-8 with its mark"),
        pytest.param("Grüße".encode("latin-1"), "text/plain", id="Latin-1"),
        pytest.param(b"hello\0world", "application/octet-stream", id="text with NUL"),
        pytest.param(b"\0" * 100, "application/octet-stream", id="zeros"),
        pytest.param(b"\xa7\x01\xfe\x93" * 100, "application/octet-stream", id="noise"),
        pytest.param(
            b"{\xa7\x01\xfe\x93" * 100, "application/octet-stream", id="noise with a brace"
        ),
    ],
)
def test_the_first_bytes_show_the_type(head: bytes, content_type: str) -> None:
    assert sniff(head).content_type == content_type


SIGNATURES = [b"", b"PK\3\4", b"RIFF", b"%PDF-", b"\0\0\0\x20ftyp", b"{", b"<?xml", b"\xff\xd8\xff"]


@given(signature=st.sampled_from(SIGNATURES), rest=st.binary(max_size=500))
@example(signature=b"", rest=b"\xff" * 8192)
def test_all_bytes_have_a_type(signature: bytes, rest: bytes) -> None:
    family, slash, name = sniff(signature + rest).content_type.partition("/")

    assert family
    assert slash
    assert name
