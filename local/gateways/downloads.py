"""Hands out objects as CloudFront does in AWS: presigned URLs, under an origin of their own.

S3 cannot send `X-Content-Type-Options`, so something in front of it has to. The query is passed on
as it is: S3 still decides whether the signature is good. Must not know the page or the API.
"""

from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from yarl import URL

PIECE_SIZE = 256 * 1024  # bytes
# Of one connection, and those that aiohttp writes itself.
_NOT_PASSED_ON = frozenset({"connection", "host", "keep-alive", "transfer-encoding", "upgrade"})


def headers(page_origin: str) -> dict[str, str]:
    """What .chalice/resources.yaml lets CloudFront add; only the page may save files by a frame."""
    return {
        "Content-Security-Policy": f"default-src 'none'; frame-ancestors {page_origin}; sandbox",
        "Cross-Origin-Resource-Policy": "same-site",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def application(s3_url: str, page_origin: str) -> web.Application:
    """Every path is S3's; nothing but GET and HEAD is passed on."""
    added = headers(page_origin)
    session = web.AppKey("session", aiohttp.ClientSession)

    async def connected(app: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        async with aiohttp.ClientSession(auto_decompress=False, timeout=timeout) as app[session]:
            yield

    async def hand_out(request: web.Request) -> web.StreamResponse:
        url = URL(f"{s3_url}{request.raw_path}", encoded=True)
        sent = {n: v for n, v in request.headers.items() if n.lower() not in _NOT_PASSED_ON}
        try:
            async with request.app[session].request(request.method, url, headers=sent) as answer:
                return await _passed_on(request, answer, added)
        except aiohttp.ClientError as error:
            raise web.HTTPBadGateway(text="S3 does not answer", headers=added) from error

    application = web.Application()
    application.cleanup_ctx.append(connected)
    # A key may have line ends, which a dot alone does not match.
    application.router.add_get("/{path:(?s:.*)}", hand_out)
    return application


async def _passed_on(
    request: web.Request, answer: aiohttp.ClientResponse, added: dict[str, str]
) -> web.StreamResponse:
    kept = {n: v for n, v in answer.headers.items() if n.lower() not in _NOT_PASSED_ON}
    response = web.StreamResponse(status=answer.status, headers=kept | added)
    await response.prepare(request)
    async for piece in answer.content.iter_chunked(PIECE_SIZE):
        await response.write(piece)
    await response.write_eof()
    return response
