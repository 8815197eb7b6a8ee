"""The permissions that each command needs, as lists and as policies to paste."""

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from deploy.__main__ import STEPS
from deploy.permissions import COMMANDS, actions, epilog, plan, simulator, stack
from deploy.permissions.policy import MAX_SIZE, documents, size
from tests.deploy.iam_actions import actions as iam_actions
from tests.deploy.iam_actions import model
from tests.deploy.template import RESOURCES
from tests.support.running import ROOT

pytestmark = pytest.mark.slow

USER = "arn:aws:iam::123456789012:user/ops"
ROLE = "arn:aws:iam::123456789012:role/sso/Deployer"
SERVICES = (
    *("apigateway", "apigatewayv2", "cloudformation", "cloudfront", "cloudwatch"),
    *("cognito-idp", "dynamodb", "events", "iam", "lambda", "logs", "s3", "sns", "sqs", "sts"),
)

# deploy.steps.page.publish, and the query of a URL.
NO_CALLS = {"publish", "query"}


def methods() -> dict[str, list[tuple[str, str]]]:
    """The service and operation of each method of boto3."""
    documented: dict[str, list[tuple[str, str]]] = {}
    for service in SERVICES:
        for operation in model(service).operation_names:
            documented.setdefault(xform_name(operation), []).append((service, operation))
    return documented


def called(path: Path) -> Iterator[str]:
    """The names of the methods that a module calls, or passes as text."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_every_call_of_the_commands_is_allowed() -> None:
    """A method whose name two services share is allowed by either service's action."""
    documented = methods()
    allowed = {action for command in COMMANDS for action in actions(command)}
    calls = {
        name: [iam_actions(*each) for each in documented[name]]
        for path in (ROOT / "deploy").rglob("*.py")
        for name in called(path)
        if name in documented and name not in NO_CALLS
    }

    assert len(calls) > 60
    assert {
        name: candidates
        for name, candidates in calls.items()
        if not any(allowed.issuperset(each) for each in candidates)
    } == {}


def test_every_action_exists() -> None:
    """A misspelt action allows nothing; actions without such an operation are listed here."""
    operations = {
        action
        for service in SERVICES
        for operation in model(service).operation_names
        for action in iam_actions(service, operation)
    }
    expected = {action for command in COMMANDS for action in actions(command)}

    assert {name for name in expected - operations if not name.startswith("budgets:")} == {
        "cloudformation:TagResource",
        "cloudformation:UntagResource",
        "dynamodb:ConditionCheckItem",
        "iam:PassRole",
        "s3:GetAccelerateConfiguration",
        "s3:GetAnalyticsConfiguration",
        "s3:GetBucketObjectLockConfiguration",
        "s3:GetIntelligentTieringConfiguration",
        "s3:GetInventoryConfiguration",
        "s3:GetMetricsConfiguration",
        "s3:GetReplicationConfiguration",
        "s3:ListTagsForResource",
        "s3:PutBucketCORS",
        "s3:PutBucketPublicAccessBlock",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
        "s3:TagResource",
        "s3:UntagResource",
    }


def test_exactly_the_types_of_the_stack_are_listed() -> None:
    types = {each["Type"] for each in RESOURCES.values()}

    assert stack.RESOURCES.keys() == types


def test_the_steps_of_deploy_exist() -> None:
    assert COMMANDS["deploy"].keys() <= STEPS.keys()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("stage", ["*", "dev", "a-name-of-24-characters1"])
def test_a_policy_allows_exactly_what_the_command_needs(command: str, stage: str) -> None:
    actual = documents(command, stage, "eu-central-1")

    allowed = [
        action
        for document in actual
        for statement in document["Statement"]
        for action in statement["Action"]
    ]
    assert sorted(allowed) == actions(command)
    assert max(map(size, actual)) <= MAX_SIZE
    assert {d["Version"] for d in actual} == {"2012-10-17"}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_policy_of_a_stage_allows_no_other_stage(command: str) -> None:
    """Except resources with random ids, and actions without a resource."""
    unnamed = ("apigateway", "budgets", "cloudfront", "cognito-idp")
    for document in documents(command, "dev", "eu-west-1"):
        for statement in document["Statement"]:
            for arn in statement["Resource"]:
                assert (
                    arn == "*"
                    or "hoist-dev" in arn
                    or arn.split(":")[2] in unnamed
                    or arn.endswith(":dashboard/*")
                    or "aws-service-role" in arn
                ), arn


