"""The check for plain words finds the marks of hard prose, and lets plain prose pass."""

from pathlib import Path

import pytest

from scripts import prose

LONG = "A" + " word" * 30 + "."


@pytest.mark.parametrize(
    ("name", "text", "line", "problem"),
    [
        ("a.md", "Run it at home.", 1, "write locally"),
        ("a.md", "One line.\n\nThe page tells\nits owner.", 3, "write notify"),
        ("a.md", "It sends\nwhat was asked for.", 2, "the noun"),
        ("a.md", f"Short. {LONG}", 1, "31 words"),
        ("a.md", "One; two; three.", 1, "2 semicolons"),
        ("a.md", "- An item\n- It goes on", 2, "continue or resume"),
        ("a.py", '"""Made anew."""\n', 1, "again"),
        ("a.py", 'def load() -> None:\n    """Whoever asks."""\n', 2, "the actor"),
        ("a.py", "x = 1\n# It gives up\n", 2, "discard"),
        ("a.py", "x = 1  # told\n", 1, "notify"),
        ("a.py", "found = 1\n", 1, "`found`"),
        ("a.py", "def f(asked: int) -> None: ...\n", 1, "`asked`"),
        ("a.py", "for _told in []: ...\n", 1, "`_told`"),
        ("a.py", "def test_an_owner_is_told_once() -> None: ...\n", 1, "is_told"),
        ("a.ts", "// It goes\n// on later.\n", 1, "continue or resume"),
        ("a.ts", "/** Whoever sends. */\n", 1, "the actor"),
        ("a.ts", "const shown = 1;\n", 1, "`shown`"),
        ("a.css", "/* Begun. */\n", 1, "started"),
        ("Makefile", "run: install ## Tell the time\n", 1, "notify"),
        ("a.yml", "key: value # anew\n", 1, "again"),
    ],
)  # fmt: skip
def test_a_mark_of_hard_prose_is_found_at_its_line(
    tmp_path: Path, name: str, text: str, line: int, problem: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")

    findings = prose.check(path)

    assert [number for number, _ in findings] == [line]
    assert problem in findings[0][1]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.md", "The page reports the outcome; its owner is notified."),
        ("a.md", "```\ntell whoever anew\n```\n\n| told | begun |\n\n`told` is an attribute."),
        ("a.md", LONG.replace(" word", ". Word", 1)),
        ("a.py", 'names = {"told": 1}  # type: ignore[assignment]\nitem = names["told"]\n'),
        ("a.ts", 'const text = "told"; // https://example.com/tell\n'),
        ("a.txt", "told"),
        ("Makefile", "help: ## List the commands\n\t@echo told\n"),
    ],
)
def test_plain_prose_and_code_pass(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")

    assert prose.check(path) == []


def test_a_video_is_not_taken_for_typescript(tmp_path: Path) -> None:
    path = tmp_path / "film.ts"
    path.write_bytes(b"G\xf0\x11\x00")

    assert prose.check(path) == []


def test_the_command_fails_where_there_is_a_finding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.md"
    path.write_text("Begun.")

    assert prose.main([str(path)]) == 1
    assert f"{path}:1:" in capsys.readouterr().out


def test_the_command_passes_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("Started.")

    assert prose.main([str(path)]) == 0
