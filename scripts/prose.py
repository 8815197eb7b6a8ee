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
from collections.abc import Iterator
from pathlib import Path

LONGEST = 30  # words in a sentence
SEMICOLONS = 1  # in a sentence: two make a chain

# A word or phrase, and what to write instead.
PHRASES = {
    r"at home": "locally",
    r"tell|tells|telling|told": "notify, report, say or show",
    r"go on|goes on|going on|went on": "continue or resume",
    r"give up|gives up|giving up|gave up|given up": "discard, stop or abort",
    r"anew": "again",
    r"begun": "started",
    r"whoever|whomever|whatsoever": "the caller, the operator: name the actor",
    r"nought|naught|lest|hence|thereof|therein|thereby|herein": "a plainer word",
    r"(?:what|whatever) (?:is|was|were|are|has been|had been|have been) (?:not |still |already |only )?"
    r"(?:\w+ed|asked|begun|built|done|found|given|gone|held|kept|known|left|lent|lost|made|meant|read"
    r"|said|seen|sent|set|shown|stood|taken|thought|told|written)": "the noun: which file, which part?",
    r"(?:by|to|of|from|for|with|against) who(?:m)? (?:asks|asked|sends|sent|reads|has|is|was)": "name the actor",
    r"what it (?:was|is) (?:asked|given|shown|lent)": "the noun: the request, the argument",
    r"other(?:wise)? than (?:was|it was)": "another value",
    r"so much of|so many of": "a share: name it",
    r"on the dear side": "estimated high",
}  # fmt: skip
_PHRASES = {
    re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE): say for pattern, say in PHRASES.items()
}

# Past participles that name nothing: which item was found, what was asked for?
PARTICIPLES = frozenset(
    "asked begun brought found given gone heard held kept known left lent made meant named said seen"
    " sent shown stored taken told wanted written".split()
)
_DIALECT_IN_NAMES = re.compile(
    r"(?:^|_)(?:tell|tells|told|telling|anew|begun|whoever|lent|at_home|go_on|goes_on|gives?_up)(?:_|$)"
)
_ENDS = re.compile(r"(?<=[.!?:])[\"')\]*_]*\s+(?=[\"'(\[*_`]*[A-Z0-9`])")
_WORDS = re.compile(r"[A-Za-z0-9][\w'’./-]*|`[^`]*`")
_CODE = re.compile(r"``?[^`]+``?|https?://\S+")

Finding = tuple[int, str]


def prose(text: str, line: int) -> Iterator[Finding]:
    """The findings in running text that starts at `line`; a blank line ends a paragraph."""
    for paragraph, first in _paragraphs(text, line):
        for pattern, instead in _PHRASES.items():
            for match in pattern.finditer(_CODE.sub(lambda m: "`" * len(m.group()), paragraph)):
                at = first + paragraph.count("\n", 0, match.start())
                yield at, f"“{match.group()}”: write {instead}"
        offset = 0
        for sentence in _ENDS.split(paragraph):
            at = first + paragraph.count("\n", 0, paragraph.find(sentence, offset))
            offset = paragraph.find(sentence, offset) + len(sentence)
            plain = _CODE.sub("`x`", sentence)
            words = len(_WORDS.findall(plain))
            if words > LONGEST:
                yield (
                    at,
                    f"a sentence of {words} words, at most {LONGEST}: “{' '.join(plain.split())[:60]}…”",
                )
            if plain.count(";") > SEMICOLONS:
                yield (
                    at,
                    f"{plain.count(';')} semicolons in a sentence: “{' '.join(plain.split())[:60]}…”",
                )


def _paragraphs(text: str, line: int) -> Iterator[tuple[str, int]]:
    """Paragraphs and list items, each with its first line."""
    lines: list[str] = []
    first = line
    for number, current in enumerate(text.split("\n"), line):
        item = re.match(r"\s*(?:[-*•] |\d+\. |\w[\w. ()…|/*]{0,24}\s{2,}\S)", current)
        if not current.strip() or item:
            if lines:
                yield "\n".join(lines), first
            lines, first = [], number
        if current.strip():
            lines.append(current)
    if lines:
        yield "\n".join(lines), first


