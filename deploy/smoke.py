"""`make smoke`: a small file goes the whole way through a stage, as a page would send it.

An account is made for it, and is gone with the upload at the end, whatever happens. Prints no
address that was signed, no token and no password. IAM: cognito-idp:AdminCreateUser,
AdminSetUserPassword and AdminDeleteUser on the pool.
"""

from __future__ import annotations

import argparse
import base64
import json
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from typing import Any

import boto3

from deploy.stage import Stage, StageError, check_name, declared, enter, succeeds

# Seconds until an outcome is missed, between two looks, and that a request may take.
PATIENCE = 60.0
# How often a file is sent: S3 may take minutes to know a new rule, and tells of nothing before.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications.html
TRIES = 3
_PAUSE = 1.0
_TIMEOUT = 30
_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
# A file of each of some types: a stage may take only a few.
SAMPLES = {
    "text/plain": ("hoist-smoke.txt", b"Hoist sends this to see whether all is well.\n"),
    "image/png": ("hoist-smoke.png", _PIXEL),
    "text/csv": ("hoist-smoke.csv", b"name,bytes\nhoist,5\n"),
    "application/json": ("hoist-smoke.json", b'{"hoist": "smoke"}\n'),
}


class NoOutcomeError(StageError):
    """Nothing came of a file in time."""


