"""Each bridge is listed in docs/rehearsal.md and names the AWS document that it follows."""

import re
from pathlib import Path

from tests.support.running import ROOT

EMULATOR = Path(__file__).parent / "emulator"
BRIDGES = sorted(
    path for path in EMULATOR.glob("*.py") if "\ndef bridge(" in path.read_text(encoding="utf-8")
)


def test_every_bridge_is_listed_and_no_other() -> None:
    text = (ROOT / "docs" / "rehearsal.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| `(\w+\.py)` \|", text, re.MULTILINE) == [path.name for path in BRIDGES]


def test_every_bridge_names_a_document_of_aws() -> None:
    assert len(BRIDGES) > 5
    assert [
        path.name
        for path in BRIDGES
        if "https://docs.aws.amazon.com/" not in path.read_text(encoding="utf-8")
    ] == []


def test_hoist_does_not_mention_an_emulator() -> None:
    sources = [ROOT / "app.py"]
    for folder in ("chalicelib", "deploy", "local", "stage"):
        sources += (ROOT / folder).rglob("*.py")

    assert [
        path for path in sources if "ministack" in path.read_text(encoding="utf-8").lower()
    ] == []
