"""The checks of `make status`: their constants, and their table in docs/operations.md."""

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


# --- Constants of the checks ----------------------------------------------------------------------


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
    created = {
        name for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudFront::Distribution"
    }

    assert set(client["ExplicitAuthFlows"]) == delivery.FLOWS
    assert set(triggers) == set(delivery.TRIGGERS)
    assert RESOURCES["DeadLetters"]["Properties"]["MessageRetentionPeriod"] == delivery.RETENTION
    assert created == set(DISTRIBUTIONS)


def test_handlers_routes_and_schedule_are_those_of_app_py() -> None:
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

    assert schedule.schedule_expression.to_string() == invocations.SCHEDULE  # type: ignore[union-attr]
    assert {each.handler_string for each in sources} == {
        f"app.{functions.HANDLERS.get(each.name, each.name)}" for each in sources
    }
    assert handlers == {route: functions.HANDLERS[name] for route, name in websocket.ROUTES.items()}
    assert open_methods == apis.OPEN


# --- Who may invoke a function --------------------------------------------------------------------


def statement(**members: Any) -> dict[str, Any]:
    """A statement as `chalice deploy` writes it."""
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
def test_a_policy_allows_only_the_expected_service_and_source(
    change: dict[str, Any], *, expected: bool
) -> None:
    policy = [statement(Effect="Deny"), statement(**change)]

    assert invocations.allows(policy, "apigateway", SOURCE, ACCOUNT) is expected  # type: ignore[arg-type]


# --- Functions that Lambda does not run -----------------------------------------------------------


@pytest.mark.parametrize(
    ("configuration", "reported"),
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
def test_a_function_that_lambda_cannot_run_is_reported(
    configuration: dict[str, Any], reported: list[str]
) -> None:
    stage: Any = SimpleNamespace(
        name="dev",
        names=lambda: ["notify"],
        function=lambda _: {"Configuration": configuration},
    )

    changes = list(drift_functions.states(stage))

    assert len(changes) == len(reported)
    for change, beginning in zip(changes, reported, strict=True):
        assert change.step == "application"
        assert change.difference.startswith(beginning)


# --- Checks that fail -----------------------------------------------------------------------------


def denied(_: DeployedStage) -> Iterator[Change]:
    yield Change("application", "before")
    error = {"Code": "AccessDenied", "Message": "no"}
    raise ClientError({"Error": error}, "GetPolicy")  # type: ignore[typeddict-item]


def unreachable(_: DeployedStage) -> Iterator[Change]:
    yield from ()
    raise EndpointConnectionError(endpoint_url="https://sns.example")


def undeployed(_: DeployedStage) -> Iterator[Change]:
    yield from ()
    raise StageError("it has no stack")


def differs(_: DeployedStage) -> Iterator[Change]:
    yield Change(BY_HAND, "after")


def test_a_check_that_fails_hides_no_other_check() -> None:
    stage: Any = object()
    looks = {"rights": denied, "topics": unreachable, "stack": undeployed, "table": differs}

    reported = list(lines(stage, looks))

    assert reported[0] == "application   before"
    assert reported[1].startswith("not known: rights: A permission is missing for GetPolicy: no; ")
    assert reported[2].startswith("not known: topics: ")
    assert reported[3] == "not known: stack: it has no stack"
    assert reported[4] == "by hand       after"
    assert reported[5].startswith("by hand: make deploy leaves these as they are")
    assert len(reported) == 6


# --- docs/operations.md ---------------------------------------------------------------------------


def rows() -> list[list[str]]:
    """The rows of the table of resources, without its head."""
    _, _, section = OPERATIONS.partition("## What a stage needs in AWS\n")
    section, _, _ = section.partition("\n## ")
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def test_the_table_has_one_row_for_each_check() -> None:
    checked = [row[0] for row in rows() if "`make status`" in row[3]]

    assert checked == list(CHECKS)
    assert all(len(row) == 5 and all(row) for row in rows())


def test_the_table_names_each_resource_of_the_template() -> None:
    created = [row[1].partition("CloudFormation: ")[2].partition(";")[0] for row in rows()]
    listed = [name for cell in created for name in re.findall(r"`(\w+)`", cell)]

    assert sorted(listed) == sorted(RESOURCES)


def test_the_table_says_by_hand_like_status() -> None:
    """For the resources of CloudFormation, and for no others."""
    by_hand = [row[0] for row in rows() if "[by hand](" in row[4]]
    created = [row[0] for row in rows() if "CloudFormation: " in row[1]]
    reported = {
        name
        for name, check in CHECKS.items()
        if check.__module__.rpartition(".")[2] in ("storage", "delivery")
    }

    assert by_hand == created
    assert reported == set(by_hand) & CHECKS.keys()


def test_the_table_names_existing_steps() -> None:
    """For each check, unless all its lines are by hand."""
    for row in rows():
        steps = set(re.findall(r"`([\w-]+)`", row[4]))
        assert steps <= STEPS.keys()
        assert steps or "[by hand](" in row[4] or "all steps" in row[4]


def test_every_difference_names_an_existing_step() -> None:
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


def test_cloudformation_has_the_mode_that_reverts_drift() -> None:
    make: Any = boto3.client
    shape = make("cloudformation", region_name=REGION).meta.service_model.shape_for(
        "DeploymentMode"
    )
    (mode,) = re.findall(r"--deployment-mode (\w+)", OPERATIONS)

    assert mode in shape.enum
