"""Serves objects as CloudFront does in AWS: by presigned URLs, under an origin of their own.

S3 cannot send `X-Content-Type-Options`, so this server adds it. The query reaches S3 unchanged, and
S3 decides whether the signature is valid. Must not know the page or the API.
"""

from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web
from yarl import URL

PIECE_SIZE = 256 * 1024  # bytes
# Headers of one connection, and headers that aiohttp writes itself.
_NOT_FORWARDED = frozenset({"connection", "host", "keep-alive", "transfer-encoding", "upgrade"})


def headers(page_origin: str) -> dict[str, str]:
    """The headers that `.chalice/resources.yaml` lets CloudFront add; only the page may frame."""
    return {
        "Content-Security-Policy": f"default-src 'none'; frame-ancestors {page_origin}; sandbox",
        "Cross-Origin-Resource-Policy": "same-site",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


def application(s3_url: str, page_origin: str) -> web.Application:
    """Forwards GET and HEAD of every path to S3, and nothing else."""
    added = headers(page_origin)
    session = web.AppKey("session", aiohttp.ClientSession)

    async def connected(app: web.Application) -> AsyncIterator[None]:
        timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
        async with aiohttp.ClientSession(auto_decompress=False, timeout=timeout) as app[session]:
            yield

    async def forward(request: web.Request) -> web.StreamResponse:
        url = URL(f"{s3_url}{request.raw_path}", encoded=True)
        request_headers = {
            n: v for n, v in request.headers.items() if n.lower() not in _NOT_FORWARDED
        }
        try:
            async with request.app[session].request(
                request.method, url, headers=request_headers
            ) as answer:
                return await _forward(request, answer, added)
        except aiohttp.ClientError as error:
            raise web.HTTPBadGateway(text="S3 does not answer", headers=added) from error

    application = web.Application()
    application.cleanup_ctx.append(connected)
    # A key may contain line breaks, which a dot alone does not match.
    application.router.add_get("/{path:(?s:.*)}", forward)
    return application


async def _forward(
    request: web.Request, answer: aiohttp.ClientResponse, added: dict[str, str]
) -> web.StreamResponse:
    s3_headers = {n: v for n, v in answer.headers.items() if n.lower() not in _NOT_FORWARDED}
    response = web.StreamResponse(status=answer.status, headers=s3_headers | added)
    await response.prepare(request)
    async for piece in answer.content.iter_chunked(PIECE_SIZE):
        await response.write(piece)
    await response.write_eof()
    return response
