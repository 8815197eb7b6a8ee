"""No command prints the text of a client unescaped."""

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from deploy import logs, status
from deploy.audit.__main__ import Result
from deploy.command import run_command
from deploy.smoke.calls import summary
from deploy.terminal import escaped, readable
from stage.stage import StageError
from tests.support.payloads import OWNER, PUT_ID

DEPLOY = Path(__file__).parents[2] / "deploy"
# OSC 52 writes the clipboard, a line break forges a line, U+202E reverses the text after it.
FORGED = "2026-11-29 12:00:00.000 hoist-dev  INFO accepted"
HOSTILE = f"\x1b]52;c;cm0gLXJmIH4=\x07\r\n{FORGED}\u202e\u2028{FORGED}\u200b\x9b2J\ud800"
KEY = f"uploads/{OWNER}/{HOSTILE}"
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "output"),
    [
        ("Grüße 日本語 🎬 1+1.txt", "Grüße 日本語 🎬 1+1.txt"),
        ("a\r\nb\tc\0", r"a\r\nb\tc\x00"),
        ("\x1b[2J\x7f\x9b", r"\x1b[2J\x7f\x9b"),
        ("\u202ecod.exe\u2066", r"\u202ecod.exe\u2066"),
        ("a\u2028b\u2029c\x85", r"a\u2028b\u2029c\x85"),
        ("a\u200b\u200d\u2060\ufeff\xad", r"a\u200b\u200d\u2060\ufeff\xad"),
        ("\u3164\u115f\uffa0", r"\u3164\u115f\uffa0"),
        ("\ud800\udfff", r"\ud800\udfff"),
        ("\U000e0041", r"\U000e0041"),
    ],
    ids=[
        "what people write", "lines", "C0, DEL and C1", "direction", "separators", "zero width",
        "fillers", "lone surrogates", "tags",
    ],
)  # fmt: skip
def test_an_invisible_character_becomes_an_escape(text: str, output: str) -> None:
    assert readable(text) == output


@given(st.text(st.characters(codec=None)))
def test_any_text_becomes_one_printable_line(text: str) -> None:
    output = readable(text)

    assert output.isprintable()
    assert output.encode().decode() == output
    assert readable(output) == output


def test_printed_text_is_escaped_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    with escaped():
        sys.stdout.write(f"one\n{HOSTILE}\n")
        sys.stderr.write(HOSTILE)

    printed = capsys.readouterr()
    assert printed.out.startswith("one\n\\x1b]52")
    assert printed.out.count("\n") == 3, "a line break stays one: values need `readable`"
    assert all(line.isprintable() for line in (printed.out + printed.err).split("\n"))
    sys.stdout.write("a tab, afterwards\t")
    assert capsys.readouterr().out.endswith("\t")


