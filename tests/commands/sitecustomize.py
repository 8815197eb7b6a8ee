"""Python runs this first in each process of a test that has this folder on its PYTHONPATH.

`AWS_NAMES_PORT` is the port that AWS's host names lead to (`aws_names.py`). `AWS_CALLS` names the
file for calls, and `AWS_CUT` the call that ends the command (`aws_calls.py`).
"""

import os
import signal
import socket
import sys
from pathlib import Path

if os.environ.get("AWS_NAMES_PORT"):
    import aws_names

    socket.getaddrinfo = aws_names.resolver(socket.getaddrinfo, int(os.environ["AWS_NAMES_PORT"]))
if os.environ.get("AWS_CALLS"):
    import aws_calls

    calls = Path(os.environ["AWS_CALLS"])
    cut = None
    if os.environ.get("AWS_CUT"):
        cut = aws_calls.Cut.parse(os.environ["AWS_CUT"])
        # A process inherits that Ctrl-C is ignored when its test runs in the background.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.meta_path.insert(0, aws_calls.Finder(calls, cut))
