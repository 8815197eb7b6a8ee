"""A command that is killed between any two AWS calls finishes when it runs again.

One run is killed at its first change in AWS. The next run is killed some changes later, and so on,
until a run ends by itself. `CUTS=1` cuts at every change, which takes much longer.
The tests share a stage, in this order.
"""

import itertools
import os
import signal

import pytest

from tests.commands.aws_calls import is_change
from tests.second_aws.aws import Aws, needs_ministack
from tests.second_aws.faults import broken, dead_letters, is_notified
from tests.second_aws.team import Team
from tests.support.deploying import DEPLOY
from tests.support.running import Client, eventually
from tests.support.stands import Stands, remaining

pytestmark = [pytest.mark.system, needs_ministack]

# Changes from one cut to the next; a new stage needs about a hundred changes.
STRIDE = int(os.environ.get("CUTS", "11"))
# A command can handle SIGINT, but not SIGKILL.
KINDS = ("SIGKILL:after", "SIGINT:after", "SIGINT:before", "SIGKILL:before")
# More cuts than any command needs.
MOST_CUTS = 1_000
MOST_AT_ONE_PLACE = 3


def cut(team: Team, *command: str, stride: int = STRIDE) -> int:
    """Kill a command at one change after another until it ends by itself; returns the cuts."""
    calls, count = team.calls.parent / "cut", 1
    runs: list[list[str]] = []
    for kind in itertools.islice(itertools.cycle(KINDS), MOST_CUTS):
        calls.unlink(missing_ok=True)
        process = team.start(
            *command, environment={"AWS_CALLS": str(calls), "AWS_CUT": f"{kind}:{count}"}
        )
        output, _ = process.communicate(timeout=120)
        changes = [line for line in calls.read_text().splitlines() if is_change(line)]
        if len(changes) < count:
            assert process.returncode == 0, output
            return len(runs)
        # A command exits with 130 after SIGINT.
        assert process.returncode in (130, -signal.SIGINT, -signal.SIGKILL), output
        runs.append(changes)
        count = count + stride if stride > 1 else next_cut(runs)
    raise AssertionError(f"{command} never ends")


def next_cut(runs: list[list[str]]) -> int:
    """The change to cut the next run at; `runs` are the changes of the earlier runs.

    Usually it is the next change. But a run that continues may make other changes than the run
    before it, because it deletes nothing twice. Then the next run is cut at the same place, up to
    three times.
    """
    count = len(runs[-1])
    before = runs[-2] if len(runs) > 1 else []
    is_as_before = runs[-1][: len(before)] == before
    return count + (is_as_before or [len(run) for run in runs].count(count) >= MOST_AT_ONE_PLACE)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([["a"]], 2),
        ([["a"], ["a", "b"]], 3),
        ([["a"], ["b"]], 1),
        ([["a"], ["b"], ["c"]], 2),
        ([["a"], ["a", "b"], ["b", "c"]], 2),
    ],
    ids=["first run", "same changes", "another first change", "third cut", "fewer changes"],
)
def test_the_next_cut_is_at_the_next_change(runs: list[list[str]], expected: int) -> None:
    assert next_cut(runs) == expected


def test_a_new_stage_is_deployed_in_spite_of_cuts(team: Team, aws: Aws) -> None:
    assert cut(team, "deploy", *DEPLOY, "--stage", "dev", "--no-smoke") > 5

    assert "none: all is as declared" in team.status()
    assert len(Stands(aws).rest_apis()) == 1
    assert len(aws.client("apigatewayv2").get_apis()["Items"]) == 1
    team.run("deploy.smoke", "--stage", "dev")


def test_a_change_is_deployed_in_spite_of_cuts(team: Team, aws: Aws) -> None:
    variables = {**team.environment_of(), "HOIST_OWNER_MAX_FILES": "99"}
    team.configure(environment_variables=variables)

    parameters = ("--set", "RejectedDays=3 SignUpDomains=example.com")
    assert cut(team, "deploy", *DEPLOY, *parameters, "--stage", "dev", "--no-smoke") > 3

    assert "none: all is as declared" in team.status()
    assert Stands(aws).environment()["HOIST_REJECTED_DAYS"] == "3"
    assert len(Stands(aws).rest_apis()) == 1
    team.run("deploy.smoke", "--stage", "dev")


@pytest.fixture(scope="module")
def client(team: Team) -> Client:
    return team.sign_in("program@example.com")


def test_uploads_are_sent_again_in_spite_of_cuts(team: Team, aws: Aws, client: Client) -> None:
    with broken(aws, "hoist-dev-process_upload"):
        uploads = [client.outcome(client.upload(b"x", f"{n}.txt"))["id"] for n in range(2)]

    assert cut(team, "deploy.redrive", "--stage", "dev", "--all-failed", stride=1) > 1

    eventually(
        lambda: {client.get(upload)["state"] for upload in uploads},
        lambda states: states == {"accepted"},
    )


def test_dead_letters_are_sent_again_in_spite_of_cuts(team: Team, aws: Aws, client: Client) -> None:
    with broken(aws, "hoist-dev-notify"):
        uploads = [client.outcome(client.upload(b"x", f"letter {n}.txt"))["id"] for n in range(2)]
        eventually(lambda: dead_letters(team), lambda count: count >= 2)

    # SQS hides a message for half a minute that a killed run had received; here it does not.
    sqs = aws.client("sqs")
    queue = team.environment_of()["HOIST_DEAD_LETTERS_ARN"].rpartition(":")[2]
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "0"})

    assert cut(team, "deploy.redrive", "--stage", "dev", "--dead-letters", stride=1) > 2

    # A dead letter may arrive late, of a record that was sent twice while `notify` was broken.
    def remaining() -> int:
        team.run("deploy.redrive", "--stage", "dev", "--dead-letters")
        return dead_letters(team)

    eventually(remaining, lambda count: count == 0)
    eventually(lambda: [is_notified(team, upload) for upload in uploads], all)


def test_a_stage_is_destroyed_in_spite_of_cuts(team: Team, aws: Aws) -> None:
    command = ("deploy.destroy", "--stage", "dev", "--yes", "--delete-uploads")
    assert cut(team, *command, stride=min(STRIDE, 7)) > 3

    assert remaining(aws) == {}
