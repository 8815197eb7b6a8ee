"""`make deploy`: a stage into AWS, step by step.

Each step changes only what differs, names it, and can be run alone (`ONLY=page`); interrupted
anywhere, the same command again goes on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3

from chalicelib.config import Settings, SettingsError
from deploy import migration, permissions, preflight
from deploy.command import run_command
from deploy.preflight import runtime, snapshot
from deploy.smoke import __main__ as smoke
from deploy.steps import (
    api_gateway,
    application,
    concurrency,
    config,
    connections,
    destinations,
    functions,
    page,
    policies,
    resources,
)
from deploy.steps.snap_start import SnapStart
from stage.apis import rest_api
from stage.destinations import read as read_destinations
from stage.page import page_config
from stage.stage import Stage, StageError, check_name, declared, enter


@dataclass(frozen=True, slots=True)
class Deployment:
    """A stage on its way; `parameters` are those of the command line."""

    stage: str
    session: boto3.Session
    parameters: Mapping[str, str]

    def client(self, service: str) -> Any:
        """A client in the stage's region."""
        make: Any = self.session.client
        return make(service)

    def begun(self) -> dict[str, Any]:
        """The stage's configuration, as it is or is to be."""
        return config.begin(self.stage, str(self.session.region_name), self.parameters)

    def stack_parameters(self) -> dict[str, str]:
        """The parameters of its stack; the page's addresses as far as they are known."""
        begun = self.begun()
        return config.parameters(self.stage, begun, application.addresses(self.stage, begun))

    def check_sign_up(self) -> str:
        """Refuse a new stage that is open to everybody without anybody's having chosen that."""
        stands = resources.stands(self.client("cloudformation"), self.stage)
        chosen = self.begun()["resource_parameters"]
        return preflight.check_sign_up(self.stage, chosen, stands=stands)

    def room(self, functions: Mapping[str, Any]) -> concurrency.Room:
        """How many invocations of functions the account has room for."""
        return concurrency.look(self.client("lambda"), self.stage, functions)

    def own_rule(self) -> tuple[str, connections.Rule] | None:
        """The bucket and the rule that it needs; None while there is no bucket."""
        environment = self.begun()["environment_variables"]
        if "HOIST_BUCKET" not in environment:
            return None
        topic = environment["HOIST_RESULTS_TOPIC_ARN"]
        return environment["HOIST_BUCKET"], connections.own_rule(self.stage, topic)

    def check_rules(self) -> None:
        """Refuse to deploy where somebody else's rule of the bucket overlaps ours."""
        if (own := self.own_rule()) is not None:
            connections.check_rules(self.client("s3"), *own)

    def apply_stack(self) -> None:
        """Bring the stack up to date."""
        clients = self.client("cloudformation"), self.client("cognito-idp")
        resources.apply(*clients, self.stage, self.stack_parameters())

    def planned(self) -> Settings:
        """Its settings, which it may have before it is deployed."""
        begun = self.begun()
        region = {"AWS_REGION": begun["region"]}
        return config.planned_settings({**begun["environment_variables"], **region})

    def entered(self) -> Stage:
        """The stage as it is deployed."""
        return enter(self.stage)


def check(deployment: Deployment) -> None:
    """Preflight: refuse what cannot work, and print the plan."""
    begun = deployment.begun()
    try:
        config.planned_settings(begun["environment_variables"])
    except SettingsError as error:
        raise StageError(f"environment_variables of {deployment.stage}: {error}") from error
    chosen, today = begun["resource_parameters"], datetime.now(UTC).date()
    warnings = [
        runtime.check(today),
        runtime.check_sign_up_function(chosen, today),
        snapshot.check(deployment.client("lambda"), deployment.stage, begun),
        deployment.check_sign_up(),
        concurrency.check(
            deployment.stage, begun["region"], begun, deployment.room(begun["lambda_functions"])
        ),
    ]
    deployment.check_rules()
    differences = resources.differences(
        deployment.client("cloudformation"), deployment.stage, deployment.stack_parameters()
    )
    steps = {name: str(step.__doc__).partition(": ")[2].rstrip(".") for name, step in STEPS.items()}
    runtimes = runtime.plan(chosen, today)
    preflight.report(deployment.session, deployment.stage, differences, steps, runtimes)
    for warning in filter(None, warnings):
        print(warning)


