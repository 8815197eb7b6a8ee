"""What single pages promise: messages, the processor, the uploader, decisions, the glossary."""

import re
import subprocess
import tempfile
import types
from pathlib import Path
from typing import Any

import pytest

from chalicelib import notifier, processors
from chalicelib.processors import PROCESSORS
from chalicelib.upload import OUTCOMES, State
from local.aws.resources import DEMO
from local.home import Ports
from scripts.docs import site
from tests.docs.reading import ROOT, blocks, pages, prose, text
from tests.processors.reading import reader
from tests.support.payloads import put_upload

DECISIONS = sorted(page for page in pages() if page.startswith("docs/decisions/0"))


OURS = [page for page in pages() if page == "README.md" or page.startswith("docs/")]


@pytest.mark.parametrize("page", OURS)
def test_a_sentence_is_a_line(page: str) -> None:
    """So that edits make small differences. A bold name may stand before a sentence."""
    lines = [line for line in prose(page).splitlines() if not line.startswith(("|", "#", "<!--"))]
    plain = [re.sub(r"^\s*(?:[-*] |\d+\. )?(?:\*\*[^*]*\*\*)?", "", line) for line in lines]

    assert [line for line in plain if re.search(r"[\w)`\]*%]\. +\S", line)] == []


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
def test_the_messages_are_there_word_for_word(outcome: State) -> None:
    """Each message on the page is what `notify` writes of the upload that the message is about."""
    (message,) = [
        block.text
        for block in blocks("text")
        if block.text.startswith(f"Subject: Hoist: {outcome}")
    ]
    filename, size = re.findall(r"Your file (.*) \(([0-9,]+) bytes\)", message)[0]
    upload = put_upload(
        state=outcome,
        filename=filename,
        size=int(size.replace(",", "")),
        reason="".join(re.findall(r"^Reason: (.*)$", message, re.MULTILINE)) or None,
        id=re.findall(r"^Upload: (.*)$", message, re.MULTILINE)[0],
        owner=re.findall(r"^Owner: (.*)$", message, re.MULTILINE)[0],
    )

    page = f"http://127.0.0.1:{Ports().page}"
    assert message == f"Subject: {notifier.subject(upload)}\n\n{notifier.message(upload, page)}"


def test_the_processor_of_the_example_works() -> None:
    (source,) = [block.text for block in blocks("python") if block.page == "docs/processors.md"]
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 - it is ours

    assert names["applies_to"]("text/plain", 10)
    assert names["run"](reader(b"one two\nthree\n", "text/plain")) == {"words": 3}
    assert len(source.splitlines()) <= 12


def test_the_processor_of_contributing_passes_its_test(monkeypatch: pytest.MonkeyPatch) -> None:
    module, test = [block.text for block in blocks("python") if block.page == "CONTRIBUTING.md"]
    (name,) = re.findall(r"from chalicelib.processors import (\w+)", test)
    processor = types.ModuleType(name)
    exec(module, vars(processor))  # noqa: S102 - it is ours
    monkeypatch.setattr(processors, name, processor, raising=False)
    names: dict[str, Any] = {}
    exec(test, names)  # noqa: S102 - it is ours
    tests = [value for key, value in names.items() if key.startswith("test_")]

    assert tests
    for run in tests:
        run()


@pytest.mark.parametrize("name", PROCESSORS)
def test_every_processor_is_documented(name: str) -> None:
    assert f"| `{name}` |" in text("docs/processors.md")
    assert f"\n## {name}\n" in text("docs/reports.md")


@pytest.mark.parametrize("error", re.findall(r"`(It[^`]{12,})`", text("docs/reports.md")))
def test_every_error_of_a_report_is_in_the_code(error: str) -> None:
    sources = (ROOT / "chalicelib" / "processors").rglob("*.py")
    texts = re.sub(r'"\s+f?"', "", "".join(path.read_text(encoding="utf-8") for path in sources))

    assert all(part in texts for part in error.split(" N "))


