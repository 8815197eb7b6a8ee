"""Puts each generated table into its place in the pages."""

import functools
import re
from collections.abc import Callable
from pathlib import Path

from scripts.docs import charts, code, contract, settings, template
from scripts.docs.source import ROOT

TABLES: dict[str, Callable[[], str]] = {
    "settings": settings.stage_table,
    "local": settings.local_table,
    "parameters": template.parameter_table,
    "alarms": template.alarm_table,
    "routes": contract.route_table,
    "objects": contract.schema_table,
    "errors": contract.error_table,
    "states": code.state_table,
    "metrics": code.metric_table,
    "logs": code.log_table,
    "commands": code.make_help,
    "figures": charts.figure_table,
}
PLACE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


@functools.cache
def content(name: str) -> str:
    """A table; made once, because some of them start a process."""
    return TABLES[name]()


def pages() -> list[Path]:
    """The pages that may hold tables."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def filled(text: str) -> str:
    """A page with the tables as they are now."""
    return PLACE.sub(lambda at: f"{at[1]}\n{content(at[2])}\n\n{at[3]}", text)


def outdated() -> dict[Path, str]:
    """The pages that differ from the code, each with the text that it should have."""
    texts = {path: path.read_text(encoding="utf-8") for path in pages()}
    current = {path: filled(text) for path, text in texts.items() if "<!-- table: " in text}
    return {path: text for path, text in current.items() if text != texts[path]}
