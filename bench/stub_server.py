"""An HTTP server on 127.0.0.1 that answers for S3 and DynamoDB, for one upload (see `stubbed`).

For benches that measure connections, from another process. Must not know the bench.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders

from bench import stubbed


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        headers = HTTPHeaders.from_pairs(self.headers.items())
        request = AWSPreparedRequest("POST", self.path, headers, b"", stream_output=False)
        body = stubbed.answer(request).content
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, *_: object) -> None:
        """Print nothing: the bench prints its figures."""


@contextmanager
def stub_server() -> Iterator[str]:
    """Run the server; yields its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
