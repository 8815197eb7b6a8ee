"""Real files of 370 formats: none is rejected, each gets a right type, and no processor fails.

Each file is tested with every type that Windows, macOS or Linux declares for it, and with none.
`corpus.py` says how to make the files again.
"""

import time
from collections import Counter

import pytest

from chalicelib.media_types import canonical, decide
from chalicelib.processors import PROCESSORS, Processors
from chalicelib.reader import ObjectReader
from tests.real_files.corpus import FORMATS, RealFile, real_files

pytestmark = pytest.mark.slow


def judged(format_: str) -> list[tuple[RealFile, str]]:
    """The files of a format, each with every type that may be declared for it."""
    files = [file for file in real_files() if file.format == format_]
    return [(file, declared) for file in files for declared in file.right]


def test_there_are_a_thousand_files_of_many_formats() -> None:
    sizes = Counter(file.is_whole for file in real_files())

    assert sizes.total() >= 1000
    assert len(FORMATS) >= 150
    assert sizes[True] >= 500, "processors need whole files"


@pytest.mark.parametrize("format_", FORMATS)
def test_no_real_file_is_rejected(format_: str) -> None:
    decisions = [(file, declared, decide(declared, file.name, file.head))
                 for file, declared in judged(format_)]  # fmt: skip

    assert [
        content_type for content_type in decisions if content_type[-1].refusal is not None
    ] == []


@pytest.mark.parametrize("format_", FORMATS)
def test_a_real_file_gets_a_right_type(format_: str) -> None:
    wrong = []
    for file, declared in judged(format_):
        content_type = decide(declared, file.name, file.head).content_type
        right = {canonical(content_type) for content_type in file.right[declared]}
        if canonical(content_type) not in right:
            wrong.append((file, declared, content_type))

    assert wrong == []


@pytest.mark.parametrize("format_", FORMATS)
def test_no_processor_fails_on_a_complete_real_file(format_: str) -> None:
    run = Processors(PROCESSORS, whole_max_size=1 << 30, now=time.monotonic).run
    failed = []
    for file, declared in judged(format_):
        if file.is_whole:
            report = run(source(file, declared))
            failed += [
                (file, declared, name, part["error"])
                for name, part in report.items()
                if str(part.get("error", "")).startswith("It failed")
            ]

    assert failed == []


def source(file: RealFile, declared: str) -> ObjectReader:
    """A file as processors get it, with the type that `decide` gives it."""
    decision = decide(declared, file.name, file.head)
    return ObjectReader(
        filename=file.name,
        content_type=canonical(decision.content_type),
        size=file.size,
        read_range=lambda start, size: file.head[start : start + size],
        remaining=lambda: 60.0,
        container=decision.container,
    )
