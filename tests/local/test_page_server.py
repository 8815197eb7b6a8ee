"""The page's server: its headers, its configuration, and only the page's own files."""

import asyncio
import http.client
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from local.gateways import page_server
from local.home import HOST, Ports, free_ports
from tests.local.serving import TIMEOUT, listening
from tests.support.running import Answer

CONFIG: dict[str, Any] = {"api_url": "http://127.0.0.1:8000", "demo": {"username": "ü"}}
INDEX = "<!doctype html><title>Hoist</title>"
Get = Callable[..., Answer]


@pytest.fixture
def ports() -> Ports:
    return Ports(*free_ports(6))


@pytest.fixture
def get(tmp_path: Path, ports: Ports) -> Get:
    """Requests a target exactly as written, which a browser would not do."""
    built = tmp_path / "dist"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text(INDEX)
    (built / "icon.svg").write_text("<svg/>")
    (built / "assets" / "index-B2xQ.js").write_text("export {};")
    (built / "assets" / "index-B2xQ.css").write_text("p {}")
    (built / "assets" / "hash-B2xQ.wasm").write_bytes(b"\0asm")
    (tmp_path / "secret.txt").write_text("a secret")
    (tmp_path / "dist-of-another").mkdir()
    (tmp_path / "dist-of-another" / "secret.txt").write_text("a secret")
    (built / "way-out.txt").symlink_to(tmp_path / "secret.txt")

    def ask(target: str, host: str, method: str) -> Answer:
        connection = http.client.HTTPConnection(HOST, ports.page, timeout=TIMEOUT)
        try:
            connection.putrequest(method, target, skip_host=True)
            connection.putheader("Host", host)
            connection.endheaders()
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())
        finally:
            connection.close()

    async def serve_and_request(target: str, host: str, method: str) -> Answer:
        async with listening(page_server.application(built, ports, CONFIG), ports.page):
            return await asyncio.to_thread(ask, target, host, method)

    return lambda target, host=f"{HOST}:{ports.page}", method="GET": asyncio.run(
        serve_and_request(target, host, method)
    )


def directives(answer: Answer) -> dict[str, list[str]]:
    """The directives of the Content-Security-Policy."""
    policy = answer.headers["Content-Security-Policy"].split("; ")
    return {words[0]: words[1:] for words in (directive.split() for directive in policy)}


def test_the_root_is_the_page(get: Get) -> None:
    answer = get("/")

    assert (answer.status, answer.body.decode()) == (200, INDEX)
    assert answer.headers["Content-Type"] == "text/html"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", 200),
        ("/config.json", 200),
        ("/icon.svg", 200),
        ("/assets/index-B2xQ.js", 200),
        ("/assets/", 403),
        ("/assets/nothing.js", 404),
        ("/nothing", 404),
    ],
)
def test_every_answer_has_the_security_headers(get: Get, target: str, status: int) -> None:
    answer = get(target)

    assert answer.status == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert directives(answer)["default-src"] == ["'none'"]


def test_the_policy_lets_the_page_reach_its_services_only(get: Get, ports: Ports) -> None:
    allowed = directives(get("/"))

    assert allowed["connect-src"] == ["'self'", *allowed["frame-src"]]
    assert set(allowed["frame-src"]) == {
        f"http://127.0.0.1:{ports.api}",
        f"http://127.0.0.1:{ports.aws}",
        f"ws://127.0.0.1:{ports.gateway}",
        f"http://127.0.0.1:{ports.s3}",
        f"http://localhost:{ports.s3}",
        f"http://127.0.0.1:{ports.downloads}",
    }


def test_the_policy_allows_no_script_but_the_page_s_own(get: Get) -> None:
    allowed = directives(get("/"))

    assert allowed["script-src"] == ["'self'", "'wasm-unsafe-eval'"]
    assert allowed["style-src"] == allowed["worker-src"] == ["'self'"]
    for directive in ("base-uri", "form-action", "frame-ancestors"):
        assert allowed[directive] == ["'none'"]
    assert "object-src" not in allowed, "default-src excludes it"


@pytest.mark.parametrize(
    "target", ["/assets/index-B2xQ.js", "/assets/index-B2xQ.css", "/assets/hash-B2xQ.wasm"]
)
def test_a_file_named_by_its_content_is_cached_for_a_year(get: Get, target: str) -> None:
    assert get(target).headers["Cache-Control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize("target", ["/", "/index.html", "/config.json", "/icon.svg"])
def test_a_file_that_changes_under_its_name_is_revalidated(get: Get, target: str) -> None:
    assert get(target).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    ("target", "content_type"),
    [
        ("/assets/index-B2xQ.js", "(text|application)/javascript"),
        ("/assets/index-B2xQ.css", "text/css"),
        ("/assets/hash-B2xQ.wasm", "application/wasm"),
        ("/icon.svg", r"image/svg\+xml"),
    ],
)
def test_every_file_has_its_content_type(get: Get, target: str, content_type: str) -> None:
    assert re.fullmatch(content_type, get(target).headers["Content-Type"])


def test_the_configuration_is_json(get: Get) -> None:
    answer = get("/config.json")

    assert answer.headers["Content-Type"].startswith("application/json")
    assert json.loads(answer.body) == CONFIG


@pytest.mark.parametrize("name", ["localhost", "hoist.test", "[::1]"])
def test_another_host_name_is_redirected_to_the_page_s_origin(
    get: Get, ports: Ports, name: str
) -> None:
    answer = get("/config.json?a=1&b=%C3%BC", host=f"{name}:{ports.page}")

    assert answer.status == 307
    location = f"http://127.0.0.1:{ports.page}/config.json?a=1&b=%C3%BC"
    assert answer.headers["Location"] == location
    assert CONFIG["api_url"] not in answer.body.decode()


@pytest.mark.parametrize("target", ["/nothing", "/assets/nothing.js", "/index.html/more"])
def test_a_missing_file_is_404(get: Get, target: str) -> None:
    answer = get(target)

    assert answer.status == 404
    assert answer.headers["Cache-Control"] == "no-cache"


def test_a_folder_is_not_listed(get: Get) -> None:
    answer = get("/assets/")

    assert answer.status in (403, 404)
    assert b"index-B2xQ" not in answer.body


@pytest.mark.parametrize(
    "target",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/..\\secret.txt",
        "/.//../secret.txt",
        "/../dist-of-another/secret.txt",
        "/way-out.txt",
        "{}/secret.txt",
        "/{}/secret.txt",
        "/%2f{}/secret.txt",
    ],
)
def test_no_path_leads_out_of_the_folder(get: Get, tmp_path: Path, target: str) -> None:
    answer = get(target.format(tmp_path))

    assert answer.status in (400, 403, 404)
    assert b"key to the house" not in answer.body


def test_the_page_refuses_other_methods(get: Get) -> None:
    assert get("/", method="POST").status == 405
    assert get("/config.json", method="DELETE").status == 405
