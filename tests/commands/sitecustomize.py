"""Python runs this first in each process of a test that has this folder on its PYTHONPATH.

AWS_NAMES_PORT: where AWS's host names lead, see `aws_names.py`.
AWS_CALLS and AWS_CUT: what is written down and when the command is killed, see `aws_calls.py`.
"""

import os
import socket
import sys
from pathlib import Path

if os.environ.get("AWS_NAMES_PORT"):
    import aws_names

    socket.getaddrinfo = aws_names.resolver(socket.getaddrinfo, int(os.environ["AWS_NAMES_PORT"]))
if os.environ.get("AWS_CALLS"):
    import aws_calls

    cut = os.environ.get("AWS_CUT")
    calls = Path(os.environ["AWS_CALLS"])
    sys.meta_path.insert(0, aws_calls.Finder(calls, aws_calls.Cut.parse(cut) if cut else None))
