"""Checks the project's prose and names for plain words: `scripts/prose.py [FILE …]`.

Reads the documentation, and the comments, docstrings and names of the code. Prints one line per
finding and exits with 1 where there is one. Without a FILE it reads every file that git tracks.
The rules are in CONTRIBUTING.md, *Plain words*; the terms are in `docs/glossary.md`.
"""

import argparse
import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

MAX_WORDS = 30  # in a sentence
MAX_SEMICOLONS = 1  # in a sentence: two make a chain

Finding = tuple[int, str]  # a line number and what is wrong there

_PARTICIPLE = (
    r"(?:\w+ed|begun|built|done|found|given|gone|held|kept|known|left|lent|lost|made|meant|read|said"
    r"|seen|sent|set|shown|stood|taken|thought|told|written)"
)
# A phrase, and what to write in its place.
PHRASES = {
    re.compile(rf"\b(?:{pattern})\b".replace(" ", r"\s+"), re.IGNORECASE): instead
    for pattern, instead in {
        r"at home": "locally",
        r"tell|tells|telling|told": "notify, report, say or show",
        r"go on|goes on|going on|went on": "continue or resume",
        r"give up|gives up|giving up|gave up|given up": "discard, stop or abort",
        r"anew": "again",
        r"begun": "started",
        r"whoever|whomever|whatsoever": "the actor: the caller, the operator",
        r"naught|lest|hence|thereof|therein|thereby|herein": "a plainer word",
        rf"(?:what|whatever) (?:is|was|were|are|has been|had been|have been)"
        rf" (?:not |still |already |only )?{_PARTICIPLE}": "the noun: which file, which part?",
        r"(?:by|to|of|from|for|with|against) whom? (?:asks|asked|sends|sent|reads|has|is|was)": (
            "the actor"
        ),
        r"what it (?:was|is) (?:asked|given|shown|lent)": "the noun: the request, the argument",
        r"other(?:wise)? than (?:was|it was)": "the value that differs",
        r"so (?:much|many) of": "the share",
        r"on the dear side": "estimated high",
    }.items()
}
# Names that say nothing: `found` names no item, `asked` no question.
PARTICIPLES = frozenset(
    (
        *("asked", "begun", "brought", "found", "given", "gone", "heard", "held", "kept", "known"),
        *("left", "lent", "made", "meant", "named", "said", "seen", "sent", "shown", "stored"),
        *("taken", "told", "wanted", "written"),
    )
)
_DIALECT = re.compile(
    r"(?:^|_)(?:tell|tells|told|telling|anew|begun|whoever|lent|at_home|go_on|goes_on|gives?_up)(?:_|$)"
)
_SENTENCE_END = re.compile(r"(?<=[.!?:])[\"')\]*_]*\s+(?=[\"'(\[*_`]*[A-Z0-9`])")
_WORD = re.compile(r"[A-Za-z0-9][\w'’./-]*|`[^`]*`")
_CODE = re.compile(r"``?[^`]+``?|https?://\S+")
_LIST_ITEM = re.compile(r"\s*(?:[-*•] |\d+\. |\w[\w. ()…|/*]{0,24}\s{2,}\S)")


def prose(text: str, line: int) -> Iterator[Finding]:
    """The findings in running text that starts at `line`."""
    for paragraph, first in _paragraphs(text, line):
        for pattern, instead in PHRASES.items():
            without_code = _CODE.sub(lambda code: "`" * len(code.group()), paragraph)
            for match in pattern.finditer(without_code):
                at = first + paragraph.count("\n", 0, match.start())
                yield at, f"“{match.group()}”: write {instead}"
        position = 0
        for sentence in _SENTENCE_END.split(paragraph):
            start = paragraph.find(sentence, position)
            position = start + len(sentence)
            for problem in _shape(" ".join(_CODE.sub("`x`", sentence).split())):
                yield first + paragraph.count("\n", 0, start), problem


def _shape(sentence: str) -> Iterator[str]:
    """What makes a sentence hard to read at once."""
    words = len(_WORD.findall(sentence))
    if words > MAX_WORDS:
        yield f"a sentence of {words} words, at most {MAX_WORDS}: “{sentence[:60]}…”"
    semicolons = sentence.count(";")
    if semicolons > MAX_SEMICOLONS:
        yield f"{semicolons} semicolons in a sentence: “{sentence[:60]}…”"


def _paragraphs(text: str, line: int) -> Iterator[tuple[str, int]]:
    """Paragraphs and list items, each with its first line."""
    lines: list[str] = []
    first = line
    for number, current in enumerate(text.split("\n"), line):
        if not current.strip() or _LIST_ITEM.match(current):
            if lines:
                yield "\n".join(lines), first
            lines = []
        if current.strip():
            first = first if lines else number
            lines.append(current)
    if lines:
        yield "\n".join(lines), first