class Smoke:
    """One stage: what its page is told, and Cognito as an operator has it."""

    def __init__(
        self,
        config: Mapping[str, str],
        cognito: Any,
        logs: str,
        *,
        domain: str = "example.com",
        patience: float = PATIENCE,
    ) -> None:
        self._config, self._cognito, self._logs = config, cognito, logs
        self._domain, self._patience = domain, patience

    def run(self) -> None:
        """Send, wait, download, compare, delete; raises StageError with the leg that failed."""
        types = self._ask("limits", "GET", "/limits")["allowed_types"]
        content_type, (filename, content) = _sample(types)
        with self._account() as token:
            for left in reversed(range(TRIES)):
                try:
                    self._send_and_fetch(token, filename, content, content_type)
                    break
                except NoOutcomeError:
                    if not left:
                        raise
                print(f"  no outcome after {self._patience:.0f} s: once more", flush=True)
        print(f"  {filename:<32} sent, accepted, downloaded, deleted")

    def _send_and_fetch(self, token: str, filename: str, content: bytes, content_type: str) -> None:
        created = self._create(token, filename, content, content_type)
        with self._deleted_at_last(token, created["id"]):
            self._send(created, content, content_type)
            if created["strategy"] == "multipart":
                self._ask("complete", "POST", f"/uploads/{created['id']}/complete", token, {})
            self._wait(token, created["id"])
            self._compare(token, created["id"], content)

    @contextmanager
    def _account(self) -> Iterator[str]:
        """The id token of an account that is there meanwhile."""
        names = {
            "UserPoolId": self._config["user_pool_id"],
            "Username": f"hoist-smoke-{secrets.token_hex(8)}@{self._domain}",
        }
        # Each kind of letter that a policy can ask for.
        password = f"aA1!{secrets.token_urlsafe(40)}"
        self._cognito.admin_create_user(**names, MessageAction="SUPPRESS")
        try:
            self._cognito.admin_set_user_password(**names, Password=password, Permanent=True)
            signed_in = self._cognito.initiate_auth(
                AuthFlow="USER_PASSWORD_AUTH",
                ClientId=self._config["user_pool_client_id"],
                AuthParameters={"USERNAME": names["Username"], "PASSWORD": password},
            )
            yield signed_in["AuthenticationResult"]["IdToken"]
        finally:
            self._cognito.admin_delete_user(**names)

    @contextmanager
    def _deleted_at_last(self, token: str, upload: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # What went wrong first is what is told.
            with suppress(StageError):
                self._ask("delete", "DELETE", f"/uploads/{upload}", token)
            raise
        self._ask("delete", "DELETE", f"/uploads/{upload}", token)

    def _create(self, token: str, filename: str, content: bytes, content_type: str) -> Any:
        wanted = {"filename": filename, "size": len(content), "content_type": content_type}
        return self._ask("create", "POST", "/uploads", token, wanted)

    def _send(self, created: Mapping[str, Any], content: bytes, content_type: str) -> None:
        """PUT the content by the sheet: a whole one, or one part."""
        sheet = created["sheet"]
        part = "&partNumber=1" if created["strategy"] == "multipart" else ""
        url = f"{sheet['urls'][0]}{part}&X-Amz-Signature={sheet['signatures'][0]}"
        headers = {} if part else {"Content-Type": content_type}
        _fetch("send", urllib.request.Request(url, content, headers, method="PUT"))  # noqa: S310

    def _wait(self, token: str, upload: str) -> None:
        began, state = time.monotonic(), ""
        while time.monotonic() - began < self._patience:
            found = self._ask("wait", "GET", f"/uploads/{upload}", token)
            if found["state"] != state:
                state = found["state"]
                print(f"  {upload} {state}", flush=True)
            if state == "accepted":
                print(f"  {time.monotonic() - began:.1f} s from the last byte to the outcome")
                return
            if state in ("rejected", "failed"):
                raise StageError(
                    f"smoke: the file was {state}: {found.get('reason')}; {self._look(upload)}"
                )
            time.sleep(_PAUSE)
        raise NoOutcomeError(
            f"smoke: no outcome after {self._patience:.0f} s, the upload is {state}: does"
            f" S3's event reach process_upload? {self._look(upload)}"
        )

    def _compare(self, token: str, upload: str, content: bytes) -> None:
        url = self._ask("download", "GET", f"/uploads/{upload}/download", token)["url"]
        if _fetch("download", urllib.request.Request(url)) != content:  # noqa: S310
            raise StageError("smoke: what was downloaded is not what was sent")

    def _ask(self, leg: str, method: str, path: str, token: str = "", body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = None if body is None else json.dumps(body).encode()
        if data:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(  # noqa: S310 - the stage's own API
            f"{self._config['api_url']}{path}", data, headers, method=method
        )
        answered = _fetch(leg, request)
        return json.loads(answered) if answered else None

    def _look(self, upload: str) -> str:
        return f"look at `{self._logs} UPLOAD={upload}`"


def run(stage: Stage, config: Mapping[str, str], cognito: Any) -> None:
    """Try a stage with a file; raises StageError with what failed."""
    parameters = declared(stage.name).get("resource_parameters", {})
    # Only addresses at these may have an account.
    domain = parameters.get("SignUpDomains", "").partition(",")[0]
    Smoke(config, cognito, f"make logs STAGE={stage.name}", domain=domain or "example.com").run()


def _sample(types: list[str]) -> tuple[str, tuple[str, bytes]]:
    for content_type, sample in SAMPLES.items():
        if not types or any(fnmatchcase(content_type, pattern) for pattern in types):
            return content_type, sample
    raise StageError(f"smoke: there is no sample of {', '.join(types)}: send a file from the page")


def _fetch(leg: str, request: urllib.request.Request) -> bytes:
    """The body of an answer; raises StageError without the address, which may be signed."""
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            raise StageError(f"smoke: {leg}: {error.code} {_told(error.read())}") from None
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise StageError(f"smoke: {leg}: {request.host} does not answer: {reason}") from None


def _told(body: bytes) -> str:
    """What a problem document says; of S3's XML, which repeats what was signed, its code alone."""
    try:
        problem = json.loads(body)
        return f"{problem['code']}: {problem['detail']}"
    except (ValueError, KeyError, TypeError):
        code = body.partition(b"<Code>")[2].partition(b"</Code>")[0]
        return code.decode(errors="replace")[:80]


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make smoke", description=__doc__)
    parser.add_argument("--stage", required=True, help="a deployed stage, or local")
    options = parser.parse_args()

    def work() -> None:
        if options.stage != "local":
            check_name(options.stage)
        stage = enter(options.stage)
        page = f"{stage.settings.page_origin}/config.json"
        config = json.loads(_fetch("page", urllib.request.Request(page)))  # noqa: S310
        run(stage, config, boto3.client("cognito-idp", region_name=stage.settings.region))

    return succeeds(work)


if __name__ == "__main__":
    sys.exit(main())
