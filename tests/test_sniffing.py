import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.sniffing import sniff


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
        pytest.param(b"hello world", "text/plain", id="text"),
        pytest.param(b"a;b\r\n1;2\r\n", "text/plain", id="CSV"),
        pytest.param("Grüße".encode(), "text/plain", id="UTF-8"),
        pytest.param("Grüße".encode()[:3], "text/plain", id="UTF-8 cut in a character"),
        pytest.param("Grüße".encode("utf-8-sig"), "text/plain", id="UTF-8 with its mark"),
        pytest.param("Grüße".encode("latin-1"), "application/octet-stream", id="Latin-1"),
        pytest.param(b"hello\0world", "application/octet-stream", id="text with NUL"),
        pytest.param(b"\0" * 100, "application/octet-stream", id="zeros"),
        pytest.param(b"\xa7\x01\xfe\x93" * 100, "application/octet-stream", id="noise"),
        pytest.param(
            b"{\xa7\x01\xfe\x93" * 100, "application/octet-stream", id="noise with a brace"
        ),
    ],
)
def test_the_first_bytes_show_the_type(head: bytes, content_type: str) -> None:
    assert sniff(head) == content_type


SIGNATURES = [b"", b"PK\3\4", b"RIFF", b"%PDF-", b"\0\0\0\x20ftyp", b"{", b"<?xml", b"\xff\xd8\xff"]


@given(signature=st.sampled_from(SIGNATURES), rest=st.binary(max_size=500))
@example(signature=b"", rest=b"\xff" * 8192)
def test_any_bytes_show_some_type(signature: bytes, rest: bytes) -> None:
    family, slash, name = sniff(signature + rest).partition("/")

    assert family
    assert slash
    assert name
