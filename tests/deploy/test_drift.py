"""The checks of `make status`: what they take for granted, and that docs/operations.md has them."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from chalice.app import ScheduledEventConfig

import app
from deploy.__main__ import STEPS
from deploy.changes import Change
from deploy.drift import apis, delivery, invocations, storage
from deploy.drift import functions as drift_functions
from deploy.drift.checks import CHECKS, lines
from deploy.drift.deployed_stage import BY_HAND, DISTRIBUTIONS, DeployedStage
from deploy.steps import functions, websocket
from stage.stage import StageError
from tests.deploy.template import RESOURCES
from tests.support.environment import REGION

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
SOURCE = f"arn:aws:execute-api:{REGION}:123456789012:abc/*"
ACCOUNT = "123456789012"


def statements(resource: str) -> set[str]:
    """The names of the statements in a policy of the template."""
    return {
        each["Sid"] for each in RESOURCES[resource]["Properties"]["PolicyDocument"]["Statement"]
    }


# --- What the checks take for granted -------------------------------------------------------------


def test_the_names_of_statements_are_those_of_the_template() -> None:
    assert statements("BucketPolicy") == storage.BUCKET_STATEMENTS
    assert statements("PageBucketPolicy") == storage.PAGE_STATEMENTS
    assert statements("DeadLettersPolicy") == delivery.QUEUE_STATEMENTS
    for name, variable in (
        ("Results", "HOIST_RESULTS_TOPIC_ARN"),
        ("Notifications", "HOIST_NOTIFICATIONS_TOPIC_ARN"),
        ("Operations", "HOIST_OPERATIONS_TOPIC_ARN"),
    ):
        assert delivery.TOPICS[variable] == statements(f"{name}Policy")


def test_the_settings_of_the_bucket_are_those_of_the_template() -> None:
    properties = RESOURCES["Bucket"]["Properties"]
    (cors,) = properties["CorsConfiguration"]["CorsRules"]
    rules = {rule["Id"] for rule in properties["LifecycleConfiguration"]["Rules"]}

    assert set(cors["AllowedMethods"]) == storage.METHODS
    assert set(cors["ExposedHeaders"]) == storage.EXPOSED
    assert {storage.PARTS, storage.REJECTED} < rules


def test_the_settings_of_accounts_queue_and_distributions_are_those_of_the_template() -> None:
    client = RESOURCES["UserPoolClient"]["Properties"]
    _, triggers, _ = RESOURCES["UserPool"]["Properties"]["LambdaConfig"]["Fn::If"]
    made = {
        name for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudFront::Distribution"
    }

    assert set(client["ExplicitAuthFlows"]) == delivery.FLOWS
    assert set(triggers) == set(delivery.TRIGGERS)
    assert RESOURCES["DeadLetters"]["Properties"]["MessageRetentionPeriod"] == delivery.RETENTION
    assert made == set(DISTRIBUTIONS)


def test_what_is_invoked_is_that_of_app_py() -> None:
    sources = app.app.event_sources
    (schedule,) = [each for each in sources if isinstance(each, ScheduledEventConfig)]
    handlers = {
        route: each.handler_function.__name__ for route, each in app.app.websocket_handlers.items()
    }
    open_methods = {
        f"{method} {path}"
        for path, methods in app.app.routes.items()
        for method, entry in methods.items()
        if entry.authorizer is None
    }

    assert schedule.schedule_expression.to_string() == invocations.SCHEDULE
    assert {each.handler_string for each in sources} == {
        f"app.{functions.HANDLERS.get(each.name, each.name)}" for each in sources
    }
    assert handlers == {route: functions.HANDLERS[name] for route, name in websocket.ROUTES.items()}
    assert open_methods == apis.OPEN


# --- Who may invoke a function --------------------------------------------------------------------


def statement(**members: Any) -> dict[str, Any]:
    """As `chalice deploy` writes one."""
    return {
        "Sid": "1",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Condition": {"ArnLike": {"AWS:SourceArn": SOURCE}},
    } | members


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"Condition": {}}, True),
        ({"Condition": {"ArnLike": {"aws:SourceArn": SOURCE.replace("abc", "*")}}}, True),
        ({"Condition": {"ArnLike": {"AWS:SourceArn": SOURCE.replace("abc", "xyz")}}}, False),
        (
            {
                "Condition": {
                    "StringEquals": {"AWS:SourceAccount": ACCOUNT},
                    "ArnLike": {"AWS:SourceArn": SOURCE},
                }
            },
            True,
        ),
        (
            {
                "Condition": {
                    "StringEquals": {"AWS:SourceAccount": "210987654321"},
                    "ArnLike": {"AWS:SourceArn": SOURCE},
                }
            },
            False,
        ),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, False),
        ({"Effect": "Deny"}, False),
        ({"Action": "lambda:GetFunction"}, False),
        ({"Principal": {"Service": "s3.amazonaws.com"}}, False),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, False),
        ({"Principal": "*"}, False),
    ],
    ids=[
        "as chalice writes it", "no condition", "a pattern", "another API", "our account",
        "another account", "another condition", "deny", "another action", "another service",
        "an account", "anybody",
    ],
)  # fmt: skip
def test_who_may_invoke_a_function(change: dict[str, Any], *, expected: bool) -> None:
    found = [statement(Effect="Deny"), statement(**change)]

    assert invocations.allows(found, "apigateway", SOURCE, ACCOUNT) is expected


# --- Functions that Lambda does not run -----------------------------------------------------------


@pytest.mark.parametrize(
    ("configuration", "told"),
    [
        ({}, []),
        ({"State": "Active"}, []),
        (
            {"State": "Pending"},
            ["hoist-dev-notify is Pending (no reason given): Lambda is creating it: look again"],
        ),
        (
            {"State": "Failed", "StateReason": "The key is gone"},
            ["hoist-dev-notify is Failed (The key is gone): delete it, then deploy"],
        ),
        (
            {"State": "Inactive", "StateReason": "Idle"},
            ["hoist-dev-notify is Inactive (Idle): deploy"],
        ),
    ],
    ids=["an older one", "active", "pending", "failed", "inactive"],
)
def test_a_function_that_lambda_does_not_run_is_told(
    configuration: dict[str, Any], told: list[str]
) -> None:
    stage: Any = SimpleNamespace(
        name="dev",
        names=lambda: ["notify"],
        function=lambda _: {"Configuration": configuration},
    )

    changes = list(drift_functions.states(stage))

    assert len(changes) == len(told)
    for change, beginning in zip(changes, told, strict=True):
        assert change.step == "application"
        assert change.difference.startswith(beginning)


# --- What is not known hides nothing --------------------------------------------------------------


def denied(_: DeployedStage) -> Iterator[Change]:
    yield Change("application", "before")
    error = {"Code": "AccessDenied", "Message": "no"}
    raise ClientError({"Error": error}, "GetPolicy")


def unreachable(_: DeployedStage) -> Iterator[Change]:
    yield from ()
    raise EndpointConnectionError(endpoint_url="https://sns.example")


def undeployed(_: DeployedStage) -> Iterator[Change]:
    yield from ()
    raise StageError("it has no stack")


def differs(_: DeployedStage) -> Iterator[Change]:
    yield Change(BY_HAND, "after")


def test_what_is_not_known_hides_nothing() -> None:
    stage: Any = object()
    looks = {"rights": denied, "topics": unreachable, "stack": undeployed, "table": differs}

    told = list(lines(stage, looks))

    assert told[0] == "application   before"
    assert told[1].startswith("not known: rights: A permission is missing for GetPolicy: no; ")
    assert told[2].startswith("not known: topics: ")
    assert told[3] == "not known: stack: it has no stack"
    assert told[4] == "by hand       after"
    assert told[5].startswith("by hand: make deploy leaves these as they are")
    assert len(told) == 6


# --- docs/operations.md ---------------------------------------------------------------------------


def rows() -> list[list[str]]:
    """The table of pieces, a row each, without its head."""
    _, _, section = OPERATIONS.partition("## What a stage needs in AWS\n")
    section, _, _ = section.partition("\n## ")
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def test_the_table_has_a_row_of_each_check_and_no_other() -> None:
    checked = [row[0] for row in rows() if "`make status`" in row[3]]

    assert checked == list(CHECKS)
    assert all(len(row) == 5 and all(row) for row in rows())


def test_the_table_names_each_resource_of_the_template() -> None:
    made = [row[1].partition("CloudFormation: ")[2].partition(";")[0] for row in rows()]
    named = [name for cell in made for name in re.findall(r"`(\w+)`", cell)]

    assert sorted(named) == sorted(RESOURCES)


def test_the_table_says_by_hand_where_status_does() -> None:
    """Of what CloudFormation made, and of nothing else."""
    by_hand = [row[0] for row in rows() if "[by hand](" in row[4]]
    made = [row[0] for row in rows() if "CloudFormation: " in row[1]]
    told = {
        name
        for name, check in CHECKS.items()
        if check.__module__.rpartition(".")[2] in ("storage", "delivery")
    }

    assert by_hand == made
    assert told == set(by_hand) & CHECKS.keys()


def test_the_table_names_steps_that_there_are() -> None:
    """Of each check whose lines are not all by hand."""
    for row in rows():
        steps = set(re.findall(r"`([\w-]+)`", row[4]))
        assert steps <= STEPS.keys()
        assert steps or "[by hand](" in row[4] or "all steps" in row[4]


def test_every_line_begins_with_a_step_that_there_is() -> None:
    sources = [
        *(ROOT / "deploy" / "drift").glob("*.py"),
        *(ROOT / "deploy" / "steps" / f"{name}.py" for name in ("destinations", "api_gateway")),
    ]
    steps = {
        step
        for path in sources
        for step in re.findall(r'Change\(\s*"([^"]+)"', path.read_text(encoding="utf-8"))
    }

    assert steps <= STEPS.keys()
    assert {"application", "functions", "api-gateway", "destinations"} <= steps


def test_cloudformation_has_the_mode_that_puts_back_drift() -> None:
    make: Any = boto3.client
    shape = make("cloudformation", region_name=REGION).meta.service_model.shape_for(
        "DeploymentMode"
    )
    (mode,) = re.findall(r"--deployment-mode (\w+)", OPERATIONS)

    assert mode in shape.enum
