"""`make cost`: what a month of uploads costs in AWS, and what it would with one API call per part.

Reads the settings of the environment and `.chalice/resources.yaml`, and makes no call to AWS.
`bill.py` computes the sums; docs/cost.md says what they leave out.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from math import floor, inf, log10
from typing import TypeVar

from chalicelib.config import Settings, SettingsError
from chalicelib.parts import MAX_OBJECT_SIZE
from deploy.command import arguments, run_command
from deploy.cost.bill import Fixed, Line, Month, costs, fixed_of, total
from deploy.cost.consumption import files_of_visit, plan_of
from deploy.cost.prices import GIB, US_EAST_1, Price, Prices
from deploy.steps.config import planned_settings
from stage.stage import ROOT

Number = TypeVar("Number", int, float)

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
    """A number or size is not valid; says which."""


def parse_size(text: str) -> int:
    """Bytes of a size such as 100MB, 1.5GiB or 4096; raises CostError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[2] not in _UNITS:
        raise CostError(f"{text!r} is no size: write it like 100MB, 1.5GiB or 4096")
    return int(float(match[1]) * _UNITS[match[2]])


def check(month: Month, settings: Settings) -> None:
    """Raise CostError for a month that is not possible."""
    if not 1 <= month.files <= MOST_FILES:
        raise CostError(f"FILES is 1 to {MOST_FILES:,}, not {month.files:,}")
    if month.size < 1:
        raise CostError("SIZE is 1 byte or more")
    if month.size > MAX_OBJECT_SIZE:
        raise CostError(
            f"{month.size:,} bytes are more than S3 accepts in one object: {MAX_OBJECT_SIZE:,}"
        )
    if month.size > settings.max_size:
        raise CostError(
            f"{month.size:,} bytes are more than HOIST_MAX_SIZE allows: {settings.max_size:,}"
        )
    for name, number in (
        ("days", month.days), ("downloads", month.downloads), ("emails", month.emails),
    ):  # fmt: skip
        if not 0 <= number < inf:
            raise CostError(f"--{name} is 0 or more")


def dollars(amount: float) -> str:
    """US dollars: whole ones from a thousand on, and two digits of a sum below one."""
    if amount >= WITHOUT_CENTS:
        return f"{amount:,.0f}"
    places = 1 - floor(log10(amount)) if 0 < amount < 1 else 2
    return f"{amount:.{places}f}"


def format_month(month: Month, settings: Settings, lines: list[Line], prices: Prices) -> str:
    """The cost of a month for people."""
    planned = plan_of(month.size, settings)
    is_whole = planned.strategy == "put"
    parts = "sent whole" if is_whole else f"{planned.part_count:,} parts each"
    visit = files_of_visit(month.files, month.size, settings)
    together = f", {visit:,} in one visit" if visit > 1 else ""
    rows = [(line.service, line.hoist, line.per_part) for line in lines if line.hoist]
    rows.append(("Total", *total(lines, "use", "storage", "fixed")))
    rows.append(("of it, sent and processed", *total(lines, "use")))
    files = "1 file" if month.files == 1 else f"{month.files:,} files"
    head = [
        f"{files} of {month.size:,} bytes a month, {parts}{together}",
        f"kept {month.days:g} days, downloaded {month.downloads:g} times each",
        f"US dollars, list prices of {prices.region} as known on {prices.known_on}, no free tiers",
        "",
        f"{'':<28}{'Hoist':>14}{'a call a part':>16}",
    ]
    body = [f"{name:<28}{dollars(ours):>14}{dollars(theirs):>16}" for name, ours, theirs in rows]
    return "\n".join(head + body)


def table(settings: Settings, prices: Prices) -> str:
    """The cost of uploads of several sizes, as a table of docs/cost.md."""
    rows = [
        "| File | Parts | Uploads | Sent and processed | With a call a part | 30 days of storage |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for size in SIZES:
        for files in NUMBERS:
            month = Month(files, parse_size(size))
            lines = costs(month, settings, Fixed(0, 0, 0, 0), prices)
            ours, theirs = total(lines, "use")
            storage, _ = total(lines, "storage")
            cells = [
                re.sub(r"(?<=\d)(?=[A-Z])", " ", size),
                f"{plan_of(month.size, settings).part_count:,}", f"{files:,}",
                dollars(ours), dollars(theirs), dollars(storage),
            ]  # fmt: skip
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def price_table(prices: Prices) -> str:
    """The prices, as a table of docs/cost.md."""
    rows = ["| Of | US dollars | Page |", "|---|--:|---|"]
    for field in fields(prices):
        price = getattr(prices, field.name)
        if isinstance(price, Price):
            of = price.what if price.per in (1, GIB) else f"{price.per:,} {price.what}"
            amount = f"{price.dollars:.10f}".rstrip("0").rstrip(".")
            rows.append(f"| {of} | {amount} | <{price.page}> |")
    return "\n".join(rows)


def main(argv: list[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """Run the command; returns the exit status."""
    parser = arguments("cost", __doc__)
    parser.add_argument("--files", default="1000", help="FILES: files a month (default 1000)")
    parser.add_argument("--size", default="100MB", help="SIZE of each file, like 100MB or 1TiB")
    parser.add_argument("--days", default="30", help="DAYS that each file is kept (default 30)")
    parser.add_argument("--downloads", default="0", help="DOWNLOADS of each file (default 0)")
    parser.add_argument("--emails", default="0", help="emails for each file (default 0)")
    parser.add_argument("--table", action="store_true", help="print the tables of docs/cost.md")
    options = parser.parse_args(argv)
    return run_command(lambda: _print(options, environ))


def _print(options: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the month or the tables; returns the exit status."""
    try:
        settings = planned_settings({**environ, "HOIST_STAGE": "cost"})
        month = Month(
            files=_number(int, "FILES", options.files),
            size=parse_size(options.size),
            days=_number(float, "--days", options.days),
            downloads=_number(float, "--downloads", options.downloads),
            emails=_number(float, "--emails", options.emails),
        )
        check(month, settings)
    except (CostError, SettingsError) as error:
        print(error, file=sys.stderr)
        return 2
    if options.table:
        print(table(settings, US_EAST_1), price_table(US_EAST_1), sep="\n\n")
        return 0
    template = (ROOT / ".chalice" / "resources.yaml").read_text(encoding="utf-8")
    lines = costs(month, settings, fixed_of(template, settings), US_EAST_1)
    print(format_month(month, settings, lines, US_EAST_1))
    return 0


def _number(kind: Callable[[str], Number], name: str, text: str) -> Number:
    try:
        return kind(text)
    except ValueError as error:
        raise CostError(f"{name} is a number, not {text!r}") from error


if __name__ == "__main__":
    sys.exit(main())
