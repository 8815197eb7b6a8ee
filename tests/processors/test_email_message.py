from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

import pytest

from chalicelib.processors import document
from tests.processors.reading import Reading, reader, reader_of, sparse

EMAIL = "message/rfc822"
NOTHING_ATTACHED = {"attachment_count": 0, "attachments": [], "complete": True}


def message(**headers: str) -> EmailMessage:
    email_message = EmailMessage()
    for name, value in headers.items():
        email_message[name] = value
    email_message.set_content("Hello,\n--\nGrüße")
    return email_message


def read(data: bytes) -> dict[str, Any]:
    assert document.applies_to(EMAIL, len(data))
    return document.run(reader(data, EMAIL))


def test_subject_sender_date_and_attachments_of_an_email_are_reported() -> None:
    email_message = message(
        Subject="Grüße aus Köln – eine lange Betreffzeile mit vielen Wörtern und Umlauten äöüß",
        From="Jörg Müller <joerg@example.org>",
        Date="Mon, 30 Nov 2026 04:00:00 +0100",
    )
    email_message.add_alternative("<p>Hello</p>", subtype="html")
    email_message.add_attachment(
        b"x" * 300_000, maintype="application", subtype="pdf", filename="Größe.pdf"
    )
    inner = message(Subject="inner")
    inner.add_attachment(b"1", maintype="text", subtype="x", filename="not mine.txt")
    email_message.add_attachment(inner)
    email_message.add_attachment(b"y", maintype="image", subtype="png", filename="a b.png")

    assert read(email_message.as_bytes(policy=SMTP)) == {
        "format": "email",
        "subject": "Grüße aus Köln – eine lange Betreffzeile mit vielen Wörtern und Umlauten äöüß",
        "from": "Jörg Müller <joerg@example.org>",
        "date": "2026-11-30T04:00:00+01:00",
        "attachment_count": 3,
        "attachments": ["Größe.pdf", "message/rfc822", "a b.png"],
        "complete": True,
    }


def test_pictures_in_the_text_are_not_attachments() -> None:
    email_message = message(Subject="a")
    email_message.add_alternative("<img src='cid:x'>", subtype="html")
    email_message.get_payload(1).add_related(  # type: ignore[union-attr]
        b"x", maintype="image", subtype="png", cid="<x>", filename="logo.png", disposition="inline"
    )

    assert read(email_message.as_bytes()) == {"format": "email", "subject": "a"} | NOTHING_ATTACHED


@pytest.mark.parametrize(
    ("line", "subject"),
    [
        (b"=?iso-8859-1?Q?Gr=FC=DFe?=", "Grüße"),
        (b"=?windows-1252?B?R3L832U=?=", "Grüße"),
        (b"=?utf-8?Q?a?=\r\n =?utf-8?Q?b?= c", "ab c"),
        ("Grüße".encode(), "Grüße"),
        ("=?utf-8?Q?Re:?= Grüße 写真".encode(), "Re: Grüße 写真"),
        (b"Gr\xfc\xdfe", "Grüße"),
        (b"=?nothing?Q?Gr=FC=DFe?=", "Gr\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}e"),
        (b"=?utf-8?B?x?=", "=?utf-8?B?x?="),
    ],
)
def test_an_encoded_subject_is_decoded(line: bytes, subject: str) -> None:
    report = read(b"From: a@example.org\r\nSubject: " + line + b"\r\n\r\nHello")

    assert (
        report
        == {"format": "email", "subject": subject, "from": "a@example.org"} | NOTHING_ATTACHED
    )


@pytest.mark.parametrize(
    "name",
    [
        b'Content-Type: application/pdf; name="=?utf-8?B?R3LDvMOfZS5wZGY=?="',
        b"Content-Disposition: attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.pdf",
        b"Content-Disposition: attachment; filename*0*=utf-8''Gr%C3%BC; filename*1*=%C3%9Fe.pdf",
        'Content-Disposition: attachment; filename="Grüße.pdf"'.encode(),
    ],
)
def test_the_name_of_an_attachment_is_read_in_every_form(name: bytes) -> None:
    data = b"Content-Type: multipart/mixed; boundary=abc\r\n\r\n--abc\r\n" + name
    report = read(data + b"\r\n\r\nx\r\n--abc--\r\n")

    assert report["attachments"] == ["Grüße.pdf"]


def test_a_mailbox_line_before_the_headers_is_skipped() -> None:
    report = read(b"From MAILER-DAEMON Fri Jul 8 12:08:34 2011\nSubject: a\n\nHello")

    assert report == {"format": "email", "subject": "a"} | NOTHING_ATTACHED


def test_a_text_is_not_an_email() -> None:
    assert read(b"Hello world\n\nSubject: x") == {}


def test_the_depth_of_nested_parts_is_bounded() -> None:
    data = b"Subject: a\n" + b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (number, number)
        for number in range(5000)
    )

    assert read(data) == {"format": "email", "subject": "a"} | NOTHING_ATTACHED


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(b"Subject: " + b"=?utf-8?Q?a?= " * 100_000, id="encoded words"),
        pytest.param(b"From: " + b"(" * 500_000, id="comments"),
        pytest.param(b"X: y\n" * 200_000, id="many"),
        pytest.param(b"Date: " + b"9" * 100_000, id="a date"),
    ],
)
def test_endless_headers_are_bounded(headers: bytes) -> None:
    report = read(headers + b"\n\nHello")

    assert report["format"] == "email"
    assert len(str(report)) < 1000


def test_an_email_that_is_too_long_is_not_complete() -> None:
    head = b"Subject: a\nContent-Type: multipart/mixed; boundary=abc\n\n--abc\n\n"
    source, reading = sparse({0: head}, 10**11, EMAIL)

    report = document.run(source)

    assert (report["subject"], report["complete"]) == ("a", False)
    assert sum(size for _, size in reading.requests) < 200 * 1024 * 1024


def test_an_email_that_runs_out_of_time_reports_the_parts_so_far() -> None:
    head = b"Subject: a\nContent-Type: multipart/mixed; boundary=abc\n\n--abc\n\n"
    data = head + (b"x" * 999 + b"\n") * 40_000
    reading = Reading(lambda offset, size: data[offset : offset + size], patience=3)

    report = document.run(reader_of(reading, len(data), EMAIL))

    assert (report["format"], report["complete"]) == ("email", False)
