"""Every route with two owners: neither can read or change anything of the other.

`CROSSINGS` has every route of the application; one that is added must be added here too.
"""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

import app
from tests.support.running import Answer, Client, RunningSystem, eventually

pytestmark = pytest.mark.system

MIB = 1024 * 1024
Crossing = Callable[[Client, Client, dict[str, Any]], None]


@pytest.fixture(scope="module")
def unfinished(owner: Client) -> Any:
    """The owner's upload in progress, in four parts."""
    return owner.create(bytes(18 * MIB), "begun.bin", idempotency_key="the-owners")


@pytest.fixture(scope="module")
def finished(owner: Client) -> Any:
    """The owner's accepted upload."""
    return owner.outcome(owner.upload(b"mine", "finished.txt"))


def not_found(method: str, what: str = "", body: Any = None) -> Crossing:
    """The stranger receives `upload_not_found`, and nothing changes."""

    def cross(owner: Client, stranger: Client, upload: dict[str, Any]) -> None:
        before = owner.get(upload["id"])
        answer = stranger.request(method, f"/uploads/{upload['id']}{what}", body)
        nobodys = stranger.request(
            method, f"/uploads/01977a3e-5c00-7b1e-8d4f-6a1c2e3d4f50{what}", body
        )

        assert (answer.status, answer.json["code"]) == (404, "upload_not_found")
        assert answer.body == nobodys.body, "it must not be told that there is one"
        assert owner.get(upload["id"]) == before

    return cross


def limits(owner: Client, stranger: Client, _: dict[str, Any]) -> None:
    answers = [who.request("GET", "/limits") for who in (owner, stranger)]

    assert answers[0].body == answers[1].body
    assert owner.owner not in answers[0].body.decode()


def create(owner: Client, stranger: Client, upload: dict[str, Any]) -> None:
    """The same idempotency key creates another upload, below the caller's own prefix."""
    theirs = stranger.create(bytes(1), "theirs.bin", idempotency_key="the-owners")

    assert theirs["id"] != upload["id"]
    assert theirs["key"].startswith(f"uploads/{stranger.owner}/")
    assert all(f"/uploads/{stranger.owner}/" in url for url in theirs["sheet"]["urls"])
    assert owner.owner not in json.dumps(theirs)


def create_for(_: Client, stranger: Client, upload: dict[str, Any]) -> None:
    """No field names an owner, a key or an id."""
    for field in ("owner", "sub", "key", "id", "upload_id", "prefix"):
        answer = stranger.request(
            "POST", "/uploads", {"filename": "a", "size": 1, field: upload["id"]}
        )
        assert (answer.status, answer.json["code"]) == (400, "invalid_request")


def create_several(owner: Client, stranger: Client, upload: dict[str, Any]) -> None:
    """As for one: no key of the request or of a member, and no field reaches across."""
    mine = {"filename": "a", "size": 1}
    owned = owner.request("POST", "/uploads/batch", {"uploads": [mine], "idempotency_key": "both"})
    fields = {"filename": "theirs.bin", "size": 1, "idempotency_key": "the-owners"}
    members = [mine, fields, {**mine, "id": upload["id"]}]

    answer = stranger.request(
        "POST", "/uploads/batch", {"uploads": members, "idempotency_key": "both"}
    )

    *created, refused = answer.json["uploads"]
    assert refused["problem"]["code"] == "invalid_request"
    for one in created:
        assert one["upload"]["key"].startswith(f"uploads/{stranger.owner}/")
    theirs = {one["upload"]["id"] for one in created}
    assert not theirs & {owned.json["uploads"][0]["upload"]["id"], upload["id"]}
    assert owner.owner not in answer.body.decode()


def complete_several(owner: Client, stranger: Client, upload: dict[str, Any]) -> None:
    """Another owner's upload in a batch is answered like a missing one."""
    before = owner.get(upload["id"])
    own = stranger.create(b"x", "own.bin")["id"]
    nobodys = "01977a3e-5c00-7b1e-8d4f-6a1c2e3d4f50"

    answer = stranger.request("POST", "/uploads/complete", {"ids": [upload["id"], own, nobodys]})

    first, second, third = answer.json["uploads"]
    assert first == third
    assert (first["problem"]["status"], first["problem"]["code"]) == (404, "upload_not_found")
    assert second["problem"]["code"] == "parts_missing"
    assert owner.get(upload["id"]) == before


def newest(owner: Client, stranger: Client, upload: dict[str, Any]) -> None:
    """The owner's cursor shows nothing of theirs either."""
    for query in ("", "?state=uploading", "?state=accepted"):
        listed = stranger.request("GET", f"/uploads{query}")
        assert listed.status == 200
        assert owner.owner not in listed.body.decode()
        assert upload["id"] not in listed.body.decode()


def credentials(owner: Client, stranger: Client, _: dict[str, Any]) -> None:
    """tests/test_credentials.py tests them on S3."""
    credentials = [who.request("POST", "/credentials").json for who in (owner, stranger)]

    assert [each["prefix"] for each in credentials] == [
        f"uploads/{who.owner}/" for who in (owner, stranger)
    ]
    assert credentials[0]["access_key_id"] != credentials[1]["access_key_id"]


