"""`make deploy`: a stage into AWS, step by step.

Each step changes only what differs, prints each change, and can be run separately (`ONLY=page`).
After an interruption the same command continues.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime

from chalicelib.config import SettingsError
from deploy import migration, preflight
from deploy.command import arguments, run
from deploy.deployment import Deployment
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
    recovery,
    resources,
)
from deploy.steps.snap_start import SnapStart
from stage.apis import rest_api
from stage.destinations import read as read_destinations
from stage.page import page_config
from stage.stage import StageError, check_name, declared


def check(deployment: Deployment) -> None:
    """Preflight: checks what could fail later, and prints the plan."""
    name, stage = deployment.name, deployment.stage_config()
    try:
        config.planned_settings(stage["environment_variables"])
    except SettingsError as error:
        raise StageError(f"environment_variables of {name}: {error}") from error
    parameters, today = stage["resource_parameters"], datetime.now(UTC).date()
    room = deployment.room(stage["lambda_functions"])
    warnings = [
        runtime.check(today),
        runtime.check_sign_up_function(parameters, today),
        snapshot.check(deployment.client("lambda"), name, stage),
        deployment.check_sign_up(),
        concurrency.check(name, stage["region"], stage, room),
    ]
    deployment.check_rules()
    changes = resources.differences(
        deployment.client("cloudformation"), name, deployment.stack_parameters()
    )
    steps = {each: str(step.__doc__).partition(": ")[2].rstrip(".") for each, step in STEPS.items()}
    preflight.report(deployment.session, name, changes, steps, runtime.plan(parameters, today))
    for warning in filter(None, warnings):
        print(warning)


def create_resources(deployment: Deployment) -> None:
    """Resources: bucket, table, topics, queue, accounts, page, alarms, by CloudFormation."""
    deployment.check_sign_up()
    config.write(deployment.name, deployment.stage_config())
    # The page's addresses depend on the APIs, which another machine may have deployed.
    recovery.recover(deployment.session, deployment.name)
    deployment.apply_stack()


def record_outputs(deployment: Deployment) -> None:
    """Environment: the stack's outputs, written into the stage's environment in config.json."""
    stage = deployment.stage_config()
    outputs = resources.outputs(deployment.client("cloudformation"), deployment.name)
    stage["environment_variables"].update(config.variables(outputs))
    config.write(deployment.name, stage)


def copy_uploads(deployment: Deployment) -> None:
    """Migration: copies the uploads from the table of an earlier version."""
    migration.migrate(deployment.client("dynamodb"), deployment.settings(), is_last=False)


def copy_remaining_uploads(deployment: Deployment) -> None:
    """Migration again: copies what the old functions wrote until the new ones replaced them."""
    migration.migrate(deployment.client("dynamodb"), deployment.settings(), is_last=True)


def render_policies(deployment: Deployment) -> None:
    """Policies: the permissions of each function, with the stage's own resources."""
    policies.write(deployment.name, declared(deployment.name).get("environment_variables", {}))


def deploy_application(deployment: Deployment) -> None:
    """Application: functions, roles, APIs and the bucket's rule, by chalice deploy."""
    stage = deployment.stage_config()
    if concurrency.reserve(stage, deployment.room(stage["lambda_functions"])):
        config.write(deployment.name, stage)
    rule = deployment.bucket_rule()
    if rule is not None:
        connections.make_room(deployment.client("s3"), *rule)
    try:
        application.deploy(deployment.session, deployment.name)
    except StageError as error:
        # When S3 refuses our rule, its message does not name the other one.
        if rule is None or "PutBucketNotificationConfiguration" not in str(error):
            raise
        if not (others := connections.others(deployment.client("s3"), *rule)):
            raise
        raise StageError(f"{error}; {others}") from error


def record_addresses(deployment: Deployment) -> None:
    """Addresses: stores those of the APIs; if they are new, repeats the steps that need them."""
    stage = deployment.stage_config()
    _, websocket = application.urls(deployment.name)
    environment = stage["environment_variables"]
    if environment["HOIST_WEBSOCKET_URL"] != websocket:
        environment["HOIST_WEBSOCKET_URL"] = websocket
        config.write(deployment.name, stage)
        render_policies(deployment)
        deploy_application(deployment)
    deployment.apply_stack()


def set_destinations(deployment: Deployment) -> None:
    """Destinations: where the outcomes of asynchronous invocations go."""
    destinations.apply(deployment.client("lambda"), deployment.stage(), read_destinations())


def set_functions(deployment: Deployment) -> None:
    """Functions: dead letters, handlers, the API's log, SnapStart, which Chalice does not set."""
    sns, stage = deployment.client("sns"), deployment.stage()
    functions.keep_subscription(sns, stage, functions.subscription(sns, stage))
    functions.keep_configuration(deployment.client("lambda"), deployment.name, policies.templates())
    functions.keep_logs(deployment.client("logs"), deployment.name)
    enabled = snapshot.is_enabled(deployment.name, declared(deployment.name))
    snap_start = SnapStart(deployment.session, deployment.name, rest_api(deployment.name))
    snap_start.apply(enabled=enabled)


