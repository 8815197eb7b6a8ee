import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import rules, type_names
from chalicelib.errors import TypeNotAllowed
from chalicelib.type_names import canonical, is_allowed, is_listed, is_vague, types_of_name

# The page's tests read the same cases: a declared type, a name, patterns, whether they allow it.
CASES = json.loads(Path(__file__).with_name("allowed.json").read_text(encoding="utf-8"))
TABLE = json.loads(
    Path(type_names.__file__).with_name("media_types.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    ("declared", "filename", "allowed", "expected"),
    CASES,
    ids=[f"{declared} {name} {patterns}" for declared, name, patterns, _ in CASES],
)
def test_patterns_allow_a_file_by_its_type_or_by_its_name(
    declared: str,
    filename: str,
    allowed: list[str],
    expected: bool,  # noqa: FBT001
) -> None:
    try:
        rules.check_content_type(declared, filename, allowed=allowed)
    except TypeNotAllowed:
        assert not expected
    else:
        assert expected


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/x-zip-compressed", "application/zip"),
        ("Application/X-Zip-Compressed; a=b", "application/zip"),
        ("application/zip", "application/zip"),
        ("audio/x-wav", "audio/wav"),
        ("video/x-matroska", "video/matroska"),
        ("image/x-icon", "image/vnd.microsoft.icon"),
        ("image/x-eps", "application/postscript"),
        (
            "application/vnd.ms-word.document.macroenabled.12",
            "application/vnd.ms-word.document.macroEnabled.12",
        ),
        ("application/X-Own", "application/x-own"),
        ("", ""),
    ],
)
def test_a_type_has_one_canonical_name(content_type: str, expected: str) -> None:
    assert canonical(content_type) == expected


@given(st.text(max_size=40))
def test_a_canonical_name_is_its_own(content_type: str) -> None:
    assert canonical(canonical(content_type)) == canonical(content_type)


def test_every_alias_leads_to_a_name_that_is_no_alias() -> None:
    aliases = [alias for names in TABLE["aliases"].values() for alias in names]

    assert len(aliases) == len(set(aliases)), "an alias stands for one type"
    assert not set(aliases) & TABLE["aliases"].keys()
    assert [alias for alias in aliases if alias != alias.lower().strip()] == []


def test_extensions_are_written_as_they_are_compared() -> None:
    extensions = [each for names in TABLE["extensions"].values() for each in names]

    assert [each for each in extensions if each != each.lower() or "." in each] == []


@pytest.mark.parametrize(
    ("filename", "types"),
    [
        ("a.jpg", ("image/jpeg",)),
        ("A.JPG", ("image/jpeg",)),
        ("a.tar.gz", ("application/gzip",)),
        ("a.ts", ("video/mp2t", "text/typescript")),
        ("a", ()),
        ("jpg", ()),
        ("a.jpg.", ()),
        ("a.unknown", ()),
    ],
)
def test_the_extension_of_a_name_gives_its_types(filename: str, types: tuple[str, ...]) -> None:
    assert types_of_name(filename) == types


@pytest.mark.parametrize(
    ("declared", "filename", "expected"),
    [
        ("", "a.png", True),
        ("application/octet-stream", "a.png", True),
        ("application/vnd.ms-excel", "a.csv", True),
        ("application/vnd.ms-excel", "a.xls", False),
        ("video/mp2t", "a.ts", True),
        ("video/mp2t", "a.m2ts", False),
        ("text/plain", "a.csv", False),
    ],
)
def test_some_declared_types_say_nothing(declared: str, filename: str, expected: bool) -> None:  # noqa: FBT001
    assert is_vague(declared, filename) is expected


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        ([], True),
        (["image/x-own"], True),
        (["image/*"], False),
        (["image/*", "IMAGE/X-OWN"], True),
        (["image/x-ow?"], False),
    ],
)
def test_a_type_is_listed_where_it_is_named(allowed: list[str], expected: bool) -> None:  # noqa: FBT001
    assert is_listed("image/x-own", allowed=allowed) is expected


@given(st.text(max_size=30), st.lists(st.text(max_size=30), min_size=1, max_size=3))
def test_any_text_is_a_pattern(content_type: str, allowed: list[str]) -> None:
    assert is_allowed(content_type, allowed=allowed) in (True, False)
    assert is_allowed(content_type, allowed=[*allowed, "*"])
