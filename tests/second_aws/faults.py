"""Functions that fail, and what an operator sees of the failures."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.second_aws.aws import Aws
from tests.second_aws.team import Team


@contextmanager
def broken(aws: Aws, function: str) -> Iterator[None]:
    """A function without its handler meanwhile."""
    functions = aws.client("lambda")
    handler = functions.get_function_configuration(FunctionName=function)["Handler"]
    functions.update_function_configuration(FunctionName=function, Handler="app.nothing")
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=function, Handler=handler)


def dead_letters(team: Team) -> int:
    """The number of dead letters in dev."""
    (line,) = [each for each in team.status().splitlines() if "dead letters waiting" in each]
    return int(line.rpartition(":")[2])


def is_notified(team: Team, upload: str) -> bool:
    """Whether the log of dev says that an upload's owner was notified."""
    printed = team.run("deploy.logs", "--stage", "dev", "--upload", upload)
    return any(" notified" in line for line in printed.splitlines())
