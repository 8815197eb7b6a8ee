"""Hostile files and what becomes of them: those that could hurt under their name stay out.

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
    """By its name before anything is sent, or by its bytes when it is here."""
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
def test_a_file_that_could_hurt_under_its_name_stays_out(file: HostileFile) -> None:
    assert is_rejected(file)