def markdown(text: str) -> Iterator[Finding]:
    """The findings in Markdown; blocks of code, tables, headings and HTML are no prose."""
    in_code = False
    lines: list[str] = []
    for line in text.split("\n"):
        fence = line.lstrip().startswith(("```", "~~~"))
        in_code ^= fence
        no_prose = line.lstrip().startswith(("|", "<", "#", "[", "!!!")) or line.startswith("    ")
        lines.append("" if fence or in_code or no_prose else re.sub(r"\]\([^)]*\)", "]", line))
    yield from prose("\n".join(lines), 1)


def python(text: str) -> Iterator[Finding]:
    """The findings in a Python module: docstrings, comments, names that it binds."""
    for node in ast.walk(ast.parse(text)):
        yield from _docstring(node)
        yield from _names(node)
    yield from _comments(
        (token.start[0], token.string.lstrip("#! "), token.line.lstrip().startswith("#"))
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
        and not re.match(r"#!?\s*(?:noqa|type:|fmt:|ruff:)", token.string)
    )


def _docstring(node: ast.AST) -> Iterator[Finding]:
    match node:
        case (
            ast.Module(body=[ast.Expr(value=ast.Constant(value=str(text), lineno=line)), *_])
            | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str(text), lineno=line)), *_])
            | ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str(text), lineno=line)), *_])
            | ast.AsyncFunctionDef(
                body=[ast.Expr(value=ast.Constant(value=str(text), lineno=line)), *_]
            )
        ):
            yield from prose(text, line)


def _names(node: ast.AST) -> Iterator[Finding]:
    match node:
        case (
            ast.Name(id=name, ctx=ast.Store(), lineno=line)
            | ast.arg(arg=name, lineno=line)
            | ast.FunctionDef(name=name, lineno=line)
            | ast.AsyncFunctionDef(name=name, lineno=line)
            | ast.ClassDef(name=name, lineno=line)
        ):
            yield from _name(name, line)


def _name(name: str, line: int) -> Iterator[Finding]:
    if name.strip("_").lower() in PARTICIPLES or _DIALECT.search(name.lower()):
        yield line, f"the name `{name}`: name the thing, or use the field's verb"


def typescript(text: str) -> Iterator[Finding]:
    """The findings in a TypeScript or CSS file: comments and names that it binds."""
    comments: list[tuple[int, str, bool]] = []
    in_block = False
    for number, line in enumerate(text.split("\n"), 1):
        starts = re.match(r"\s*(?:/\*\*?|\*|//+)(?:\s|$)", line)
        if in_block or starts:
            in_block = (in_block or "/*" in line) and "*/" not in line
            content = re.sub(r"^\s*(?:/\*\*?|\*/?|//+)\s?|\*/\s*$", "", line)
            comments.append((number, content, True))
            continue
        if trailing := re.search(r"(?<![:\"'`/])//\s(.*)$", line):
            comments.append((number, trailing.group(1), False))
        for match in re.finditer(r"\b(?:const|let|function|class|interface|type)\s+(\w+)", line):
            yield from _name(match.group(1), number)
    yield from _comments(comments)


def _comments(lines: Iterable[tuple[int, str, bool]]) -> Iterator[Finding]:
    """Joins comments that have a line of their own and follow one another into one text."""
    text: list[str] = []
    first = last = 0
    for number, content, own_line in lines:
        if text and own_line and number == last + 1:
            text.append(content)
        else:
            yield from prose("\n".join(text), first)
            text, first = [content], number
        last = number if own_line else 0
    yield from prose("\n".join(text), first)


def shell(text: str) -> Iterator[Finding]:
    """The findings in the comments of a Makefile, a script or YAML, and in the help of `make`."""
    yield from _comments(
        (number, match.group(2), not match.group(1).strip())
        for number, line in enumerate(text.split("\n"), 1)
        if (match := re.match(r"(.*?)(?:^|\s)#+!?\s(.*)$", line))
    )


READERS: dict[str, Callable[[str], Iterator[Finding]]] = {
    ".py": python,
    ".md": markdown,
    ".ts": typescript,
    ".css": typescript,
    ".yaml": shell,
    ".yml": shell,
    ".sh": shell,
    "Makefile": shell,
}


def check(path: Path) -> list[Finding]:
    """The findings in a file, by its kind; none in a file of another kind."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:  # the name of a video ends with .ts as well
        return []
    reader = shell if text.startswith("#!") else READERS.get(path.suffix or path.name)
    return sorted(reader(text)) if reader else []


def main(arguments: list[str]) -> int:
    """Check the files in the arguments, or all of the project's."""
    parser = argparse.ArgumentParser(description="Check prose and names for plain words.")
    parser.add_argument("files", nargs="*", metavar="FILE")
    files: list[str] = (
        parser.parse_args(arguments).files
        or subprocess.run(
            ["git", "ls-files"],  # noqa: S607 - the developer's own git
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    )
    findings = 0
    for path in filter(Path.is_file, map(Path, files)):
        for line, problem in check(path):
            findings += 1
            print(f"{path}:{line}: {problem}")
    print(f"{findings} findings" if findings else "The prose is plain.", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
