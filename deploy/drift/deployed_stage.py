"""A stage in AWS, as the checks read it. Makes each call once and changes nothing.

IAM: lambda:GetFunction, cloudformation:DescribeStacks, cloudformation:DescribeStackResources,
apigateway:GET.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

import boto3
from chalice.config import Config

from deploy.command import client
from deploy.errors import answer
from deploy.preflight.snapshot import SETTING
from deploy.steps import policies, resources
from deploy.steps.connections import function_arn
from deploy.steps.functions import declared_function
from stage import stage as stages
from stage.apis import RestApi, WebSocketApi, rest_api, websocket_api
from stage.names import function_name
from stage.stage import Stage, StageError

# The step of a difference that no step of `make deploy` repairs: CloudFormation compares a template
# with the previous one, not with the resources in AWS.
BY_HAND = "by hand"
# The distributions in CloudFront by their names in the template.
DISTRIBUTIONS = ("Page", "Downloads")


class DeployedStage:
    """A stage, clients for it, and the responses that AWS has given already."""

    def __init__(self, session: boto3.Session, stage: Stage) -> None:
        self.stage = stage
        self.name = stage.name
        self.settings = stage.settings
        self.config = stages.declared(stage.name)
        self.session = session
        self._clients: dict[str, Any] = {}
        self._functions: dict[str, Any] = {}
        self._stack: Any = None

    def client(self, service: str) -> Any:
        """A client in the stage's region."""
        if service not in self._clients:
            self._clients[service] = client(self.session, service)
        return self._clients[service]

    def names(self) -> list[str]:
        """The names of the functions in Chalice."""
        return list(policies.templates())

    def function(self, name: str) -> Any:
        """The response of GetFunction, with `Concurrency`; None without the function."""
        if name not in self._functions:
            aws = self.client("lambda")
            try:
                response = aws.get_function(FunctionName=function_name(self.name, name))
            except aws.exceptions.ResourceNotFoundException:
                response = None
            self._functions[name] = response
        return self._functions[name]

    def declared(self, name: str) -> Config:
        """The declaration of a function in `.chalice/config.json`, as Chalice reads it."""
        return declared_function(self.name, name)

    def function_arn(self, name: str) -> str:
        """The ARN that a function has, or would have."""
        return function_arn(self.settings.results_topic_arn, function_name(self.name, name))

    def arn(self, service: str, resource: str) -> str:
        """An ARN in the stage's region and account."""
        partition, _, region, account = self.settings.results_topic_arn.split(":")[1:5]
        return f"arn:{partition}:{service}:{region}:{account}:{resource}"

    @property
    def has_snap_start(self) -> bool:
        """Whether `.chalice/config.json` enables SnapStart for the API's function."""
        return self.config.get(SETTING) is True

    @property
    def account(self) -> str:
        """The number of its account."""
        return self.settings.results_topic_arn.split(":")[4]

    def stack(self) -> Any:
        """The stack as CloudFormation describes it; raises StageError without one."""
        if self._stack is None:
            self._stack = resources.find(self.client("cloudformation"), self.name)
        if self._stack is None:
            raise StageError(f"{self.name} has no stack: run `make deploy STAGE={self.name}`")
        return self._stack

    def output(self, name: str) -> str:
        """One of the stack's outputs."""
        outputs = {each["OutputKey"]: each["OutputValue"] for each in self.stack()["Outputs"]}
        return str(outputs[name])

    def parameter(self, name: str) -> str:
        """One of the stack's parameters."""
        parameters = {
            each["ParameterKey"]: each["ParameterValue"] for each in self.stack()["Parameters"]
        }
        return str(parameters.get(name, ""))

    def distributions(self) -> dict[str, str]:
        """The ids of the stack's distributions in CloudFront, by their names in the template."""
        response = self.client("cloudformation").describe_stack_resources(
            StackName=resources.stack_name(self.name)
        )["StackResources"]
        return {
            each["LogicalResourceId"]: each["PhysicalResourceId"]
            for each in response
            if each["LogicalResourceId"] in DISTRIBUTIONS and each.get("PhysicalResourceId")
        }

    @cached_property
    def rest_api(self) -> RestApi | None:
        """The REST API that Chalice noted; None without it or its stage in AWS."""
        try:
            api = rest_api(self.name)
        except StageError:
            return None
        exists = self._exists("apigateway", "get_stage", restApiId=api.id, stageName=api.stage)
        return api if exists else None

    @cached_property
    def websocket_api(self) -> WebSocketApi | None:
        """The WebSocket API that Chalice noted; None without it or its stage in AWS."""
        try:
            api = websocket_api(self.name)
        except StageError:
            return None
        exists = self._exists("apigatewayv2", "get_stage", ApiId=api.id, StageName=api.stage)
        return api if exists else None

    def _exists(self, service: str, operation: str, **members: str) -> bool:
        """Whether AWS has the resource that an operation describes."""
        describe = getattr(self.client(service), operation)
        return answer(describe, "NotFoundException", **members) is not None


def missing_statements(policy: str | None, expected: frozenset[str]) -> str:
    """The names of the statements that a policy in JSON lacks; None is no policy at all."""
    document = json.loads(policy) if policy else {"Statement": []}
    actual = {each.get("Sid") for each in document["Statement"]}
    return ", ".join(sorted(expected - actual))
