from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import rules
from chalicelib.errors import FileTooLarge, InvalidRequest, TypeNotAllowed


@pytest.mark.parametrize(
    "filename",
    [
        pytest.param("a", id="one character"),
        pytest.param("a" * 255, id="255 characters"),
        pytest.param("ü" * 255, id="255 characters of two bytes"),
        pytest.param("Grüße aus Köln 1+1%20.txt", id="odd characters"),
        pytest.param("...", id="three dots"),
        pytest.param(" ", id="a space"),
        pytest.param("👩‍👩‍👧.jpg", id="joined emoji"),
        pytest.param("\u200fمستند\u200e.pdf", id="right to left, with marks"),
    ],
)
def test_a_filename_is_allowed(filename: str) -> None:
    rules.check_filename(filename)


@pytest.mark.parametrize(
    "filename",
    [
        pytest.param("", id="empty"),
        pytest.param("a" * 256, id="256 characters"),
        pytest.param("a/b", id="path"),
        pytest.param("a\\b", id="path of Windows"),
        pytest.param(".", id="this folder"),
        pytest.param("..", id="the folder above"),
        pytest.param("a\x00b", id="NUL"),
        pytest.param("a\nb", id="line end"),
        pytest.param("a\x7fb", id="DEL"),
        pytest.param("a\x85b", id="NEL"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param("exe.\u202egpj", id="turned around"),
        pytest.param("\u2067a\u2069", id="isolated"),
    ],
)
def test_a_filename_is_refused(filename: str) -> None:
    with pytest.raises(InvalidRequest):
        rules.check_filename(filename)


@pytest.mark.parametrize("size", [0, 1, 99, 100], ids=["0", "1", "limit -1", "limit"])
def test_a_size_up_to_the_limit_is_allowed(size: int) -> None:
    rules.check_size(size, max_size=100)


def test_a_size_above_the_limit_is_refused_and_the_limit_told() -> None:
    with pytest.raises(FileTooLarge) as refused:
        rules.check_size(101, max_size=100)

    assert refused.value.problem()["max_size"] == 100


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        rules.check_size(-1, max_size=100)


@pytest.mark.parametrize(
    ("content_type", "allowed", "expected"),
    [
        pytest.param("image/png", [], True, id="no patterns"),
        pytest.param("image/png", ["image/png"], True, id="the type"),
        pytest.param("image/png", ["image/*"], True, id="its family"),
        pytest.param("IMAGE/PNG", ["image/*"], True, id="capitals in the type"),
        pytest.param("image/png", ["IMAGE/*"], True, id="capitals in the pattern"),
        pytest.param("text/plain; charset=utf-8", ["text/plain"], True, id="parameters"),
        pytest.param("image/png", ["video/*", "image/*"], True, id="the second pattern"),
        pytest.param("image/png", ["video/*"], False, id="another family"),
        pytest.param("image/png+x", ["image/png"], False, id="longer"),
        pytest.param("text/html; x=image/png", ["image/png"], False, id="hidden in a parameter"),
        pytest.param("", ["image/*"], False, id="empty"),
    ],
)
def test_patterns_allow_types(content_type: str, allowed: list[str], expected: bool) -> None:  # noqa: FBT001
    assert rules.is_allowed(content_type, allowed=allowed) is expected


def test_a_type_that_is_not_allowed_is_refused_and_the_allowed_told() -> None:
    with pytest.raises(TypeNotAllowed) as refused:
        rules.check_content_type("text/html", allowed=["image/*", "video/*"])

    assert refused.value.problem()["allowed_types"] == ["image/*", "video/*"]


@pytest.mark.parametrize("length", [126, 127], ids=["limit -1", "limit"])
def test_a_content_type_may_have_127_characters(length: int) -> None:
    rules.check_content_type("text/".ljust(length, "x"), allowed=[])


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("text/".ljust(128, "x"), id="128 characters"),
        pytest.param("text/plain\r\nx-evil: 1", id="a second header"),
        pytest.param("text/pläin", id="a header takes ASCII only"),
        pytest.param("text/\ud800", id="lone surrogate"),
    ],
)
def test_what_is_no_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidRequest):
        rules.check_content_type(content_type, allowed=[])


def test_a_download_is_named_in_ascii_and_in_full() -> None:
    assert rules.content_disposition('a"ü.txt') == (
        "attachment; filename=\"a__.txt\"; filename*=UTF-8''a%22%C3%BC.txt"
    )


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=255))
def test_a_download_gets_exactly_its_name_back(filename: str) -> None:
    header = rules.content_disposition(filename)

    plain, _, encoded = header.partition("; filename*=UTF-8''")
    assert unquote(encoded, errors="strict") == filename
    assert header.isascii()
    assert header.isprintable()
    assert plain.count('"') == 2, "the plain name cannot end its quotes early"