def set_api_gateway(deployment: Deployment) -> None:
    """API Gateway: its own error responses, readable for the page, and its limits."""
    origin = deployment.stage().settings.page_origin
    api_gateway.apply_to_stage(deployment.session, deployment.name, origin)


def publish_page(deployment: Deployment) -> None:
    """Page: uploaded into its bucket; CloudFront drops its old copy."""
    outputs = resources.output_values(deployment.client("cloudformation"), deployment.name)
    page.publish(
        deployment.client("s3"),
        deployment.client("cloudfront"),
        outputs["PageBucket"],
        outputs["PageDistributionId"],
        page_config(deployment.stage(), application.urls(deployment.name)[0]),
    )


def smoke_test(deployment: Deployment) -> None:
    """Smoke: uploads a small file and one in parts like a page, and waits for their outcomes."""
    stage = deployment.stage()
    public = page_config(stage, application.urls(deployment.name)[0])
    smoke.run(stage, public, deployment.client("cognito-idp"))


STEPS: dict[str, Callable[[Deployment], None]] = {
    "preflight": check,
    "resources": create_resources,
    "environment": record_outputs,
    "migration": copy_uploads,
    "policies": render_policies,
    "application": deploy_application,
    "addresses": record_addresses,
    "migration-rest": copy_remaining_uploads,
    "destinations": set_destinations,
    "functions": set_functions,
    "api-gateway": set_api_gateway,
    "page": publish_page,
    "smoke": smoke_test,
}


# Chalice may have reset what these steps set.
AFTER_CHALICE = ("destinations", "functions", "api-gateway")


def deploy(deployment: Deployment, only: str, *, with_smoke: bool = True) -> None:
    """Run all steps, or one of them; after all of them, print the addresses."""
    names = list(STEPS) if with_smoke else [name for name in STEPS if name != "smoke"]
    if only:
        after = AFTER_CHALICE if only in ("application", "addresses") else ()
        names = [only, *after]
        # Another machine may have deployed the stage, so that Chalice's note is missing here.
        recovery.recover(deployment.session, deployment.name, read_only=True)
    for name in names:
        print(name, flush=True)
        STEPS[name](deployment)
    if not only:
        _print_addresses(deployment)


def _print_addresses(deployment: Deployment) -> None:
    stage = deployment.stage_config()
    environment, parameters = stage["environment_variables"], stage["resource_parameters"]
    api, websocket = application.urls(deployment.name)
    print(f"\nHoist is at {environment['HOIST_PAGE_ORIGIN']}")
    print(f"API {api}, WebSocket {websocket}")
    if parameters.get("OperationsEmail"):
        print(f"Confirm the email AWS sent to {parameters['OperationsEmail']}: alarms go there")
    else:
        print(f"Alarms go to nobody yet: make deploy STAGE={deployment.name} EMAIL=you@…")
    if parameters.get("AdminOnlySignUp") == "true":
        pool = environment["HOIST_USER_POOL_ARN"].rpartition("/")[2]
        print(
            "Create accounts with: aws cognito-idp admin-create-user"
            f" --region {stage['region']} --user-pool-id {pool} --username you@…"
            " --user-attributes Name=email_verified,Value=true Name=email,Value=you@…"
        )
    print(".chalice/config.json describes the stage now: commit it")


def parse_parameters(email: str, texts: str) -> dict[str, str]:
    """The parameters of a command line."""
    parameters = {"OperationsEmail": email} if email else {}
    for text in texts.split():
        name, equals, value = text.partition("=")
        if not (name.isalnum() and equals):
            raise StageError(f'{text!r} is no parameter: SET="Versioning=Enabled RejectedDays=3"')
        parameters[name] = value
    return parameters


def main() -> int:
    """Run the command; returns the exit status."""
    parser = arguments(
        "deploy",
        __doc__,
        stage="STAGE: its name, such as dev",
        notes=f"Steps: {', '.join(STEPS)}. Safe to repeat.",
    )
    parser.add_argument("--region", default="", help="REGION of a new stage")
    parser.add_argument("--email", default="", help="EMAIL: the address that alarms go to")
    parser.add_argument(
        "--set", action="append", default=[], help="SET: parameters of .chalice/resources.yaml"
    )
    parser.add_argument(
        "--only", default="", choices=["", *STEPS], metavar="STEP", help="ONLY: one step"
    )
    parser.add_argument("--no-smoke", action="store_true", help="SMOKE=no: upload no test file")

    def work(options: argparse.Namespace) -> None:
        check_name(options.stage)
        session = preflight.session(options.region, config.recorded_region(options.stage))
        parameters = parse_parameters(options.email, " ".join(options.set))
        deployment = Deployment(options.stage, session, parameters)
        deploy(deployment, options.only, with_smoke=not options.no_smoke)

    return run(parser, work)


if __name__ == "__main__":
    sys.exit(main())