def make_resources(deployment: Deployment) -> None:
    """Resources: bucket, table, topics, queue, accounts, page, alarms, by CloudFormation."""
    deployment.check_sign_up()
    config.write(deployment.stage, deployment.begun())
    # From another machine: without its APIs the page's addresses would seem to be none.
    application.recover(deployment.session, deployment.stage)
    deployment.apply_stack()


def record_outputs(deployment: Deployment) -> None:
    """Environment: what the stack tells, into the stage's environment in config.json."""
    begun = deployment.begun()
    told = resources.described(deployment.client("cloudformation"), deployment.stage)
    begun["environment_variables"].update(config.variables(told))
    config.write(deployment.stage, begun)


def copy_uploads(deployment: Deployment) -> None:
    """Migration: uploads that an earlier version kept in another table, for the new functions."""
    migration.migrate(deployment.client("dynamodb"), deployment.planned(), is_last=False)


def copy_the_rest(deployment: Deployment) -> None:
    """Migration once more: what the old functions wrote until the new ones took their place."""
    migration.migrate(deployment.client("dynamodb"), deployment.planned(), is_last=True)


def render_policies(deployment: Deployment) -> None:
    """Policies: what each function may do, with the stage's own resources."""
    policies.write(deployment.stage, declared(deployment.stage).get("environment_variables", {}))


def deploy_application(deployment: Deployment) -> None:
    """Application: functions, roles, APIs and the bucket's rule, by chalice deploy."""
    begun = deployment.begun()
    if concurrency.reserve(begun, deployment.room(begun["lambda_functions"])):
        config.write(deployment.stage, begun)
    own = deployment.own_rule()
    if own is not None:
        connections.make_room(deployment.client("s3"), *own)
    try:
        application.deploy(deployment.session, deployment.stage)
    except StageError as error:
        # S3 names no rule when it refuses ours.
        rules = ""
        if own is not None and "PutBucketNotificationConfiguration" in str(error):
            rules = connections.others(deployment.client("s3"), *own)
        if not rules:
            raise
        raise StageError(f"{error}; {rules}") from error


def record_addresses(deployment: Deployment) -> None:
    """Addresses: those of the APIs; where they are new, once more all that depends on them."""
    begun = deployment.begun()
    _, websocket = application.urls(deployment.stage)
    environment = begun["environment_variables"]
    if environment["HOIST_WEBSOCKET_URL"] != websocket:
        environment["HOIST_WEBSOCKET_URL"] = websocket
        config.write(deployment.stage, begun)
        render_policies(deployment)
        deploy_application(deployment)
    deployment.apply_stack()


def set_destinations(deployment: Deployment) -> None:
    """Destinations: where the outcomes of asynchronous invocations go."""
    destinations.apply(deployment.client("lambda"), deployment.entered(), read_destinations())


def set_functions(deployment: Deployment) -> None:
    """Functions: what Chalice cannot set: dead letters, handlers, the API's log, SnapStart."""
    sns, stage = deployment.client("sns"), deployment.entered()
    functions.keep_subscription(sns, stage, functions.subscription(sns, stage))
    functions.keep_configuration(
        deployment.client("lambda"), deployment.stage, policies.templates()
    )
    functions.keep_logs(deployment.client("logs"), deployment.stage)
    api = rest_api(deployment.stage)
    wanted = snapshot.is_asked_for(deployment.stage, declared(deployment.stage))
    SnapStart(deployment.session, deployment.stage, api).apply(wanted=wanted)


def set_api_gateway(deployment: Deployment) -> None:
    """API Gateway: its own answers, readable for the page, and its limits."""
    origin = deployment.entered().settings.page_origin
    api_gateway.apply_to_stage(deployment.session, deployment.stage, origin)


def publish_page(deployment: Deployment) -> None:
    """Page: built, uploaded, and made known to CloudFront."""
    told = resources.outputs(deployment.client("cloudformation"), deployment.stage)
    page.publish(
        deployment.client("s3"),
        deployment.client("cloudfront"),
        told["PageBucket"],
        told["PageDistributionId"],
        page_config(deployment.entered(), application.urls(deployment.stage)[0]),
    )


