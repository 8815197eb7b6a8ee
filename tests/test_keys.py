from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib import keys
from tests.payloads import OWNER, PUT_ID

MAX_KEY_BYTES = 1024  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
FILENAMES = st.text(max_size=400) | st.text(alphabet="./\\ a\x00\n\u202eé😀", max_size=400)
OWNERS = st.from_regex(r"[A-Za-z0-9_:-]{1,128}", fullmatch=True)
TIMES = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001 - Hypothesis takes bounds without a zone
    datetime(2400, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
TEN_BYTES = st.binary(min_size=10, max_size=10)


@pytest.mark.parametrize(
    ("filename", "safe"),
    [
        pytest.param("report.pdf", "report.pdf", id="plain"),
        pytest.param(
            "Grüße aus Köln 1+1.txt", "Grüße aus Köln 1+1.txt", id="letters of any script"
        ),
        pytest.param("写真.jpg", "写真.jpg", id="no alphabet"),
        pytest.param("a/b\\c.txt", "a_b_c.txt", id="slashes"),
        pytest.param("a?b#c%d&e.txt", "a_b_c_d_e.txt", id="what a URL gives a meaning"),
        pytest.param("tab\tnew\nline\x00.txt", "tab_new_line_.txt", id="control characters"),
        pytest.param("\u202etxt.exe", "_txt.exe", id="right-to-left override"),
        pytest.param("\ud800.txt", "_.txt", id="lone surrogate"),
        pytest.param("  spaced.txt  ", "spaced.txt", id="spaces around"),
        pytest.param("", "_", id="empty"),
        pytest.param(".", "_", id="this folder"),
        pytest.param("..", "_.", id="the folder above"),
        pytest.param(".bashrc", ".bashrc", id="hidden"),
        pytest.param("archive.tar.gz", "archive.tar.gz", id="two extensions"),
    ],
)
def test_a_filename_is_made_safe(filename: str, safe: str) -> None:
    assert keys.safe_filename(filename) == safe


@pytest.mark.parametrize(
    ("stem_bytes", "kept"), [(250, 250), (251, 251), (252, 251)], ids=["-1", "at", "+1"]
)
def test_a_name_of_more_than_255_bytes_loses_its_middle(stem_bytes: int, kept: int) -> None:
    assert keys.safe_filename("a" * stem_bytes + ".txt") == "a" * kept + ".txt"


def test_a_name_is_cut_between_characters() -> None:
    assert keys.safe_filename("ü" * 200 + ".txt") == "ü" * 125 + ".txt"


@pytest.mark.parametrize(
    ("extension_bytes", "survives"), [(62, True), (63, True), (64, False)], ids=["-1", "at", "+1"]
)
def test_an_extension_survives_up_to_63_bytes(extension_bytes: int, survives: bool) -> None:  # noqa: FBT001
    extension = "." + "x" * extension_bytes

    assert keys.safe_filename("a" * 300 + extension).endswith(extension) is survives


@given(owner=OWNERS, filename=FILENAMES, now=TIMES, randomness=TEN_BYTES)
@example(
    owner="o" * 128, filename="😀" * 255, now=datetime(2026, 1, 1, tzinfo=UTC), randomness=b"x"
)
@example(owner="o", filename="." * 300 + "é" * 64, now=datetime.now(UTC), randomness=b"")
@example(owner="o", filename="\ud800/..", now=datetime.now(UTC), randomness=b"\xff" * 10)
def test_any_filename_gives_a_key_that_is_ours(
    owner: str, filename: str, now: datetime, randomness: bytes
) -> None:
    upload_id = keys.new_upload_id(now, randomness)

    key = keys.object_key(owner=owner, upload_id=upload_id, filename=filename)

    parsed = keys.parse_key(key)
    assert parsed is not None
    assert (parsed.owner, parsed.upload_id) == (owner, upload_id)
    assert str(parsed) == key
    assert len(key.encode()) <= MAX_KEY_BYTES
    assert parsed.filename.strip("."), "a name of dots alone is a path to some servers"
    assert parsed.filename.isprintable()
    assert not {"/", "\\"} & set(parsed.filename)


@pytest.mark.parametrize(
    ("path", "filename"),
    [
        pytest.param(PUT_ID, PUT_ID, id="no filename"),
        pytest.param(f"{PUT_ID}/a/b", "b", id="a path as filename"),
        pytest.param(f"{PUT_ID.upper()}/a", "a", id="id in capitals"),
        pytest.param("0b7f1d9e-9a4c-4d7e-8b1a-2f3c4d5e6f70/a", "a", id="UUID 4"),
        pytest.param("film.mp4", "film.mp4", id="a file"),
        pytest.param("2026/März/film.mp4", "film.mp4", id="a folder"),
        pytest.param("/a", "a", id="leading slash"),
        pytest.param("a//b", "b", id="two slashes"),
        pytest.param("../../limits", "limits", id="dots"),
        pytest.param("a/..", "_.", id="dots last"),
        pytest.param("a\nb\u202e<i>", "a_b__i_", id="signs that mislead"),
        pytest.param("x" * 900, "x" * 255, id="long"),
    ],
)
def test_below_their_prefix_owners_choose_keys_as_they_like(path: str, filename: str) -> None:
    parsed = keys.parse_key(f"uploads/{OWNER}/{path}")

    assert parsed == keys.ObjectKey(OWNER, path)
    assert str(parsed) == f"uploads/{OWNER}/{path}"
    assert (parsed.upload_id, parsed.filename) == (None, filename)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(f"uploads/{OWNER}", id="the owner alone"),
        pytest.param(f"uploads/{OWNER}/", id="nothing after the owner"),
        pytest.param(f"uploads/{OWNER}///", id="slashes after the owner"),
        pytest.param(f"uploads/{OWNER}/photos/", id="the marker of a folder"),
        pytest.param(f"uploads/{OWNER}/{PUT_ID}/", id="the folder of an upload"),
        pytest.param("uploads//a", id="no owner"),
        pytest.param(f"uploads/{'o' * 129}/a", id="owner too long"),
        pytest.param("uploads/../a", id="owner is a path"),
        pytest.param("uploads/*/a", id="owner is a wildcard"),
        pytest.param(f"other/{OWNER}/a", id="another prefix"),
        pytest.param(f"/uploads/{OWNER}/a", id="leading slash"),
        pytest.param("", id="empty"),
    ],
)
def test_a_key_that_is_nobodys_is_none(key: str) -> None:
    assert keys.parse_key(key) is None


