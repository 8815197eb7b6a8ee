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


def test_a_size_above_the_limit_is_refused_with_the_limit() -> None:
    with pytest.raises(FileTooLarge) as refused:
        rules.check_size(101, max_size=100)

    assert refused.value.problem()["max_size"] == 100


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        rules.check_size(-1, max_size=100)


def test_a_type_that_is_not_allowed_is_refused_with_the_allowed_ones() -> None:
    with pytest.raises(TypeNotAllowed) as refused:
        rules.check_content_type("text/html", "a.html", allowed=["image/*", "video/*"])

    assert refused.value.problem()["allowed_types"] == ["image/*", "video/*"]


@pytest.mark.parametrize("length", [126, 127], ids=["limit -1", "limit"])
def test_a_content_type_may_have_127_characters(length: int) -> None:
    rules.check_content_type("text/".ljust(length, "x"), "a", allowed=[])


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param("text/".ljust(128, "x"), id="128 characters"),
        pytest.param("text/plain\r\nx-evil: 1", id="a second header"),
        pytest.param("text/pläin", id="a header takes ASCII only"),
        pytest.param("text/\ud800", id="lone surrogate"),
    ],
)
def test_an_invalid_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(InvalidRequest):
        rules.check_content_type(content_type, "a", allowed=[])


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
