"""Hostile files and their outcomes: dangerous ones stay out.

`tests/browser/test_hostile_files.py` opens all others in Chromium and sees that nothing runs.
"""

from collections import Counter

import pytest

from chalicelib import rules
from chalicelib.errors import InvalidRequest
from chalicelib.media_types import decide
from tests.hostile.files import HostileFile, hostile_files

FILES = hostile_files()


def is_rejected(file: HostileFile) -> bool:
    """By its name before it is sent, or by its bytes afterwards."""
    try:
        rules.check_filename(file.name)
    except InvalidRequest:
        return True
    return decide(file.declared, file.name, file.data[:8192]).refusal is not None


def test_there_are_many_hostile_files_of_every_sort() -> None:
    assert len(FILES) >= 200
    assert len({file.id for file in FILES}) == len(FILES)
    assert Counter(file.stays_out for file in FILES)[True] >= 100


@pytest.mark.parametrize("file", [f for f in FILES if f.stays_out], ids=lambda file: file.id)
def test_a_file_that_is_dangerous_under_its_name_is_rejected(file: HostileFile) -> None:
    assert is_rejected(file)
