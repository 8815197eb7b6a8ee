"""moto's server for DynamoDB, SNS, SQS, Cognito and STS, its state kept on disk.

`python -m local.aws --port 5000 --state FILE`. moto keeps everything in memory and is not safe
under threads; here requests take turns, which also makes conditional writes atomic, and whatever
changed is written out a moment later, at the latest when the server is told to stop.
"""

import argparse
import copyreg
import os
import pickle
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

# Ids from names, so that a pool has the same id on every machine; read by moto when it is imported.
os.environ["MOTO_COGNITO_IDP_USER_POOL_ID_STRATEGY"] = "HASH"
os.environ["MOTO_COGNITO_IDP_USER_POOL_CLIENT_ID_STRATEGY"] = "HASH"

import moto
from moto.backends import get_backend
from moto.cognitoidp.models import CognitoIdpUserPool, UserStatus
from moto.cognitoidp.responses import CognitoIdpResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.serving import WSGIRequestHandler, make_server

from local import email

KEPT = ("dynamodb", "cognito-idp", "sns", "sqs")
WRITE_DELAY = 0.1  # seconds from a change to its being on disk
_READING = ("Get", "List", "Describe", "Query", "Scan", "BatchGet", "InitiateAuth")

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


class State:
    """moto's backends, and the file they are kept in."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.turn = threading.Lock()
        self._changed = threading.Event()

    def load(self) -> None:
        """Take up where the last server stopped; what another moto wrote is put aside."""
        if not self.path.exists():
            return
        try:
            saved = pickle.loads(self.path.read_bytes())  # noqa: S301 - our own file
        except Exception as error:  # noqa: BLE001 - pickle raises whatever it meets
            saved = {"moto": f"unreadable ({error})"}
        if saved["moto"] != moto.__version__:
            aside = self.path.with_suffix(".old")
            self.path.replace(aside)
            print(f"state of moto {saved['moto']} put aside as {aside}", flush=True)
            return
        for service in KEPT:
            for account, regions in saved.get(service, {}).items():
                for region, backend in regions.items():
                    _backends(service)[account][region] = backend

    def note_change(self) -> None:
        """Something may have changed; write it out soon."""
        self._changed.set()

    def write_changes(self) -> None:
        """Write out what changes, for ever; a server that cannot keep its state must not run."""
        try:
            while True:
                self._changed.wait()
                time.sleep(WRITE_DELAY)
                self.write()
        except BaseException:  # noqa: BLE001 - ends the process
            traceback.print_exc()
            os._exit(1)

    def write(self) -> None:
        """Replace the file by the present state, in one step."""
        with self.turn:
            self._changed.clear()
            _forget_messages()
            saved: dict[str, Any] = {"moto": moto.__version__}
            for service in KEPT:
                saved[service] = {
                    account: dict(regions) for account, regions in _backends(service).items()
                }
            partial = self.path.with_suffix(".partial")
            partial.write_bytes(pickle.dumps(saved))
            partial.replace(self.path)


def taking_turns(application: Application, state: State) -> Application:
    """One request at a time; those that may change something are noted."""

    def answer(environ: Environ, start_response: Any) -> Iterable[bytes]:
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        with state.turn:
            answered = list(application(environ, start_response))
        reads = environ["REQUEST_METHOD"] != "POST" or operation.startswith(_READING)
        if not reads or environ["PATH_INFO"].startswith("/email/"):
            state.note_change()
        return answered

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
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    copyreg.pickle(
        type(rsa.generate_private_key(public_exponent=65537, key_size=2048)), _reduce_key
    )
    # A queue's condition guards nothing between two processes: a new one does.
    copyreg.pickle(threading.Condition, lambda _: (threading.Condition, ()))
    state = State(options.state)
    state.load()
    threading.Thread(target=state.write_changes, daemon=True).start()
    email.install(f"http://127.0.0.1:{options.port}")
    _tell_verified_addresses()
    _revoke_tokens()
    application = taking_turns(
        email.answering(DomainDispatcherApplication(create_backend_app)), state
    )
    server = make_server(
        "127.0.0.1", options.port, application, threaded=True, request_handler=QuietHandler
    )
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    finally:
        state.write()


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
        for regions in _backends("cognito-idp").values():
            for backend in regions.values():
                for pool in backend.user_pools.values():
                    if token in pool.refresh_tokens:
                        pool.refresh_tokens[token] = None
        return EmptyResult()

    CognitoIdpResponse.revoke_token = revoke_token  # type: ignore[attr-defined]


def _forget_messages() -> None:
    """Drop what moto keeps of every message for tests: its text and its signature's key."""
    for regions in _backends("sns").values():
        for backend in regions.values():
            backend._message_public_keys.clear()  # noqa: SLF001 - no other way
            for topic in backend.topics.values():
                topic.sent_notifications.clear()


def _backends(service: str) -> Any:
    return get_backend(service)  # type: ignore[call-overload] # typed for literal names only


def _reduce_key(key: rsa.RSAPrivateKey) -> tuple[Any, ...]:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return _load_key, (pem,)


def _load_key(pem: bytes) -> Any:
    return load_pem_private_key(pem, None)


if __name__ == "__main__":
    main()
