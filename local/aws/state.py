"""The state of the AWS stand-in on disk: items in a database, everything else in a pickle.

Items are many and change often. Accounts, topics, queues and tables are few and change rarely, so
each change writes all of them again. A killed process loses nothing that it has written; only a
power cut may lose the last changes.
"""

import contextlib
import copyreg
import os
import pickle
import threading
import traceback
from pathlib import Path
from typing import Any

import moto
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from moto.backends import get_backend

from local.aws import dynamodb_tables

SERVICES = ("dynamodb", "cognito-idp", "sns", "sqs")


class State:
    """moto's backends, their pickle, and the database of their items."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.turn = threading.Lock()
        self._items = path.with_suffix(".items")
        self._saved = self._read()
        self.database = dynamodb_tables.connect(self._items)

    def load(self) -> None:
        """Load the state that the last server wrote."""
        self.begin()
        for service in SERVICES:
            for account, regions in self._saved.pop(service, {}).items():
                for region, backend in regions.items():
                    backends(service)[account][region] = backend
                    for table in getattr(backend, "tables", {}).values():
                        dynamodb_tables.take_over(table)
        self.end(succeeded=True, writes=True)

    def begin(self) -> None:
        """Start the transaction of a request."""
        self.database.execute("BEGIN")

    def end(self, *, succeeded: bool, writes: bool) -> None:
        """Commit the changes of a request, or roll them back; the server responds afterwards.

        With `writes` the request may have changed more than items. A server that cannot write its
        state must not run.
        """
        try:
            self.database.execute("COMMIT" if succeeded else "ROLLBACK")
            if writes:
                self.write()
        except BaseException:  # noqa: BLE001 - ends the process
            traceback.print_exc()
            os._exit(1)

    def write(self) -> None:
        """Replace the pickle by the present state, atomically."""
        _forget_messages()
        saved: dict[str, Any] = {"moto": moto.__version__}
        for service in SERVICES:
            saved[service] = {
                account: dict(regions) for account, regions in backends(service).items()
            }
        partial = self.path.with_suffix(".partial")
        partial.write_bytes(pickle.dumps(saved))
        partial.replace(self.path)

    def _read(self) -> dict[str, Any]:
        """The state of the last server; the state of another version of moto is moved aside."""
        if not self.path.exists():
            return {}
        try:
            with self.path.open("rb") as file:
                saved: dict[str, Any] = Unpickler(file).load()
        except Exception as error:  # noqa: BLE001 - pickle raises any exception
            saved = {"moto": f"unreadable ({error})"}
        if saved["moto"] == moto.__version__:
            return saved
        aside = self.path.with_suffix(".old")
        self.path.replace(aside)
        for end in ("", "-wal", "-shm"):  # SQLite's files
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self._items}{end}").replace(f"{self._items}.old{end}")
        print(f"moved the state of moto {saved['moto']} to {aside}", flush=True)
        return {}


def backends(service: str) -> Any:
    """The backends of a service, by account and region."""
    return get_backend(service)  # type: ignore[call-overload] # typed for literal names only


def _forget_messages() -> None:
    """Drop the text and signature key that moto keeps of every message for tests."""
    for regions in backends("sns").values():
        for backend in regions.values():
            backend._message_public_keys.clear()  # noqa: SLF001 - no other way
            for topic in backend.topics.values():
                topic.sent_notifications.clear()


class Unpickler(pickle.Unpickler):
    """Reads the pickle, also one of an earlier version, which had these names in other modules."""

    def find_class(self, module: str, name: str) -> Any:
        if name in ("load_key", "_load_key"):
            return load_key
        if name == "StoredTable":
            return dynamodb_tables.StoredTable
        return super().find_class(module, name)


def _reduce_key(key: rsa.RSAPrivateKey) -> tuple[Any, ...]:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return load_key, (pem,)


def load_key(pem: bytes) -> Any:
    """A private key; pickles name this function."""
    return load_pem_private_key(pem, None)


copyreg.pickle(type(rsa.generate_private_key(public_exponent=65537, key_size=2048)), _reduce_key)
# A lock cannot be pickled, and a loaded queue can use a new one.
copyreg.pickle(threading.Condition, lambda _: (threading.Condition, ()))
