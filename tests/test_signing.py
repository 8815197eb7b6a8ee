"""botocore's own S3 signer is the oracle: it makes the same signatures."""

import base64
import json
import string
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from urllib.parse import parse_qs

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.hooks import HierarchicalEmitter
from botocore.model import ServiceId
from botocore.signers import RequestSigner, S3PostPresigner
from botocore.utils import percent_encode
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib import parts, signing
from chalicelib.parts import MIB
from chalicelib.signing import ANY_HOST_PARTS, CHECKSUM_HEADER, Credentials, Signer

KEYS = st.lists(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"])
        | st.sampled_from(" +%~/?#&=:@!$'()*,;[]ü€😀"),
        min_size=1,
        max_size=20,
    ).filter(lambda name: not name.startswith("/") and "//" not in name),
    min_size=1,
    max_size=4,
).map("/".join)
HOSTS = st.sampled_from([
    "https://my-bucket.s3.eu-west-1.amazonaws.com",
    "https://my-bucket.s3.dualstack.eu-west-1.amazonaws.com",
    "https://my-bucket.s3-accelerate.amazonaws.com",
    "https://my-bucket.s3-accelerate.dualstack.amazonaws.com",
    "http://127.0.0.1:8333/my-bucket",
])  # fmt: skip
# The URLs of one bucket: they differ only in the host.
BUCKET_URLS = st.sampled_from([
    ["https://b.s3.eu-west-1.amazonaws.com"],
    ["https://b.s3.eu-west-1.amazonaws.com", "https://b.s3.dualstack.eu-west-1.amazonaws.com"],
    ["http://127.0.0.1:8333/b", "http://localhost:8333/b", "http://127.0.0.2:8333/b"],
])  # fmt: skip
PRINTABLE = string.ascii_letters + string.digits + "+/=_-"
SIGNERS = st.builds(
    Signer,
    st.builds(
        Credentials,
        st.text(string.ascii_uppercase + string.digits, min_size=16, max_size=20),
        st.text(PRINTABLE, min_size=1, max_size=40),
        st.none() | st.text(PRINTABLE, min_size=1, max_size=400),
    ),
    st.sampled_from(["us-east-1", "eu-west-1", "ap-southeast-5"]),
    st.datetimes(
        datetime(2000, 1, 1),  # noqa: DTZ001 - Hypothesis takes bounds without a zone
        datetime(2100, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    st.integers(1, 7 * 24 * 3600),
)
CHECKSUMS = st.none() | st.sampled_from(["rosUhgp5mIg=", "AAAAAAAAAAA=", "+/+/+/+/+/8="])


def oracle(signer: Signer, method: str, url: str, headers: Mapping[str, str]) -> str:
    """The URL that botocore presigns for the same request, at the same moment."""
    given_away = signer.credentials
    auth = S3SigV4QueryAuth(
        BotocoreCredentials(
            given_away.access_key_id, given_away.secret_access_key, given_away.session_token
        ),
        "s3",
        signer.region,
        expires=signer.lifetime,
    )
    request = AWSRequest(method=method, url=url, headers=dict(headers))
    # The steps of add_auth, at the signer's time instead of now.
    request.context["timestamp"] = signer.now.strftime("%Y%m%dT%H%M%SZ")
    auth._modify_request_before_signing(request)  # type: ignore[attr-defined]
    text = auth.string_to_sign(request, auth.canonical_request(request))
    auth._inject_signature_to_request(request, auth.signature(text, request))  # type: ignore[attr-defined]
    return str(request.url)


def pieces(url: str) -> tuple[str, dict[str, list[str]]]:
    """A URL, compared without the order of its query."""
    address, _, query = url.partition("?")
    return address, parse_qs(query, strict_parsing=True, keep_blank_values=True)


def botocore_url(bucket_url: str, key: str) -> str:
    """The URL as botocore encodes it."""
    return f"{bucket_url}/{percent_encode(key, safe='/~')}"


@given(signer=SIGNERS, host=HOSTS, key=KEYS, filename=st.text(max_size=50))
def test_a_get_is_signed_as_botocore_signs_it(
    signer: Signer, host: str, key: str, filename: str
) -> None:
    assume(filename.isprintable())
    parameters = {
        "response-content-disposition": f"attachment; filename={filename}",
        "response-content-type": "text/plain; charset=utf-8",
    }
    query = "&".join(f"{name}={percent_encode(v)}" for name, v in parameters.items())

    signed = signer.presigned_url("GET", signing.object_url(host, key), parameters=parameters)

    expected = oracle(signer, "GET", f"{botocore_url(host, key)}?{query}", {})
    assert pieces(signed) == pieces(expected)


@given(signer=SIGNERS, host=HOSTS, key=KEYS, size=st.integers(0, 5 * 2**30), checksum=CHECKSUMS)
def test_a_put_is_signed_as_botocore_signs_it(
    signer: Signer, host: str, key: str, size: int, checksum: str | None
) -> None:
    headers = {"Content-Length": str(size), "If-None-Match": "*"}
    if checksum is not None:
        headers[CHECKSUM_HEADER] = checksum

    sheet = signer.put_sheet(signing.object_url(host, key), size=size, checksum=checksum)

    signed = f"{sheet.urls[0]}&X-Amz-Signature={sheet.signatures[0]}"
    assert pieces(signed) == pieces(oracle(signer, "PUT", botocore_url(host, key), headers))
    checked = {} if checksum is None else {CHECKSUM_HEADER: checksum}
    assert sheet.headers == {"if-none-match": "*", **checked}


@given(
    signer=SIGNERS,
    hosts=BUCKET_URLS,
    key=KEYS,
    multipart_id=st.text(PRINTABLE + "~. %", min_size=1, max_size=100),
    size=st.integers(1, 10_000 * MIB),
    data=st.data(),
)
def test_each_part_is_signed_for_its_hosts_as_botocore_signs_it(
    *, signer: Signer, hosts: list[str], key: str, multipart_id: str, size: int, data: st.DataObject
) -> None:
    plan = parts.plan(size, put_max_size=0, part_size=5 * MIB)
    first = data.draw(st.integers(1, plan.part_count))
    count = data.draw(st.integers(1, min(5, plan.part_count - first + 1)))

    sheet = signer.part_sheet(
        [signing.object_url(host, key) for host in hosts],
        multipart_id=multipart_id,
        plan=plan,
        first=first,
        count=count,
    )

    rows = (sheet.signatures, *sheet.other_signatures)
    signed = len(hosts) if plan.part_count <= ANY_HOST_PARTS else 1
    assert [len(row) for row in rows] == [count] * signed
    for number, turn in product(range(first, first + count), range(signed)):
        url = sheet.urls[(number - 1 + turn) % len(sheet.urls)]
        ours = f"{url}&partNumber={number}&X-Amz-Signature={rows[turn][number - first]}"
        query = f"partNumber={number}&uploadId={percent_encode(multipart_id)}"
        expected = oracle(
            signer,
            "PUT",
            f"{botocore_url(hosts[(number - 1 + turn) % len(hosts)], key)}?{query}",
            {"Content-Length": str(plan.length(number))},
        )
        assert pieces(ours) == pieces(expected)


ANY_TYPES = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=127)
# Types that a policy can express.
TYPES = ANY_TYPES.filter(lambda text: "$" not in text and text == text.strip())


def presigned_post(signer: Signer, fields: dict[str, str], conditions: list[Any]) -> dict[str, str]:
    """The fields of botocore's `generate_presigned_post`, with Signature Version 4, as of now."""
    credentials = signer.credentials
    events = HierarchicalEmitter()  # a signer does not keep it alive
    request_signer: Any = RequestSigner(
        ServiceId("s3"),
        signer.region,
        "s3",
        "s3v4",
        BotocoreCredentials(
            credentials.access_key_id, credentials.secret_access_key, credentials.session_token
        ),
        events,
    )
    expected = S3PostPresigner(request_signer).generate_presigned_post(
        {"method": "POST", "url": "https://b", "headers": {}, "body": b"", "context": {}},
        fields=fields,
        conditions=conditions,
        expires_in=signer.lifetime,
        region_name=signer.region,
    )
    return dict(expected["fields"])


def of_its_time(signer: Signer, fields: Mapping[str, str]) -> Signer:
    """The signer at the moment of a form of botocore's, which ends when that form does."""
    policy = json.loads(base64.b64decode(fields["policy"]))
    ends = datetime.fromisoformat(policy["expiration"])
    now = datetime.strptime(fields["x-amz-date"], "%Y%m%dT%H%M%S%z")
    return replace(
        signer, now=now, lifetime=10**6, credentials=replace(signer.credentials, expires_at=ends)
    )


@given(
    signer=SIGNERS,
    url=HOSTS,
    key=KEYS,
    size=st.integers(0, 5 * 2**30),
    content_type=TYPES,
    checksum=st.sampled_from(["rosUhgp5mIg=", "+/+/+/+/+/8="]),
)
def test_a_form_is_signed_as_botocore_signs_it(
    *, signer: Signer, url: str, key: str, size: int, content_type: str, checksum: str
) -> None:
    fields = {
        "key": key,
        "Content-Type": content_type,
        "x-amz-checksum-algorithm": "CRC64NVME",
        "x-amz-checksum-crc64nvme": checksum,
    }
    of_fields = [{name: value} for name, value in fields.items()]
    conditions = [{"bucket": "b"}, ["content-length-range", size, size], *of_fields]
    expected = presigned_post(signer, fields, conditions)

    form = of_its_time(signer, expected).form(
        url, bucket="b", key=key, size=size, content_type=content_type, checksum=checksum
    )

    assert form.url == url
    assert dict(form.fields) == expected


@pytest.mark.parametrize("content_type", ["a/$b", "${filename}", " a/b", "a/b ", " "])
def test_a_form_declares_no_type_that_a_policy_cannot_express(
    signer: Signer, content_type: str
) -> None:
    form = signer.form(
        "https://b", bucket="b", key="k", size=1, content_type=content_type, checksum="A="
    )

    assert form.fields["Content-Type"] == "binary/octet-stream"
    assert "${" not in base64.b64decode(form.fields["policy"]).decode()


@pytest.mark.parametrize(("seconds", "lives"), [(-1, -1), (0, 0), (1, 0)])
def test_a_form_expires_with_the_credentials_that_signed_it(
    signer: Signer, seconds: int, lives: int
) -> None:
    end = signer.now + timedelta(seconds=signer.lifetime + seconds)
    ending = replace(signer, credentials=replace(signer.credentials, expires_at=end))

    form = ending.form("https://b", bucket="b", key="k", size=1, content_type="a/b", checksum="A=")

    assert form.expires_at == signer.now + timedelta(seconds=signer.lifetime + lives)
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    assert datetime.fromisoformat(policy["expiration"]) == form.expires_at


@pytest.fixture
def signer() -> Signer:
    now = datetime(2013, 5, 24, tzinfo=UTC)
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    return Signer(Credentials("AKIAIOSFODNN7EXAMPLE", secret), "us-east-1", now, 86400)


def test_the_example_of_aws_has_the_signature_of_aws(signer: Signer) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html."""
    url = signer.presigned_url(
        "GET", "https://examplebucket.s3.amazonaws.com/test.txt", parameters={}
    )

    assert url.endswith("aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404")


@pytest.mark.parametrize(
    ("first", "count"),
    [(0, 1), (-1, 1), (1, 0), (1, -1), (1, 4), (3, 2), (4, 1)],
    ids=["zero", "negative", "none", "fewer", "one too many", "past the end", "behind the end"],
)
def test_parts_outside_the_plan_are_not_signed(signer: Signer, first: int, count: int) -> None:
    plan = parts.plan(3 * MIB, put_max_size=0, part_size=MIB)

    with pytest.raises(ValueError, match="of 1 to 3"):
        signer.part_sheet(
            ["https://b.example.com/k"], multipart_id="m", plan=plan, first=first, count=count
        )


def test_a_sheet_expires_after_its_lifetime(signer: Signer) -> None:
    sheet = signer.put_sheet("https://b.example.com/k", size=1, checksum=None)

    assert sheet.expires_at == datetime(2013, 5, 25, tzinfo=UTC)


def test_a_sheet_of_ten_thousand_parts_fits_into_a_lambda_answer(signer: Signer) -> None:
    plan = parts.plan(parts.MAX_OBJECT_SIZE, put_max_size=0, part_size=MIB)

    sheet = signer.part_sheet(
        ["https://b.example.com/k"], multipart_id="m" * 150, plan=plan, first=1, count=10_000
    )

    assert sum(map(len, sheet.signatures)) == 640_000
    assert len(set(sheet.signatures)) == 10_000


@pytest.mark.parametrize(("seconds", "lives"), [(-1, -1), (0, 0), (1, 0)])
def test_a_sheet_expires_with_the_credentials_that_signed_it(
    signer: Signer, seconds: int, lives: int
) -> None:
    end = signer.now + timedelta(seconds=signer.lifetime + seconds)
    ending = replace(signer, credentials=replace(signer.credentials, expires_at=end))

    sheet = ending.put_sheet("https://b.s3.eu-west-1.amazonaws.com/k", size=1, checksum=None)

    assert sheet.expires_at == signer.now + timedelta(seconds=signer.lifetime + lives)


def test_the_signing_key_is_derived_once_a_day_and_region(signer: Signer) -> None:
    signing._signing_key.cache_clear()
    for at in (signer, replace(signer, now=signer.now + timedelta(seconds=1))):
        at.put_sheet("https://b.s3.eu-west-1.amazonaws.com/k", size=1, checksum=None)
    replace(signer, region="eu-west-1").put_sheet("https://b/k", size=1, checksum=None)
    replace(signer, now=signer.now + timedelta(days=1)).put_sheet(
        "https://b/k", size=1, checksum=None
    )

    assert signing._signing_key.cache_info().misses == 3


def test_credentials_do_not_show_their_secrets() -> None:
    text = repr(Credentials("AKIDEXAMPLE", "the-secret", "the-token"))

    assert "AKIDEXAMPLE" in text
    assert "the-secret" not in text
    assert "the-token" not in text
