"""`make smoke`: uploads a small file and one in parts to a stage, like a page, and downloads them.

It creates an account, and deletes it with its uploads at the end, also after an error. The account
of a run that was killed is deleted by a run one hour later. Prints no signed address, no token and
no password.
IAM: cognito-idp:AdminCreateUser, AdminSetUserPassword, AdminDeleteUser and ListUsers on the pool.
"""

from __future__ import annotations

import argparse
import http.client
import json
import secrets
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from deploy import command
from deploy.changes import show
from deploy.smoke.calls import RefusedError, fetch, response_to
from deploy.smoke.sample import BLOCK, Sample, sample_of
from deploy.terminal import readable
from stage.stage import Stage, StageError, check_name, declared, enter

# Seconds to wait for an outcome.
PATIENCE = 60.0
# Bytes that a stage checks in a second at least; the wait for a large file is longer by that.
CHECKED_A_SECOND = 10_000_000
# How often a file is uploaded: S3 may need minutes until it applies a new rule.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications.html
TRIES = 3
# Seconds between two requests for the state.
_PAUSE = 1.0
# The prefix of the email address of each account of the smoke test.
PREFIX = "hoist-smoke-"
# No run takes this long: an older account belongs to a run that was killed.
LEFT_AFTER = timedelta(hours=1)
TOO_OLD = (
    "a small file was accepted, but a file in parts is not: is the runtime of the functions too"
    " old? Their boto3 must be 1.36 or newer, or `make logs` shows a ParamValidationError;"
    " choose a newer Python and deploy again"
)


class NoOutcomeError(StageError):
    """An upload had no outcome in time."""


