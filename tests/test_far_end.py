"""The far end of the benches checks each file: a lost or damaged file is not counted."""

import http.client
import json
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from bench.uploaders import faults
from bench.uploaders.far_end import NO_FAULT, FarEnd
from bench.uploaders.uploads import File
from tests.support.running import crc64nvme

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="benches run on Linux")

BYTES = {"a.bin": b"all of a", "b.bin": b"the whole of b"}
BOUNDARY = "----a-boundary"


@pytest.fixture
def files(tmp_path: Path) -> list[File]:
    return [File(tmp_path / name, len(data), crc64nvme(data)) for name, data in BYTES.items()]


@pytest.fixture
def far_end(files: list[File], tmp_path: Path) -> Iterator[FarEnd]:
    with closing(FarEnd(files, tmp_path)) as far_end:
        yield far_end


def request(
    method: str, url: str, body: bytes = b"", headers: Mapping[str, str] = {}
) -> tuple[int, bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    with closing(connection):
        connection.request(method, f"{parts.path}?{parts.query}", body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read()


def ask(far_end: FarEnd, path: str, body: Any) -> Any:
    status, text = request(
        "POST",
        far_end.api_url + path,
        json.dumps(body).encode(),
        {"Authorization": "Bearer nobody"},
    )
    assert status < 300
    return json.loads(text)


def form(fields: Mapping[str, str], data: bytes) -> tuple[bytes, dict[str, str]]:
    parts = [f'; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    parts.append(b'; name="file"; filename="a"\r\nContent-Type: text/plain\r\n\r\n' + data)
    lines = [f"--{BOUNDARY}\r\nContent-Disposition: form-data".encode() + part for part in parts]
    body = b"\r\n".join([*lines, f"--{BOUNDARY}--\r\n".encode()])
    return body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def is_over(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@dataclass
class FirstPartFails(faults.NoFault):
    failed: bool = False

    def part(self) -> faults.Fate:
        was, self.failed = self.failed, True
        return None if was else (500, faults.INTERNAL)


def member(file: File, **more: str) -> dict[str, Any]:
    return {"filename": file.name, "size": file.size, "crc64nvme": file.crc64nvme, **more}


def create_batch(far_end: FarEnd, *members: Any, **more: str) -> list[dict[str, Any]]:
    return list(ask(far_end, "/uploads/batch", {"uploads": members, **more})["uploads"])


def post(sheet: Mapping[str, Any], data: bytes) -> int:
    return request("POST", sheet["url"], *form(sheet["fields"], data))[0]


def test_a_batch_is_sent_by_forms_to_both_hosts(far_end: FarEnd, files: list[File]) -> None:
    created = [each["upload"] for each in create_batch(far_end, *map(member, files))]

    statuses = [post(each["sheet"], BYTES[f.name]) for each, f in zip(created, files, strict=True)]

    assert {each["strategy"] for each in created} == {"post"}
    assert [urlsplit(each["sheet"]["url"]).hostname for each in created] == [
        "127.0.0.1",
        "localhost",
    ]
    assert statuses == [204, 204]
    assert far_end.missing == set()
    assert far_end.received == far_end.size
    completed = ask(far_end, "/uploads/complete", {"ids": [each["id"] for each in created]})
    assert [each["upload"]["state"] for each in completed["uploads"]] == ["uploaded"] * 2


def test_a_form_with_other_bytes_than_its_checksum_is_refused(
    far_end: FarEnd, files: list[File]
) -> None:
    [created] = create_batch(far_end, member(files[0]))

    assert post(created["upload"]["sheet"], b"all of b") == 400
    assert "a.bin" in far_end.missing


@pytest.mark.parametrize("data", [b"all of b", b"all of"], ids=["other bytes", "fewer bytes"])
def test_a_damaged_form_without_a_checksum_is_no_file(far_end: FarEnd, data: bytes) -> None:
    query = urlencode({"filename": "a.bin", "type": "text/plain"})
    _, text = request("GET", f"{far_end.api_url}/s3/params?{query}")

    assert post(json.loads(text), data) == 201
    assert "a.bin" in far_end.missing


def test_a_put_works_once(far_end: FarEnd, files: list[File]) -> None:
    created = ask(far_end, "/uploads", member(files[0]))
    url = f"{created['sheet']['urls'][0]}&X-Amz-Signature={created['sheet']['signatures'][0]}"
    headers = created["sheet"]["headers"]

    statuses = [request("PUT", url, BYTES["a.bin"], headers)[0] for _ in range(2)]

    assert created["strategy"] == "put"
    assert statuses == [200, 412]
    assert far_end.uploads.stored_names == ["a.bin"]


def test_members_of_a_batch_are_refused_one_by_one(far_end: FarEnd, files: list[File]) -> None:
    first = member(files[0], idempotency_key="a" * 16)
    [created] = create_batch(far_end, first)
    post(created["upload"]["sheet"], BYTES["a.bin"])
    unsummed = {"filename": "b.bin", "size": files[1].size, "strategy": "post"}

    with_checksum, without_checksum, good = create_batch(far_end, first, unsummed, member(files[1]))

    assert with_checksum["problem"] == {
        "status": 409,
        "code": "wrong_state",
        "state": "uploaded",
        "id": created["upload"]["id"],
    }
    assert without_checksum["problem"]["code"] == "invalid_request"
    assert good["upload"]["strategy"] == "post"


def test_a_repeated_batch_gives_the_same_uploads(far_end: FarEnd, files: list[File]) -> None:
    members = [member(files[0], idempotency_key="a" * 16), member(files[1])]

    first, second = (create_batch(far_end, *members, idempotency_key="b" * 16) for _ in range(2))

    ids = [[each["upload"]["id"] for each in answer] for answer in (first, second)]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2


def test_a_file_that_is_in_s3_twice_is_reported(far_end: FarEnd, files: list[File]) -> None:
    for created in create_batch(far_end, member(files[0]), member(files[0])):
        post(created["upload"]["sheet"], BYTES["a.bin"])

    assert far_end.uploads.stored_names == ["a.bin", "a.bin"]
    assert far_end.stored_bytes == files[0].size


def test_our_api_needs_a_token(far_end: FarEnd) -> None:
    assert request("POST", f"{far_end.api_url}/uploads", b"{}")[0] == 401


def test_preflights_are_counted_separately(far_end: FarEnd) -> None:
    request("OPTIONS", f"{far_end.api_url}/uploads")
    request("OPTIONS", far_end.uploads.bucket_url(0))

    assert far_end.preflights == {"api": 1, "s3": 1}
    assert far_end.calls == 0


@pytest.mark.parametrize(
    ("fault", "in_s3"),
    [(NO_FAULT, ["a.bin"]), (FirstPartFails(), [])],
    ids=["well", "failed"],
)
def test_a_connection_can_send_another_form(
    files: list[File], tmp_path: Path, fault: faults.NoFault, in_s3: list[str]
) -> None:
    with closing(FarEnd(files, tmp_path, fault=fault)) as far_end:
        uploads = [each["upload"] for each in create_batch(far_end, *map(member, files))]
        host = urlsplit(uploads[0]["sheet"]["url"]).netloc
        with closing(http.client.HTTPConnection(host, timeout=10)) as connection:
            for upload, data in zip(uploads, BYTES.values(), strict=True):
                connection.request("POST", "/bucket", *form(upload["sheet"]["fields"], data))
                connection.getresponse().read()

        assert far_end.uploads.stored_names == [*in_s3, "b.bin"]
        assert far_end.failed == (0 if in_s3 else files[0].size)


def test_severed_connections_are_closed(far_end: FarEnd) -> None:
    host = urlsplit(far_end.api_url).netloc
    with closing(http.client.HTTPConnection(host, timeout=10)) as connection:
        connection.request("GET", "/limits")
        connection.getresponse().read()

        far_end.sever()

        assert is_over(connection.sock)