def test_the_example_of_the_uploader_compiles() -> None:
    """As a file of frontend/src, beside the engine."""
    page, call = (block.text for block in blocks("ts") if block.page == "docs/uploader.md")
    function = (
        "export async function send(engine: Engine, file: File, show: (sent: number) => void)"
    )
    frontend = ROOT / "frontend"
    with tempfile.TemporaryDirectory(dir=frontend, prefix=".docs-") as folder:
        Path(folder, "example.ts").write_text(f"{page}\n{function} {{\n{call}}}\n")
        Path(folder, "tsconfig.json").write_text(
            '{"extends": "../tsconfig.json", "files": ["example.ts"], "include": [],'
            ' "compilerOptions": {"noEmit": true, "rootDirs": [".", "../src"]}}'
        )
        compiled = subprocess.run(
            ["node_modules/.bin/tsc", "--project", folder],
            cwd=frontend,
            capture_output=True,
            text=True,
            check=False,
        )

    assert compiled.stdout == ""


def test_the_banner_of_make_run_has_the_addresses_and_the_account() -> None:
    (banner,) = [block.text for block in blocks("text") if block.text.startswith("Starting Hoist")]
    ports = Ports()

    for name in ("s3", "aws", "api", "downloads"):
        assert re.search(rf"^  {name} +{re.escape(ports.url(name))} ", banner, re.MULTILINE)
    assert f"  gateway   {ports.url('gateway', 'ws')}" in banner
    assert f"Open {ports.page_origin} and sign in as {DEMO['username']}" in banner
    assert f"with the password {DEMO['password']}" in banner


def test_every_line_of_the_banner_is_printed_by_the_local_system() -> None:
    """Except the parts that depend on ports and folders."""
    (banner,) = [block.text for block in blocks("text") if block.text.startswith("Starting Hoist")]
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "local").rglob("*.py"))
    remarks = re.findall(r"\((.*)\)$", banner, re.MULTILINE)
    fixed = [remark.replace("hoist-local", "{BUCKET}") for remark in remarks]

    assert len(fixed) == 6
    assert [remark for remark in fixed if remark not in source] == []


@pytest.mark.parametrize("page", DECISIONS)
def test_every_decision_has_context_decision_and_consequences(page: str) -> None:
    number = int(Path(page).name[:3])
    headings = re.findall(r"^#+ (.*)$", text(page), re.MULTILINE)

    assert headings[0].startswith(f"{number}. ")
    assert headings[1:] == ["Context", "Decision", "Consequences"]
    assert 10 <= len(text(page).splitlines()) <= 30


def test_decisions_are_numbered_without_gaps_and_listed() -> None:
    index = text("docs/decisions/index.md")

    assert [int(Path(page).name[:3]) for page in DECISIONS] == [*range(1, len(DECISIONS) + 1)]
    assert [page for page in DECISIONS if f"]({Path(page).name})" not in index] == []


def test_every_term_of_the_glossary_is_defined_once_and_in_order() -> None:
    """In one or two sentences, the last of which ends with the file that defines it."""
    sections = text("docs/glossary.md").split("\n## ")[1:]
    entries = [re.split(r"^- ", section, flags=re.MULTILINE)[1:] for section in sections]
    terms = [[entry.split("**")[1] for entry in part] for part in entries]

    assert all(re.search(r" \(`[^`]+`\)\.$", entry.strip()) for part in entries for entry in part)
    assert all(len(entry.strip().splitlines()) <= 2 for part in entries for entry in part)
    assert all(part == sorted(part, key=str.lower) for part in terms)
    everything = [term for part in terms for term in part]
    assert len(set(everything)) == len(everything)


def test_the_site_has_links_as_they_are_there() -> None:
    def relinked(line: str, page: str) -> str:
        return site.relinked(line, page)

    assert relinked("[API](docs/api.md#routes)", "README.md") == "[API](api.md#routes)"
    assert relinked("![x](docs/page.gif)", "README.md") == "![x](page.gif)"
    assert relinked("[c](../CONTRIBUTING.md)", "docs/api.md") == "[c](contributing.md)"
    assert relinked("[s](../security.md)", "docs/decisions/001-a.md") == "[s](../security.md)"
    assert relinked("[l](LICENSE)", "README.md") == "l"
    assert relinked("[w](https://a.example/)", "README.md") == "[w](https://a.example/)"
    assert relinked("```sh\n[a](b)\n```", "README.md") == "```sh\n[a](b)\n```"
