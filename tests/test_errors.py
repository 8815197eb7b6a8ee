import re

import pytest

from chalicelib import errors
from chalicelib.errors import UploadError

ERRORS: list[type[UploadError]] = [
    UploadError,
    *(e for e in vars(errors).values() if isinstance(e, type) and e.__base__ is UploadError),
]


def test_the_table_has_every_error_with_a_document() -> None:
    assert sorted(errors.BY_CODE.values(), key=lambda error: error.code) == sorted(
        (error for error in ERRORS if error is not errors.TooManyPages),
        key=lambda error: error.code,
    )
    assert all(error.code == code for code, error in errors.BY_CODE.items())


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.code for error in ERRORS]

    assert len(codes) >= 11
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_the_same_form_of_document(error: type[UploadError]) -> None:
    assert error("Do this").problem() == {
        "type": f"urn:hoist:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": "Do this",
        "code": error.code,
    }


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_has_a_code_a_status_and_a_title(error: type[UploadError]) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)+", error.code)
    assert 400 <= error.status <= 504
    assert error.title
    assert error().problem()["detail"] == error.title


def test_an_error_carries_members_of_its_own() -> None:
    assert errors.PartsMissing("Send it", missing=[3]).problem()["missing"] == [3]


def test_a_retryable_error_says_when_to_retry() -> None:
    assert {error.code for error in ERRORS if error.retry_after} == {
        "too_many_requests",
        "too_many_uploads",
        "try_again",
    }
