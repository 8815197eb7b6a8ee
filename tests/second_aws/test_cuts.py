"""A command that is killed between any two AWS calls finishes when it is run again.

The cuts are counted, not chosen: one run is killed at its first call, the next one some calls
later, and so on until a run comes to its end. `CUTS=1` cuts at each call, which takes minutes.
The tests share a stage, in this order.
"""

import itertools
import os
import signal

import pytest

from tests.deploying import DEPLOY
from tests.running import Client, eventually
from tests.second_aws.aws import Aws, needs_ministack
from tests.second_aws.faults import broken, dead_letters, is_notified
from tests.second_aws.team import Team
from tests.stands import Stands, left

pytestmark = [pytest.mark.system, needs_ministack]

# Calls from one cut to the next; `make deploy` makes three hundred.
STRIDE = int(os.environ.get("CUTS", "29"))
# Each cut is of the next of these kinds. A command hears of SIGINT where it can, of SIGKILL never.
KINDS = ("SIGKILL:before", "SIGINT:after", "SIGKILL:after", "SIGINT:before")
# No command makes so many calls.
MOST = 2_000


def cut(team: Team, *command: str, stride: int = STRIDE) -> int:
    """Kill a command at one call after another until it ends by itself; returns how often."""
    calls = team.calls.parent / "cut"
    for number, kind in enumerate(itertools.cycle(KINDS)):
        count = 1 + number * stride
        assert count < MOST, f"{command} never ends"
        calls.unlink(missing_ok=True)
        process = team.start(
            *command, environment={"AWS_CALLS": str(calls), "AWS_CUT": f"{kind}:{count}"}
        )
        output, _ = process.communicate(timeout=120)
        if len(calls.read_text().splitlines()) < count:
            assert process.returncode == 0, output
            return number
        # 130 is how a command says that it heard of SIGINT.
        assert process.returncode in (130, -signal.SIGINT, -signal.SIGKILL), output
    raise AssertionError


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

    # SQS hides a letter that a killed run had received: for two seconds here, else for thirty.
    sqs = aws.client("sqs")
    queue = team.environment_of()["HOIST_DEAD_LETTERS_ARN"].rpartition(":")[2]
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "2"})

    assert cut(team, "deploy.redrive", "--stage", "dev", "--dead-letters", stride=1) > 2

    eventually(
        lambda: team.run("deploy.redrive", "--stage", "dev", "--dead-letters"),
        lambda printed: printed == "Nothing to send again\n",
    )
    assert dead_letters(team) == 0
    eventually(lambda: [is_notified(team, upload) for upload in uploads], all)


def test_a_stage_is_destroyed_in_spite_of_cuts(team: Team, aws: Aws) -> None:
    command = ("deploy.destroy", "--stage", "dev", "--yes", "--delete-uploads")
    assert cut(team, *command, stride=min(STRIDE, 11)) > 3

    assert left(aws) == {}
