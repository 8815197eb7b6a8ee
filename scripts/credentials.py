#!/usr/bin/env python3
"""Temporary credentials for `credential_process`, so that a transfer can take more than an hour.

    credentials.py sign-in https://files.example.com  # asks for a password; valid for 30 days
    credentials.py                                    # an AWS SDK runs this and reads the output
    credentials.py where                              # the upload address: s3://bucket/prefix
    credentials.py sign-out

It needs only Python 3.9 or later, so you can copy it anywhere. It stores Cognito's refresh token in
a file that only you can read, never the password, and prints secrets only to the SDK.
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
# The members of the page's config.json that are stored.
CONFIG = ("api_url", "region", "cognito_endpoint", "user_pool_client_id")
# The errors of Cognito after which only a new sign-in helps.
SESSION_ENDED = {
    "NotAuthorizedException", "UserNotFoundException", "PasswordResetRequiredException",
}  # fmt: skip


class RefusedError(Exception):
    """A server refused a request; `code` is the name of its error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def main() -> None:
    """Run a command; an error is one line on standard error."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command")
    signing_in = commands.add_parser("sign-in", help="sign in to the page at an address")
    signing_in.add_argument("page", help="the page's address, such as https://files.example.com")
    signing_in.add_argument("--email", help="the account; the script asks for it if it is omitted")
    commands.add_parser("where", help="print the upload address: s3://bucket/prefix")
    commands.add_parser("sign-out", help="revoke the refresh token and delete the file")
    options = parser.parse_args()
    try:
        if options.command == "sign-in":
            sign_in(options.page, options.email)
        elif options.command == "sign-out":
            sign_out()
        elif options.command == "where":
            credentials = request_credentials(read())
            print(f"s3://{credentials['bucket']}/{credentials['prefix']}")
        else:
            print(json.dumps(for_sdk(request_credentials(read()))))
    except RefusedError as error:
        sys.exit(f"credentials: {error}")
    except OSError as error:
        sys.exit(f"credentials: {error.strerror or getattr(error, 'reason', error)}")


def sign_in(page: str, email: str | None) -> None:
    """Exchange a password for a refresh token and store it; prints the profile to paste."""
    page_config = fetch(f"{page.rstrip('/')}/config.json")
    config = {name: page_config[name] for name in CONFIG}
    email = email or input("Email: ")
    # Not from the command line, which other users of the machine can read.
    password = os.environ.get("HOIST_PASSWORD") or getpass.getpass("Password: ")
    answer = initiate(config, "USER_PASSWORD_AUTH", {"USERNAME": email, "PASSWORD": password})
    store({"config": config, "refresh_token": answer["RefreshToken"]})
    command = " ".join(map(shlex.quote, (sys.executable, str(Path(__file__).resolve()))))
    print(
        f"Signed in. Put this into ~/.aws/config:\n\n[profile hoist]\nregion = {config['region']}"
    )
    print(f"credential_process = {command}")


def sign_out() -> None:
    """Revoke the refresh token and delete the file."""
    account = read()
    body = {"ClientId": account["config"]["user_pool_client_id"], "Token": account["refresh_token"]}
    try:
        cognito(account["config"], "RevokeToken", body)
    finally:
        path().unlink()


def request_credentials(account: Mapping[str, Any]) -> Any:
    """The response of `POST /credentials` for the account that is signed in."""
    try:
        answer = initiate(
            account["config"], "REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": account["refresh_token"]}
        )
    except RefusedError as error:
        if error.code in SESSION_ENDED:
            raise RefusedError(error.code, "Your sign-in has expired: sign in again") from None
        raise
    if "RefreshToken" in answer:  # if the pool rotates them
        store({**account, "refresh_token": answer["RefreshToken"]})
    headers = {"Authorization": f"Bearer {answer['IdToken']}"}
    return fetch(f"{account['config']['api_url'].rstrip('/')}/credentials", b"", headers)


def for_sdk(credentials: Mapping[str, str]) -> dict[str, Any]:
    """The credentials in the form that SDKs read; they run the script again before `Expiration`."""
    return {
        "Version": 1,
        "AccessKeyId": credentials["access_key_id"],
        "SecretAccessKey": credentials["secret_access_key"],
        "SessionToken": credentials["session_token"],
        "Expiration": credentials["expiration"],
    }


def initiate(config: Mapping[str, str], flow: str, parameters: Mapping[str, str]) -> Any:
    """Cognito's InitiateAuth; raises RefusedError if it requires more than a password."""
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
    """Call Cognito as a public client, without credentials."""
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}",
    }
    return fetch(f"{config['cognito_endpoint'].rstrip('/')}/", json.dumps(body).encode(), headers)


def fetch(url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None) -> Any:
    """The JSON response to a GET, or to a POST with data.

    Raises RefusedError with the server's message, which repeats no secret.
    """
    if not url.startswith(("https://", "http://")):
        raise RefusedError("address", f"Not the address of a page: {url}")
    request = urllib.request.Request(url, data=data, headers=dict(headers or {}))  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            return json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        with error:
            document = error_document(error.read())
        code = str(document.get("__type", document.get("code", error.code))).rpartition("#")[2]
        names = ("message", "Message", "detail")
        message = next((document[name] for name in names if document.get(name)), "")
        raise RefusedError(code, f"{request.host} answers {error.code} {code}: {message}") from None
    except ValueError:
        raise RefusedError("answer", f"{request.host} does not answer with JSON") from None


def error_document(body: bytes) -> Mapping[str, Any]:
    """The error document in a response; empty without one."""
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def path() -> Path:
    """The file with the refresh token."""
    return Path(os.environ.get("HOIST_CREDENTIALS_FILE") or DEFAULT_FILE).expanduser()


def read() -> Any:
    """The document that `sign_in` stored."""
    try:
        return json.loads(path().read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RefusedError("file", "Nobody is signed in: credentials.py sign-in …") from None


def store(document: Mapping[str, Any]) -> None:
    """Write the file in one step; only its owner can read it from its first byte on."""
    target = path()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = target.with_name(f"{target.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(document, file)
    new.replace(target)


if __name__ == "__main__":
    main()