def connections(owner: Client, stranger: Client, _: dict[str, Any]) -> None:
    """Each page receives its own owner's uploads only."""

    async def watch() -> list[str]:
        url = stranger.request("POST", "/connections").json["url"]
        answers = []
        async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
            mine = await asyncio.to_thread(owner.upload, b"the owner's", "the owner's.txt")
            await asyncio.to_thread(owner.outcome, mine)
            own = await asyncio.to_thread(stranger.upload, b"x", "the stranger's.txt")
            while True:
                message = json.loads((await socket.receive(timeout=60)).data)
                answers.append(message["upload"]["key"].split("/")[1])
                if (message["upload"]["id"], message["upload"]["state"]) == (own, "accepted"):
                    return answers

    assert set(asyncio.run(watch())) == {stranger.owner}


def email(method: str, becomes: str) -> Crossing:
    """Each owner has a switch for their own address."""

    def cross(owner: Client, stranger: Client, _: dict[str, Any]) -> None:
        before = owner.request("GET", "/email").json

        answer = stranger.request(method, "/email").json

        assert (answer["address"], answer["state"]) == ("stranger@example.com", becomes)
        assert owner.request("GET", "/email").json == before

    return cross


CROSSINGS: dict[tuple[str, str], list[Crossing]] = {
    ("GET", "/limits"): [limits],
    ("POST", "/uploads"): [create, create_for],
    ("POST", "/uploads/batch"): [create_several],
    ("POST", "/uploads/complete"): [complete_several],
    ("GET", "/uploads"): [newest],
    ("GET", "/uploads/{upload_id}"): [not_found("GET")],
    ("DELETE", "/uploads/{upload_id}"): [not_found("DELETE")],
    ("POST", "/uploads/{upload_id}/sheet"): [
        not_found("POST", "/sheet", {}),
        not_found("POST", "/sheet", {"first": 2, "count": 1}),
        not_found("POST", "/sheet", {"strategy": "post"}),
    ],
    ("GET", "/uploads/{upload_id}/parts"): [not_found("GET", "/parts")],
    ("POST", "/uploads/{upload_id}/complete"): [
        not_found("POST", "/complete", {}),
        not_found("POST", "/complete", {"crc64nvme": "rosUhgp5mIg="}),
    ],
    ("GET", "/uploads/{upload_id}/download"): [not_found("GET", "/download")],
    ("POST", "/credentials"): [credentials],
    ("POST", "/connections"): [connections],
    ("PUT", "/email"): [email("PUT", "pending")],
    ("GET", "/email"): [email("GET", "pending")],
    ("DELETE", "/email"): [email("DELETE", "off")],
}


def test_every_route_is_tried_by_another_owner() -> None:
    routes = {(method, path) for path, by in app.app.routes.items() for method in by}

    assert routes == CROSSINGS.keys()


@pytest.mark.parametrize(
    "cross",
    [
        pytest.param(cross, id=f"{' '.join(route)} {number}")
        for route, crossings in CROSSINGS.items()
        for number, cross in enumerate(crossings)
    ],
)
def test_a_route_does_not_reach_uploads_of_another_owner(
    owner: Client, stranger: Client, unfinished: Any, finished: Any, cross: Crossing
) -> None:
    for upload in (unfinished, finished):
        cross(owner, stranger, upload)


def test_the_uploads_of_the_other_owner_are_unchanged(owner: Client, finished: Any) -> None:
    assert owner.download(finished["id"]).body == b"mine"


def test_a_message_is_marked_with_its_owner_alone(
    system: RunningSystem, owner: Client, stranger: Client
) -> None:
    """Subscriptions filter by it; each message names exactly its owner."""
    theirs = stranger.upload(b"x", "only the stranger's.txt")

    def letters() -> list[str]:
        mails = [path.read_text() for path in (system.home / "mail").glob("*.txt")]
        return [text for text in mails if theirs in text]

    (letter,) = eventually(letters, bool)
    assert f"Owner: {stranger.owner}" in letter
    assert owner.owner not in letter


def test_a_log_line_of_an_upload_names_one_owner(
    system: RunningSystem, owner: Client, stranger: Client
) -> None:
    stranger.outcome(stranger.upload(b"x", "logged.txt"))
    owner.outcome(owner.upload(b"x", "logged.txt"))

    logs = [path.read_text() for path in (system.home / "log").glob("*.log")]
    lines = [line for log in logs for line in log.splitlines()]
    mentions = [[who.owner in line for who in (owner, stranger)] for line in lines]
    assert [True, False] in mentions
    assert [False, True] in mentions
    assert [True, True] not in mentions


def test_a_cursor_of_another_owner_shows_no_uploads_of_theirs(
    owner: Client, stranger: Client, finished: Any
) -> None:
    cursor = base64.urlsafe_b64encode(finished["id"].encode()).decode()

    answer: Answer = stranger.request("GET", f"/uploads?cursor={cursor}")

    assert owner.owner not in answer.body.decode()
