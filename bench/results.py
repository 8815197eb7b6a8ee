"""The result of a bench: one JSON object in the last line, and in a file with `--save FILE`.

The object has `bench` (the script's name), `date` (UTC), `arguments` (of the command line, without
`--save`) and `figures`. A figure is a number, a text, `[measured, target]`, or an object of these.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


def bench_parser(docstring: str | None) -> argparse.ArgumentParser:
    """A parser with `--save`; its description is the first line of the docstring."""
    parser = argparse.ArgumentParser(description=(docstring or "").partition("\n")[0])
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the result to this file")
    return parser


def report(script: str, options: argparse.Namespace, figures: Mapping[str, Any]) -> None:
    """Print each figure in a line, then the result; `script` is the `__file__` of the bench."""
    for name, value in figures.items():
        print(f"{name:<44} {value}")
    finish(script, options, figures)


def finish(script: str, options: argparse.Namespace, figures: Mapping[str, Any]) -> None:
    """Print the result as JSON, and save it if `--save` says so."""
    result = {
        "bench": Path(script).stem,
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "arguments": _without_save(sys.argv[1:]),
        "figures": figures,
    }
    print(json.dumps(result))
    if options.save:
        options.save.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def _without_save(arguments: list[str]) -> list[str]:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--save")
    return parser.parse_known_args(arguments)[1]