@pytest.mark.parametrize("text", ["", "a/b", "*", "a?", "${x}", "a b", "ä", "o" * 129, "a\n"])
def test_what_can_be_no_owner_is_told(text: str) -> None:
    assert not keys.is_owner(text)


@given(now=TIMES, later=st.integers(1, 10**9), first=TEN_BYTES, second=TEN_BYTES)
def test_upload_ids_sort_by_the_millisecond(
    now: datetime, later: int, first: bytes, second: bytes
) -> None:
    # A millisecond more than asked for: a float holds the time to a microsecond or so.
    after = now + timedelta(milliseconds=later + 1)

    assert keys.new_upload_id(now, first) < keys.new_upload_id(after, second)


@given(now=TIMES, randomness=TEN_BYTES)
def test_an_upload_id_is_a_uuid_of_version_7(now: datetime, randomness: bytes) -> None:
    upload_id = keys.new_upload_id(now, randomness)

    assert keys.is_upload_id(upload_id)
    milliseconds = int(upload_id.replace("-", "")[:12], 16)
    assert abs(milliseconds - now.timestamp() * 1000) <= 1


def test_upload_ids_of_one_millisecond_differ_by_their_randomness() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)

    assert keys.new_upload_id(now, bytes(10)) != keys.new_upload_id(now, bytes(9) + b"\x01")


@pytest.mark.parametrize(
    "text",
    ["", "x", PUT_ID + " ", PUT_ID[:-1], PUT_ID.upper(), PUT_ID.replace("-7", "-4"), PUT_ID + "\n"],
    ids=["empty", "word", "space", "short", "capitals", "version 4", "line end"],
)
def test_what_is_no_upload_id_is_told(text: str) -> None:
    assert not keys.is_upload_id(text)
