"""A server with a test's answers, in their order; then it repeats the last one.

It stands for a service of AWS that is busy, slow or broken.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Scripted:
    """One answer; it is held back until `gate` is open."""

    status: int
    body: str = ""
    gate: threading.Event | None = None


@dataclass
class ScriptedServer:
    """The server's address, and the request lines that it received."""

    answers: list[Scripted]
    url: str = ""
    requests: list[str] = field(default_factory=list)

    def next_answer(self, request: str) -> Scripted:
        self.requests.append(request)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@contextmanager
def scripted_server(answers: Sequence[Scripted]) -> Iterator[ScriptedServer]:
    """Listens on a free port of this machine."""
    script = ScriptedServer(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = script.next_answer(f"{self.command} {self.path}")
            if answer.gate is not None:
                answer.gate.wait(60)
            body = answer.body.encode()
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - http.server's names

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