def markdown(text: str) -> Iterator[Finding]:
    """The findings in Markdown; blocks of code, tables and HTML are no prose."""
    fenced = False
    kept: list[str] = []
    for line in text.split("\n"):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
            kept.append("")
        elif (
            fenced
            or line.lstrip().startswith(("|", "<", "    ", "#", "["))
            or line.startswith("!!!")
        ):
            kept.append("")
        else:
            kept.append(re.sub(r"\]\([^)]*\)", "]", line))
    yield from prose("\n".join(kept), 1)


def python(text: str) -> Iterator[Finding]:
    """The findings in a module: docstrings, comments, names that it binds."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                doc = node.body[0]
                assert isinstance(doc, ast.Expr)
                assert isinstance(doc.value, ast.Constant)
                yield from prose(str(doc.value.value), doc.lineno)
        yield from _names(node)
    yield from _comments(
        (token.start[0], token.string.lstrip("#! "), token.line.lstrip().startswith("#"))
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type == tokenize.COMMENT
        and not re.match(r"#!?\s*(?:noqa|type:|fmt:|ruff:)", token.string)
    )


def _names(node: ast.AST) -> Iterator[Finding]:
    bound: list[str] = []
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        bound = [node.id]
    elif isinstance(node, ast.arg):
        bound = [node.arg]
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        bound = [node.name]
    for name in bound:
        if name.strip("_").lower() in PARTICIPLES or _DIALECT_IN_NAMES.search(name.lower()):
            yield (
                getattr(node, "lineno", 1),
                f"the name `{name}`: name the thing, or use the field's verb",
            )


def typescript(text: str) -> Iterator[Finding]:
    """The findings in a TypeScript or CSS file: comments and names that it binds."""
    lines = []
    block = False
    for number, line in enumerate(text.split("\n"), 1):
        start = re.match(r"\s*(?:/\*\*?|\*|//+)(?:\s|$)", line)
        trailing = re.search(r"(?<![:\"'`/])//\s(.*)$", line)
        if block or start:
            block = (block or "/*" in line) and "*/" not in line
            content = re.sub(r"^\s*(?:/\*\*?|\*/?|//+)\s?|\*/\s*$", "", line)
            lines.append((number, content, True))
        elif trailing:
            lines.append((number, trailing.group(1), False))
        for match in re.finditer(
            r"\b(?:const|let|var|function|class|interface|type)\s+(\w+)|(?:[({,]\s*)(\w+)\??:\s",
            line,
        ):
            name = match.group(1) or match.group(2)
            if not start and name and name.lower() in PARTICIPLES and match.group(1):
                yield number, f"the name `{name}`: name the thing, or use the field's verb"
    yield from _comments(iter(lines))


def _comments(lines: Iterator[tuple[int, str, bool]]) -> Iterator[Finding]:
    """Joins comment lines that follow one another into one text."""
    text: list[str] = []
    first = last = 0
    for number, content, own_line in lines:
        if text and own_line and number == last + 1:
            text.append(content)
        else:
            if text:
                yield from prose("\n".join(text), first)
            text, first = [content], number
        last = number if own_line else 0
    if text:
        yield from prose("\n".join(text), first)


def shell(text: str) -> Iterator[Finding]:
    """The findings in the comments of a Makefile, a script or YAML, and in the help of `make`."""
    yield from _comments(
        (number, match.group(2), not match.group(1).strip())
        for number, line in enumerate(text.split("\n"), 1)
        if (match := re.match(r"(.*?)(?:^|\s)#+!?\s(.*)$", line))
    )


def check(path: Path) -> list[Finding]:
    """The findings in a file, by its kind; none in a file of another kind."""
    readers = {
        ".py": python, ".md": markdown, ".ts": typescript, ".css": typescript, ".yaml": shell,
        ".yml": shell, ".sh": shell,
    }  # fmt: skip
    reader = shell if path.name == "Makefile" else readers.get(path.suffix)
    try:
        return sorted(reader(path.read_text(encoding="utf-8"))) if reader else []
    except UnicodeDecodeError:  # a video's name ends with .ts as well
        return []


def main(arguments: list[str]) -> int:
    """Check the files that are named, or all of the project's."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="*", metavar="FILE")
    files = parser.parse_args(arguments).files
    if not files:
        files = subprocess.run(
            ["git", "ls-files"], capture_output=True, text=True, check=True
        ).stdout.split("\n")
    findings = 0
    for path in map(Path, files):
        for line, problem in check(path) if path.is_file() else []:
            findings += 1
            print(f"{path}:{line}: {problem}")
    print(f"{findings} findings" if findings else "The prose is plain.", file=sys.stderr)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
