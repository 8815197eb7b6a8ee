from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib import keys, rules
from tests.support.payloads import OWNER, PUT_ID

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
        pytest.param("Gru\u0308ße.txt", "Gru\u0308ße.txt", id="decomposed accents"),
        pytest.param("हिन्दी.pdf", "हिन्दी.pdf", id="vowel signs"),
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
    ("stem_bytes", "stem_kept"), [(250, 250), (251, 251), (252, 251)], ids=["-1", "at", "+1"]
)
def test_a_name_of_more_than_255_bytes_loses_its_middle(stem_bytes: int, stem_kept: int) -> None:
    assert keys.safe_filename("a" * stem_bytes + ".txt") == "a" * stem_kept + ".txt"


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
    "name",
    [
        pytest.param("Gru\u0308ße.txt", id="decomposed accents"),
        pytest.param("Grüße.txt", id="composed accents"),
        pytest.param("हिन्दी में रिपोर्ट.pdf", id="Devanagari"),
        pytest.param("ภาษาไทย ที่นี่.docx", id="Thai"),
        pytest.param("வணக்கம்.txt", id="Tamil"),
        pytest.param("မြန်မာ.txt", id="Burmese"),
        pytest.param("שָׁלוֹם.txt", id="Hebrew with points"),
        pytest.param("تقرير ١٢٣.pdf", id="Arabic"),
        pytest.param("می\u200cخواهم.txt", id="Persian with a non-joiner"),
        pytest.param("ຂໍ້ມູນ.csv", id="Lao"),
        pytest.param("Tiếng Việt\u0301.txt", id="stacked accents"),
        pytest.param("Z\u0351\u036b\u0343algo.txt", id="marks upon marks"),
        pytest.param("it's Ada's.txt", id="apostrophes"),
        pytest.param("L\u2019été.txt", id="a curly apostrophe"),
        pytest.param("100%.txt", id="a percent sign"),
        pytest.param("a%20b%2Fc%00.txt", id="percent-encoded"),
        pytest.param("👩‍👩‍👧‍👦 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿.jpg", id="emoji that join"),
        pytest.param("\U0001fae9\U0001f6d8.jpg", id="emoji newer than Python"),
        pytest.param("a+b c  d.txt", id="plus and spaces"),
        pytest.param(" leading and trailing ", id="spaces around"),
        pytest.param("a\u00a0b\u3000c\u202f!.txt", id="other spaces"),
        pytest.param('a&b#c?d=e;f,g:h@i$j!k*l"m<n>o|p^q`r{s}t[u]~.txt', id="punctuation"),
        pytest.param("\ue000\uf8ff.txt", id="private use"),
        pytest.param("co\u00adop\ufeff.txt", id="a soft hyphen and a byte order mark"),
        pytest.param("\u200ftext\u200e.txt", id="directional marks"),
        pytest.param("...", id="three dots"),
        pytest.param(".bashrc", id="hidden"),
        pytest.param("x" * 251 + ".txt", id="255 characters"),
        pytest.param("写" * 251 + ".txt", id="255 characters of three bytes"),
    ],
)
def test_an_adopted_object_has_the_last_segment_of_its_key_as_name(name: str) -> None:
    parsed = keys.parse_key(f"uploads/{OWNER}/2026/{name}")

    assert parsed is not None
    assert (parsed.filename, parsed.upload_id) == (name, None)


@pytest.mark.parametrize(
    ("segment", "name"),
    [
        pytest.param("a\nb\r\x1b[31m\x7f\x9b\x00.txt", "a_b__[31m___.txt", id="control characters"),
        pytest.param("gnp.\u202eexe", "gnp._exe", id="right-to-left override"),
        pytest.param("\u202a\u202b\u202c\u202da", "____a", id="embeddings"),
        pytest.param("\u2066\u2067\u2068\u2069a", "____a", id="isolates"),
        pytest.param("a\u2028b\u2029c", "a_b_c", id="ends of lines"),
        pytest.param("..\\..\\a.txt", ".._.._a.txt", id="a path"),
        pytest.param("x" * 300 + ".txt", "x" * 251 + ".txt", id="long"),
        pytest.param("x" * 200 + "." + "y" * 64, ("x" * 200 + "." + "y" * 64)[:255], id="no end"),
    ],
)
def test_misleading_characters_of_a_name_are_not_shown(segment: str, name: str) -> None:
    assert keys.shown_filename(segment) == name


