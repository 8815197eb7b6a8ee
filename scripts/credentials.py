#!/usr/bin/env python3
"""Temporary credentials for `credential_process`, so that a transfer may outlive an hour.

    credentials.py sign-in https://files.example.com  # asks for a password; good for 30 days
    credentials.py                                    # what an AWS SDK runs and reads
    credentials.py where                              # the address to send to: s3://bucket/prefix
    credentials.py sign-out

It needs Python 3.9 and nothing else; copy it wherever you like. It keeps Cognito's refresh token in
a file that only you can read, never the password, and prints secrets to the SDK alone.
`HOIST_CREDENTIALS_FILE` names another file.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
"""

from __future__ import annotations

import argparse
import getpass
import json
import os
import shlex
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TIMEOUT = 30  # seconds
DEFAULT_FILE = "~/.config/hoist/credentials.json"
# What is kept of what the page is told.
CONFIG = ("api_url", "region", "cognito_endpoint", "user_pool_client_id")
# Cognito's errors that say that only signing in again helps.
SESSION_ENDED = {
    "NotAuthorizedException", "UserNotFoundException", "PasswordResetRequiredException",
}  # fmt: skip


class RefusedError(Exception):
    """A server refused; `code` is the name of its error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def main() -> None:
    """Do what the command line says; a reason to fail is one line on standard error."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command")
    signing_in = commands.add_parser("sign-in", help="sign in to the page at an address")
    signing_in.add_argument("page", help="the page's address, such as https://files.example.com")
    signing_in.add_argument("--email", help="the account; asked for where it is left out")
    commands.add_parser("where", help="print the address to send to: s3://bucket/prefix")
    commands.add_parser("sign-out", help="end the session and delete the file")
    asked = parser.parse_args()
    try:
        if asked.command == "sign-in":
            sign_in(asked.page, asked.email)
        elif asked.command == "sign-out":
            sign_out()
        elif asked.command == "where":
            lent = lend(read())
            print(f"s3://{lent['bucket']}/{lent['prefix']}")
        else:
            print(json.dumps(for_sdk(lend(read()))))
    except RefusedError as error:
        sys.exit(f"credentials: {error}")
    except OSError as error:
        sys.exit(f"credentials: {error.strerror or getattr(error, 'reason', error)}")


def sign_in(page: str, email: str | None) -> None:
    """Exchange a password for a refresh token, and keep that; prints the profile to paste."""
    told = fetch(f"{page.rstrip('/')}/config.json")
    config = {name: told[name] for name in CONFIG}
    email = email or input("Email: ")
    # Not from the command line, which other users of the machine see.
    password = os.environ.get("HOIST_PASSWORD") or getpass.getpass("Password: ")
    answer = initiate(config, "USER_PASSWORD_AUTH", {"USERNAME": email, "PASSWORD": password})
    keep({"config": config, "refresh_token": answer["RefreshToken"]})
    command = " ".join(map(shlex.quote, (sys.executable, str(Path(__file__).resolve()))))
    print(
        f"Signed in. Put this into ~/.aws/config:\n\n[profile hoist]\nregion = {config['region']}"
    )
    print(f"credential_process = {command}")


def sign_out() -> None:
    """Revoke the refresh token and delete the file."""
    kept = read()
    body = {"ClientId": kept["config"]["user_pool_client_id"], "Token": kept["refresh_token"]}
    try:
        cognito(kept["config"], "RevokeToken", body)
    finally:
        path().unlink()


def lend(kept: Mapping[str, Any]) -> Any:
    """What `POST /credentials` answers to the account that is signed in."""
    try:
        answer = initiate(
            kept["config"], "REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": kept["refresh_token"]}
        )
    except RefusedError as error:
        if error.code in SESSION_ENDED:
            raise RefusedError(error.code, "The session has ended: sign in again") from None
        raise
    if "RefreshToken" in answer:  # where the pool rotates them
        keep({**kept, "refresh_token": answer["RefreshToken"]})
    headers = {"Authorization": f"Bearer {answer['IdToken']}"}
    return fetch(f"{kept['config']['api_url'].rstrip('/')}/credentials", b"", headers)


def for_sdk(lent: Mapping[str, str]) -> dict[str, Any]:
    """The form that SDKs read; they run the command again before `Expiration`."""
    return {
        "Version": 1,
        "AccessKeyId": lent["access_key_id"],
        "SecretAccessKey": lent["secret_access_key"],
        "SessionToken": lent["session_token"],
        "Expiration": lent["expiration"],
    }


def initiate(config: Mapping[str, str], flow: str, parameters: Mapping[str, str]) -> Any:
    """Cognito's InitiateAuth; raises RefusedError where it wants more than a password."""
    body = {
        "AuthFlow": flow,
        "ClientId": config["user_pool_client_id"],
        "AuthParameters": parameters,
    }
    answer = cognito(config, "InitiateAuth", body)
    if "AuthenticationResult" not in answer:
        challenge = str(answer.get("ChallengeName"))
        raise RefusedError(
            challenge, f"Sign in on the page first: the account must answer {challenge}"
        )
    return answer["AuthenticationResult"]


def cognito(config: Mapping[str, str], operation: str, body: Mapping[str, Any]) -> Any:
    """One call of a public client's; needs no credentials."""
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
    }
    return fetch(f"{config['cognito_endpoint'].rstrip('/')}/", json.dumps(body).encode(), headers)


def fetch(url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
    """A JSON answer, to a POST where there is data; raises RefusedError with what the server says.

    Servers repeat no secret in their errors.
    """
    if not url.startswith(("https://", "http://")):
        raise RefusedError("address", f"Not the address of a page: {url}")
    request = urllib.request.Request(url, data=data, headers=dict(headers or {}))  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        with error:
            told = reason(error.read())
        code = str(told.get("__type", told.get("code", error.code))).rpartition("#")[2]
        said = told.get("message") or told.get("Message") or told.get("detail") or ""
        raise RefusedError(code, f"{request.host} answers {error.code} {code}: {said}") from None
    except ValueError:
        raise RefusedError("answer", f"{request.host} does not answer with JSON") from None


def reason(body: bytes) -> Mapping[str, Any]:
    """The error document in an answer; empty where there is none."""
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def path() -> Path:
    """Where the refresh token is kept."""
    return Path(os.environ.get("HOIST_CREDENTIALS_FILE") or DEFAULT_FILE).expanduser()


def read() -> Any:
    """What `sign_in` kept."""
    try:
        return json.loads(path().read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RefusedError("file", "Nobody is signed in: credentials.py sign-in …") from None


def keep(document: Mapping[str, Any]) -> None:
    """Write the file in one step, for its owner's eyes only from its first byte on."""
    target = path()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = target.with_name(f"{target.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file)
    new.replace(target)


if __name__ == "__main__":
    main()
