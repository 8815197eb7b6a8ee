"""Rehearsals of `make deploy`: killed at many points, and with an operator's own settings.

The real `chalice deploy` and our own steps run in an account in moto. Only the smoke test is
missing; `tests/system` runs it against the local system.
"""

import signal

import pytest

from deploy.steps import config
from tests.rehearsal.conftest import DEPLOY, Project
from tests.support.environment import AWS_ENVIRONMENT, REGION
from tests.support.stands import FUNCTIONS, Stands

pytestmark = pytest.mark.system

KILL, CTRL_C = signal.SIGKILL, signal.SIGINT
# A line that a step prints when the step before it has ended, and the signal at that line.
INTERRUPTED = [
    ("preflight", KILL),
    ("resources", KILL),  # CloudFormation is creating the stack
    ("environment", KILL),
    ("policies", CTRL_C),
    ("application", KILL),
    ("Creating IAM role: hoist-dev-api_handler", KILL),  # some functions exist
    ("Creating Rest API", CTRL_C),
    (
        "Creating IAM role: hoist-dev-websocket_connect",
        KILL,
    ),  # the REST API is not recorded
    ("Creating websocket api: hoist-dev-websocket-api", KILL),
    ("addresses", KILL),
    ("destinations", KILL),
    ("functions", KILL),
    ("api-gateway", KILL),
    ("page", KILL),
]


def test_an_interrupted_deploy_continues_from_any_point(project: Project) -> None:
    for line, number in INTERRUPTED:
        printed = project.interrupt(line, number, "deploy", *DEPLOY, "--stage", "dev")
        if number is CTRL_C:
            assert printed.endswith("Interrupted: run the same command again to continue\n")
            assert "Traceback" not in printed

    project.deploy()

    stands = Stands(project.account)
    assert stands.functions().keys() == FUNCTIONS.keys()
    assert len(stands.rest_apis()) == 1
    assert len(project.account.client("apigatewayv2").get_apis()["Items"]) == 1
    assert stands.page().keys() == {"index.html", "config.json", "assets/index-1.js"}
    assert "none: all is as declared" in project.status()


def test_settings_and_parameters_reach_their_resources(project: Project) -> None:
    project.configure(
        environment_variables={"HOIST_URL_LIFETIME": "900", "HOIST_XRAY": "true"},
        lambda_functions={"process_upload": {"reserved_concurrency": 7}},
        log_retention_in_days=7,
    )

    printed = project.deploy("--set", "Versioning=Enabled RejectedDays=3")

    stands = Stands(project.account)
    parameters = {p["ParameterKey"]: p["ParameterValue"] for p in stands.stack()["Parameters"]}
    assert parameters["UrlLifetime"] == "900"
    assert parameters["Versioning"] == "Enabled"
    for function in stands.functions().values():
        assert function["Environment"]["Variables"]["HOIST_URL_LIFETIME"] == "900"
        assert function["Tracing"] == "Active"
    concurrency = project.account.client("lambda").get_function_concurrency(
        FunctionName="hoist-dev-process_upload"
    )
    assert concurrency["ReservedConcurrentExecutions"] == 7
    assert {*stands.logs().values()} == {7}
    # The output has no credentials of the operator.
    assert AWS_ENVIRONMENT["AWS_SECRET_ACCESS_KEY"] not in printed
    assert AWS_ENVIRONMENT["AWS_ACCESS_KEY_ID"] not in printed

    again = project.deploy("--set", "RejectedDays=5")

    assert f"{'RejectedDays':<32} changed: 3 -> 5" in again
    rules = project.account.client("s3").get_bucket_lifecycle_configuration(
        Bucket=stands.outputs()["Bucket"]
    )["Rules"]
    assert [rule["Expiration"]["Days"] for rule in rules if rule["ID"] == "rejected"] == [5]
    assert "none: all is as declared" in project.status()


OPEN = "Everybody on the Internet may have an account in dev. To choose:"
UNCHOSEN = ("--stage", "dev", "--region", REGION, "--no-smoke")


def test_a_new_stage_needs_a_choice_who_may_have_an_account(
    project: Project,
) -> None:
    before = (project.root / ".chalice" / "config.json").read_text()

    for only in ((), ("--only", "resources")):
        printed = project.run("deploy", *UNCHOSEN, *only, status=1)
        assert "Who may have an account in dev? Choose one:" in printed
        assert 'make deploy STAGE=dev SET="SignUpDomains=example.com"' in printed
        assert "Traceback" not in printed
    assert project.account.client("cloudformation").describe_stacks()["Stacks"] == []
    assert (project.root / ".chalice" / "config.json").read_text() == before


