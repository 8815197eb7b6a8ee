"""`make logs`: the log lines of a stage's functions in order of time, or those of one upload.

The lines of an upload are those that name it, and the other lines of the same requests. For a stage
in AWS they come from CloudWatch Logs, for the local system from `.hoist/log`.
IAM: logs:FilterLogEvents on the functions' log groups.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from chalicelib.keys import is_upload_id
from deploy import preflight
from deploy.changes import row
from deploy.command import arguments, client, run
from deploy.steps import config, policies
from deploy.terminal import readable
from stage.names import function_name, log_group
from stage.stage import ROOT, StageError, check_name, declared

LOCAL_LOGS = ("functions.log", "chalice.log")
# The fields that every line has; the others are printed as `name=value`.
_HEAD = ("time", "level", "message", "function", "request_id", "_aws", "Stage", "exception")
# The fields that are the same in all lines about one upload.
_OF_UPLOAD = frozenset({"owner", "upload_id", "key"})
_SPAN = re.compile(r"([0-9]+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_REQUEST = re.compile(r"RequestId: ([0-9a-f-]{36})")
# Seconds between two requests of --follow.
_PAUSE = 2.0
# Width of a function's name.
_FUNCTION = 28


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log; a line that is not structured has no `fields`."""

    at: datetime
    function: str
    text: str
    fields: dict[str, Any]

    @property
    def request(self) -> str:
        """The id of its request, also for Lambda's own lines."""
        match = _REQUEST.search(self.text)
        return str(self.fields.get("request_id") or (match[1] if match else ""))

    def format(self, *, omit: frozenset[str] = frozenset()) -> str:
        """The line for people, without the fields to omit."""
        at = self.at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        if not self.fields:
            # Lambda separates its values by tabs.
            text = self.text.rstrip().replace("\t", "  ")
            return f"{at} {row(self.function, text, _FUNCTION)}"
        omit = omit.union(_HEAD)
        rest = (pair for pair in self.fields.items() if pair[0] not in omit)
        values = " ".join(f"{name}={value}" for name, value in rest)
        level, message = (self.fields.get(name, "") for name in ("level", "message"))
        head = f"{at} {row(self.function, f'{level} {message}  {values}', _FUNCTION)}"
        # Indented, so that a line of an exception cannot pass for a line of the log.
        trace = str(self.fields.get("exception", "")).rstrip().split("\n")
        return "\n".join([head, *(f"  {readable(line)}" for line in trace if line)])


def parse(text: str, *, function: str, at: datetime) -> Line:
    """Parse a line of a log; a line that our code did not write has no fields."""
    try:
        fields = json.loads(text)
        when = datetime.fromisoformat(fields["time"])
    except (ValueError, KeyError, TypeError):
        return Line(at, function, text, {})
    return Line(when, fields.get("function") or function, text, fields)


def of_upload(lines: Iterable[Line], upload: str) -> list[Line]:
    """The lines about an upload, and the other lines of their requests."""
    lines = list(lines)
    requests = {line.request for line in lines if upload in line.text} - {""}
    return [line for line in lines if upload in line.text or line.request in requests]


def in_aws(client: Any, stage: str, since: datetime, *, upload: str = "") -> list[Line]:
    """The lines of a stage in AWS since then; a function that never ran has none."""
    lines: list[Line] = []
    for name in policies.templates():
        function = function_name(stage, name)
        lines += _filtered(client, function, since, f'"{upload}"' if upload else "")
    if upload:
        # Lambda's own lines name the request, not the upload.
        for function, requests in _requests(lines).items():
            for request in sorted(requests):
                lines += _filtered(client, function, since, f'"{request}"')
    unique = {(line.at, line.function, line.text): line for line in lines}
    return sorted(unique.values(), key=lambda line: line.at)


def local(folder: Path, since: datetime) -> list[Line]:
    """The lines of the local system since then."""
    lines: list[Line] = []
    for name in LOCAL_LOGS:
        at = since
        path = folder / name
        text = path.read_bytes().decode(errors="replace") if path.exists() else ""
        # JSON does not escape Unicode's other line breaks: only this one ends a line.
        for entry in filter(None, text.split("\n")):
            line = parse(entry, function=path.stem, at=at)
            at = line.at
            lines.append(line)
    return sorted((line for line in lines if line.at >= since), key=lambda line: line.at)


