"""`make deploy`, rehearsed: killed wherever it can be, and with an operator's own choices.

The real `chalice deploy` and our own steps, in an account of moto's. Nothing but the smoke test is
left out, which the running local system has (`tests/system`).
"""

import signal

import pytest

from deploy.steps import config
from tests.rehearsal.conftest import DEPLOY, Project
from tests.support.environment import AWS_ENVIRONMENT, REGION
from tests.support.stands import FUNCTIONS, Stands

pytestmark = pytest.mark.system

KILL, CTRL_C = signal.SIGKILL, signal.SIGINT
# What is printed once the step before it is done, and what happens then.
INTERRUPTED = [
    ("preflight", KILL),
    ("resources", KILL),  # the stack is being made
    ("environment", KILL),
    ("policies", CTRL_C),
    ("application", KILL),
    ("Creating IAM role: hoist-dev-api_handler", KILL),  # some functions stand
    ("Creating Rest API", CTRL_C),
    ("Creating IAM role: hoist-dev-websocket_connect", KILL),  # a REST API that nobody noted
    ("Creating websocket api: hoist-dev-websocket-api", KILL),
    ("addresses", KILL),
    ("destinations", KILL),
    ("functions", KILL),
    ("api-gateway", KILL),
    ("page", KILL),
]


def test_what_was_interrupted_is_gone_on_with_wherever_it_was(project: Project) -> None:
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


def test_settings_and_parameters_go_where_they_belong(project: Project) -> None:
    project.configure(
        environment_variables={"HOIST_URL_LIFETIME": "900", "HOIST_XRAY": "true"},
        lambda_functions={"process_upload": {"reserved_concurrency": 7}},
        log_retention_in_days=7,
    )

    printed = project.deploy("--set", "Versioning=Enabled RejectedDays=3")

    stands = Stands(project.account)
    given = {p["ParameterKey"]: p["ParameterValue"] for p in stands.stack()["Parameters"]}
    assert given["UrlLifetime"] == "900"
    assert given["Versioning"] == "Enabled"
    for function in stands.functions().values():
        assert function["Environment"]["Variables"]["HOIST_URL_LIFETIME"] == "900"
        assert function["Tracing"] == "Active"
    concurrency = project.account.client("lambda").get_function_concurrency(
        FunctionName="hoist-dev-process_upload"
    )
    assert concurrency["ReservedConcurrentExecutions"] == 7
    assert {*stands.logs().values()} == {7}
    # Nothing of whoever deploys is shown.
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


def test_a_new_stage_is_refused_until_somebody_chose_who_may_have_an_account(
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


def test_a_stage_that_stood_before_goes_on_as_it_is(project: Project) -> None:
    """One that was deployed before it had to be chosen has no word of that in config.json."""
    assert OPEN not in project.deploy()
    project.configure(resource_parameters={})

    printed = project.run("deploy", *UNCHOSEN)

    assert OPEN in printed
    pool = Stands(project.account).outputs()["UserPoolArn"].rpartition("/")[2]
    found = project.account.client("cognito-idp").describe_user_pool(UserPoolId=pool)["UserPool"]
    assert found["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is False
    assert project.config()["resource_parameters"] == {}


def test_reservations_wait_for_an_account_that_is_large_enough(project: Project) -> None:
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
    "the stage at home": (("--stage", "local"), "The stage local is this machine's"),
    "what is no stage": (("--stage", "Dev!"), "'Dev!' is no stage: up to 24 small letters"),
    "what is no region": (("--region", "Ireland"), "'Ireland' is no region"),
    "a region that has not all of it": (
        ("--region", "us-gov-west-1"),
        "us-gov-west-1 is in the partition aws-us-gov: a stage needs CloudFront",
    ),
    "what is no parameter": (("--set", "Versioning"), "'Versioning' is no parameter"),
    "a parameter that is a setting": (
        ("--set", "UrlLifetime=5"),
        "UrlLifetime is HOIST_URL_LIFETIME",
    ),
}


@pytest.mark.parametrize(("arguments", "told"), REFUSED.values(), ids=REFUSED)
def test_bad_input_is_one_message_and_nothing_is_done(
    project: Project, arguments: tuple[str, ...], told: str
) -> None:
    before = (project.root / ".chalice" / "config.json").read_text()

    printed = project.deploy(*arguments, status=1)

    assert printed.splitlines()[-1].startswith(told)
    assert "Traceback" not in printed
    assert project.account.client("cloudformation").describe_stacks()["Stacks"] == []
    assert (project.root / ".chalice" / "config.json").read_text() == before


def test_a_setting_that_cannot_be_used_is_named_before_anything_is_done(project: Project) -> None:
    project.configure(environment_variables={"HOIST_MAX_SIZE": "5 TB"})

    printed = project.deploy(status=1)

    assert "environment_variables of dev: HOIST_MAX_SIZE is not a whole number" in printed
    assert project.account.client("cloudformation").describe_stacks()["Stacks"] == []


def test_a_snap_start_that_cannot_be_is_named_before_anything_is_done(project: Project) -> None:
    project.configure(snap_start="true")

    printed = project.deploy(status=1)

    assert "snap_start of dev in .chalice/config.json is true or false, not 'true'" in printed
    assert project.account.client("cloudformation").describe_stacks()["Stacks"] == []


def test_nobody_is_told_to_get_credentials(project: Project) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del project.environment[name]

    printed = project.deploy(status=1)

    assert "No AWS credentials" in printed
    assert "aws configure" in printed
    assert "Traceback" not in printed


def test_no_way_to_aws_is_said(project: Project) -> None:
    project.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:9"

    printed = project.deploy(status=1)

    assert "is the region right, and can this machine reach AWS?" in printed
    assert "Traceback" not in printed


def test_what_chalice_fails_at_is_one_message(project: Project) -> None:
    project.interrupt("application", KILL, "deploy", *DEPLOY, "--stage", "dev")
    bucket = Stands(project.account).outputs()["Bucket"]
    project.account.client("s3").delete_bucket(Bucket=bucket)

    printed = project.deploy("--only", "application", status=1)

    last = printed.splitlines()[-1]
    assert last.startswith("chalice deploy failed: While deploying your chalice application")
    assert "NoSuchBucket" in last
    assert "Traceback" not in printed
