"""The edge of the quota under many requests: never a file or a byte too many."""

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from local.home import HOST, free_ports
from tests.support.environment import CLEAN_ENVIRONMENT
from tests.support.running import (
    ROOT,
    Answer,
    Client,
    RunningSystem,
    call,
    eventually,
    running_system,
)

pytestmark = pytest.mark.system

FILES, SIZE, AT_ONCE = 40, 1000, 200
BATCHES, MEMBERS = 50, 4
SETTINGS = {
    "HOIST_OWNER_MAX_FILES": str(FILES),
    "HOIST_OWNER_MAX_BYTES": str(10 * FILES * SIZE),
    "HOIST_MAX_IN_PROGRESS": "1000",
}


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSystem]:
    """A system whose owners may keep 40 files of 10,000 bytes on average."""
    with running_system(tmp_path_factory.mktemp("limited") / "hoist", **SETTINGS) as system:
        yield system


@contextmanager
def another_api(system: RunningSystem) -> Iterator[str]:
    """Another `chalice local` on the same system: each answers one request at a time."""
    (port,) = free_ports(1)
    url = f"http://{HOST}:{port}"
    process = subprocess.Popen(
        [Path(sys.executable).parent / "chalice", "local", "--stage", "local", "--no-autoreload",
         "--port", str(port)],
        cwd=ROOT,
        env={**CLEAN_ENVIRONMENT, **SETTINGS, "HOIST_HOME": str(system.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _ in range(300):
            try:
                call("GET", f"{url}/limits")
            except OSError:
                time.sleep(0.1)
            else:
                break
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def apis(limited: RunningSystem) -> Iterator[list[str]]:
    with another_api(limited) as second, another_api(limited) as third:
        yield [limited.url("api"), second, third]


def ask_at_once(client: Client, apis: list[str], path: str, bodies: list[Any]) -> list[Answer]:
    """Many simultaneous requests over all APIs, with the retries of a client."""
    clients = [replace(client, api_url=url) for url in apis]

    def ask(number: int) -> Answer:
        while True:
            try:
                answer = clients[number % len(clients)].request("POST", path, bodies[number])
            except OSError:
                continue  # more connections than the backlog of a development server
            if answer.status not in (503, 504):
                return answer

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(ask, range(len(bodies))))


def create_at_once(client: Client, apis: list[str], size: int, count: int) -> list[Answer]:
    """Many simultaneous creates."""
    members_now = [
        {"filename": f"{number}.bin", "size": size, "idempotency_key": f"key-{number}"}
        for number in range(count)
    ]
    return ask_at_once(client, apis, "/uploads", members_now)


def batches_at_once(client: Client, apis: list[str], size: int) -> list[Any]:
    """The results of the members of fifty batches; those with `try_again` are repeated."""
    members: dict[str, Any] = {
        f"key-{n}": {"filename": "a", "size": size, "idempotency_key": f"key-{n}"}
        for n in range(BATCHES * MEMBERS)
    }
    outcomes: list[Any] = []
    while members:
        remaining = list(members.values())
        bodies = [
            {"uploads": remaining[n : n + MEMBERS]} for n in range(0, len(remaining), MEMBERS)
        ]
        answers = ask_at_once(client, apis, "/uploads/batch", bodies)
        assert {answer.status for answer in answers} == {200}
        for member, one in zip(
            remaining, (o for a in answers for o in a.json["uploads"]), strict=True
        ):
            if one.get("problem", {}).get("status") != 503:
                outcomes.append(one)
                del members[member["idempotency_key"]]
    return outcomes


def codes(outcomes: list[Any]) -> set[str]:
    return {one["problem"]["code"] for one in outcomes if "problem" in one}


def uploads_of(client: Client) -> list[Any]:
    uploads, cursor = [], ""
    while True:
        page = client.request("GET", f"/uploads{cursor}").json
        uploads += page["uploads"]
        if page["cursor"] is None:
            return [each for each in uploads if each["state"] not in ("aborted", "rejected")]
        cursor = f"?cursor={page['cursor']}"


def test_of_many_simultaneous_creates_as_many_succeed_as_fit(
    limited: RunningSystem, apis: list[str]
) -> None:
    client = limited.sign_in("many@example.com")

    answers = create_at_once(client, apis, 1, AT_ONCE)

    created = [answer.json["id"] for answer in answers if answer.status == 201]
    assert len(created) == FILES
    refused = [answer for answer in answers if answer.status != 201]
    assert {(answer.status, answer.json["code"]) for answer in refused} == {(403, "quota_exceeded")}
    assert {each["id"] for each in uploads_of(client)} == set(created)


def test_the_same_holds_for_bytes(limited: RunningSystem, apis: list[str]) -> None:
    client = limited.sign_in("large@example.com")

    answers = create_at_once(client, apis, 30 * SIZE, AT_ONCE // 2)

    created = [answer for answer in answers if answer.status == 201]
    assert len(created) == 10 * FILES // 30
    assert sum(each["size"] for each in uploads_of(client)) <= 10 * FILES * SIZE


def test_of_fifty_simultaneous_batches_as_many_members_succeed_as_fit(
    limited: RunningSystem, apis: list[str]
) -> None:
    client = limited.sign_in("batches@example.com")

    outcomes = batches_at_once(client, apis, 1)

    created = [one["upload"]["id"] for one in outcomes if "upload" in one]
    assert len(created) == FILES
    assert codes(outcomes) == {"quota_exceeded"}
    assert {each["id"] for each in uploads_of(client)} == set(created)


def test_aborted_rejected_and_deleted_uploads_release_their_charge(limited: RunningSystem) -> None:
    client = limited.sign_in("room@example.com")
    half = 5 * FILES * SIZE

    def is_full() -> bool:
        answer = client.request("POST", "/uploads", {"filename": "a", "size": half + 1})
        if answer.status == 201:
            client.request("DELETE", f"/uploads/{answer.json['id']}")
        return answer.status == 403

    created = client.create(bytes(half), "aborted.bin")
    assert is_full()
    client.request("DELETE", f"/uploads/{created['id']}")
    assert not is_full()

    accepted = client.upload(bytes(half), "accepted.bin")
    client.outcome(accepted)
    assert is_full()
    client.request("DELETE", f"/uploads/{accepted}")
    client.request("DELETE", f"/uploads/{accepted}")
    assert not is_full()

    page = b"<!DOCTYPE html><p>" + bytes(half - 18)
    rejected = client.upload(page, "rejected.png", content_type="image/png")
    assert client.outcome(rejected)["state"] == "rejected"
    assert not is_full()
    client.request("DELETE", f"/uploads/{rejected}")
    with_all = client.create(bytes(2 * half), "all.bin")
    assert client.request("POST", "/uploads", {"filename": "a", "size": 1}).status == 403
    client.request("DELETE", f"/uploads/{with_all['id']}")


def test_temporary_credentials_do_not_bypass_the_quota(limited: RunningSystem) -> None:
    client = limited.sign_in("credentials@example.com")
    client.create(bytes(10 * FILES * SIZE - 5), "nearly all.bin")
    s3, bucket, prefix = limited.s3(client)

    s3.put_object(Bucket=bucket, Key=f"{prefix}a.txt", Body=b"hello")
    s3.put_object(Bucket=bucket, Key=f"{prefix}b.txt", Body=b"h")

    def states() -> list[str]:
        return sorted(
            each["state"]
            for each in client.request("GET", "/uploads").json["uploads"]
            if each["state"] in ("accepted", "rejected")
        )

    assert eventually(states, lambda listed: len(listed) == 2)[1] == "rejected"
