"""Altered presigned URLs, at a server that checks signatures: S3 accepts none."""

import http.client
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from local.aws.resources import Resources
from local.names import BUCKET
from tests.support.running import Client, RunningSystem, eventually, part_url, running_system

pytestmark = pytest.mark.system

MIB = 1024 * 1024
PART = bytes(5 * MIB)


@dataclass(frozen=True)
class Request:
    """A request to S3."""

    method: str
    url: str
    body: bytes
    headers: dict[str, str]

    def send(self) -> int:
        """The status S3 answers with; 0 where it hangs up."""
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(where.netloc, timeout=60)
        try:
            connection.putrequest(self.method, f"{where.path}?{where.query}", skip_host=True)
            for name, value in ({"Host": where.netloc} | self.headers).items():
                connection.putheader(name, value)
            connection.endheaders()
            connection.send(self.body)
            return connection.getresponse().status
        except (ConnectionError, http.client.HTTPException):
            return 0
        finally:
            connection.close()


def request(url: str, body: bytes, **headers: str) -> Request:
    by_name = {name.replace("_", "-"): value for name, value in headers.items()}
    once = {"If-None-Match": "*"} if "if-none-match" in url else {}
    return Request("PUT", url, body, {"Content-Length": str(len(body)), **once, **by_name})


Alter = Callable[[str], str]


def put(name: str, value: str) -> Alter:
    """One parameter of the query, with another value."""

    def alter(url: str) -> str:
        base, _, query = url.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&")]
        return base + "?" + "&".join(f"{n}={value if n == name else v}" for n, _, v in pairs)

    return alter


def without(name: str) -> Alter:
    def alter(url: str) -> str:
        base, _, query = url.partition("?")
        return base + "?" + "&".join(p for p in query.split("&") if not p.startswith(f"{name}="))

    return alter


ALTERED: dict[str, Alter] = {
    "another key": lambda url: url.replace("one.bin?", "two.bin?"),
    "a key further down": lambda url: url.replace("one.bin?", "one.bin/two?"),
    "another owner's key": lambda url: url.replace(
        url.split("/uploads/")[1].split("/")[0], "9f1e2d3c-4b5a-4678-8765-43210fedcba9"
    ),
    "a key outside": lambda url: url.split("/uploads/")[0] + "/one.bin?" + url.split("?")[1],
    "another bucket": lambda url: url.replace(f"/{BUCKET}/", "/another/"),
    "a later expiry": put("X-Amz-Expires", "604800"),
    "no expiry": without("X-Amz-Expires"),
    "a later date": put("X-Amz-Date", "20990101T000000Z"),
    "another algorithm": put("X-Amz-Algorithm", "AWS4-HMAC-SHA1"),
    "no signature": without("X-Amz-Signature"),
    "an empty signature": put("X-Amz-Signature", ""),
    "a guessed signature": put("X-Amz-Signature", "0" * 64),
    "fewer signed headers": put("X-Amz-SignedHeaders", "host"),
    "another access key": lambda url: url.replace("hoist-local%2F", "somebody%2F"),
    "another region": lambda url: url.replace("%2Feu-west-1%2F", "%2Fus-east-1%2F"),
    "another service": lambda url: url.replace("%2Fs3%2F", "%2Fsts%2F"),
    "one parameter more": lambda url: url + "&response-content-type=text%2Fhtml",
    "an access list": lambda url: url.replace("?", "?acl&"),
    "tagging": lambda url: url.replace("?", "?tagging&"),
    "a policy": lambda url: url.replace("?", "?policy&"),
}
ALTERED_PARTS: dict[str, Alter] = {
    "another part": put("partNumber", "2"),
    "part 0": put("partNumber", "0"),
    "part 10,001": put("partNumber", "10001"),
    "no part": without("partNumber"),
    "another multipart upload": put("uploadId", "another"),
    "no multipart upload": without("uploadId"),
}
# These are not signed, and S3 refuses its own headers unless they are signed.
HEADERS = {
    "x-amz-tagging": "state=accepted",
    "x-amz-acl": "public-read",
    "x-amz-grant-full-control": "id=somebody",
    "x-amz-copy-source": f"/{BUCKET}/uploads/somebody/else",
    "x-amz-copy-source-range": "bytes=0-1",
    "x-amz-meta-owner": "somebody",
    "x-amz-storage-class": "GLACIER",
    "x-amz-website-redirect-location": "https://example.com",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-customer-algorithm": "AES256",
    "x-amz-object-lock-mode": "COMPLIANCE",
    "x-amz-expected-bucket-owner": "210987654321",
    "x-amz-security-token": "another",
}


