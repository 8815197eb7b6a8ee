"""The step `resources` with every state of a stack in CloudFormation."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy.steps import resources
from stage.stage import StageError
from tests.deploy.names import names

PARAMETERS = {"Stage": "dev", "UrlLifetime": "3600"}


class CloudFormation:
    """A stack with scripted states: DescribeStacks returns the next one each time."""

    def __init__(self, *states: str, after: dict[str, list[str]] | None = None) -> None:
        self.states = list(states)
        # The states after an operation.
        self.after = after or {}
        self.calls: list[str] = []
        self.unprotected: list[str] = []
        self.events: list[dict[str, str]] = []
        self.parameters = {**PARAMETERS, "Versioning": "Suspended"}
        self.template = resources.template()

    def describe_stacks(self, StackName: str) -> Any:  # noqa: N803 - boto3's name
        if not self.states:
            error = {"Code": "ValidationError", "Message": "Stack hoist-dev does not exist"}
            raise ClientError({"Error": error}, "DescribeStacks")  # type: ignore[typeddict-item]
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if state == "DELETE_COMPLETE":
            # A deleted stack is known by its id, not by its name.
            self.states = []
        members = [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()]
        return {
            "Stacks": [
                {"StackId": f"id of {StackName}", "StackStatus": state, "Parameters": members}
            ]
        }

    def get_template_summary(self, **_: str) -> Any:
        defaults = {**PARAMETERS, "Versioning": "Suspended"}
        return {"Parameters": [{"ParameterKey": k, "DefaultValue": v} for k, v in defaults.items()]}

    def describe_stack_resources(self, **_: str) -> Any:
        remaining = ("AWS::Cognito::UserPool", "pool", "DELETE_FAILED")
        deleted = ("AWS::Cognito::UserPool", "gone", "DELETE_COMPLETE")
        names = ("ResourceType", "PhysicalResourceId", "ResourceStatus")
        return {
            "StackResources": [dict(zip(names, each, strict=True)) for each in (remaining, deleted)]
        }

    def update_user_pool(self, **names: str) -> None:
        self.unprotected.append(names["UserPoolId"])
        assert names["DeletionProtection"] == "INACTIVE"

    def get_template(self, **_: str) -> Any:
        return {"TemplateBody": self.template}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_stack_events"
        return self

    def paginate(self, **_: str) -> Iterator[Any]:
        output = {"Timestamp": datetime.now(UTC), "EventId": "1"}
        yield {"StackEvents": [output | {"EventId": str(n)} | e for n, e in enumerate(self.events)]}

    def __getattr__(self, operation: str) -> Any:
        def call(**_: Any) -> None:
            self.calls.append(operation)
            self.states = list(self.after[operation])

        return call


@pytest.fixture(autouse=True)
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_PAUSE", 0)


CREATED = {"create_stack": ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]}
UPDATED = {"update_stack": ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]}
DELETED = {"delete_stack": ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]}


def test_a_missing_stack_is_created(capsys: pytest.CaptureFixture[str]) -> None:
    client: Any = CloudFormation(after=CREATED)
    client.events = [{"LogicalResourceId": "Bucket", "ResourceStatus": "CREATE_COMPLETE"}]

    assert names(resources.apply(client, client, "dev", PARAMETERS)) == ["new"]

    assert client.calls == ["create_stack"]
    assert capsys.readouterr().out.count("Bucket") == 1


def test_a_stack_as_declared_stays() -> None:
    client: Any = CloudFormation("UPDATE_COMPLETE")

    assert resources.apply(client, client, "dev", PARAMETERS) == []
    assert client.calls == []


def test_differences_are_printed_and_updated() -> None:
    client: Any = CloudFormation("CREATE_COMPLETE", after=UPDATED)
    client.template = "Resources: {}"

    changed = resources.apply(client, client, "dev", PARAMETERS | {"UrlLifetime": "900"})

    assert names(changed) == ["template", "UrlLifetime"]
    assert client.calls == ["update_stack"]


def test_a_parameter_that_is_no_longer_set_returns_to_its_default() -> None:
    client: Any = CloudFormation("CREATE_COMPLETE", after=UPDATED)
    client.parameters["Versioning"] = "Enabled"

    assert names(resources.apply(client, client, "dev", PARAMETERS)) == ["Versioning"]


def test_an_unknown_parameter_is_refused() -> None:
    client: Any = CloudFormation()

    with pytest.raises(StageError, match="no parameter Versionning; it has Stage, UrlLifetime"):
        resources.apply(client, client, "dev", PARAMETERS | {"Versionning": "Enabled"})
    assert client.calls == []


@pytest.mark.parametrize(
    "state",
    [
        "ROLLBACK_COMPLETE",
        "ROLLBACK_FAILED",
        "CREATE_FAILED",
        "DELETE_FAILED",
        "REVIEW_IN_PROGRESS",
    ],
)
def test_a_stack_whose_creation_failed_is_created_again(state: str) -> None:
    client: Any = CloudFormation(state, after=CREATED | DELETED)

    resources.apply(client, client, "dev", PARAMETERS)

    assert client.calls == ["delete_stack", "create_stack"]
    # Cognito would keep a protected pool, and CloudFormation would keep the stack.
    assert client.unprotected == ["pool"]


def test_a_stack_in_progress_is_waited_for() -> None:
    client: Any = CloudFormation("CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE")

    assert resources.apply(client, client, "dev", PARAMETERS) == []


def test_a_stack_in_rollback_is_created_again() -> None:
    client: Any = CloudFormation(
        "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", after=CREATED | DELETED
    )

    resources.apply(client, client, "dev", PARAMETERS)

    assert client.calls == ["delete_stack", "create_stack"]


def test_a_failed_rollback_is_continued() -> None:
    taken_back = {"continue_update_rollback": ["UPDATE_ROLLBACK_COMPLETE"]}
    client: Any = CloudFormation("UPDATE_ROLLBACK_FAILED", after=UPDATED | taken_back)

    resources.apply(client, client, "dev", PARAMETERS | {"UrlLifetime": "900"})

    assert client.calls == ["continue_update_rollback", "update_stack"]


FAILURES = {
    "a bucket whose name is taken": (
        "Bucket",
        "hoist-files already exists (Service: S3, Status Code: 409)",
        "Bucket: hoist-files already exists",
    ),
    "a quota": (
        "Downloads",
        "Resource limit exceeded: too many distributions",
        "Resource limit exceeded: too many distributions; ask AWS for more in Service Quotas",
    ),
    "a permission": (
        "UserPool",
        "User: arn:aws:iam::1:user/a is not authorized to perform: cognito-idp:CreateUserPool",
        "UserPool: User: arn:aws:iam::1:user/a is not authorized to perform",
    ),
}


@pytest.mark.parametrize(("resource", "reason", "output"), FAILURES.values(), ids=FAILURES)
def test_the_error_names_the_first_resource_that_failed(
    resource: str, reason: str, output: str
) -> None:
    client: Any = CloudFormation(after={"create_stack": ["ROLLBACK_COMPLETE"]})
    client.events = [
        {
            "LogicalResourceId": "Table",
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": "Resource creation cancelled",
        },
        {
            "LogicalResourceId": resource,
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": reason,
        },
    ]

    with pytest.raises(StageError) as raised:
        resources.apply(client, client, "dev", PARAMETERS)

    assert str(raised.value).startswith("hoist-dev is ROLLBACK_COMPLETE: ")
    assert output in str(raised.value)


def test_a_stack_that_cannot_be_deleted_says_why() -> None:
    client: Any = CloudFormation("UPDATE_COMPLETE", after={"delete_stack": ["DELETE_FAILED"]})
    client.events = [
        {
            "LogicalResourceId": "PageBucket",
            "ResourceStatus": "DELETE_FAILED",
            "ResourceStatusReason": "The bucket you tried to delete is not empty",
        }
    ]

    with pytest.raises(StageError, match="PageBucket: The bucket you tried to delete is not empty"):
        resources.delete(client, "dev")


def test_deleting_a_missing_stack_does_nothing() -> None:
    client: Any = CloudFormation()

    assert resources.delete(client, "dev") is False


def test_the_outputs_of_a_missing_stage_are_an_error() -> None:
    client: Any = CloudFormation()

    with pytest.raises(StageError, match="dev is not deployed: run `make deploy STAGE=dev`"):
        resources.output_values(client, "dev")


def test_the_template_is_short_enough_to_be_sent() -> None:
    assert len(resources.template().encode()) <= resources.MAX_TEMPLATE_SIZE
    assert "\n  Bucket:\n" in resources.template()