PROGRAM = "application/x-executable"
PE = "application/vnd.microsoft.portable-executable"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.mark.parametrize(
    ("declared", "filename", "shown", "expected"),
    [
        pytest.param("image/png", "a.png", "image/png", "image/png", id="as declared"),
        pytest.param("image/png", "a.png", "image/jpeg", "image/jpeg", id="another image"),
        pytest.param("image/png", "a.png", "text/html", None, id="HTML as an image"),
        pytest.param("image/png", "a.png", "application/pdf", None, id="PDF as an image"),
        pytest.param("image/png", "a.png", PROGRAM, None, id="program as an image"),
        pytest.param(
            "image/png", "a.png", "application/x-empty", "application/x-empty", id="empty"
        ),
        pytest.param(
            "image/x-canon", "a.cr3", "application/octet-stream", "image/x-canon", id="raw"
        ),
        pytest.param("image/svg+xml", "a.svg", "image/svg+xml", "image/svg+xml", id="SVG"),
        pytest.param("image/svg+xml", "a.svg", "application/xml", "image/svg+xml", id="SVG as XML"),
        pytest.param("application/pdf", "a.pdf", "text/plain", None, id="text as PDF"),
        pytest.param("application/pdf", "a.pdf", PE, None, id="program as PDF"),
        pytest.param("", "a.pdf", PE, None, id="renamed program without a type"),
        pytest.param("", "a", PE, PE, id="program without a name"),
        pytest.param("application/x-msdownload", "a.exe", PE, PE, id="honest program"),
        pytest.param("application/octet-stream", "a.exe", PE, PE, id="program by its name"),
        pytest.param("application/pdf", "a.exe", PE, None, id="program with a wrong type"),
        pytest.param("", "a.exe", "text/plain", "text/plain", id="text called a program"),
        pytest.param("text/csv", "a.csv", "text/plain", "text/csv", id="CSV"),
        pytest.param("", "a.csv", "text/plain", "text/csv", id="CSV by its name"),
        pytest.param(
            "application/vnd.ms-excel", "a.csv", "text/plain", "text/csv", id="CSV of Excel"
        ),
        pytest.param("", "a.jsonl", "application/json", "application/jsonl", id="JSON Lines"),
        pytest.param("text/plain; charset=utf-8", "a", "text/html", "text/html", id="HTML as text"),
        pytest.param("text/html", "a.html", "text/plain", "text/html", id="HTML that looks plain"),
        pytest.param("text/csv", "a.csv", "application/x-empty", "text/csv", id="empty CSV"),
        pytest.param("text/plain", "a.txt", "image/png", None, id="image as text"),
        pytest.param(
            "image/x-eps", "a.eps", "application/postscript", "application/postscript", id="EPS"
        ),
        pytest.param(
            "application/postscript", "a.ai", "application/pdf", "application/pdf", id="AI is PDF"
        ),
        pytest.param(
            "image/x-coreldraw", "a.cdr", "application/vnd.corel", "application/vnd.corel", id="CDR"
        ),
        pytest.param("video/x-matroska", "a.mkv", "video/webm", "video/x-matroska", id="Matroska"),
        pytest.param("video/mp2t", "a.ts", "text/plain", "text/plain", id="TypeScript"),
        pytest.param(DOCX, "a.docx", "application/zip", DOCX, id="DOCX that shows ZIP only"),
        pytest.param("application/zip", "a.zip", DOCX, DOCX, id="DOCX as ZIP"),
        pytest.param("application/zip", "a.zip", "text/plain", None, id="text as ZIP"),
        pytest.param(
            "application/msword",
            "a.doc",
            "application/x-ole-storage",
            "application/msword",
            id="DOC",
        ),
        pytest.param("audio/mp4", "a.m4a", "video/mp4", "audio/mp4", id="sound in MP4"),
        pytest.param(
            "application/gzip", "a.gz", "application/x-gzip", "application/x-gzip", id="gzip"
        ),
        pytest.param("", "a.tar.gz", "application/x-gzip", "application/x-gzip", id="gzip by name"),
        pytest.param(
            "application/x-own", "a.own", "text/plain", "application/x-own", id="own text"
        ),
        pytest.param(
            "application/x-own",
            "a.own",
            "application/x-tar",
            "application/x-tar",
            id="two of no family",
        ),
        pytest.param("", "a", "application/octet-stream", "application/octet-stream", id="nothing"),
    ],
)
def test_bytes_and_claims_settle_the_type(
    declared: str, filename: str, shown: str, expected: str | None
) -> None:
    assert rules.settled_type(declared, filename, shown) == expected
