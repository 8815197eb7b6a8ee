"""A file from the API to its outcome, through the real local system."""

import asyncio
import gzip
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError

from local.aws.resources import Resources
from local.names import BUCKET
from tests.support.running import Client, RunningSystem, call, crc64nvme, eventually, part_url

pytestmark = pytest.mark.system

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def client(system: RunningSystem) -> Client:
    return system.sign_in()


@pytest.mark.parametrize(
    ("size", "strategy"),
    [
        pytest.param(0, "put", id="empty"),
        pytest.param(5, "put", id="small"),
        pytest.param(16 * MIB, "put", id="the largest single PUT"),
        pytest.param(16 * MIB + 1, "multipart", id="the smallest multipart upload"),
        pytest.param(40 * MIB + 7, "multipart", id="nine parts"),
    ],
)
def test_a_file_is_accepted_and_downloaded_byte_for_byte(
    client: Client, size: int, strategy: str
) -> None:
    data = os.urandom(size)
    fields = {"crc64nvme": crc64nvme(data)} if strategy == "put" else {}
    created = client.create(data, "grüße +%.bin", **fields)
    assert created["strategy"] == strategy
    client.send(created, data)
    path = f"/uploads/{created['id']}/complete"
    completed = client.request("POST", path, {"crc64nvme": crc64nvme(data)}).json
    assert completed["state"] in ("uploaded", "processing", "accepted")

    upload = client.outcome(created["id"])

    assert upload["state"] == "accepted"
    assert upload["report"]["size"] == size
    assert upload["report"]["crc64nvme"] == crc64nvme(data)
    assert upload["report"]["checksum_verified"] is True
    downloaded = client.download(created["id"])
    assert downloaded.body == data
    assert (
        "filename*=UTF-8''gr%C3%BC%C3%9Fe%20%2B%25.bin" in downloaded.headers["Content-Disposition"]
    )


def test_the_owner_is_notified_by_mail(system: RunningSystem, client: Client) -> None:
    upload_id = client.upload(b"hello\n", "told.txt")

    def letters() -> list[str]:
        texts = [path.read_text() for path in (system.home / "mail").glob("*.txt")]
        return [text for text in texts if upload_id in text]

    (letter,) = eventually(letters, bool)
    assert letter.startswith("Subject: Hoist: accepted - told.txt\n")


async def _states_over_websocket(client: Client, filename: str) -> list[str]:
    url = client.request("POST", "/connections").json["url"]
    states = []
    async with ClientSession() as http, http.ws_connect(url) as socket:
        await socket.send_json({"type": "ping"})
        assert (await socket.receive_json(timeout=20)) == {"type": "pong"}
        upload_id = client.upload(b"some text", filename)
        while "accepted" not in states:
            message = await socket.receive(timeout=20)
            assert message.type is WSMsgType.TEXT
            upload = json.loads(message.data)["upload"]
            if upload["id"] == upload_id:
                states.append(upload["state"])
    return states


async def _connect_twice(url: str) -> int:
    """The status that the second connection with the same ticket is refused with."""
    async with ClientSession() as http:
        async with http.ws_connect(url):
            pass
        with pytest.raises(WSServerHandshakeError) as refused:
            await http.ws_connect(url)
    return refused.value.status


def test_the_states_arrive_over_the_websocket_in_order(client: Client) -> None:
    states = asyncio.run(_states_over_websocket(client, "watched.txt"))
    assert states == ["uploaded", "processing", "accepted"]


def test_a_ticket_works_once(client: Client) -> None:
    url = client.request("POST", "/connections").json["url"]
    assert asyncio.run(_connect_twice(url)) == 401


def test_an_upload_is_deleted_with_its_object(client: Client) -> None:
    upload_id = client.upload(b"short-lived", "gone.txt")
    client.outcome(upload_id)
    url = client.request("GET", f"/uploads/{upload_id}/download").json["url"]
    assert call("GET", url).status == 200

    assert client.request("DELETE", f"/uploads/{upload_id}").status == 204
    assert client.request("DELETE", f"/uploads/{upload_id}").status == 204

    assert call("GET", url).status == 404
    assert client.request("GET", f"/uploads/{upload_id}/download").status == 409


def test_complete_names_the_missing_parts(client: Client) -> None:
    data = os.urandom(18 * MIB)
    created = client.create(data, "gaps.bin")
    second = data[created["part_size"] : 2 * created["part_size"]]
    assert (
        call(
            "PUT", part_url(created, 2), second, {"Content-Type": "", **created["sheet"]["headers"]}
        ).status
        == 200
    )

    refused = client.request("POST", f"/uploads/{created['id']}/complete")

    assert refused.status == 409
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert (refused.json["code"], refused.json["missing"]) == ("parts_missing", [1, 3, 4])
    listed = client.request("GET", f"/uploads/{created['id']}/parts").json
    assert [(part["number"], part["size"]) for part in listed["parts"]] == [(2, 5 * MIB)]


