"""What the AWS stand-in keeps on disk: items in a database, everything else in a pickle beside it.

Items are many and change all the time. Accounts, topics, queues and tables are few and change
rarely, so all of them are written again whenever one may have changed.
A killed process loses nothing that was written; only a power cut may take the last moments.
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

KEPT = ("dynamodb", "cognito-idp", "sns", "sqs")


class State:
    """moto's backends, the pickle they are kept in, and the database of their items."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.turn = threading.Lock()
        self._items = path.with_suffix(".items")
        self._saved = self._read()
        self.database = dynamodb_tables.connect(self._items)

    def load(self) -> None:
        """Take up where the last server stopped."""
        self.begin()
        for service in KEPT:
            for account, regions in self._saved.pop(service, {}).items():
                for region, backend in regions.items():
                    backends(service)[account][region] = backend
                    for table in getattr(backend, "tables", {}).values():
                        dynamodb_tables.take_over(table)
        self.end(succeeded=True, writes=True)

    def begin(self) -> None:
        """A request has its turn."""
        self.database.execute("BEGIN")

    def end(self, *, succeeded: bool, writes: bool) -> None:
        """Keep what the request changed, or roll it back; only then may it be answered.

        With `writes` it may have changed more than items. A server that cannot keep its state must
        not run.
        """
        try:
            self.database.execute("COMMIT" if succeeded else "ROLLBACK")
            if writes:
                self.write()
        except BaseException:  # noqa: BLE001 - ends the process
            traceback.print_exc()
            os._exit(1)

    def write(self) -> None:
        """Replace the pickle by the present state, in one step."""
        _forget_messages()
        saved: dict[str, Any] = {"moto": moto.__version__}
        for service in KEPT:
            saved[service] = {
                account: dict(regions) for account, regions in backends(service).items()
            }
        partial = self.path.with_suffix(".partial")
        partial.write_bytes(pickle.dumps(saved))
        partial.replace(self.path)

    def _read(self) -> dict[str, Any]:
        """What the last server kept; what another moto wrote is put aside, with its items."""
        if not self.path.exists():
            return {}
        try:
            with self.path.open("rb") as file:
                saved: dict[str, Any] = _Unpickler(file).load()
        except Exception as error:  # noqa: BLE001 - pickle raises whatever it meets
            saved = {"moto": f"unreadable ({error})"}
        if saved["moto"] == moto.__version__:
            return saved
        aside = self.path.with_suffix(".old")
        self.path.replace(aside)
        for end in ("", "-wal", "-shm"):  # SQLite's files
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self._items}{end}").replace(f"{self._items}.old{end}")
        print(f"state of moto {saved['moto']} put aside as {aside}", flush=True)
        return {}


def backends(service: str) -> Any:
    """What moto holds of a service, by account and region."""
    return get_backend(service)  # type: ignore[call-overload] # typed for literal names only


def _forget_messages() -> None:
    """Drop what moto keeps of every message for tests: its text and its signature's key."""
    for regions in backends("sns").values():
        for backend in regions.values():
            backend._message_public_keys.clear()  # noqa: SLF001 - no other way
            for topic in backend.topics.values():
                topic.sent_notifications.clear()


class _Unpickler(pickle.Unpickler):
    """Reads the pickle, also where an earlier version wrote it and its modules had other names."""

    def find_class(self, module: str, name: str) -> Any:
        if name in ("load_key", "_load_key"):
            return load_key
        return super().find_class(_FORMER_MODULES.get(module, module), name)


_FORMER_MODULES = {
    "local.tables": "local.aws.dynamodb_tables",
    "local.rows": "local.aws.sqlite_rows",
    "local.email": "local.aws.sns_email",
}


def _reduce_key(key: rsa.RSAPrivateKey) -> tuple[Any, ...]:
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return load_key, (pem,)


def load_key(pem: bytes) -> Any:
    """A private key; pickles name this function."""
    return load_pem_private_key(pem, None)


copyreg.pickle(type(rsa.generate_private_key(public_exponent=65537, key_size=2048)), _reduce_key)
# A queue's condition guards nothing between two processes: a new one does.
copyreg.pickle(threading.Condition, lambda _: (threading.Condition, ()))
