"""A change reads the same in the plan, in `make status` and in the log of a deployment."""

import pytest

from deploy.changes import STEP, Change, row, show_applied


@pytest.mark.parametrize(
    ("change", "difference", "result"),
    [
        (Change("page", "index.html is missing"), "index.html is missing", "changed"),
        (Change("functions", "alias", after="2"), "alias", "changed: 2"),
        (
            Change("resources", "Versioning", "Suspended", "Enabled"),
            "Versioning is Suspended, not Enabled",
            "changed: Suspended -> Enabled",
        ),
    ],
    ids=["the name says it all", "only the declared value", "both values"],
)
def test_a_change_is_described_before_and_after_it_is_applied(
    change: Change, difference: str, result: str
) -> None:
    assert change.difference == difference
    assert change.result == result


def test_a_row_is_aligned_and_escaped() -> None:
    assert (
        row("page", "https://files.example.com", STEP) == "page          https://files.example.com"
    )
    assert row("a\nb", "\x1b[2J") == f"{'a' + chr(92) + 'nb':<32} {chr(92)}x1b[2J"
    assert row("policies", "") == "policies"


def test_a_step_prints_its_changes_or_that_there_are_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_applied([Change("functions", "Handler", "app.a", "app.b")], "hoist-dev")
    show_applied([], "hoist-dev")

    assert capsys.readouterr().out.splitlines() == [
        f"  {'Handler':<32} changed: app.a -> app.b",
        f"  {'hoist-dev':<32} as declared",
    ]
