"""The server in front of S3: it forwards everything unchanged, and adds headers that S3 lacks."""

import asyncio
import os

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from local.gateways import downloads
from local.home import HOST, free_ports
from tests.deploy.template import OUTPUTS, RESOURCES
from tests.local.serving import listening

DATA = os.urandom(3 * downloads.PIECE_SIZE + 7)
PATH = "/bucket/uploads/a%20b%2Bc/%C3%BC.html?X-Amz-Signature=ab%2Fcd&response-content-type=a%2Fb"
PAGE_ORIGIN = "https://files.example.com"
# Status, headers and body.
Answer = tuple[int, dict[str, str], bytes]


def request_object(method: str = "GET", **headers: str) -> Answer:
    """Send a request to the server; S3 behind it answers with the path and host it received."""

    async def s3(request: web.Request) -> web.StreamResponse:
        if "Range" in request.headers:
            return web.Response(
                status=206, body=DATA[2:5], headers={"Content-Range": "bytes 2-4/9"}
            )
        response_headers = {
            "Asked": request.raw_path,
            "Host-Asked": request.headers["Host"],
            "Content-Disposition": "attachment; filename=a.html",
            "Content-Type": "text/html",
        }
        return web.Response(body=DATA, headers=response_headers)

    async def ask() -> Answer:
        behind = web.Application()
        behind.router.add_get("/{path:.*}", s3)
        async with (
            listening(behind, free_ports(1)[0]) as s3_url,
            listening(downloads.application(s3_url, PAGE_ORIGIN), free_ports(1)[0]) as url,
            aiohttp.ClientSession() as client,
            client.request(method, URL(url + PATH, encoded=True), headers=headers) as answer,
        ):
            return answer.status, {**answer.headers, "S3": s3_url}, await answer.read()

    return asyncio.run(ask())


def test_an_object_is_served_unchanged() -> None:
    status, headers, data = request_object()

    assert (status, data) == (200, DATA)
    assert headers["Asked"] == PATH, "a changed character breaks the signature"
    assert headers["S3"].endswith(headers["Host-Asked"]), "the URL is signed for S3's own name"
    assert headers["Content-Length"] == str(len(DATA))
    assert headers["Content-Disposition"] == "attachment; filename=a.html"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_headers_that_s3_cannot_send_are_added(method: str) -> None:
    _, headers, _ = request_object(method=method)
    added = downloads.headers(PAGE_ORIGIN)

    assert {name: headers[name] for name in added} == added
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_range_is_forwarded() -> None:
    status, headers, data = request_object(Range="bytes=2-4")

    assert (status, data, headers["Content-Range"]) == (206, DATA[2:5], "bytes 2-4/9")


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
def test_other_methods_are_refused(method: str) -> None:
    status, _, _ = request_object(method=method)

    assert status == 405


def test_without_s3_the_answer_is_502() -> None:
    async def ask() -> int:
        nobody, port = free_ports(2)
        async with (
            listening(downloads.application(f"http://{HOST}:{nobody}", PAGE_ORIGIN), port) as url,
            aiohttp.ClientSession() as client,
            client.get(f"{url}/bucket/a") as answer,
        ):
            return answer.status

    assert asyncio.run(ask()) == 502


def test_the_headers_are_those_of_cloudfront() -> None:
    declared = RESOURCES["DownloadHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    security = declared["SecurityHeadersConfig"]
    (custom,) = declared["CustomHeadersConfig"]["Items"]
    policy, names = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]

    assert names == {"Origin": OUTPUTS["PageOrigin"]["Value"]}
    assert security["ContentTypeOptions"] == {"Override": True}
    assert {
        "Content-Security-Policy": policy.replace("${Origin}", PAGE_ORIGIN),
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        "X-Content-Type-Options": "nosniff",
        custom["Header"]: custom["Value"],
    } == downloads.headers(PAGE_ORIGIN)
