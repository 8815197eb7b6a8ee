"""Runs one command and ends it, with all of its children, when the local system goes away.

`python local/leash.py COMMAND…` reads a pipe as standard input. The pipe closes when the process at
its other end stops or is killed. Then the command's process group gets SIGTERM and, a little later,
SIGKILL.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

GRACE = 8.0  # seconds between SIGTERM and SIGKILL


def main(command: list[str], *, grace: float = GRACE) -> int:
    """Run the command until it ends; returns its exit status."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    early: list[int] = []  # signals that came before there was a child
    signal.signal(signal.SIGTERM, lambda number, _: early.append(number))
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    signal.signal(signal.SIGTERM, lambda *_: _end(child, grace))
    if early:
        _end(child, grace)
    threading.Thread(target=_end_with_pipe, args=(child, grace), daemon=True).start()
    status = child.wait()
    _kill_group(child, signal.SIGKILL)
    return status if status >= 0 else 128 - status


def _end_with_pipe(child: subprocess.Popen[bytes], grace: float) -> None:
    while os.read(0, 4096):
        pass
    _end(child, grace)


def _end(child: subprocess.Popen[bytes], grace: float) -> None:
    _kill_group(child, signal.SIGTERM)
    timer = threading.Timer(grace, _kill_group, (child, signal.SIGKILL))
    timer.daemon = True
    timer.start()


def _kill_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
