"""Resolves AWS's host names to an emulator on this machine.

`sitecustomize.py` does so in every process of a test, and `names_resolved` in pytest's process. No
other name is resolved, so that a test can never reach the real AWS or another host.
"""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
AWS = (".amazonaws.com", ".cloudfront.net")
# The ports of the emulators that AWS's names lead to in this process.
_ports: list[int] = []
LOCAL = (None, "", "localhost", LOOPBACK, "::1")


def resolver(getaddrinfo: Callable[..., Any], port: int) -> Callable[..., Any]:
    """A replacement for `socket.getaddrinfo` that resolves AWS's names to `port` of this machine.

    It raises gaierror for every name that is neither AWS's nor this machine's.
    """

    def resolve(host: Any, service: Any, *arguments: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name in LOCAL:
            return getaddrinfo(host, service, *arguments, **options)
        if str(name).endswith(AWS):
            return getaddrinfo(LOOPBACK, port, *arguments, **options)
        reason = f"a test may reach only AWS's emulator, not {name}"
        raise socket.gaierror(socket.EAI_NONAME, reason)

    return resolve


def are_names_resolved(port: int) -> bool:
    """Whether AWS's names lead to the emulator on this port in this process."""
    return port in _ports


@contextlib.contextmanager
def names_resolved(port: int, bundle: Path) -> Iterator[None]:
    """Resolve AWS's names to an emulator in this process.

    `bundle` has the certificates that boto3 and urllib trust meanwhile.
    """
    trust = {"AWS_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": str(bundle)}
    before = {name: os.environ.get(name) for name in trust}
    getaddrinfo = socket.getaddrinfo
    os.environ.update(trust)
    _ports.append(port)
    socket.getaddrinfo = resolver(getaddrinfo, port)
    try:
        yield
    finally:
        socket.getaddrinfo = getaddrinfo
        _ports.remove(port)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