@pytest.fixture(scope="module")
def s3(system: RunningSystem) -> Any:
    return Resources(system.ports, "").client("s3")


@pytest.fixture
def single(owner: Client) -> Any:
    """An upload of 100 bytes, one PUT; nothing was sent yet."""
    return owner.create(bytes(100), "one.bin")


@pytest.fixture(scope="module")
def multipart(owner: Client) -> Any:
    """An upload of four parts; nothing was sent yet."""
    return owner.create(bytes(18 * MIB), "one.bin")


def keys(s3: Any) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def refused(status: int) -> bool:
    return status in (0, 400, 403, 404, 405, 411)


def test_unaltered_urls_are_accepted(owner: Client, s3: Any) -> None:
    """Otherwise the other tests would mean nothing."""
    single, multipart = (
        owner.create(bytes(100), "one.bin"),
        owner.create(bytes(18 * MIB), "one.bin"),
    )

    assert request(part_url(single, 1), bytes(100)).send() == 200
    assert [request(part_url(multipart, n), PART).send() for n in (1, 2)] == [200, 200]
    assert single["key"] in keys(s3)


@pytest.mark.parametrize("alter", ALTERED.values(), ids=ALTERED)
def test_an_altered_url_is_refused(s3: Any, single: Any, alter: Alter) -> None:
    before, url = keys(s3), part_url(single, 1)
    assert alter(url) != url

    status = request(alter(url), bytes(100)).send()

    assert refused(status), status
    assert keys(s3) == before


@pytest.mark.parametrize("alter", [*ALTERED.values(), *ALTERED_PARTS.values()],
                         ids=[*ALTERED, *ALTERED_PARTS])  # fmt: skip
def test_an_altered_url_of_a_part_is_refused(
    owner: Client, s3: Any, multipart: Any, alter: Alter
) -> None:
    before, url = keys(s3), part_url(multipart, 1)
    assert alter(url) != url

    status = request(alter(url), PART).send()

    assert refused(status), status
    assert keys(s3) == before
    assert owner.request("GET", f"/uploads/{multipart['id']}/parts").json["parts"] == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "POST", "PATCH", "OPTIONS"])
def test_a_url_works_for_its_method_only(owner: Client, s3: Any, single: Any, method: str) -> None:
    url = part_url(single, 1)
    finished = owner.create(bytes(3), "one.bin")
    assert request(part_url(finished, 1), bytes(3)).send() == 200

    statuses = [
        Request(method, address, body, {"Content-Length": str(len(body))}).send()
        for address, body in ((url, b""), (url, bytes(100)), (part_url(finished, 1), bytes(3)))
    ]

    assert all(refused(status) or method == "OPTIONS" for status in statuses), statuses
    assert single["key"] not in keys(s3)
    assert finished["key"] in keys(s3)


@pytest.mark.parametrize("length", [0, 1, 99, 101, 200])
def test_a_url_takes_exactly_its_bytes(s3: Any, single: Any, length: int) -> None:
    assert refused(request(part_url(single, 1), bytes(length)).send())
    assert single["key"] not in keys(s3)


