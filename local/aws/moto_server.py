"""moto's server for DynamoDB, SNS, SQS, Cognito and STS, with its state on disk.

`python -m local.aws.moto_server --port 5000 --state FILE`. moto keeps everything in memory and is
not thread-safe. This server executes one request at a time, so conditional writes are atomic. It
responds only when the change is on disk: items in a database (`dynamodb_tables`), everything else
in FILE. So a killed server loses nothing that it has confirmed.
"""

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# moto reads these at import: it makes ids from names, so a pool has the same id on every machine.
os.environ["MOTO_COGNITO_IDP_USER_POOL_ID_STRATEGY"] = "HASH"
os.environ["MOTO_COGNITO_IDP_USER_POOL_CLIENT_ID_STRATEGY"] = "HASH"

from moto.cognitoidp.models import CognitoIdpUserPool, UserStatus
from moto.cognitoidp.responses import CognitoIdpResponse
from moto.core.common_models import BaseModel
from moto.core.responses import ActionResult, EmptyResult
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.serving import WSGIRequestHandler, make_server

from local.aws import dynamodb_tables, sns_email
from local.aws.state import State, backends
from local.guard import Application, Environ, guarding

_READING = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "TransactGet")
_ITEM_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")


def serialized(application: Application, state: State) -> Application:
    """An application that executes one request at a time, each as a transaction."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        reads = environ["REQUEST_METHOD"] != "POST" or operation.startswith(_READING)
        writes = not reads and operation not in _ITEM_WRITES
        statuses: list[str] = []

        def start(status: str, *others: Any) -> Any:
            statuses.append(status)
            return start_response(status, *others)

        with state.turn:
            state.begin()
            try:
                return list(application(environ, start))
            finally:
                state.end(
                    succeeded=statuses[-1:] == ["200 OK"],
                    writes=writes or environ["PATH_INFO"].startswith("/email/"),
                )

    return answer


class QuietHandler(WSGIRequestHandler):
    """Logs no request lines: tickets and keys do not belong in a log."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--page-origin", help="the only page that may call it; any by default")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    _track_no_objects()
    state = State(options.state)
    dynamodb_tables.install(state.database)
    state.load()
    sns_email.install(f"http://127.0.0.1:{options.port}")
    _add_email_verified()
    _add_revoke_token()
    application = serialized(
        sns_email.with_email_links(DomainDispatcherApplication(create_backend_app)), state
    )
    server = make_server(
        "127.0.0.1",
        options.port,
        guarding(application, options.page_origin),
        threaded=True,
        request_handler=QuietHandler,
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    finally:
        with state.turn:
            state.write()


def _track_no_objects() -> None:
    """Stop moto from keeping a list of all its objects, which only its own tests need."""
    BaseModel.__new__ = staticmethod(lambda cls, *_, **__: object.__new__(cls))  # type: ignore[method-assign]


def _add_email_verified() -> None:
    """Add `email_verified` to id tokens, as Cognito does: true for confirmed users."""
    claims = CognitoIdpUserPool.get_user_extra_data_by_client_id

    def complete(self: CognitoIdpUserPool, client_id: str, username: str) -> dict[str, Any]:
        user = self._get_user(username)
        verified = user is not None and user.status == UserStatus.CONFIRMED
        return {**claims(self, client_id, username), "email_verified": verified}

    CognitoIdpUserPool.get_user_extra_data_by_client_id = complete  # type: ignore[method-assign]


def _add_revoke_token() -> None:
    """Add RevokeToken, which moto lacks: the refresh token becomes invalid."""

    def revoke_token(self: CognitoIdpResponse) -> ActionResult:
        token = self._get_param("Token")
        # This call has no signature, so it does not name its region.
        for regions in backends("cognito-idp").values():
            for backend in regions.values():
                for pool in backend.user_pools.values():
                    if token in pool.refresh_tokens:
                        pool.refresh_tokens[token] = None
        return EmptyResult()

    CognitoIdpResponse.revoke_token = revoke_token  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
