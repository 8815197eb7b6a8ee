"""AWS's own host names, resolved to an emulator on this machine.

`sitecustomize.py` resolves them so in every process of a test; `reached` does in pytest's own.
No other name is resolved, so that a test can never reach the real AWS or anything else.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
AWS = (".amazonaws.com", ".cloudfront.net")
# The ports of the emulators that this process reaches.
_reached: list[int] = []
LOCAL = (None, "", "localhost", LOOPBACK, "::1")


def resolver(getaddrinfo: Callable[..., Any], port: int) -> Callable[..., Any]:
    """What replaces `socket.getaddrinfo`: AWS's names lead to `port` of this machine.

    Raises gaierror, as for a name that does not exist, for every name that is neither AWS's nor
    this machine's.
    """

    def resolve(host: Any, service: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name in LOCAL:
            return getaddrinfo(host, service, *arguments, **options)
        if str(name).endswith(AWS):
            return getaddrinfo(LOOPBACK, port, *arguments, **options)
        reason = f"a test reaches AWS's emulator alone, not {name}"
        raise socket.gaierror(socket.EAI_NONAME, reason)

    return resolve


def is_reached(port: int) -> bool:
    """Whether AWS's names lead to the emulator of a port in this process, not to AWS."""
    return port in _reached


@contextlib.contextmanager
def reached(port: int, bundle: Path) -> Iterator[None]:
    """Reach an emulator by AWS's names from this process.

    `bundle` holds the certificates that boto3 and urllib trust meanwhile.
    """
    trust = {"AWS_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": str(bundle)}
    before = {name: os.environ.get(name) for name in trust}
    getaddrinfo = socket.getaddrinfo
    os.environ.update(trust)
    _reached.append(port)
    socket.getaddrinfo = resolver(getaddrinfo, port)  # type: ignore[assignment]
    try:
        yield
    finally:
        socket.getaddrinfo = getaddrinfo
        _reached.remove(port)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
