"""A stage that `make deploy` is deploying: its name, its session, and what the steps share.

Must not know the steps' order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from chalicelib.config import Settings
from deploy import preflight
from deploy.command import client
from deploy.steps import application, concurrency, config, connections, resources
from stage.stage import Stage, enter


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stage that is being deployed; `parameters` are those of the command line."""

    name: str
    session: boto3.Session
    parameters: Mapping[str, str]

    def client(self, service: str) -> Any:
        """A client in the stage's region."""
        return client(self.session, service)

    def stage_config(self) -> dict[str, Any]:
        """The stage's configuration, with the parameters of the command line."""
        return config.stage_config(self.name, str(self.session.region_name), self.parameters)

    def stack_parameters(self) -> dict[str, str]:
        """The parameters of its stack; the page's addresses are empty until they are known."""
        stage = self.stage_config()
        return config.parameters(self.name, stage, application.addresses(self.name, stage))

    def check_sign_up(self) -> str:
        """Refuse a new stage if nobody has chosen who may sign up."""
        exists = resources.exists(self.client("cloudformation"), self.name)
        chosen = self.stage_config()["resource_parameters"]
        return preflight.check_sign_up(self.name, chosen, exists=exists)

    def room(self, functions: Mapping[str, Any]) -> concurrency.Room:
        """The concurrent invocations that the account has for functions."""
        return concurrency.look(self.client("lambda"), self.name, functions)

    def bucket_rule(self) -> tuple[str, connections.Rule] | None:
        """The bucket and the rule that it needs; None before there is a bucket."""
        environment = self.stage_config()["environment_variables"]
        if "HOIST_BUCKET" not in environment:
            return None
        topic = environment["HOIST_RESULTS_TOPIC_ARN"]
        return environment["HOIST_BUCKET"], connections.own_rule(self.name, topic)

    def check_rules(self) -> None:
        """Refuse to deploy if a rule of another tool overlaps ours."""
        if (rule := self.bucket_rule()) is not None:
            connections.check_rules(self.client("s3"), *rule)

    def apply_stack(self) -> None:
        """Bring the stack up to date."""
        clients = self.client("cloudformation"), self.client("cognito-idp")
        resources.apply(*clients, self.name, self.stack_parameters())

    def settings(self) -> Settings:
        """Its settings, also before it is deployed."""
        stage = self.stage_config()
        region = {"AWS_REGION": stage["region"]}
        return config.planned_settings({**stage["environment_variables"], **region})

    def stage(self) -> Stage:
        """The stage as it is deployed."""
        return enter(self.name)
