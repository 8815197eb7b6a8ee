"""`make smoke`: a small file and one in parts go the whole way through a stage, as from a page.

An account is made for them, and is gone with the uploads at the end, whatever happens. What a
killed run left, a run deletes an hour later. Prints no address that was signed, no token and no
password. IAM: cognito-idp:AdminCreateUser, AdminSetUserPassword, AdminDeleteUser and ListUsers on
the pool.
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

from deploy import permissions
from deploy.command import run_command
from deploy.smoke.answers import RefusedError, answered, fetch
from deploy.smoke.sample import BLOCK, Sample, sample_of
from deploy.terminal import readable
from stage.stage import Stage, StageError, check_name, declared, enter

# Seconds until an outcome is missed, between two looks, and that a request may take.
PATIENCE = 60.0
# Bytes that a stage checks in a second at least: a large file has that much longer.
CHECKED_A_SECOND = 10_000_000
# How often a file is sent: S3 may take minutes to know a new rule, and tells of nothing before.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications.html
TRIES = 3
_PAUSE = 1.0
# What each address of an account of the smoke test begins with.
PREFIX = "hoist-smoke-"
# No run takes as long: an account that is older was left by a run that was killed.
LEFT_AFTER = timedelta(hours=1)
TOO_OLD = (
    "a small file went through, but a file in parts does not: is the runtime of the functions too"
    " old? Their boto3 must be 1.36 or newer, or `make logs` shows a ParamValidationError;"
    " choose a newer Python and deploy again"
)


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
        limits = self._ask("limits", "GET", "/limits")
        self._delete_left()
        small = sample_of(limits["allowed_types"])
        if small is None:
            types = ", ".join(limits["allowed_types"])
            raise StageError(f"smoke: there is no sample of {types}: send a file from the page")
        with self._account() as token:
            self._try(token, small)
            large = small.of_size(limits["put_max_size"] + 1)
            if large.size > limits["max_size"]:
                print("  no file of this stage is large enough to be sent in parts")
                return
            try:
                self._try(token, large)
            except RefusedError as error:
                if error.status != http.client.INTERNAL_SERVER_ERROR:
                    raise
                raise StageError(f"{error}; {TOO_OLD}") from None

    def _try(self, token: str, sample: Sample) -> None:
        """Send a file until it has an outcome, a few times at most."""
        for left in reversed(range(TRIES)):
            try:
                self._send_andfetch(token, sample)
                break
            except NoOutcomeError:
                if not left:
                    raise
            print(f"  no outcome after {self._patience:.0f} s: once more", flush=True)
        print(f"  {sample.filename:<32} sent, accepted, downloaded, deleted", flush=True)

    def _send_andfetch(self, token: str, sample: Sample) -> None:
        checksum = sample.crc64nvme()
        created = self._create(token, sample, checksum)
        with self._deleted_at_last(token, created["id"]):
            if created["strategy"] == "multipart":
                self._send_parts(token, created, sample)
                sent = {"crc64nvme": checksum}
                self._ask("complete", "POST", f"/uploads/{created['id']}/complete", token, sent)
            else:
                known = {
                    "Content-Type": sample.content_type,
                    "x-amz-checksum-crc64nvme": checksum,
                }
                self._put(created["sheet"], 1, sample.read(0, sample.size), known)
            self._wait(token, created["id"], sample.size)
            self._compare(token, created["id"], sample)

    def _delete_left(self) -> None:
        """Delete the accounts that killed runs left, with their uploads."""
        pool, before = self._config["user_pool_id"], datetime.now(UTC) - LEFT_AFTER
        pages = self._cognito.get_paginator("list_users").paginate(
            UserPoolId=pool, Filter=f'email ^= "{PREFIX}"'
        )
        left = [
            attribute["Value"]
            for page in pages
            for user in page["Users"]
            if user["UserCreateDate"] < before
            for attribute in user["Attributes"]
            if attribute["Name"] == "email"
        ]
        for email in left:
            token = self._sign_in(email)
            for upload in self._ask("list", "GET", "/uploads", token)["uploads"]:
                self._ask("delete", "DELETE", f"/uploads/{upload['id']}", token)
            self._cognito.admin_delete_user(UserPoolId=pool, Username=email)
            print(f"  {'an earlier run':<32} left an account: deleted with its uploads", flush=True)

    @contextmanager
    def _account(self) -> Iterator[str]:
        """The id token of an account that is there meanwhile."""
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
        """The id token of an account, which has a new password from then on."""
        # Each kind of letter that a policy can ask for.
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
    def _deleted_at_last(self, token: str, upload: str) -> Iterator[None]:
        try:
            yield
        except BaseException:
            # What went wrong first is what is told.
            with suppress(StageError):
                self._ask("delete", "DELETE", f"/uploads/{upload}", token)
            raise
        self._ask("delete", "DELETE", f"/uploads/{upload}", token)

    def _create(self, token: str, sample: Sample, checksum: str) -> Any:
        wanted = {
            "filename": sample.filename,
            "size": sample.size,
            "content_type": sample.content_type,
            "crc64nvme": checksum,
        }
        return self._ask("create", "POST", "/uploads", token, wanted)

    def _send_parts(self, token: str, created: Mapping[str, Any], sample: Sample) -> None:
        """PUT all parts by the first sheet, and the last one by a sheet of its own."""
        path, count, size = f"/uploads/{created['id']}", created["part_count"], created["part_size"]
        sheet, shown = created["sheet"], 0
        for number in range(1, count + 1):
            if number == count:
                wanted = {"first": number, "count": 1}
                sheet = self._ask("sheet", "POST", f"{path}/sheet", token, wanted)
            end = min(number * size, sample.size)
            self._put(sheet, number, sample.read((number - 1) * size, end), {}, in_parts=True)
            if end * 10 // sample.size > shown:
                shown = end * 10 // sample.size
                print(f"  {sample.filename}: part {number} of {count}, {end:,} bytes", flush=True)
        listed = self._ask("parts", "GET", f"{path}/parts", token)["parts"]
        if [part["number"] for part in listed] != list(range(1, count + 1)):
            raise StageError(f"smoke: parts: {count} were sent, the API lists {len(listed)}")

    def _put(
        self,
        sheet: Mapping[str, Any],
        number: int,
        content: bytes,
        known: Mapping[str, str],
        *,
        in_parts: bool = False,
    ) -> None:
        """PUT a part, or the whole content, by a sheet, with the headers that it asks for."""
        url = sheet["urls"][(number - 1) % len(sheet["urls"])]
        part = f"&partNumber={number}" if in_parts else ""
        signed = f"{url}{part}&X-Amz-Signature={sheet['signatures'][number - sheet['first']]}"
        headers = {**known, **sheet.get("headers", {})}
        request = urllib.request.Request(signed, content, headers, method="PUT")  # noqa: S310
        fetch(f"send part {number}" if in_parts else "send", request)

    def _wait(self, token: str, upload: str, size: int) -> None:
        patience = self._patience + size // CHECKED_A_SECOND
        began, state = time.monotonic(), ""
        while time.monotonic() - began < patience:
            found = self._ask("wait", "GET", f"/uploads/{upload}", token)
            if found["state"] != state:
                state = found["state"]
                print(f"  {readable(upload)} {readable(state)}", flush=True)
            if state == "accepted":
                print(f"  {time.monotonic() - began:.1f} s from the last byte to the outcome")
                return
            if state in ("rejected", "failed"):
                raise StageError(
                    f"smoke: the file was {state}: {found.get('reason')}; {self._look(upload)}"
                )
            time.sleep(_PAUSE)
        raise NoOutcomeError(
            f"smoke: no outcome after {patience:.0f} s, the upload is {state}: does"
            f" S3's event reach process_upload? {self._look(upload)}"
        )

    def _compare(self, token: str, upload: str, sample: Sample) -> None:
        url = self._ask("download", "GET", f"/uploads/{upload}/download", token)["url"]
        with answered("download", urllib.request.Request(url)) as answer:  # noqa: S310
            same = all(answer.read(len(block)) == block for block in sample.blocks())
            if not same or answer.read(BLOCK):
                raise StageError("smoke: what was downloaded is not what was sent")

    def _ask(self, leg: str, method: str, path: str, token: str = "", body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        data = None if body is None else json.dumps(body).encode()
        if data:
            headers["Content-Type"] = "application/json"
        request = urllib.request.Request(  # noqa: S310 - the stage's own API
            f"{self._config['api_url']}{path}", data, headers, method=method
        )
        answered = fetch(leg, request)
        return json.loads(answered) if answered else None

    def _look(self, upload: str) -> str:
        return f"look at `{self._logs} UPLOAD={upload}`"


def run(stage: Stage, config: Mapping[str, str], cognito: Any) -> None:
    """Try a stage with a file; raises StageError with what failed."""
    parameters = declared(stage.name).get("resource_parameters", {})
    # Only addresses at these may have an account.
    domain = parameters.get("SignUpDomains", "").partition(",")[0]
    Smoke(config, cognito, f"make logs STAGE={stage.name}", domain=domain or "example.com").run()


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make smoke", description=__doc__, epilog=permissions.epilog("smoke")
    )
    parser.add_argument("--stage", required=True, help="a deployed stage, or local")
    options = parser.parse_args()

    def work() -> None:
        if options.stage != "local":
            check_name(options.stage)
        stage = enter(options.stage)
        page = f"{stage.settings.page_origin}/config.json"
        config = json.loads(fetch("page", urllib.request.Request(page)))  # noqa: S310
        run(stage, config, boto3.client("cognito-idp", region_name=stage.settings.region))

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
