"""What a month of uploads costs in AWS, and what it would with a request to the API for each part.

Reads the settings of the environment and `.chalice/resources.yaml`, and asks AWS nothing. The sums
are made in `bill.py`; docs/cost.md tells what is left out of them.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from math import floor, inf, log10
from typing import TypeVar

from chalicelib.config import Settings, SettingsError
from chalicelib.parts import MAX_OBJECT_SIZE
from deploy.cost.bill import Fixed, Line, Month, costs, fixed_of, total
from deploy.cost.consumption import READ_SPEED, most_together, plan_of
from deploy.cost.prices import GIB, US_EAST_1, Price, Prices
from deploy.steps.config import planned_settings
from deploy.terminal import escaped
from stage.stage import ROOT

Number = TypeVar("Number", int, float)

MB = 10**6
MOST_FILES = 10**12
WITHOUT_CENTS = 1000
_UNITS = {
    "": 1,
    "B": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate("KMGTP", 1)},
    **{f"{letter}iB": 1024**power for power, letter in enumerate("KMGTP", 1)},
}
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,18})?) ?([KMGTP]?i?B|)")
# The sizes and numbers of uploads of the table in docs/cost.md.
SIZES = ("1MB", "100MB", "1GB", "100GB", "1TB", "10TB")
NUMBERS = (1, 1000, 1_000_000)


class CostError(Exception):
    """Numbers that cannot be meant; says which."""


def parse_size(text: str) -> int:
    """Bytes of a size such as 100MB, 1.5GiB or 4096; raises CostError."""
    found = _SIZE.fullmatch(text.strip())
    if found is None or found[2] not in _UNITS:
        raise CostError(f"{text!r} is no size: write it like 100MB, 1.5GiB or 4096")
    return int(float(found[1]) * _UNITS[found[2]])


def check(month: Month, settings: Settings) -> None:
    """Raise CostError for a month that there cannot be."""
    if not 1 <= month.files <= MOST_FILES:
        raise CostError(f"FILES is 1 to {MOST_FILES:,}, not {month.files:,}")
    if month.size < 1:
        raise CostError("SIZE is 1 byte or more")
    if month.size > MAX_OBJECT_SIZE:
        raise CostError(
            f"{month.size:,} bytes are more than S3 takes in one object: {MAX_OBJECT_SIZE:,}"
        )
    if month.size > settings.max_size:
        raise CostError(
            f"{month.size:,} bytes are more than HOIST_MAX_SIZE lets in: {settings.max_size:,}"
        )
    if not 1 <= month.together <= month.files:
        raise CostError(f"TOGETHER is 1 to FILES, {month.files:,}, not {month.together:,}")
    if not 0 < month.read_speed < inf:
        raise CostError("--read-speed is more than 0")
    for name, number in (
        ("days", month.days), ("downloads", month.downloads), ("emails", month.emails),
    ):  # fmt: skip
        if not 0 <= number < inf:
            raise CostError(f"--{name} is 0 or more")


def dollars(amount: float) -> str:
    """US dollars: without cents where there are many, with two digits where there is none."""
    if amount >= WITHOUT_CENTS:
        return f"{amount:,.0f}"
    places = 1 - floor(log10(amount)) if 0 < amount < 1 else 2
    return f"{amount:.{places}f}"


def told(month: Month, settings: Settings, lines: list[Line], prices: Prices) -> str:
    """A month as people read it."""
    planned = plan_of(month.size, settings)
    is_whole = planned.strategy == "put"
    parts = "sent whole" if is_whole else f"{planned.part_count:,} parts each"
    together = f", {month.together:,} in one visit" if month.together > 1 else ""
    rows = [(line.service, line.hoist, line.per_part) for line in lines if line.hoist]
    rows.append(("Total", *total(lines, "use", "storage", "fixed")))
    rows.append(("of it, sent and processed", *total(lines, "use")))
    files = "1 file" if month.files == 1 else f"{month.files:,} files"
    shown = [
        f"{files} of {month.size:,} bytes a month, {parts}{together}",
        f"kept {month.days:g} days, downloaded {month.downloads:g} times each",
        f"US dollars, list prices of {prices.region} as known on {prices.known_on}, no free tiers",
        "",
        f"{'':<28}{'Hoist':>14}{'a call a part':>16}",
    ]
    for name, ours, theirs in rows:
        shown.append(f"{name:<28}{dollars(ours):>14}{dollars(theirs):>16}")
    return "\n".join(shown)


def table(settings: Settings, prices: Prices) -> str:
    """What uploads of all sizes cost, as docs/cost.md has it."""
    rows = [
        "| File | Parts | Uploads | Sent and processed | With a call a part | 30 days of storage |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for size in SIZES:
        for files in NUMBERS:
            bytes_each = parse_size(size)
            together = most_together(files, bytes_each, settings)
            month = Month(files, bytes_each, together=together)
            lines = costs(month, settings, Fixed(0, 0, 0, 0), prices)
            ours, theirs = total(lines, "use")
            stored, _ = total(lines, "storage")
            named = re.sub(r"(?<=\d)(?=[A-Z])", " ", size)
            cells = [
                named, f"{plan_of(month.size, settings).part_count:,}", f"{files:,}",
                dollars(ours), dollars(theirs), dollars(stored),
            ]  # fmt: skip
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def price_table(prices: Prices) -> str:
    """The prices, as docs/cost.md has them."""
    rows = ["| Of | US dollars | Page |", "|---|--:|---|"]
    for field in fields(prices):
        price = getattr(prices, field.name)
        if isinstance(price, Price):
            of = price.what if price.per in (1, GIB) else f"{price.per:,} {price.what}"
            amount = f"{price.dollars:.10f}".rstrip("0").rstrip(".")
            rows.append(f"| {of} | {amount} | <{price.page}> |")
    return "\n".join(rows)


def main(arguments: list[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make cost", description=__doc__)
    parser.add_argument("--files", default="1000", help="files a month (default 1000)")
    parser.add_argument("--size", default="100MB", help="of each, like 100MB or 1TiB")
    parser.add_argument("--days", default="30", help="that each is kept (default 30)")
    parser.add_argument("--downloads", default="0", help="of each file (default 0)")
    parser.add_argument("--emails", default="0", help="for each file (default 0)")
    parser.add_argument(
        "--together",
        help="files in one visit of the page (default: 100 that are sent whole, else 1)",
    )
    parser.add_argument("--read-speed", default=f"{READ_SPEED / MB:g}", help="MB/s, when processed")
    parser.add_argument("--json", action="store_true", help="the same for programs")
    parser.add_argument("--table", action="store_true", help="the tables of docs/cost.md")
    options = parser.parse_args(arguments)
    with escaped():
        return _answer(options, environ)


def _answer(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print what was asked for; returns the exit status."""
    try:
        settings = planned_settings({**environ, "HOIST_STAGE": "cost"})
        files, size = _number(int, "FILES", options.files), parse_size(options.size)
        month = Month(
            files=files,
            size=size,
            days=_number(float, "--days", options.days),
            downloads=_number(float, "--downloads", options.downloads),
            emails=_number(float, "--emails", options.emails),
            together=_number(int, "TOGETHER", options.together)
            if options.together
            else most_together(files, size, settings),
            read_speed=_number(float, "--read-speed", options.read_speed) * MB,
        )
        check(month, settings)
    except (CostError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    template = (ROOT / ".chalice" / "resources.yaml").read_text(encoding="utf-8")
    lines = costs(month, settings, fixed_of(template, settings), US_EAST_1)
    if options.table:
        print(table(settings, US_EAST_1), price_table(US_EAST_1), sep="\n\n")
    elif options.json:
        print(json.dumps(_document(month, lines, US_EAST_1), indent=2))
    else:
        print(told(month, settings, lines, US_EAST_1))
    return 0


def _number(kind: Callable[[str], Number], name: str, text: str) -> Number:
    try:
        return kind(text)
    except ValueError as error:
        raise CostError(f"{name} is a number, not {text!r}") from error


def _document(month: Month, lines: list[Line], prices: Prices) -> dict[str, object]:
    ours, theirs = total(lines, "use", "storage", "fixed")
    return {
        "month": asdict(month),
        "prices": {"region": prices.region, "known_on": prices.known_on.isoformat()},
        "lines": [asdict(line) for line in lines],
        "total": {"hoist": ours, "per_part": theirs},
    }


if __name__ == "__main__":
    sys.exit(main())
