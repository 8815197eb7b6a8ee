"""The charts of docs/benchmarks.md: bars drawn as SVG from what the benches printed.

A bench writes docs/benchmarks/BENCH.json with `--save`; docs/benchmarks/charts.yaml says which of
its figures are drawn beside each other. The pictures make no request and need no script.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import yaml

from scripts.docs.markdown import code, table
from scripts.docs.source import ROOT

FOLDER = ROOT / "docs" / "benchmarks"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One picture, as docs/benchmarks/charts.yaml describes it; `bars` are labels and figures."""

    name: str
    bench: str
    title: str
    unit: str
    better: str
    bars: Mapping[str, str]


def charts() -> list[Chart]:
    """All charts, in the order of the page."""
    text = (FOLDER / "charts.yaml").read_text(encoding="utf-8")
    return [Chart(**chart) for chart in yaml.safe_load(text)]


WIDTH, LABELS, VALUES, ROW, TOP, BOTTOM = 720, 250, 150, 30, 56, 34  # pixels
STYLE = """
text { font: 14px system-ui, sans-serif; fill: #1f2937 }
.title { font-weight: 600 } .note { font-size: 12px; fill: #4b5563 } .value { font-weight: 600 }
.card { fill: #ffffff; stroke: #d1d5db } .ours { fill: #3557b7 } .peer { fill: #9ca3af }
@media (prefers-color-scheme: dark) {
text { fill: #e5e7eb } .note { fill: #9ca3af } .card { fill: #1f232b; stroke: #3b4252 }
.ours { fill: #7c9cf5 } .peer { fill: #6b7280 } }
"""


def result(bench: str) -> Any:
    """What a bench printed, with its date and its arguments."""
    return json.loads((FOLDER / f"{bench}.json").read_text(encoding="utf-8"))


def command(bench: str) -> str:
    """The command that printed it."""
    return " ".join(["bench/" + bench + ".py", *result(bench)["arguments"]])


def dated(bench: str) -> str:
    """The day, or the days, on which it was measured."""
    return str(result(bench)["date"]).replace("/", " to ")


def figure(chart: Chart, name: str) -> Any:
    """A figure; of a pair of measured value and target the first."""
    if name.startswith("= "):
        return name[2:]
    value = result(chart.bench)["figures"]
    for step in name.split(" > "):
        value = value[step] if isinstance(value, dict) else value
    return value[0] if isinstance(value, list) else value


def length(value: Any, longest: float) -> float:
    """What a bar is as long as: a number, or the first number of a text.

    A text without a number has no end, so it is the longest; a peer that fails has no bar.
    """
    if isinstance(value, int | float):
        return float(value)
    number = re.match(r"\d+(?:\.\d+)?", value)
    return float(number[0]) if number else 0.0 if "fail" in value else longest


def with_unit(chart: Chart, value: Any) -> str:
    """A figure with its unit."""
    if isinstance(value, str):
        return value.partition(", ")[0]
    return f"{value:,} {chart.unit}".strip()


def svg(chart: Chart) -> str:
    """The picture: a bar for each figure, ours in another colour."""
    values = [(label, figure(chart, name)) for label, name in chart.bars.items()]
    longest = max(length(value, 0) for _, value in values) or 1
    if any(length(value, 0) < length(value, 1) for _, value in values):
        longest *= 10
    height = TOP + ROW * len(values) + BOTTOM
    rows = []
    for number, (label, value) in enumerate(values):
        y = TOP + ROW * number
        width = max(2, round((WIDTH - LABELS - VALUES) * length(value, longest) / longest))
        kind = "ours" if is_ours(label) else "peer"
        text = escape(with_unit(chart, value))
        rows += [
            f'<text x="{LABELS - 10}" y="{y + 16}" text-anchor="end">{escape(label)}</text>',
            f'<rect class="{kind}" x="{LABELS}" y="{y}" width="{width}" height="22" rx="3"/>',
            f'<text class="value" x="{LABELS + width + 8}" y="{y + 16}">{text}</text>',
        ]
    note = f"{chart.better} is better · {command(chart.bench)} · {dated(chart.bench)}"
    body = "\n".join(rows)
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">
<title>{escape(chart.title)}</title>
<style>{STYLE}</style>
<rect class="card" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>
<text class="title" x="16" y="32">{escape(chart.title)}</text>
{body}
<text class="note" x="16" y="{height - 12}">{escape(note)}</text>
</svg>
"""


def is_ours(label: str) -> bool:
    """Whether a bar is about Hoist itself."""
    return (
        "Hoist" in label or "one batch" in label or label.startswith(("at the most", "with 5,000"))
    )


def figure_table() -> str:
    """Every chart as a row: for readers who see no pictures, and for search."""
    rows = [
        [
            chart.title,
            "; ".join(
                f"{label} {with_unit(chart, figure(chart, name))}"
                for label, name in chart.bars.items()
            ),
            chart.better,
            dated(chart.bench),
            code(command(chart.bench)),
        ]
        for chart in charts()
    ]
    return table(["What", "Figures", "Better", "Measured", "Script"], rows)


def outdated() -> dict[Path, str]:
    """The pictures that differ from the figures, each with its text."""
    current = {FOLDER / f"{chart.name}.svg": svg(chart) for chart in charts()}
    return {
        path: text
        for path, text in current.items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    }
