import pytest

from chalicelib.processors import document
from tests.processors.reading import reader


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (rb"{\title Gr\'fc\'dfe \endash \u8211\'96 x}{\nofpages12}",
         {"title": "Grüße – x", "pages": 12}),
        (rb"{\title a\\b \{c\}}", {"title": "a\\b {c}"}),
        (rb"{\title \u-10179?\u-8704?}", {"title": "😀"}),
        (rb"", {}),
    ],
)  # fmt: skip
def test_title_and_pages_of_rich_text_are_reported(
    info: bytes, expected: dict[str, object]
) -> None:
    data = rb"{\rtf1\ansi\ansicpg1252{\info" + info + rb"}Hello}"

    assert document.run(reader(data, "text/rtf")) == {"format": "rtf"} | expected


def test_the_events_of_a_calendar_are_counted() -> None:
    data = b"BEGIN:VCALENDAR\r\n" + b"BEGIN:VEVENT\r\nSUMMARY:BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 3
    report = document.run(reader(data + b"BEGIN:VTODO\r\nEND:VTODO\r\n", "text/calendar"))

    assert report == {"format": "icalendar", "events": 3, "todos": 1, "complete": True}


def test_the_contacts_of_an_address_book_are_counted() -> None:
    data = b"\xef\xbb\xbf" + b"begin:vcard\nFN:A\nend:vcard\n" * 4

    report = document.run(reader(data, "text/vcard"))

    assert report == {"format": "vcard", "contacts": 4, "complete": True}


def test_a_calendar_that_is_too_long_is_not_complete() -> None:
    data = b"BEGIN:VCALENDAR\n" + b"BEGIN:VEVENT\nEND:VEVENT\n" * 300_000

    assert document.run(reader(data, "text/calendar"))["complete"] is False


@pytest.mark.parametrize("content_type", ["application/pdf", "application/msword", "text/calendar"])
def test_other_bytes_have_no_report(content_type: str) -> None:
    assert document.run(reader(b"something else", content_type)) == {}


@pytest.mark.parametrize("content_type", ["text/plain", "image/png", "application/zip"])
def test_it_does_not_apply_to_other_types(content_type: str) -> None:
    assert not document.applies_to(content_type, 1)


def test_it_does_not_apply_to_an_empty_document() -> None:
    assert not document.applies_to("application/pdf", 0)
