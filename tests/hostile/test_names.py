"""Misleading names and types: a path, a header, a page. None of them succeeds."""

import json
import os
from typing import Any
from urllib.parse import unquote

import pytest

from tests.support.posting import post
from tests.support.running import Client, RunningSystem, crc64nvme, eventually

pytestmark = pytest.mark.system

REFUSED_NAMES = {
    "up": "../../etc/passwd",
    "up, with the other slash": "..\\..\\boot.ini",
    "absolute": "/etc/passwd",
    "another owner's": "../9f1e2d3c-4b5a-4678-8765-43210fedcba9/x/a.txt",
    "dots": "..",
    "a dot": ".",
    "a header": "a.txt\r\nSet-Cookie: a=b",
    "a line": "a.txt\nb",
    "a null": "a.txt\0.png",
    "an escape": "\x1b[31mred",
    "reversed": "gnp.\u202eexe",
    "half a character": "\ud800",
    "much": "a" * 256,
}
ODD_NAMES = {
    "a quote": 'a"; filename="b.html',
    "a percent": "a%0d%0aSet-Cookie: a=b",
    "encoded up": "..%2f..%2fetc%2fpasswd",
    "a template": "${jndi:ldap:x}{{7*7}}",
    "a page": "<img src=x onerror=alert(1)>.html",
    "SQL": "'; DROP TABLE uploads;--",
    "a command": "$(reboot)`reboot`",
    "many dots": "....",
    "a device": "CON",
    "signs of a query": "a?b&c=d#e",
    "another script": "имя файла \u540d.txt",
    "a leading space": "  a.txt",
    "a wildcard": "*",
}
REFUSED_TYPES = {
    "two lines": "text/plain\r\nSet-Cookie: a=b",
    "a null": "text/plain\0",
    "another script": "text/пример",
    "much": "a/" + "b" * 300,
}
PAGE = b"<!DOCTYPE html><script>alert(document.domain)</script>"


