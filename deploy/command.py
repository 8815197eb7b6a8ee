"""The frame of every command: its arguments, its errors in one line, its exit status, AWS clients.

Must not know any command.
"""

import argparse
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deploy import permissions
from deploy.errors import explained
from deploy.terminal import escaped, readable
from stage.stage import StageError

INTERRUPTED = 130  # 128 + SIGINT, as shells count
READER_GONE = 141  # 128 + SIGPIPE


def client(session: boto3.Session, service: str) -> Any:
    """A client of a service in the session's region."""
    make: Any = session.client
    return make(service)


def arguments(
    command: str, description: str | None, *, stage: str = "", notes: str = ""
) -> argparse.ArgumentParser:
    """The parser of `make {command}`; `stage` is the help text of `--stage`, if it takes one."""
    if command in permissions.COMMANDS:
        notes = f"{notes} {permissions.epilog(command)}".strip()
    parser = argparse.ArgumentParser(
        prog=f"make {command}", description=description, epilog=notes or None
    )
    if stage:
        parser.add_argument("--stage", required=True, help=stage)
    return parser


def run(parser: argparse.ArgumentParser, work: Callable[[argparse.Namespace], int | None]) -> int:
    """Parse the command line and do the work; returns the exit status."""
    options = parser.parse_args()
    return run_command(lambda: work(options))


def run_command(work: Callable[[], int | None]) -> int:
    """Do a command's work; returns its exit status, and prints an error as one line.

    Everything that the work prints is escaped, so that a terminal obeys no text of a client.
    """
    try:
        with escaped():
            status = _status(work)
            sys.stdout.flush()
            return status
    except BrokenPipeError:
        # The reader has closed the pipe, as `| head` does. Python flushes again when it exits.
        # https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE


def _status(work: Callable[[], int | None]) -> int:
    try:
        return work() or 0
    except StageError as error:
        print(readable(error), file=sys.stderr)
    except (BotoCoreError, ClientError) as error:
        print(readable(explained(error)), file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted: run the same command again to continue", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception:  # noqa: BLE001 - its text may repeat a client's: it is printed here, escaped
        traceback.print_exc()
    return 1