@pytest.mark.parametrize("length", [3 * MIB, len(PART) - 1, len(PART) + 1])
def test_a_url_of_a_part_takes_exactly_its_bytes(
    owner: Client, multipart: Any, length: int
) -> None:
    assert refused(request(part_url(multipart, 1), bytes(length)).send())
    assert owner.request("GET", f"/uploads/{multipart['id']}/parts").json["parts"] == []


def test_bytes_without_a_length_are_refused(s3: Any, single: Any) -> None:
    chunked = Request(
        "PUT", part_url(single, 1), b"64\r\n" + bytes(100) + b"\r\n0\r\n\r\n",
        {"Transfer-Encoding": "chunked"},
    )  # fmt: skip

    assert refused(chunked.send())
    assert single["key"] not in keys(s3)


def test_more_bytes_than_the_length_says_are_not_kept(s3: Any, single: Any) -> None:
    longer = request(part_url(single, 1), bytes(5000), **{"Content-Length": "100"})

    longer.send()

    assert s3.head_object(Bucket=BUCKET, Key=single["key"])["ContentLength"] == 100


@pytest.mark.parametrize(("name", "value"), HEADERS.items())
def test_a_header_of_s3_s_own_that_is_not_signed_is_refused(
    s3: Any, single: Any, multipart: Any, name: str, value: str
) -> None:
    statuses = [
        request(part_url(single, 1), bytes(100), **{name: value}).send(),
        request(part_url(multipart, 1), PART, **{name: value}).send(),
    ]

    assert all(refused(status) for status in statuses), statuses
    assert single["key"] not in keys(s3)


def test_a_url_expires(tmp_path_factory: pytest.TempPathFactory) -> None:
    """In a system whose URLs expire after two seconds."""
    folder = tmp_path_factory.mktemp("short") / "hoist"
    with running_system(folder, HOIST_URL_LIFETIME="2") as system:
        client = system.sign_in()
        small, large = client.create(bytes(100), "a"), client.create(bytes(18 * MIB), "b")
        accepted = client.outcome(client.upload(b"x", "c"))
        download = client.request("GET", f"/uploads/{accepted['id']}/download").json

        time.sleep(3)

        assert download["expires_in"] <= 2
        assert request(part_url(small, 1), bytes(100)).send() == 403
        assert request(part_url(large, 1), PART).send() == 403
        assert Request("GET", download["url"], b"", {}).send() == 403


def test_a_url_replaces_nothing_after_its_upload_was_accepted(owner: Client) -> None:
    """Its URL has not expired, but it works once."""
    created = owner.create(b"harmless", "report.png", content_type="image/png")
    url = part_url(created, 1)
    assert request(url, b"\x89PNG\r\n\x1a\n").send() == 200
    owner.request("POST", f"/uploads/{created['id']}/complete", {})
    assert owner.outcome(created["id"])["state"] == "accepted"

    assert request(url, b"<script>").send() == 412

    assert owner.download(created["id"]).body == b"\x89PNG\r\n\x1a\n"


def test_an_object_replaced_after_it_was_accepted_is_checked_again(
    system: RunningSystem, owner: Client
) -> None:
    """Temporary credentials may replace it; a download returns only the accepted object."""
    s3, bucket, prefix = system.s3(owner)
    key = f"{prefix}report.txt"
    s3.put_object(Bucket=bucket, Key=key, Body=b"harmless", ContentType="text/plain")
    upload = eventually(
        lambda: next(
            iter(
                u
                for u in owner.request("GET", "/uploads").json["uploads"]
                if u["key"] == key and u["state"] == "accepted"
            ),
            None,
        ),
        lambda upload: upload is not None,
    )
    assert upload is not None

    s3.put_object(Bucket=bucket, Key=key, Body=b"\x7fELF" + bytes(60), ContentType="text/plain")

    eventually(lambda: owner.get(upload["id"])["state"], lambda state: state == "rejected")
    answer = owner.request("GET", f"/uploads/{upload['id']}/download")
    assert (answer.status, answer.json["code"]) == (409, "not_accepted")