def test_an_older_stage_keeps_its_setting_for_accounts(project: Project) -> None:
    """An older stage has no such choice in config.json."""
    assert OPEN not in project.deploy()
    project.configure(resource_parameters={})

    printed = project.run("deploy", *UNCHOSEN)

    assert OPEN in printed
    pool = Stands(project.account).outputs()["UserPoolArn"].rpartition("/")[2]
    user_pool = project.account.client("cognito-idp").describe_user_pool(UserPoolId=pool)[
        "UserPool"
    ]
    assert user_pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is False
    assert project.config()["resource_parameters"] == {}


def test_reservations_wait_for_a_large_enough_account(project: Project) -> None:
    client = project.account.client("lambda")
    role = project.account.client("iam").create_role(
        RoleName="other", AssumeRolePolicyDocument="{}"
    )["Role"]["Arn"]
    client.create_function(
        FunctionName="other",
        Runtime="python3.13",
        Role=role,
        Handler="index.handler",
        Code={"ZipFile": b"PK\x05\x06" + bytes(18)},
    )
    client.put_function_concurrency(FunctionName="other", ReservedConcurrentExecutions=800)

    printed = project.deploy()

    assert "Lambda runs 1000 invocations at once in this account, 200 of them unreserved" in printed
    assert "aws service-quotas request-service-quota-increase" in printed
    assert Stands(project.account).concurrency() == {}

    client.delete_function_concurrency(FunctionName="other")
    again = project.deploy()

    assert "request-service-quota-increase" not in again
    reserved = Stands(project.account).concurrency()
    assert reserved["hoist-dev-process_upload"] == config.RESERVED["process_upload"]
    assert "hoist-dev" not in reserved


REFUSED = {
    "no stage": (("--stage", ""), "Which stage? Name it: STAGE=dev"),
    "the local stage": (("--stage", "local"), "The stage local is this machine's"),
    "an invalid name of a stage": (
        ("--stage", "Dev!"),
        "'Dev!' is no stage: up to 24 small letters",
    ),
    "an invalid region": (("--region", "Ireland"), "'Ireland' is no region"),
    "a region without some services": (
        ("--region", "us-gov-west-1"),
        "us-gov-west-1 is in the partition aws-us-gov: a stage needs CloudFront",
    ),
    "an invalid parameter": (("--set", "Versioning"), "'Versioning' is no parameter"),
    "a setting as a parameter": (
        ("--set", "UrlLifetime=5"),
        "UrlLifetime is HOIST_URL_LIFETIME",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_invalid_input_is_one_message_and_changes_nothing(
    project: Project, arguments: tuple[str, ...], message: str
) -> None:
    before = (project.root / ".chalice" / "config.json").read_text()

    printed = project.deploy(*arguments, status=1)

    assert printed.splitlines()[-1].startswith(message)
    assert "Traceback" not in printed
    assert project.account.client("cloudformation").describe_stacks()["Stacks"] == []
    assert (project.root / ".chalice" / "config.json").read_text() == before


def test_an_invalid_setting_is_named_before_any_change(project: Project) -> None:
    project.configure(environment_variables={"HOIST_MAX_SIZE": "5 TB"})

    printed = project.deploy(status=1)

    assert "environment_variables of dev: HOIST_MAX_SIZE is not a whole number" in printed
    assert project.account.client("cloudformation").describe_stacks()["Stacks"] == []


def test_an_invalid_snap_start_is_named_before_any_change(project: Project) -> None:
    project.configure(snap_start="true")

    printed = project.deploy(status=1)

    assert "snap_start of dev in .chalice/config.json is true or false, not 'true'" in printed
    assert project.account.client("cloudformation").describe_stacks()["Stacks"] == []


def test_missing_credentials_are_an_error_that_says_so(project: Project) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del project.environment[name]

    printed = project.deploy(status=1)

    assert "No AWS credentials" in printed
    assert "aws configure" in printed
    assert "Traceback" not in printed


def test_an_unreachable_aws_is_an_error_that_says_so(project: Project) -> None:
    project.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"

    printed = project.deploy(status=1)

    assert "is the region right, and can this machine reach AWS?" in printed
    assert "Traceback" not in printed


def test_an_error_of_chalice_is_one_message(project: Project) -> None:
    project.interrupt("application", KILL, "deploy", *DEPLOY, "--stage", "dev")
    bucket = Stands(project.account).outputs()["Bucket"]
    project.account.client("s3").delete_bucket(Bucket=bucket)

    printed = project.deploy("--only", "application", status=1)

    last = printed.splitlines()[-1]
    assert last.startswith("chalice deploy failed: While deploying your chalice application")
    assert "NoSuchBucket" in last
    assert "Traceback" not in printed
