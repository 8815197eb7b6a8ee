"""The outcomes of objects of all kinds, good and bad, on the running system."""

import gzip
import io
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from chalicelib.parts import MIB
from tests.support.running import Client, RunningSystem, call, eventually

pytestmark = pytest.mark.system

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIB", 640, 480, 8) + bytes(100)
PROGRAM = b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0"
HTML = b"<!DOCTYPE html><script>alert(1)</script>"


def zipped(size: int = 10) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(size))
    return packed.getvalue()


@pytest.fixture(scope="module")
def client(system: RunningSystem) -> Client:
    return system.sign_in()


ACCEPTED = [
    pytest.param("empty.bin", b"", "digest", {"bytes": 0}, id="zero bytes"),
    pytest.param("photo.png", PNG, "image", {"width": 640, "height": 480}, id="image"),
    pytest.param("a.csv", b"a,b\n1,2\n3\n", "table", {"rows": 1, "bad_rows": 1}, id="table"),
    pytest.param("a.jsonl", b'{"a":1}\n{"a":2}\n', "table", {"rows": 2}, id="JSON Lines"),
    pytest.param("a.zip", zipped(), "archive", {"entries": 1}, id="zip"),
    pytest.param(
        "bomb.zip",
        zipped(20_000_000),
        "archive",
        {"expanded_size": 20_000_000},
        id="zip bomb",
    ),
    pytest.param(
        "cut.zip",
        zipped()[:-10],
        "archive",
        {"error": "It is damaged, or its end is missing"},
        id="truncated zip",
    ),
    pytest.param("a.gz", gzip.compress(bytes(20_000_000)), "archive", {"format": "gzip"}, id="gz"),
    pytest.param("Σύννεφα 雲 облака ☁️.txt", b"hi", "digest", {"bytes": 2}, id="any script"),
    pytest.param("setup.exe", PROGRAM, "digest", {"bytes": 68}, id="honest program"),
]  # fmt: skip


@pytest.mark.parametrize(("filename", "data", "processor", "expected"), ACCEPTED)
def test_an_object_is_accepted_and_its_owner_notified(
    client: Client, filename: str, data: bytes, processor: str, expected: dict[str, Any]
) -> None:
    upload = client.outcome(client.upload(data, filename))

    assert (upload["state"], upload["filename"]) == ("accepted", filename)
    report = upload["report"]["processors"][processor]
    assert {name: report[name] for name in expected} == expected


REJECTED = [
    pytest.param("photo.png", "image/png", HTML, id="HTML as an image"),
    pytest.param("photo.jpg", "image/jpeg", b"\x7fELF\2\1\1" + bytes(50), id="program as an image"),
    pytest.param("letter.pdf", "", PROGRAM, id="renamed program"),
]


@pytest.mark.parametrize(("filename", "content_type", "data"), REJECTED)
def test_an_object_of_a_deceptive_type_is_rejected(
    client: Client, filename: str, content_type: str, data: bytes
) -> None:
    fields = {"content_type": content_type} if content_type else {}
    upload = client.outcome(client.upload(data, filename, **fields))

    assert upload["state"] == "rejected"
    assert "which is not what its name and type say" in upload["reason"]
    assert upload["reason"].endswith("Rename it or declare its real type, and send it again")
    answer = client.request("GET", f"/uploads/{upload['id']}/download")
    assert answer.json["code"] == "not_accepted"


def test_a_file_sent_with_credentials_is_processed_like_any_other(
    system: RunningSystem, client: Client, tmp_path: Path
) -> None:
    s3, bucket, own = system.s3(client)
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(20 * MIB))
    prefix = f"{own}by hand/"

    s3.upload_file(str(large), bucket, f"{prefix}large.bin")  # boto3 sends it in parts
    s3.put_object(
        Bucket=bucket, Key=f"{prefix}table.csv", Body=b"a,b\n1,2\n", ContentType="text/csv"
    )

    by_name = {each["filename"]: each for each in arrived(client, prefix, 2)}
    assert {each["state"] for each in by_name.values()} == {"accepted"}
    assert by_name["table.csv"]["report"]["processors"]["table"]["columns"] == ["a", "b"]
    assert client.download(by_name["table.csv"]["id"]).body == b"a,b\n1,2\n"
    assert client.download(by_name["large.bin"]["id"]).body == large.read_bytes()
    eventually(lambda: letters(system, " - table.csv"), bool)
    eventually(lambda: letters(system, " - large.bin"), bool)

    s3.put_object(Bucket=bucket, Key=f"{prefix}table.csv", Body=b"c\n3\n", ContentType="text/csv")

    eventually(lambda: len(letters(system, " - table.csv")), lambda count: count == 2)
    newer = client.get(by_name["table.csv"]["id"])
    assert (newer["state"], newer["size"]) == ("accepted", 4)
    assert client.download(newer["id"]).body == b"c\n3\n"


def arrived(client: Client, prefix: str, count: int) -> list[Any]:
    """The uploads under a prefix, once there are `count` and none is in progress."""

    def settled() -> list[Any]:
        uploads = client.request("GET", "/uploads").json["uploads"]
        return [
            each
            for each in uploads
            if each["key"].startswith(prefix) and each["state"] in ("accepted", "rejected")
        ]

    return eventually(settled, lambda uploads: len(uploads) == count)


def test_many_simultaneous_outcomes_notify_once_each(system: RunningSystem, client: Client) -> None:
    names = [f"swarm {number}.txt" for number in range(30)]
    ids = [client.upload(b"swarm", name) for name in names]

    assert {client.outcome(upload_id)["state"] for upload_id in ids} == {"accepted"}
    messages = eventually(
        lambda: letters(system, " - swarm "), lambda mails: len(mails) >= len(names)
    )
    subjects = sorted(text.splitlines()[0] for text in messages)
    assert subjects == sorted(f"Subject: Hoist: accepted - {name}" for name in names)


def letters(system: RunningSystem, about: str) -> list[str]:
    """The mail whose subject names a file."""
    mails = [path.read_text() for path in (system.home / "mail").glob("*.txt")]
    return [text for text in mails if about in text.splitlines()[0]]


def test_a_swarm_of_late_events_changes_nothing_and_notifies_nobody(
    system: RunningSystem, client: Client
) -> None:
    upload_id = client.upload(b"once", "only once.txt")
    log = system.home / "log" / "functions.log"
    # The notification is recorded after the mail is sent.
    eventually(
        lambda: [line for line in log.read_text().splitlines() if '"message": "notified"' in line],
        lambda lines: any(upload_id in line for line in lines),
    )
    upload = client.get(upload_id)
    s3_object = {"key": quote_plus(upload["key"], safe="/"), "size": 4, "sequencer": ""}
    record = {"eventName": "ObjectCreated:Put", "s3": {"object": s3_object}}
    environment = json.loads((system.home / "environment.json").read_text())
    function = f"{environment['AWS_ENDPOINT_URL_LAMBDA']}/2015-03-31/functions/hoist-local"

    for _ in range(50):
        answer = call("POST", f"{function}-process_upload/invocations", {"Records": [record]})
        assert answer.status == 202
    eventually(log.read_text, lambda text: text.count(upload["id"]) >= 50)

    assert client.get(upload["id"]) == upload
    assert len(eventually(lambda: letters(system, "only once.txt"), bool)) == 1
    assert call("POST", f"{function}-nobody/invocations", {}).status == 404