@pytest.mark.parametrize("name", REFUSED_NAMES.values(), ids=REFUSED_NAMES)
def test_a_name_that_is_a_path_or_a_trick_is_refused(owner: Client, name: str) -> None:
    answer = owner.request("POST", "/uploads", {"filename": name, "size": 1})

    assert (answer.status, answer.json["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("name", ODD_NAMES.values(), ids=ODD_NAMES)
def test_an_odd_name_stays_a_name(owner: Client, name: str) -> None:
    data = os.urandom(20)
    created = owner.create(data, name)
    upload = owner.outcome(owner.upload(data, name))
    downloaded = owner.download(upload["id"])

    assert upload["filename"] == name
    owned, upload_id, last = created["key"].removeprefix("uploads/").split("/")
    assert (owned, upload_id) == (owner.owner, created["id"])
    assert not set(last) & set("\"'\\<>?#%*$&;`|\r\n")
    assert downloaded.body == data
    assert "Set-Cookie" not in downloaded.headers
    disposition = downloaded.headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="')
    assert disposition.count('"') == 2, "the name ends where it should"


def test_odd_names_stay_names_in_forms(owner: Client) -> None:
    """S3 would replace `${filename}` in a form's key; a member's name affects no other."""
    names = [*ODD_NAMES.values(), "${filename}", "a ${filename}.txt", *REFUSED_NAMES.values()]
    data = os.urandom(20)
    members = [
        {"filename": name, "size": len(data), "crc64nvme": crc64nvme(data)} for name in names
    ]

    outcomes = owner.request("POST", "/uploads/batch", {"uploads": members}).json["uploads"]

    refused = outcomes[-len(REFUSED_NAMES) :]
    assert {one["problem"]["code"] for one in refused} == {"invalid_request"}
    for name, one in zip(names, outcomes[: -len(REFUSED_NAMES)], strict=False):
        created = one["upload"]
        assert post(created["sheet"], data).status == 204, name
        upload = owner.outcome(created["id"])
        assert (upload["filename"], upload["key"]) == (name, created["key"])
        assert owner.download(created["id"]).body == data
    assert not {"$", "{"} & set(
        json.dumps([one["upload"]["key"] for one in outcomes[: -len(REFUSED_NAMES)]])
    )


CHOSEN_KEYS = {
    "reversed": ("gnp.\u202eexe", "gnp._exe"),
    "an escape": ("\x1b[31mred", "_[31mred"),
    "lines": ("a\u2028b\nc", "a_b_c"),
    "a quote": ('a"; filename="b.html', 'a"; filename="b.html'),
    "encoded up": ("..%2f..%2fetc%2fpasswd", "..%2f..%2fetc%2fpasswd"),
    "a header": ("a%0d%0aSet-Cookie: a=b", "a%0d%0aSet-Cookie: a=b"),
    "a page": ("<img src=x onerror=alert(1)>.html", "<img src=x onerror=alert(1)>.html"),
    "much": ("写" * 83 + ".txt", "写" * 83 + ".txt"),
}


def test_a_key_chosen_by_an_owner_misleads_nobody(system: RunningSystem, owner: Client) -> None:
    s3, bucket, prefix = system.s3(owner)
    for case, (segment, _) in CHOSEN_KEYS.items():
        s3.put_object(Bucket=bucket, Key=f"{prefix}chosen/{case}/{segment}", Body=b"chosen")

    def chosen() -> dict[str, Any]:
        uploads = owner.request("GET", "/uploads?state=accepted").json["uploads"]
        keys = [(each["key"].removeprefix(prefix).split("/"), each) for each in uploads]
        return {key[1]: each for key, each in keys if key[0] == "chosen"}

    uploads = eventually(chosen, lambda listed: len(listed) == len(CHOSEN_KEYS))

    for case, (_, name) in CHOSEN_KEYS.items():
        downloaded = owner.download(uploads[case]["id"])
        assert uploads[case]["filename"] == name
        assert (case, downloaded.status, downloaded.body) == (case, 200, b"chosen")
        disposition = downloaded.headers["Content-Disposition"]
        assert "Set-Cookie" not in downloaded.headers
        assert disposition.count('"') == 2
        assert unquote(disposition.partition("filename*=UTF-8''")[2]) == name


@pytest.mark.parametrize("content_type", REFUSED_TYPES.values(), ids=REFUSED_TYPES)
def test_a_type_that_is_a_trick_is_refused(owner: Client, content_type: str) -> None:
    answer = owner.request(
        "POST", "/uploads", {"filename": "a", "size": 1, "content_type": content_type}
    )

    assert (answer.status, answer.json["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    ("name", "declared"),
    [
        ("page.html", "text/html"), ("page.svg", "image/svg+xml"),
        ("page.xhtml", "application/xhtml+xml"),
    ],
)  # fmt: skip
def test_an_uploaded_page_is_saved_and_never_runs(owner: Client, name: str, declared: str) -> None:
    upload = owner.outcome(owner.upload(PAGE, name, content_type=declared))
    if upload["state"] == "rejected":
        return  # its bytes are no image
    headers = owner.download(upload["id"]).headers

    assert headers["Content-Disposition"].startswith("attachment")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Content-Type"].startswith(upload["report"]["content_type"])


def test_a_download_is_of_another_origin_than_the_page(system: Any, owner: Client) -> None:
    upload = owner.outcome(owner.upload(PAGE, "page.html"))

    url = owner.request("GET", f"/uploads/{upload['id']}/download").json["url"]

    assert not url.startswith(system.ports.page_origin)
    assert url.startswith(system.url("downloads"))


@pytest.mark.parametrize("size", [2**63, 10**30, 53_687_091_200_001])
def test_a_size_above_the_limit_is_refused(owner: Client, size: int) -> None:
    answer = owner.request("POST", "/uploads", {"filename": "a", "size": size})

    limit = owner.request("GET", "/limits").json["max_size"]
    assert (answer.status in (400, 413)) is (size > limit)