def test_with_a_file(deployment: Deployment) -> None:
    """Smoke: a small file and one in parts are sent as a page would, and waited for."""
    stage = deployment.entered()
    told = page_config(stage, application.urls(deployment.stage)[0])
    smoke.run(stage, told, deployment.client("cognito-idp"))


STEPS: dict[str, Callable[[Deployment], None]] = {
    "preflight": check,
    "resources": make_resources,
    "environment": record_outputs,
    "migration": copy_uploads,
    "policies": render_policies,
    "application": deploy_application,
    "addresses": record_addresses,
    "migration-rest": copy_the_rest,
    "destinations": set_destinations,
    "functions": set_functions,
    "api-gateway": set_api_gateway,
    "page": publish_page,
    "smoke": test_with_a_file,
}


# What Chalice may have undone, as it knows nothing of it.
AFTER_CHALICE = ("destinations", "functions", "api-gateway")


def run(deployment: Deployment, only: str, *, smoking: bool = True) -> None:
    """Take the steps, or the one; tell where everything is after all of them."""
    names = list(STEPS) if smoking else [name for name in STEPS if name != "smoke"]
    if only:
        after = AFTER_CHALICE if only in ("application", "addresses") else ()
        names = [only, *after]
        # Where another machine deployed the stage, its APIs are not noted here.
        application.recover(deployment.session, deployment.stage, looking=True)
    for name in names:
        print(name, flush=True)
        STEPS[name](deployment)
    if not only:
        _tell(deployment)


def _tell(deployment: Deployment) -> None:
    begun = deployment.begun()
    api, websocket = application.urls(deployment.stage)
    print(f"\nHoist is at {begun['environment_variables']['HOIST_PAGE_ORIGIN']}")
    print(f"API {api}, WebSocket {websocket}")
    chosen = begun["resource_parameters"]
    if chosen.get("OperationsEmail"):
        print(f"Confirm the email AWS sent to {chosen['OperationsEmail']}: alarms go there")
    else:
        print(f"Alarms go to nobody yet: make deploy STAGE={deployment.stage} EMAIL=you@…")
    if chosen.get("AdminOnlySignUp") == "true":
        pool = begun["environment_variables"]["HOIST_USER_POOL_ARN"].rpartition("/")[2]
        print(
            "Make accounts by: aws cognito-idp admin-create-user"
            f" --region {begun['region']} --user-pool-id {pool} --username you@…"
            " --user-attributes Name=email_verified,Value=true Name=email,Value=you@…"
        )
    print(".chalice/config.json holds the stage now: commit it")


def _chosen(email: str, texts: str) -> dict[str, str]:
    """The parameters of a command line."""
    chosen = {"OperationsEmail": email} if email else {}
    for text in texts.split():
        name, equals, value = text.partition("=")
        if not (name.isalnum() and equals):
            raise StageError(f'{text!r} is no parameter: SET="Versioning=Enabled RejectedDays=3"')
        chosen[name] = value
    return chosen


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make deploy",
        description=__doc__,
        epilog=f"Steps: {', '.join(STEPS)}. Safe to repeat. {permissions.epilog('deploy')}",
    )
    parser.add_argument("--stage", required=True, help="STAGE: its name, such as dev")
    parser.add_argument("--region", default="", help="REGION, where the stage is new")
    parser.add_argument("--email", default="", help="EMAIL: who is told of alarms")
    parser.add_argument(
        "--set", action="append", default=[], help="SET: parameters of .chalice/resources.yaml"
    )
    parser.add_argument(
        "--only", default="", choices=["", *STEPS], metavar="STEP", help="ONLY: one step"
    )
    parser.add_argument("--no-smoke", action="store_true", help="SMOKE=no: send no file")
    options = parser.parse_args()

    def work() -> None:
        check_name(options.stage)
        known = config.recorded_region(options.stage)
        session = preflight.session(options.region, known)
        chosen = _chosen(options.email, " ".join(options.set))
        deployment = Deployment(options.stage, session, chosen)
        run(deployment, options.only, smoking=not options.no_smoke)

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