def test_racing_completes_are_answered_with_one_upload(client: Client) -> None:
    data = os.urandom(33 * MIB)
    created = client.create(data, "raced.bin")
    client.send(created, data)
    path = f"/uploads/{created['id']}/complete"

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: client.request("POST", path, {}), range(4)))

    assert [answer.status for answer in answers] == [200] * 4
    assert {answer.json["id"] for answer in answers} == {created["id"]}
    upload = client.outcome(created["id"])
    assert (upload["state"], upload["report"]["crc64nvme"]) == ("accepted", crc64nvme(data))


def test_a_long_sheet_is_compressed(client: Client) -> None:
    body = {"filename": "a.bin", "size": 10**12}
    headers = {"Authorization": f"Bearer {client.id_token}", "Accept-Encoding": "gzip"}

    answer = call("POST", f"{client.api_url}/uploads", body, headers)

    assert answer.headers["Content-Encoding"] == "gzip"
    created = json.loads(gzip.decompress(answer.body))
    assert len(created["sheet"]["signatures"]) == created["part_count"]
    client.request("DELETE", f"/uploads/{created['id']}")


def test_racing_creates_with_one_key_make_one_upload(client: Client) -> None:
    body = {"filename": "twice.bin", "size": 40 * MIB, "idempotency_key": "raced-1"}

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: client.request("POST", "/uploads", body), range(4)))

    assert {answer.status for answer in answers} <= {201, 503}
    created = client.request("POST", "/uploads", body)
    assert {a.json["id"] for a in answers if a.status == 201} == {created.json["id"]}
    assert client.request("GET", f"/uploads/{created.json['id']}/parts").status == 200
    client.request("DELETE", f"/uploads/{created.json['id']}")


def test_an_object_sent_by_an_old_url_after_a_delete_is_deleted(
    system: RunningSystem, client: Client
) -> None:
    created = client.create(b"too late", "late.txt")
    assert client.request("DELETE", f"/uploads/{created['id']}").status == 204

    assert (
        call(
            "PUT",
            part_url(created, 1),
            b"too late",
            {"Content-Type": "", **created["sheet"]["headers"]},
        ).status
        == 200
    )

    storage = Resources(system.ports, "").client("s3")
    prefix = {"Bucket": BUCKET, "Prefix": created["key"]}
    eventually(lambda: storage.list_objects_v2(**prefix)["KeyCount"], lambda count: count == 0)


def test_other_bytes_by_an_old_url_are_refused(client: Client) -> None:
    created = client.create(b"plain text", "replaced.txt")
    client.send(created, b"plain text")
    client.request("POST", f"/uploads/{created['id']}/complete", {})
    first = client.outcome(created["id"])
    headers = {"Content-Type": "", **created["sheet"]["headers"]}

    assert call("PUT", part_url(created, 1), b"\x89PNG\r\n\x1a\n\0\0", headers).status == 412

    assert client.get(created["id"]) == first
    assert client.download(created["id"]).body == b"plain text"


def test_a_signed_url_takes_exactly_its_bytes(client: Client) -> None:
    created = client.create(b"12345", "exact.txt")
    url = part_url(created, 1)
    for body in (b"1234", b"123456"):
        assert (
            call("PUT", url, body, {"Content-Type": "", **created["sheet"]["headers"]}).status
            == 403
        )
    forged = url[:-1] + ("0" if url[-1] != "0" else "1")
    assert (
        call("PUT", forged, b"12345", {"Content-Type": "", **created["sheet"]["headers"]}).status
        == 403
    )
    assert (
        call("PUT", url, b"12345", {"Content-Type": "", **created["sheet"]["headers"]}).status
        == 200
    )


def test_the_logs_hold_no_signature_ticket_or_token(system: RunningSystem, client: Client) -> None:
    created = client.create(b"secret?", "quiet.txt")
    assert call("PUT", part_url(created, 1), b"too long a body").status == 403
    client.send(created, b"secret?")
    ticket = client.request("POST", "/connections").json["url"].rpartition("=")[2]
    logs = "".join(p.read_text(errors="replace") for p in (system.home / "log").glob("*.log"))
    assert created["id"] in logs
    for secret in (created["sheet"]["signatures"][0], ticket, client.id_token):
        assert secret not in logs