class Smoke:
    """The smoke test of one stage; `config` is its config.json, `cognito` an operator's client."""

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
        """Upload, wait, download, compare, delete; raises StageError with the step that failed."""
        limits = self._call("limits", "GET", "/limits")
        self._delete_old_accounts()
        small = sample_of(limits["allowed_types"])
        if small is None:
            types = ", ".join(limits["allowed_types"])
            raise StageError(f"smoke: there is no sample of {types}: upload a file from the page")
        with self._account() as token:
            self._try(token, small)
            large = small.of_size(limits["put_max_size"] + 1)
            if large.size > limits["max_size"]:
                print("  this stage accepts no file that is large enough to be sent in parts")
                return
            try:
                self._try(token, large)
            except RefusedError as error:
                if error.status != http.client.INTERNAL_SERVER_ERROR:
                    raise
                raise StageError(f"{error}; {TOO_OLD}") from None

    def _try(self, token: str, sample: Sample) -> None:
        """Upload a file until it has an outcome, a few times at most."""
        for remaining in reversed(range(TRIES)):
            try:
                self._upload_and_download(token, sample)
                break
            except NoOutcomeError:
                if not remaining:
                    raise
            print(f"  no outcome after {self._patience:.0f} s: once more", flush=True)
        show(sample.filename, "sent, accepted, downloaded, deleted")

    def _upload_and_download(self, token: str, sample: Sample) -> None:
        checksum = sample.crc64nvme()
        created = self._create(token, sample, checksum)
        with self._deleted_at_the_end(token, created["id"]):
            if created["strategy"] == "multipart":
                self._send_parts(token, created, sample)
                path, body = f"/uploads/{created['id']}/complete", {"crc64nvme": checksum}
                self._call("complete", "POST", path, token, body)
            else:
                headers = {
                    "Content-Type": sample.content_type,
                    "x-amz-checksum-crc64nvme": checksum,
                }
                self._put(created["sheet"], 1, sample.read(0, sample.size), headers)
            self._wait(token, created["id"], sample.size)
            self._compare(token, created["id"], sample)

    def _delete_old_accounts(self) -> None:
        """Delete the accounts of runs that were killed, with their uploads."""
        pool, before = self._config["user_pool_id"], datetime.now(UTC) - LEFT_AFTER
        pages = self._cognito.get_paginator("list_users").paginate(
            UserPoolId=pool, Filter=f'email ^= "{PREFIX}"'
        )
        emails = [
            attribute["Value"]
            for page in pages
            for user in page["Users"]
            if user["UserCreateDate"] < before
            for attribute in user["Attributes"]
            if attribute["Name"] == "email"
        ]
        for email in emails:
            token = self._sign_in(email)
            for upload in self._call("list", "GET", "/uploads", token)["uploads"]:
                self._call("delete", "DELETE", f"/uploads/{upload['id']}", token)
            self._cognito.admin_delete_user(UserPoolId=pool, Username=email)
            show("an earlier run", "its account was deleted with its uploads")

    @contextmanager
    def _account(self) -> Iterator[str]:
        """The id token of an account, which is deleted at the end."""
        names = {
            "UserPoolId": self._config["user_pool_id"],
            "Username": f"{PREFIX}{secrets.token_hex(8)}@{self._domain}",
        }
        self._cognito.admin_create_user(
            **names,
            UserAttributes=[
                {"Name": "email", "Value": names["Username"]},
                {"Name": "email_verified", "Value": "true"},
            ],
            MessageAction="SUPPRESS",
        )
        try:
            yield self._sign_in(names["Username"])
        finally:
            self._cognito.admin_delete_user(**names)

    def _sign_in(self, email: str) -> str:
        """The id token of an account, which gets a new password."""
        # Every kind of character that a password policy can require.
        password = f"aA1!{secrets.token_urlsafe(40)}"
        self._cognito.admin_set_user_password(
            UserPoolId=self._config["user_pool_id"],
            Username=email,
            Password=password,
            Permanent=True,
        )
        signed_in = self._cognito.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=self._config["user_pool_client_id"],
            AuthParameters={"USERNAME": email, "PASSWORD": password},
        )
        return str(signed_in["AuthenticationResult"]["IdToken"])

    @contextmanager
    def _deleted_at_the_end(self, token: str, upload: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # The first error is the one to report.
            with suppress(StageError):
                self._call("delete", "DELETE", f"/uploads/{upload}", token)
            raise
        self._call("delete", "DELETE", f"/uploads/{upload}", token)

    def _create(self, token: str, sample: Sample, checksum: str) -> Any:
        body = {
            "filename": sample.filename,
            "size": sample.size,
            "content_type": sample.content_type,
            "crc64nvme": checksum,
        }
        return self._call("create", "POST", "/uploads", token, body)

    def _send_parts(self, token: str, created: Mapping[str, Any], sample: Sample) -> None:
        """PUT the parts with the first sheet, and the last part with a sheet of its own."""
        path, count, size = f"/uploads/{created['id']}", created["part_count"], created["part_size"]
        sheet, tenths = created["sheet"], 0
        for number in range(1, count + 1):
            if number == count:
                body = {"first": number, "count": 1}
                sheet = self._call("sheet", "POST", f"{path}/sheet", token, body)
            end = min(number * size, sample.size)
            self._put(sheet, number, sample.read((number - 1) * size, end), {}, in_parts=True)
            if end * 10 // sample.size > tenths:
                tenths = end * 10 // sample.size
                print(f"  {sample.filename}: part {number} of {count}, {end:,} bytes", flush=True)
        listed = self._call("parts", "GET", f"{path}/parts", token)["parts"]
        if [part["number"] for part in listed] != list(range(1, count + 1)):
            raise StageError(f"smoke: parts: {count} were sent, the API lists {len(listed)}")

    def _put(
        self,
        sheet: Mapping[str, Any],
        number: int,
        content: bytes,
        headers: Mapping[str, str],
        *,
        in_parts: bool = False,
    ) -> None:
        """PUT a part or the whole content with a sheet, and with the headers that it requires."""
        url = sheet["urls"][(number - 1) % len(sheet["urls"])]
        part = f"&partNumber={number}" if in_parts else ""
        signed = f"{url}{part}&X-Amz-Signature={sheet['signatures'][number - sheet['first']]}"
        request = urllib.request.Request(  # noqa: S310 - an address that the API has signed
            signed, content, {**headers, **sheet.get("headers", {})}, method="PUT"
        )
        fetch(f"send part {number}" if in_parts else "send", request)

    def _wait(self, token: str, upload: str, size: int) -> None:
        patience = self._patience + size // CHECKED_A_SECOND
        start, state = time.monotonic(), ""
        while time.monotonic() - start < patience:
            current = self._call("wait", "GET", f"/uploads/{upload}", token)
            if current["state"] != state:
                state = current["state"]
                print(f"  {readable(upload)} {readable(state)}", flush=True)
            if state == "accepted":
                print(f"  {time.monotonic() - start:.1f} s from the last byte to the outcome")
                return
            if state in ("rejected", "failed"):
                raise StageError(
                    f"smoke: the file was {state}: {current.get('reason')}; {self._hint(upload)}"
                )
            time.sleep(_PAUSE)
        raise NoOutcomeError(
            f"smoke: no outcome after {patience:.0f} s, the upload is {state}: does"
            f" S3's event reach process_upload? {self._hint(upload)}"
        )

    def _compare(self, token: str, upload: str, sample: Sample) -> None:
        url = self._call("download", "GET", f"/uploads/{upload}/download", token)["url"]
        with response_to("download", urllib.request.Request(url)) as response:  # noqa: S310
            same = all(response.read(len(block)) == block for block in sample.blocks())
            if not same or response.read(BLOCK):
                raise StageError("smoke: the downloaded file differs from the uploaded one")

    def _call(self, step: str, method: str, path: str, token: str = "", body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = None if body is None else json.dumps(body).encode()
        if data:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(  # noqa: S310 - the stage's own API
            f"{self._config['api_url']}{path}", data, headers, method=method
        )
        response = fetch(step, request)
        return json.loads(response) if response else None

    def _hint(self, upload: str) -> str:
        return f"look at `{self._logs} UPLOAD={upload}`"


def run(stage: Stage, config: Mapping[str, str], cognito: Any) -> None:
    """Test a stage with files; raises StageError with the step that failed."""
    parameters = declared(stage.name).get("resource_parameters", {})
    # Only addresses at these domains may have an account.
    domain = parameters.get("SignUpDomains", "").partition(",")[0]
    Smoke(config, cognito, f"make logs STAGE={stage.name}", domain=domain or "example.com").run()


def main() -> int:
    """Run the command; returns the exit status."""

    def work(options: argparse.Namespace) -> None:
        if options.stage != "local":
            check_name(options.stage)
        stage = enter(options.stage)
        page = f"{stage.settings.page_origin}/config.json"
        config = json.loads(fetch("page", urllib.request.Request(page)))  # noqa: S310
        session = boto3.Session(region_name=stage.settings.region)
        run(stage, config, command.client(session, "cognito-idp"))

    return command.run(
        command.arguments("smoke", __doc__, stage="a deployed stage, or local"), work
    )


if __name__ == "__main__":
    sys.exit(main())
