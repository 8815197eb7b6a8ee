"""Forms that are sent again: each later object is checked by itself.

A form is good until it ends, for any bytes of its length and CRC64NVME. Its owner can forge such
bytes, and can overwrite the same key by temporary credentials anyway.
"""

import time
from typing import Any

import pytest

from local.aws.resources import Resources
from local.names import BUCKET
from tests.support.posting import changed, forged, post
from tests.support.running import Client, RunningSystem, crc64nvme, eventually

pytestmark = pytest.mark.system

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(100)
PAGE = forged(b"<!DOCTYPE html><script>alert(1)</script>", PICTURE)


@pytest.fixture(scope="module")
def s3(system: RunningSystem) -> Any:
    return Resources(system.ports, "").client("s3")


def begin(owner: Client, data: bytes, filename: str, **fields: Any) -> Any:
    """A batch of one file with a checksum."""
    member = {"filename": filename, "size": len(data), "crc64nvme": crc64nvme(data), **fields}
    (one,) = owner.request("POST", "/uploads/batch", {"uploads": [member]}).json["uploads"]
    assert one["upload"]["strategy"] == "post"
    return one["upload"]


def send(created: Any, data: bytes) -> None:
    answer = post(created["sheet"], data)
    assert answer.status == 204, answer.body


def accepted(owner: Client, data: bytes, filename: str, **fields: Any) -> tuple[Any, Any]:
    """An upload that was sent by a form and accepted without a complete, and its create."""
    created = begin(owner, data, filename, **fields)
    send(created, data)
    upload = owner.outcome(created["id"])
    assert upload["state"] == "accepted"
    return created, upload


def letters(system: RunningSystem, upload_id: str) -> list[str]:
    """The subjects of the mails about an upload, in their order."""
    texts = [path.read_text() for path in sorted((system.home / "mail").glob("*.txt"))]
    mails = [text for text in texts if f"Upload: {upload_id}" in text]
    return [mail.partition("Hoist: ")[2].split()[0] for mail in mails]


def settled_again(owner: Client, before: Any) -> Any:
    """The upload once the replacing object has an outcome."""

    def is_new(now: Any) -> bool:
        return now["state"] in ("accepted", "rejected") and now["report"] != before["report"]

    return eventually(lambda: owner.get(before["id"]), is_new)


def test_the_same_bytes_again_notify_nobody(system: RunningSystem, owner: Client) -> None:
    """A page that lost S3's answer sends them again."""
    created, first = accepted(owner, b"hello", "twice.txt")
    eventually(lambda: letters(system, created["id"]), bool)
    time.sleep(1)  # S3 reports times in whole seconds: within the same one nothing would change

    send(created, b"hello")

    again = settled_again(owner, first)
    assert again["state"] == "accepted"
    newer = {"last_modified": again["report"]["last_modified"]}
    assert again["report"] == first["report"] | newer
    assert owner.download(created["id"]).body == b"hello"
    # A message about a later upload comes after any message about this one.
    later, _ = accepted(owner, b"later", "later.txt")
    eventually(lambda: letters(system, later["id"]), bool)
    assert letters(system, created["id"]) == ["accepted"]


def test_forged_bytes_have_their_own_outcome(system: RunningSystem, owner: Client) -> None:
    created, first = accepted(owner, PICTURE, "picture.png", content_type="image/png")
    assert owner.download(created["id"]).body == PICTURE
    eventually(lambda: letters(system, created["id"]), bool)

    send(created, PAGE)

    answer = owner.request("GET", f"/uploads/{created['id']}/download")
    assert (answer.status, answer.json["code"]) == (409, "not_accepted"), "not even for a moment"
    now = settled_again(owner, first)
    assert now["state"] == "rejected"
    assert "text/html" in now["reason"]
    assert owner.request("GET", f"/uploads/{created['id']}/download").status == 409
    expected = ["accepted", "rejected"]
    eventually(lambda: letters(system, created["id"]), lambda states: states == expected)


def test_forged_bytes_are_not_taken_for_rejected_ones(owner: Client) -> None:
    created = begin(owner, PICTURE, "page.png", content_type="image/png")
    send(created, PAGE)
    first = owner.outcome(created["id"])
    assert first["state"] == "rejected"

    send(created, PICTURE)

    assert settled_again(owner, first)["state"] == "accepted"
    assert owner.download(created["id"]).body == PICTURE


def test_an_object_that_arrives_after_the_deletion_is_deleted_too(owner: Client, s3: Any) -> None:
    created, _ = accepted(owner, b"gone", "gone.txt")
    owner.request("DELETE", f"/uploads/{created['id']}")

    send(created, b"gone")

    def there() -> Any:
        return s3.list_objects_v2(Bucket=BUCKET, Prefix=created["key"]).get("Contents", [])

    eventually(there, lambda objects: not objects)
    assert owner.get(created["id"])["state"] == "aborted"


def test_a_tag_in_a_form_forges_no_state(owner: Client, s3: Any) -> None:
    tags = "<Tagging><TagSet><Tag><Key>state</Key><Value>accepted</Value></Tag></TagSet></Tagging>"
    created = begin(owner, PICTURE, "tagged.png", content_type="image/png")

    post(changed(created["sheet"], {"tagging": tags}), PAGE)

    assert owner.outcome(created["id"])["state"] == "rejected"

    def tagged() -> Any:
        return s3.get_object_tagging(Bucket=BUCKET, Key=created["key"])["TagSet"]

    eventually(tagged, lambda tag_set: tag_set == [{"Key": "state", "Value": "rejected"}])


def test_an_encoding_in_a_form_is_rejected(owner: Client) -> None:
    """A browser would decode a download, and save something else than was checked."""
    created = begin(owner, b"hello", "packed.txt")

    post(changed(created["sheet"], {"Content-Encoding": "gzip"}), b"hello")

    upload = owner.outcome(created["id"])
    assert upload["state"] == "rejected"
    assert "Content-Encoding" in upload["reason"]


def test_a_form_is_replaced_by_a_url_and_a_url_by_a_form(owner: Client) -> None:
    created = begin(owner, b"hello", "other way.txt")
    path = f"/uploads/{created['id']}/sheet"

    url, form = (owner.request("POST", path, {"strategy": way}).json for way in ("put", "post"))

    owner.send({**created, "strategy": "put", "sheet": url}, b"hello")
    assert owner.outcome(created["id"])["state"] == "accepted"
    assert post(form, b"hello").status == 204, "the one does not undo the other"


def test_a_url_of_a_member_without_a_checksum_works_once(owner: Client) -> None:
    member = {"filename": "once.txt", "size": 5}
    (one,) = owner.request("POST", "/uploads/batch", {"uploads": [member]}).json["uploads"]
    assert one["upload"]["strategy"] == "put"
    assert one["upload"]["sheet"]["headers"] == {"if-none-match": "*"}