def test_every_command_prints_escaped() -> None:
    """Each module with a `main` does its work in `run` or `run_command` of `deploy/command.py`."""
    commands = []
    for path in sorted(DEPLOY.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name == "main":
                called = {
                    each.func.id if isinstance(each.func, ast.Name) else each.func.attr
                    for each in ast.walk(node)
                    if isinstance(each, ast.Call)
                    and isinstance(each.func, ast.Name | ast.Attribute)
                }
                assert called & {"run", "run_command"}, f"{path} prints what clients chose"
                commands.append(path.parent.name if path.stem == "__main__" else path.stem)
    names = {"audit", "cost", "deploy", "destroy", "logs", "redrive", "smoke", "status"}
    assert names <= set(commands)


def test_a_reader_that_closes_the_pipe_ends_a_command_quietly() -> None:
    """Like `make permissions COMMAND=deploy | head`."""
    command = [sys.executable, "-m", "deploy.permissions", "--command", "deploy"]
    with subprocess.Popen(
        command, cwd=DEPLOY.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        status = process.wait(timeout=60)

    assert status == 141
    assert "Traceback" not in errors
    assert "BrokenPipe" not in errors


def is_visible(text: str) -> bool:
    """Whether all of a text is visible, and no line of it is the forged one."""
    lines = text.split("\n")
    return all(line.isprintable() and not line.startswith(FORGED) for line in lines)


def raising(error: Exception) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


ANSWERED = ClientError({"Error": {"Code": "NoSuchKey", "Message": f"{KEY} is gone"}}, "GetObject")
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": KEY}}, "DeleteObject")


@pytest.mark.parametrize(
    "error",
    [StageError(f"S3 keeps {KEY}"), ANSWERED, DENIED, ValueError(KEY), KeyError(KEY)],
    ids=["ours", "AWS's", "AWS refuses", "a fault", "a fault with a key"],
)
def test_an_error_is_printed_without_control_characters(
    capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    assert run_command(raising(error)) == 1

    printed = capsys.readouterr()
    assert "uploads/" in printed.err
    assert all(line.isprintable() for line in printed.err.split("\n"))
    if isinstance(error, StageError | ClientError):
        assert is_visible(printed.err)
        assert printed.err.count("\n") == 1


def line(**fields: Any) -> str:
    """A line of a function's log, as `chalicelib.logs` writes it."""
    names = {"time": NOW.isoformat(), "level": "INFO", "message": "adopted", "function": "f"}
    return json.dumps(names | fields, ensure_ascii=False)


@pytest.mark.parametrize(
    "text",
    [
        line(key=KEY, owner=OWNER, reason=HOSTILE, error=HOSTILE),
        line(message=HOSTILE, level=HOSTILE, function=HOSTILE),
        line(**{HOSTILE: "a field's name"}),
        line(exception=f"Traceback\nValueError: {HOSTILE}"),
        line(exception=HOSTILE),
        json.dumps({"time": NOW.isoformat(), "type": HOSTILE}),
        f"START RequestId: {HOSTILE}",
        HOSTILE,
    ],
    ids=["fields", "the head", "a name", "an exception", "nothing else", "AWS's", "START", "raw"],
)
def test_log_lines_are_escaped(text: str) -> None:
    for names in (frozenset[str](), frozenset({"key"})):
        assert is_visible(logs.parse(text, function="f", at=NOW).format(omit=names))


def test_a_line_of_lambda_keeps_its_tabs_as_spaces() -> None:
    report = logs.parse("REPORT RequestId: x\tDuration: 12 ms\n", function="f", at=NOW).format()

    assert report.endswith("REPORT RequestId: x  Duration: 12 ms")


@pytest.mark.parametrize("separator", ["\u2028", "\x85", "\x1c", "\r"])
def test_a_key_with_a_unicode_line_break_is_one_line_of_the_local_log(
    tmp_path: Path, separator: str
) -> None:
    entry = line(key=f"uploads/a{separator}b")
    (tmp_path / "functions.log").write_bytes(f"{entry}\n".encode())

    (parsed,) = logs.local(tmp_path, NOW - timedelta(hours=1))

    assert parsed.fields["key"] == f"uploads/a{separator}b"
    assert is_visible(parsed.format())


@pytest.mark.parametrize("upload", ["", PUT_ID], ids=["all", "a story"])
def test_make_logs_escapes_lines_and_keys(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    upload: str,
) -> None:
    """The first lines about an upload are its keys."""
    now = datetime.now(UTC).isoformat()
    entry = [
        line(time=now, key=KEY.replace("\ud800", ""), upload_id=PUT_ID, request_id="r-1"),
        line(time=now, exception=f"Traceback\nValueError: {PUT_ID} \x1b[2J\rx", request_id="r-1"),
    ]
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "functions.log").write_text("\n".join(entry) + "\n")
    monkeypatch.setenv("HOIST_HOME", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["logs", "--stage", "local", "--upload", upload])

    assert logs.main() == 0

    printed = capsys.readouterr().out
    assert is_visible(printed)
    assert printed.count("\n") == 4 + bool(upload)
    assert printed.startswith("uploads/") == bool(upload)


def test_status_prints_each_difference_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    status._print("Drift", iter([f"policies      {HOSTILE}"]))

    printed = capsys.readouterr().out
    assert printed.count("\n") == 2
    assert is_visible(printed)


def test_audit_prints_each_finding_in_one_line() -> None:
    report = str(Result("packages", (f"left-pad: {HOSTILE}",), (HOSTILE,)))

    assert report.count("\n") == 1
    assert is_visible(report)


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"code": HOSTILE, "detail": KEY}).encode(),
        f"<Error><Code>{HOSTILE}</Code></Error>".encode("utf-8", "replace"),
    ],
    ids=["a problem document", "S3's XML"],
)
def test_the_response_of_a_server_is_printed_in_one_line(
    capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    assert run_command(raising(StageError(f"smoke: create: 500 {summary(body)}"))) == 1

    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert is_visible(printed)