@given(st.text(min_size=1, max_size=400).filter(lambda text: text not in (".", "..")))
@example("\ud800")
def test_a_shown_name_is_one_that_the_api_accepts(segment: str) -> None:
    rules.check_filename(keys.shown_filename(segment.replace("/", "_")))


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(PUT_ID, id="no filename"),
        pytest.param(f"{PUT_ID}/a/b", id="a path as filename"),
        pytest.param(f"{PUT_ID.upper()}/a", id="id in capitals"),
        pytest.param("0b7f1d9e-9a4c-4d7e-8b1a-2f3c4d5e6f70/a", id="UUID 4"),
        pytest.param("film.mp4", id="a file"),
        pytest.param("2026/März/film.mp4", id="a folder"),
        pytest.param("/a", id="leading slash"),
        pytest.param("a//b", id="two slashes"),
        pytest.param("..a/b../...", id="dots that are no segments"),
        pytest.param("%2e%2e/a", id="encoded dots"),
        pytest.param("x" * 900, id="long"),
    ],
)
def test_owners_choose_keys_below_their_prefix(path: str) -> None:
    parsed = keys.parse_key(f"uploads/{OWNER}/{path}")

    assert parsed == keys.ObjectKey(OWNER, path)
    assert str(parsed) == f"uploads/{OWNER}/{path}"
    assert parsed.upload_id is None


@pytest.mark.parametrize(
    ("path", "size", "content_type", "expected"),
    [
        pytest.param("photos_$folder$", 0, "", True, id="Hadoop"),
        pytest.param("a/photos_$folder$", 0, "text/plain", True, id="Hadoop, deeper"),
        pytest.param("photos", 0, "application/x-directory", True, id="a folder's type"),
        pytest.param("a", 0, "application/x-directory; charset=UTF-8", True, id="a parameter"),
        pytest.param("a", 0, "httpd/unix-directory", True, id="another type of folders"),
        pytest.param("photos_$folder$", 1, "", False, id="it has bytes"),
        pytest.param("photos", 1, "application/x-directory", False, id="bytes of a folder's type"),
        pytest.param("photos", 0, "application/octet-stream", False, id="an empty file"),
        pytest.param("_$folder$/a", 0, "", False, id="a file in a folder of that name"),
    ],
)
def test_the_marker_of_a_folder_differs_from_a_file(
    path: str, size: int, content_type: str, *, expected: bool
) -> None:
    key = keys.ObjectKey(OWNER, path)

    assert key.is_folder_marker(size=size, content_type=content_type) is expected


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(f"uploads/{OWNER}", id="the owner alone"),
        pytest.param(f"uploads/{OWNER}/", id="nothing after the owner"),
        pytest.param(f"uploads/{OWNER}///", id="slashes after the owner"),
        pytest.param(f"uploads/{OWNER}/photos/", id="the marker of a folder"),
        pytest.param(f"uploads/{OWNER}/{PUT_ID}/", id="the folder of an upload"),
        pytest.param(f"uploads/{OWNER}/../a", id="the folder above"),
        pytest.param(f"uploads/{OWNER}/a/../../b", id="folders above in the middle"),
        pytest.param(f"uploads/{OWNER}/./a", id="this folder"),
        pytest.param(f"uploads/{OWNER}/a/.", id="this folder last"),
        pytest.param(f"uploads/{OWNER}/..", id="the folder above alone"),
        pytest.param("uploads//a", id="no owner"),
        pytest.param(f"uploads/{'o' * 129}/a", id="owner too long"),
        pytest.param("uploads/../a", id="owner is a path"),
        pytest.param("uploads/*/a", id="owner is a wildcard"),
        pytest.param(f"other/{OWNER}/a", id="another prefix"),
        pytest.param(f"/uploads/{OWNER}/a", id="leading slash"),
        pytest.param("", id="empty"),
    ],
)
def test_a_key_without_an_owner_is_no_upload_key(key: str) -> None:
    assert keys.parse_key(key) is None


@pytest.mark.parametrize("text", ["", "a/b", "*", "a?", "${x}", "a b", "ä", "o" * 129, "a\n"])
def test_an_invalid_owner_is_recognised(text: str) -> None:
    assert not keys.is_owner(text)


@given(now=TIMES, later=st.integers(1, 10**9), first=TEN_BYTES, second=TEN_BYTES)
def test_upload_ids_sort_by_the_millisecond(
    now: datetime, later: int, first: bytes, second: bytes
) -> None:
    # One millisecond of tolerance: a float has the time to about a microsecond.
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
def test_an_invalid_upload_id_is_recognised(text: str) -> None:
    assert not keys.is_upload_id(text)
