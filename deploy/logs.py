"""`make logs`: what the functions of a stage wrote, in the order of time; of one upload its story.

An upload's story is every line that names it, and the other lines of the same requests. In AWS the
lines are asked of CloudWatch Logs, at home they are read from `.hoist/log`.
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
from deploy import permissions, preflight
from deploy.command import run_command
from deploy.steps import config, policies
from deploy.terminal import readable
from stage.names import function_name, log_group
from stage.stage import ROOT, StageError, check_name, declared

LOCAL_LOGS = ("functions.log", "chalice.log")
# What a line has that every line has; the rest is told as it is.
_HEAD = ("time", "level", "message", "function", "request_id", "_aws", "Stage", "exception")
# What every line about one upload says.
_OF_UPLOAD = frozenset({"owner", "upload_id", "key"})
_SPAN = re.compile(r"([0-9]+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_REQUEST = re.compile(r"RequestId: ([0-9a-f-]{36})")
# Seconds between two looks of --follow.
_PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a log; `fields` are those of a structured one."""

    at: datetime
    function: str
    text: str
    fields: dict[str, Any]

    @property
    def request(self) -> str:
        """The request it is of; of Lambda's own lines as well."""
        found = _REQUEST.search(self.text)
        return str(self.fields.get("request_id") or (found[1] if found else ""))

    def told(self, *, known: frozenset[str] = frozenset()) -> str:
        """The line in words, without the fields that whoever reads knows."""
        at = self.at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        if not self.fields:
            # Lambda puts tabs between what it says.
            text = self.text.rstrip().replace("\t", "  ")
            return readable(f"{at} {self.function:<28} {text}")
        left_out = known.union(_HEAD)
        rest = {name: value for name, value in self.fields.items() if name not in left_out}
        told = " ".join(f"{name}={value}" for name, value in rest.items())
        level, message = (self.fields.get(name, "") for name in ("level", "message"))
        head = readable(f"{at} {self.function:<28} {level} {message}  {told}")
        # Indented, so that no line of an exception is taken for a line of the log.
        trace = str(self.fields.get("exception", "")).rstrip().split("\n")
        return "\n".join([head.rstrip(), *(f"  {readable(line)}" for line in trace if line)])


def parse(text: str, *, function: str, at: datetime) -> Line:
    """A line as it stands in a log; one that is not ours has no fields."""
    try:
        fields = json.loads(text)
        when = datetime.fromisoformat(fields["time"])
    except (ValueError, KeyError, TypeError):
        return Line(at, function, text, {})
    return Line(when, fields.get("function") or function, text, fields)


def story(lines: Iterable[Line], upload: str) -> list[Line]:
    """The lines about an upload, and the other lines of their requests."""
    lines = list(lines)
    requests = {line.request for line in lines if upload in line.text} - {""}
    return [line for line in lines if upload in line.text or line.request in requests]


def in_aws(client: Any, stage: str, since: datetime, *, upload: str = "") -> list[Line]:
    """What the functions of a stage wrote since then; a function that never ran wrote nothing."""
    lines: list[Line] = []
    for name in policies.templates():
        function = function_name(stage, name)
        lines += _filtered(client, function, since, f'"{upload}"' if upload else "")
    if upload:
        # Lambda's own lines know no upload, but the request.
        for function, requests in _requests(lines).items():
            for request in sorted(requests):
                lines += _filtered(client, function, since, f'"{request}"')
    once = {(line.at, line.function, line.text): line for line in lines}
    return sorted(once.values(), key=lambda line: line.at)


def at_home(folder: Path, since: datetime) -> list[Line]:
    """What the functions of the local system wrote since then."""
    lines: list[Line] = []
    for name in LOCAL_LOGS:
        at = since
        path = folder / name
        text = path.read_bytes().decode(errors="replace") if path.exists() else ""
        # JSON leaves Unicode's other line breaks as they are: only this one ends a line.
        for written in filter(None, text.split("\n")):
            line = parse(written, function=path.stem, at=at)
            at = line.at
            lines.append(line)
    return sorted((line for line in lines if line.at >= since), key=lambda line: line.at)


def span(text: str) -> timedelta:
    """`90m`, `12h` or `7d`; raises StageError for anything else."""
    found = _SPAN.fullmatch(text)
    if not found:
        raise StageError(f"{text!r} is no span: SINCE=90m, SINCE=12h or SINCE=7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _filtered(client: Any, function: str, since: datetime, pattern: str) -> Iterator[Line]:
    wanted: dict[str, Any] = {
        "logGroupName": log_group(function),
        "startTime": int(since.timestamp() * 1000),
    }
    if pattern:
        wanted["filterPattern"] = pattern
    try:
        for page in client.get_paginator("filter_log_events").paginate(**wanted):
            for event in page["events"]:
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                yield parse(event["message"], function=function, at=at)
    except client.exceptions.ResourceNotFoundException:
        return


def _requests(lines: Iterable[Line]) -> dict[str, set[str]]:
    """The requests of some lines, by function."""
    found: dict[str, set[str]] = {}
    for line in lines:
        if line.request:
            found.setdefault(line.function, set()).add(line.request)
    return found


class Reader:
    """Where the lines of a stage are read from."""

    def __init__(self, stage: str, upload: str) -> None:
        self._stage, self._upload = stage, upload
        if stage == "local":
            home = Path(os.environ.get("HOIST_HOME", ROOT / ".hoist"))
            self._folder = home / "log"
            if not self._folder.is_dir():
                raise StageError(f"{self._folder} is not there: start the system with `make run`")
        else:
            check_name(stage)
            declared(stage)
            session: Any = preflight.session("", config.recorded_region(stage))
            self._client = session.client("logs")

    def lines(self, since: datetime) -> list[Line]:
        """The lines since then: all, or the upload's story."""
        if self._stage != "local":
            return in_aws(self._client, self._stage, since, upload=self._upload)
        lines = at_home(self._folder, since)
        return story(lines, self._upload) if self._upload else lines


def _follow(reader: Reader, since: datetime) -> None:
    """Print lines as they come, until Ctrl-C; they may come late, but are told once."""
    told: set[tuple[datetime, str]] = set()
    while True:
        for line in reader.lines(since):
            if (line.at, line.text) not in told:
                told.add((line.at, line.text))
                print(line.told(), flush=True)
        time.sleep(_PAUSE)


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make logs", description=__doc__, epilog=permissions.epilog("logs")
    )
    parser.add_argument("--stage", required=True, help="a deployed stage, or local")
    parser.add_argument("--upload", default="", help="UPLOAD: the story of one upload, by its id")
    parser.add_argument("--since", default="", help="SINCE: 90m, 12h or 7d (1h; of an upload 7d)")
    parser.add_argument("--follow", action="store_true", help="FOLLOW=1: go on until Ctrl-C")
    options = parser.parse_args()

    def work() -> None:
        if options.upload and not is_upload_id(options.upload):
            raise StageError(
                f"{options.upload!r} is not an upload id: take it from the message or the page"
            )
        back = span(options.since or ("7d" if options.upload else "1h"))
        reader = Reader(options.stage, options.upload)
        since = datetime.now(UTC) - back
        if options.follow:
            _follow(reader, since)
        lines = reader.lines(since)
        if options.upload:
            keys = {line.fields["key"]: None for line in lines if "key" in line.fields}
            print(*map(readable, keys), sep="\n")
        for line in lines:
            print(line.told(known=_OF_UPLOAD if options.upload else frozenset()))
        if not lines:
            about = f" about {options.upload}" if options.upload else ""
            print(f"Nothing was written{about} since {since:%Y-%m-%d %H:%M} UTC")

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
