"""The tables and charts in the documentation are those of the code: `python -m scripts.docs`."""

import re

import pytest

import app
from chalicelib import errors
from chalicelib.upload import State
from scripts.docs import charts, tables
from tests.docs.reading import ROOT, pages, text

ALL = "\n".join(text(page) for page in pages())


def rows(name: str) -> list[list[str]]:
    """The rows of a generated table, without its head."""
    lines = [line for line in tables.content(name).splitlines() if line.startswith("|")][2:]
    return [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]


def names(name: str) -> list[str]:
    """The first cells of a generated table, without marks."""
    return [row[0].strip(" `") for row in rows(name)]


def test_no_page_differs_from_the_code() -> None:
    assert [path.relative_to(ROOT) for path in tables.outdated()] == [], (
        "run: python -m scripts.docs"
    )


def test_no_chart_differs_from_its_figures() -> None:
    assert [path.relative_to(ROOT) for path in charts.outdated()] == [], (
        "run: python -m scripts.docs"
    )


@pytest.mark.parametrize("name", tables.TABLES)
def test_every_table_is_on_one_page(name: str) -> None:
    assert ALL.count(f"<!-- table: {name} -->") == 1


@pytest.mark.parametrize("name", ["settings", "local", "parameters", "errors", "states", "metrics"])
def test_every_row_has_a_meaning(name: str) -> None:
    """It is a comment or a docstring in the code."""
    assert [row[0] for row in rows(name) if not all(cell.strip() for cell in row[:3])] == []


def test_the_routes_are_those_of_the_application() -> None:
    routes = [f"{method} {path}" for path, methods in app.app.routes.items() for method in methods]

    assert sorted(names("routes")) == sorted(routes)


def test_the_error_codes_are_those_of_the_application() -> None:
    codes = {
        error.code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.UploadError)
    }

    assert sorted(names("errors")) == sorted(codes)


def test_the_states_are_those_of_an_upload() -> None:
    assert names("states") == [state.value for state in State]


def variables(*paths: str) -> set[str]:
    """The settings that some of our files name."""
    sources = "".join((ROOT / path).read_text(encoding="utf-8") for path in paths)
    return set(re.findall(r"\bHOIST_[A-Z0-9_]+\b(?!\{)", sources))


READERS = ("chalicelib/config.py", "deploy/steps/config.py", "local/__main__.py")


@pytest.mark.parametrize("name", sorted(variables(*READERS)))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name}" in text("docs/settings.md")


def test_no_page_names_a_setting_that_nothing_reads() -> None:
    read = variables(*READERS, "local/home.py", "stage/stage.py")
    ports = {f"HOIST_{name}_PORT" for name in ("S3", "AWS", "API", "GATEWAY", "PAGE", "DOWNLOADS")}
    current = [page for page in pages() if page not in ("CHANGELOG.md", "docs/upgrading.md")]
    destinations = {"HOIST_DEAD_LETTERS_ARN"}

    assert variables(*current) - read - ports - destinations == set()


@pytest.mark.parametrize("chart", charts.charts(), ids=lambda chart: chart.name)
def test_every_chart_is_shown(chart: charts.Chart) -> None:
    assert f"](benchmarks/{chart.name}.svg)" in text("docs/benchmarks.md")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "docs" / "benchmarks").glob("*.json")), ids=lambda p: p.stem
)
def test_every_result_is_of_a_bench_and_has_a_date(path: object) -> None:
    result = charts.result(getattr(path, "stem", ""))

    assert (ROOT / "bench" / f"{result['bench']}.py").exists()
    assert re.fullmatch(r"2\d{3}-\d\d-\d\d(/2\d{3}-\d\d-\d\d)?", result["date"])
    assert result["figures"]


CLAIMS = [
    ("line", "hoist", "{} %"),
    ("line", "uppy-5", "{} %"),
    ("line", "uppy-6", "{} %"),
    ("faults", "every connection to S3 reset for 10 s, hoist > sent", "{} times"),
    ("faults", "every connection to S3 reset for 10 s, uppy-5 > sent", "{} times"),
    ("type_libraries", "libmagic 5.41 (pylibmagic 0.5.0) > corpus_rejected", "rejects {} "),
    ("type_libraries", "libmagic 5.41 (pylibmagic 0.5.0) > hostile_let_in", "accepts {} "),
    ("round_trips", "round_trips", "{} requests"),
    ("signing", "hoist_us", "{} µs"),
    ("signing", "botocore_us", "{} µs"),
]


@pytest.mark.parametrize(("bench", "figure", "claim"), CLAIMS)
def test_every_claim_in_readme_is_a_figure_of_a_bench(bench: str, figure: str, claim: str) -> None:
    value = charts.result(bench)["figures"]
    for step in figure.split(" > "):
        value = value[step]

    assert claim.format(value) in text("README.md")