def test_roles_can_be_passed_to_lambda_only() -> None:
    (statement,) = (
        each
        for document in documents("deploy", "dev", "eu-west-1")
        for each in document["Statement"]
        if "iam:PassRole" in each["Action"]
    )

    assert statement["Resource"] == ["arn:aws:iam::*:role/hoist-dev-*"]
    assert statement["Condition"] == {
        "StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_the_plan_names_every_permission_and_every_step(command: str) -> None:
    lines = plan(command)
    words = " ".join(lines).replace(";", "").split()

    assert {line[2:16].strip() for line in lines} - {""} == set(COMMANDS[command])
    assert {action.partition(":")[2] for action in actions(command)} <= set(words)


def printed(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "deploy.permissions", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_policies_to_paste() -> None:
    run = printed("--command", "redrive", "--stage", "dev", "--region", "eu-north-1")

    assert run.returncode == 0
    assert json.loads(run.stdout) == documents("redrive", "dev", "eu-north-1")[0]
    assert run.stderr == ""


def test_several_policies_are_numbered() -> None:
    run = printed("--command", "deploy")
    policies = []
    text = run.stdout
    while text := text.strip():
        document, end = json.JSONDecoder().raw_decode(text)
        policies.append(document)
        text = text[end:]

    assert policies == documents("deploy", "*", "*")
    assert f"Policy 2 of {len(policies)}: attach all of them" in run.stderr


@pytest.mark.parametrize("arguments", [(), ("--command", "rm"), ("--command", "")])
def test_an_unknown_command_is_refused_with_the_known_ones(arguments: tuple[str, ...]) -> None:
    run = printed(*arguments)

    assert run.returncode == 2
    assert "COMMAND" in run.stderr or "deploy, destroy, status" in run.stderr


MODULES = {
    "deploy": "deploy",
    "destinations": "deploy.steps.destinations",
    "api-gateway": "deploy.steps.api_gateway",
}


def test_every_command_says_where_its_permissions_are() -> None:
    for command in COMMANDS:
        module = MODULES.get(command, f"deploy.{command}")
        run = subprocess.run(
            [sys.executable, "-m", module, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert epilog(command) in " ".join(run.stdout.split())


class Iam:
    """IAM's simulator, which denies some actions."""

    def __init__(self, *denied: str) -> None:
        self.denied = denied
        self.calls: list[dict[str, Any]] = []

    def get_paginator(self, operation: str) -> Any:
        assert operation == "simulate_principal_policy"
        return self

    def paginate(self, **request: Any) -> Iterator[Any]:
        self.calls.append(request)
        results = [
            {
                "EvalActionName": name,
                "EvalDecision": "implicitDeny" if name in self.denied else "allowed",
            }
            for name in request["ActionNames"]
        ]
        yield {"EvaluationResults": results[:1]}
        yield {"EvaluationResults": results[1:]}

    def get_role(self, RoleName: str) -> Any:  # noqa: N803
        return {"Role": {"Arn": f"arn:aws:iam::123456789012:role/sso/{RoleName}"}}


def warning(iam: Any, caller: str = USER) -> str:
    return simulator.warning(iam, caller, "deploy", "dev", "eu-west-1")


def test_a_missing_permission_is_named_beforehand() -> None:
    output = warning(Iam("sqs:CreateQueue", "iam:PassRole"))

    assert (
        "denies iam:PassRole, sqs:CreateQueue; make permissions COMMAND=deploy STAGE=dev" in output
    )


def test_a_caller_with_all_permissions_gets_no_warning() -> None:
    assert warning(Iam()) == ""
    assert warning(Iam("sns:Subscribe"), "arn:aws:iam::123456789012:root") == ""


def test_the_simulator_gets_the_resources_of_the_policy() -> None:
    iam = Iam()
    warning(iam)

    recorded_calls = {name: each for each in iam.calls for name in each["ActionNames"]}
    assert sorted(recorded_calls) == actions("deploy")
    assert recorded_calls["sqs:CreateQueue"]["ResourceArns"] == [
        "arn:aws:sqs:eu-west-1:123456789012:hoist-dev-example"
    ]
    assert recorded_calls["sts:GetCallerIdentity"]["ResourceArns"] == ["*"]
    (entry,) = recorded_calls["iam:PassRole"]["ContextEntries"]
    assert entry["ContextKeyName"] == "iam:PassedToService"
    assert entry["ContextKeyValues"] == ["lambda.amazonaws.com"]
    assert all(len(each["ActionNames"]) <= 50 for each in iam.calls)


def test_the_simulator_gets_the_role_of_temporary_credentials() -> None:
    iam = Iam()
    warning(iam, "arn:aws:sts::123456789012:assumed-role/Deployer/me@example.com")

    assert {each["PolicySourceArn"] for each in iam.calls} == {ROLE}


def test_a_denied_simulator_stops_nothing() -> None:
    class Forbidden(Iam):
        def paginate(self, **_: Any) -> Iterator[Any]:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "SimulatePrincipalPolicy")

    assert "is not available (AccessDenied)" in warning(Forbidden())
