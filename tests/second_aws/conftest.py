"""The second emulator of AWS, one for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.second_aws.aws import Aws, started


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with started(tmp_path_factory.mktemp("second_aws")) as running:
        yield running


@pytest.fixture(autouse=True)
def _names(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that asks for `aws` reaches it by AWS's host names; other folders' tests do not."""
    if "aws" not in request.fixturenames:
        yield
        return
    with request.getfixturevalue("aws").reached():
        yield