def span(text: str) -> timedelta:
    """The time span of `90m`, `12h` or `7d`; raises StageError for any other text."""
    match = _SPAN.fullmatch(text)
    if not match:
        raise StageError(f"{text!r} is no span: SINCE=90m, SINCE=12h or SINCE=7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _filtered(client: Any, function: str, since: datetime, pattern: str) -> Iterator[Line]:
    request: dict[str, Any] = {
        "logGroupName": log_group(function),
        "startTime": int(since.timestamp() * 1000),
    }
    if pattern:
        request["filterPattern"] = pattern
    try:
        for page in client.get_paginator("filter_log_events").paginate(**request):
            for event in page["events"]:
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                yield parse(event["message"], function=function, at=at)
    except client.exceptions.ResourceNotFoundException:
        return


def _requests(lines: Iterable[Line]) -> dict[str, set[str]]:
    """The ids of the requests of some lines, by function."""
    requests: dict[str, set[str]] = {}
    for line in lines:
        if line.request:
            requests.setdefault(line.function, set()).add(line.request)
    return requests


class Reader:
    """Reads the lines of a stage in AWS, or of the local system."""

    def __init__(self, stage: str, upload: str) -> None:
        self._stage, self._upload = stage, upload
        if stage == "local":
            home = Path(os.environ.get("HOIST_HOME", ROOT / ".hoist"))
            self._folder = home / "log"
            if not self._folder.is_dir():
                raise StageError(f"{self._folder} does not exist: start the system with `make run`")
        else:
            check_name(stage)
            declared(stage)
            session = preflight.session("", config.recorded_region(stage))
            self._client = client(session, "logs")

    def lines(self, since: datetime) -> list[Line]:
        """The lines since then: all, or those of the upload."""
        if self._stage != "local":
            return in_aws(self._client, self._stage, since, upload=self._upload)
        lines = local(self._folder, since)
        return of_upload(lines, self._upload) if self._upload else lines


def _follow(reader: Reader, since: datetime) -> None:
    """Print lines as they arrive, each once, until Ctrl-C."""
    printed: set[tuple[datetime, str]] = set()
    while True:
        for line in reader.lines(since):
            if (line.at, line.text) not in printed:
                printed.add((line.at, line.text))
                print(line.format(), flush=True)
        time.sleep(_PAUSE)


def main() -> int:
    """Run the command; returns the exit status."""
    parser = arguments("logs", __doc__, stage="a deployed stage, or local")
    parser.add_argument("--upload", default="", help="UPLOAD: the id of one upload, for its lines")
    parser.add_argument("--since", default="", help="SINCE: 90m, 12h or 7d (1h; of an upload 7d)")
    parser.add_argument("--follow", action="store_true", help="FOLLOW=1: continue until Ctrl-C")

    def work(options: argparse.Namespace) -> None:
        if options.upload and not is_upload_id(options.upload):
            raise StageError(
                f"{options.upload!r} is not an upload id: take it from the message or the page"
            )
        since = datetime.now(UTC) - span(options.since or ("7d" if options.upload else "1h"))
        reader = Reader(options.stage, options.upload)
        if options.follow:
            _follow(reader, since)
        _print(reader.lines(since), options.upload, since)

    return run(parser, work)


def _print(lines: list[Line], upload: str, since: datetime) -> None:
    """Print lines; before those of one upload, its keys."""
    if upload:
        keys = {line.fields["key"]: None for line in lines if "key" in line.fields}
        print(*map(readable, keys), sep="\n")
    for line in lines:
        print(line.format(omit=_OF_UPLOAD if upload else frozenset()))
    if not lines:
        about = f" about {upload}" if upload else ""
        print(f"No line was written{about} since {since:%Y-%m-%d %H:%M} UTC")


if __name__ == "__main__":
    sys.exit(main())
