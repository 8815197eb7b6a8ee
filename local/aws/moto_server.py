"""moto's server for DynamoDB, SNS, SQS, Cognito and STS, its state kept on disk.

`python -m local.aws.moto_server --port 5000 --state FILE`. moto keeps everything in memory and is
not safe under threads; here requests take turns, which also makes conditional writes atomic. What
a request changed is on disk before it is answered, so that a killed server loses nothing it had
answered: items in a database (`tables`), everything else in FILE.
"""

import argparse
import os
import signal
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Ids from names, so that a pool has the same id on every machine; read by moto when it is imported.
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
from local.gateways.guard import Application, Environ, guarding

_READING = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "TransactGet")
_ITEM_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")


def taking_turns(application: Application, state: State) -> Application:
    """One request at a time; each is a transaction, and on disk when it is answered."""

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
        """Say nothing."""


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--page-origin", help="the only page that may call it; any by default")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    _track_nothing()
    state = State(options.state)
    dynamodb_tables.install(state.database)
    state.load()
    sns_email.install(f"http://127.0.0.1:{options.port}")
    _tell_verified_addresses()
    _revoke_tokens()
    application = taking_turns(
        sns_email.answering(DomainDispatcherApplication(create_backend_app)), state
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


def _track_nothing() -> None:
    """Let go of what is over: moto's tests want a list of all its objects, for ever."""
    BaseModel.__new__ = staticmethod(lambda cls, *_, **__: object.__new__(cls))  # type: ignore[method-assign]


def _tell_verified_addresses() -> None:
    """Put `email_verified` into id tokens, as Cognito does: who is confirmed has had the code."""
    claims = CognitoIdpUserPool.get_user_extra_data_by_client_id

    def complete(self: CognitoIdpUserPool, client_id: str, username: str) -> dict[str, Any]:
        user = self._get_user(username)
        verified = user is not None and user.status == UserStatus.CONFIRMED
        return {**claims(self, client_id, username), "email_verified": verified}

    CognitoIdpUserPool.get_user_extra_data_by_client_id = complete  # type: ignore[method-assign]


def _revoke_tokens() -> None:
    """RevokeToken, which moto lacks: the refresh token opens nothing any more."""

    def revoke_token(self: CognitoIdpResponse) -> ActionResult:
        token = self._get_param("Token")
        # Nobody signs this call, so it does not say of which region it is.
        for regions in backends("cognito-idp").values():
            for backend in regions.values():
                for pool in backend.user_pools.values():
                    if token in pool.refresh_tokens:
                        pool.refresh_tokens[token] = None
        return EmptyResult()

    CognitoIdpResponse.revoke_token = revoke_token  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
