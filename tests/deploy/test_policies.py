"""Each function's policy allows exactly what its code needs.

Every function runs under its own policy, and under that policy without a statement or an action,
against servers that enforce it.
"""

import functools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError
from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder, DependencyBuilder
from chalice.deploy.models import FileBasedIAMPolicy, LambdaFunction, ManagedIAMRole
from chalice.test import Client

import app
from chalicelib.application import application
from chalicelib.items import SCHEMA
from chalicelib.parts import MIB
from deploy.steps import policies
from local.names import ACCESS_KEY, SECRET_KEY
from stage.stage import ROOT, StageError
from tests.deploy.roles import DEAD_LETTERS, SCENARIOS, Denied, Role, refuse
from tests.support.environment import (
    BUCKET,
    HOIST_ENVIRONMENT,
    NOTIFICATIONS_TOPIC,
    REGION,
    RESULTS_TOPIC,
    TABLE,
)
from tests.support.iam import Aws, allows, aws, listed

# Chalice's local gateway warns that it does not verify Cognito tokens.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:CognitoUserPoolAuthorizer")]

ENVIRONMENT = {**HOIST_ENVIRONMENT, "HOIST_DEAD_LETTERS_ARN": DEAD_LETTERS}
TEMPLATES = policies.templates()
RENDERED = {name: policies.render(text, "test", ENVIRONMENT) for name, text in TEMPLATES.items()}


@dataclass(frozen=True)
class Variant:
    """A function's policy without some actions, and the access key of a user with that policy."""

    function: str
    without: frozenset[str]
    document: Mapping[str, Any]
    access_key: str


def variants() -> Iterator[Variant]:
    """Each policy without each statement, without each action, and without each leading key."""
    for function, document in RENDERED.items():
        for number, statement in enumerate(document["Statement"]):
            sid, actions = statement["Sid"], listed(statement["Action"])
            fewer = deepcopy(document)
            del fewer["Statement"][number]
            yield Variant(function, frozenset(actions), fewer, f"{function}.{sid}")
            for action in actions if len(actions) > 1 else []:
                fewer = deepcopy(document)
                fewer["Statement"][number]["Action"] = [a for a in actions if a != action]
                name = f"{function}.{sid}.{action.partition(':')[2]}"
                yield Variant(function, frozenset({action}), fewer, name)
            for key in leading_keys(statement):
                fewer = deepcopy(document)
                leading_keys(fewer["Statement"][number]).remove(key)
                yield Variant(function, frozenset(actions), fewer, f"{function}.{sid}.{key[:-1]}")


def leading_keys(statement: Mapping[str, Any]) -> list[str]:
    """The partitions of the table in a statement's condition; empty without a condition."""
    conditions = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
    result: list[str] = conditions.get("dynamodb:LeadingKeys", [])
    return result


VARIANTS = list(variants())
CONFIG = json.loads((ROOT / ".chalice/config.json").read_text(encoding="utf-8"))
# The variables of a stage; a policy contains the API of the WebSocket's URL.
VARIABLES = sorted(
    {*re.findall(r"\$\{(HOIST_\w+)\}", "".join(TEMPLATES.values()))}
    - {"HOIST_WEBSOCKET_API", *policies.OPTIONAL}
    | {"HOIST_WEBSOCKET_URL"}
)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """An AWS account with the resources of the stage `test`, and all policies."""
    documents = RENDERED | {variant.access_key: variant.document for variant in VARIANTS}
    with aws(tmp_path_factory.mktemp("s3"), documents, websocket_api="socket") as account:
        yield account


@pytest.fixture(scope="module")
def role(account: Aws) -> Iterator[Role]:
    """One application whose credentials each test sets, so that its clients are created once."""
    created: dict[str, Any] = {}

    def operator(service: str) -> Any:
        if service not in created:
            session: Any = boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION)
            created[service] = session.client(service, endpoint_url=account.url)
        return created[service]

    for topic in (RESULTS_TOPIC, NOTIFICATIONS_TOPIC):
        operator("sns").create_topic(Name=topic.rpartition(":")[2])
    operator("sqs").create_queue(QueueName=DEAD_LETTERS.rpartition(":")[2])
    application.cache_clear()
    composed = application()
    composed.settings = replace(
        composed.settings,
        stage="local",
        bucket_urls=(account.bucket_url,),
        websocket_url=f"{account.url.replace('http', 'ws')}/api",
        part_size=5 * MIB,
        put_max_size=MIB,
    )
    with pytest.MonkeyPatch.context() as patch, Client(app.app, stage_name="test") as client:
        patch.setenv("AWS_ENDPOINT_URL", account.url)
        composed._clients.session.set_credentials(ACCESS_KEY, SECRET_KEY)
        composed._clients.session.register("after-call", refuse)
        # Only locally are buckets addressed by path. The functions are those of a stage.
        assert composed._prompt_s3 is not composed._patient_s3
        composed.settings = replace(composed.settings, stage="test")
        composed.browser = replace(composed.browser, max_pages=1)
        yield Role(composed, client, operator)
    application.cache_clear()


def run(role: Role, function: str, access_key: str) -> Role:
    """Run a function's scenario for a new owner, with an access key, on an empty table."""
    dynamodb = role.operator("dynamodb")
    # moto copies and sorts all of a table for many requests.
    if TABLE in dynamodb.list_tables()["TableNames"]:
        dynamodb.delete_table(TableName=TABLE)
    dynamodb.create_table(TableName=TABLE, **SCHEMA)
    role.application._clients.session.get_credentials().access_key = access_key
    fresh = replace(role, owner=str(uuid4()), calls=set())
    SCENARIOS[function](fresh)
    fresh.calls_of_lambda(function, called=names()[function])
    return fresh


# --- Scenarios ------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", SCENARIOS)
def test_a_policy_allows_every_call_of_its_function(role: Role, function: str) -> None:
    run(role, function, function)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.access_key)
def test_no_action_of_a_policy_is_superfluous(role: Role, variant: Variant) -> None:
    with pytest.raises(Denied) as refusal:
        run(role, variant.function, variant.access_key)

    assert refusal.value.actions & variant.without


def test_the_scenario_calls_every_route(role: Role) -> None:
    routes = {(method, path) for path, methods in app.app.routes.items() for method in methods}

    assert run(role, "api_handler", "api_handler").calls == routes


@pytest.mark.parametrize("function", ["api_handler", "process_upload"])
@pytest.mark.parametrize("operation", ["put_object", "get_object", "delete_object"])
def test_a_function_reaches_only_objects_of_uploads(
    role: Role, account: Aws, function: str, operation: str
) -> None:
    role.operator("s3").put_object(Bucket=BUCKET, Key="uploads.txt", Body=b"x")
    session: Any = boto3.Session(function, SECRET_KEY, region_name=REGION)
    s3 = session.client("s3", endpoint_url=account.url)

    with pytest.raises(ClientError, match="AccessDenied"):
        getattr(s3, operation)(Bucket=BUCKET, Key="uploads.txt")


def test_only_the_sweep_reaches_its_state_and_no_function_scans_the_table() -> None:
    for function, document in RENDERED.items():
        (table,) = {
            statement["Resource"]
            for statement in document["Statement"]
            if "dynamodb:" in str(statement["Action"]) and "/index/" not in statement["Resource"]
        } or {None}
        if table is None:
            continue
        of_the_sweep = {"dynamodb:LeadingKeys": ["sweep"]}
        may = allows(document, "dynamodb:DeleteItem", table, of_the_sweep)
        assert may is (function == "sweep")
        assert not allows(document, "dynamodb:Scan", table, {})


@pytest.mark.parametrize("function", ["websocket_connect", "websocket_disconnect"])
def test_functions_of_websockets_reach_no_upload(function: str) -> None:
    table = f"arn:aws:dynamodb:{REGION}:123456789012:table/{TABLE}"
    upload = {"dynamodb:LeadingKeys": ["upload#owner#id"]}

    assert not allows(RENDERED[function], "dynamodb:DeleteItem", table, upload)


def test_the_api_can_subscribe_addresses_only() -> None:
    calls = "sns:Subscribe", NOTIFICATIONS_TOPIC

    assert allows(RENDERED["api_handler"], *calls, {"sns:Protocol": ["email"]})
    assert not allows(RENDERED["api_handler"], *calls, {"sns:Protocol": ["https"]})
    assert not allows(RENDERED["api_handler"], *calls, {})


# --- The templates --------------------------------------------------------------------------------


def functions(config: Config) -> dict[str, LambdaFunction]:
    """The functions that Chalice creates, by their names in Chalice."""
    graph = ApplicationGraphBuilder().build(config, config.chalice_stage)
    models = DependencyBuilder().build_dependencies(graph)
    return {model.resource_name: model for model in models if isinstance(model, LambdaFunction)}


@functools.cache
def names() -> dict[str, str]:
    """The names of Chalice's functions in AWS."""
    return {name: model.function_name for name, model in functions(configured()).items()}


def configured(**lambda_functions: Any) -> Config:
    """The configuration of the stage `test`."""
    stage = {"lambda_functions": lambda_functions}
    return Config(
        "test",
        user_provided_params={"chalice_app": app.app, "project_dir": str(ROOT)},
        config_from_disk=CONFIG | {"stages": {"test": stage}},
    )


def test_every_function_has_a_template_and_a_scenario() -> None:
    assert functions(configured()).keys() == TEMPLATES.keys() == SCENARIOS.keys()


def test_chalice_takes_the_rendered_policies_and_no_other() -> None:
    files = {name: {"iam_policy_file": policies.policy_file("test", name)} for name in TEMPLATES}

    for name, function in functions(configured(**files)).items():
        role = function.role
        assert isinstance(role, ManagedIAMRole)
        assert isinstance(role.policy, FileBasedIAMPolicy)
        assert Path(role.policy.filename) == ROOT / f".chalice/policies/test/{name}.json"


@pytest.mark.parametrize("function", TEMPLATES)
def test_a_policy_says_in_words_what_it_allows_and_nothing_too_wide(function: str) -> None:
    document = RENDERED[function]

    assert document["Version"] == "2012-10-17"
    sids = [statement["Sid"] for statement in document["Statement"]]
    assert len(set(sids)) == len(sids)
    for statement in document["Statement"]:
        assert statement.keys() - {"Condition"} == {"Sid", "Effect", "Action", "Resource"}
        assert statement["Effect"] == "Allow"
        assert re.fullmatch(r"([A-Z][a-z]+){2,}", statement["Sid"])
        for action in listed(statement["Action"]):
            assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", action)
        for resource in listed(statement["Resource"]):
            assert re.fullmatch(
                r"arn:aws:[a-z0-9-]+:[a-z0-9-]*:\d*:[^*?]+"
                r"((?<=/uploads/)\*|(?<=/@connections/)\*|(?<=:)\*)?",
                resource,
            )


# --- Rendering ------------------------------------------------------------------------------------


def test_a_policy_names_the_resources_of_its_stage() -> None:
    template = json.dumps(
        {"Statement": [{"Resource": ["${HOIST_BUCKET}/${STAGE}", "${HOIST_WEBSOCKET_API}"]}]}
    )

    (statement,) = policies.render(template, "dev", ENVIRONMENT)["Statement"]

    assert statement == {"Resource": ["hoist-test/dev", "socket/api"]}


def test_partition_region_and_account_are_those_of_the_stage() -> None:
    template = '{"Statement": [{"Resource": "${AWS_PARTITION} ${AWS_REGION} ${AWS_ACCOUNT_ID}"}]}'
    china = {
        "HOIST_RESULTS_TOPIC_ARN": "arn:aws-cn:sns:cn-north-1:210987654321:results",
        "HOIST_WEBSOCKET_URL": "wss://abc123.execute-api.cn-north-1.amazonaws.com.cn/api",
    }

    rendered = policies.render(template, "dev", china)

    assert rendered == {"Statement": [{"Resource": "aws-cn cn-north-1 210987654321"}]}


def test_functions_that_use_objects_may_use_the_key_of_the_bucket() -> None:
    key = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    with_key = ENVIRONMENT | {"HOIST_KMS_KEY_ARN": key}

    allowed = {
        function: [
            action
            for statement in policies.render(template, "test", with_key)["Statement"]
            if statement["Resource"] == key
            for action in listed(statement["Action"])
        ]
        for function, template in TEMPLATES.items()
    }

    assert {function: actions for function, actions in allowed.items() if actions} == {
        "api_handler": ["kms:GenerateDataKey", "kms:Decrypt"],
        "process_upload": ["kms:Decrypt"],
        "sweep": ["kms:Decrypt"],
    }
    assert not any("kms:" in json.dumps(document) for document in RENDERED.values())


@pytest.mark.parametrize(("value", "sends"), [("true", True), ("false", False), ("", False)])
def test_traces_are_allowed_only_if_a_stage_enables_them(value: str, sends: bool) -> None:  # noqa: FBT001
    for template in TEMPLATES.values():
        document = policies.render(template, "test", ENVIRONMENT | {"HOIST_XRAY": value})
        traces = [each for each in document["Statement"] if each["Sid"] == "SendTraces"]

        assert bool(traces) is sends
        for statement in traces:
            # These two actions of X-Ray have no resources.
            assert statement == {
                "Sid": "SendTraces",
                "Effect": "Allow",
                "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
                "Resource": "*",
            }


@pytest.mark.parametrize("value", [None, "", " "])
@pytest.mark.parametrize("variable", VARIABLES)
def test_a_missing_variable_is_an_error_that_names_it(variable: str, value: str | None) -> None:
    lacking = ENVIRONMENT | {variable: value or ""}
    if value is None:
        del lacking[variable]

    (template,) = [text for text in TEMPLATES.values() if f"${{{variable}}}" in text][:1] or [
        TEMPLATES["notify"]
    ]

    with pytest.raises(StageError, match=f"lacks {variable}"):
        policies.render(template, "test", lacking)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HOIST_RESULTS_TOPIC_ARN", "results"),
        ("HOIST_RESULTS_TOPIC_ARN", "arn:aws:sqs:eu-west-1:123456789012:results"),
        ("HOIST_WEBSOCKET_URL", "ws://127.0.0.1:8001"),
        ("HOIST_WEBSOCKET_URL", "wss://*.execute-api.eu-west-1.amazonaws.com/api"),
        ("HOIST_WEBSOCKET_URL", "wss://abc.execute-api.eu-west-1.amazonaws.com/"),
    ],
)
def test_an_invalid_variable_is_an_error_that_names_it(variable: str, value: str) -> None:
    with pytest.raises(StageError, match=f"{variable} is not"):
        policies.render("{}", "test", ENVIRONMENT | {variable: value})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with our templates."""
    (tmp_path / ".chalice").mkdir()
    shutil.copytree(
        ROOT / ".chalice/policies", tmp_path / ".chalice/policies", ignore=only_templates
    )
    return tmp_path


def only_templates(_: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith(".json")]


def test_only_different_policies_are_written_and_printed(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = policies.write("test", ENVIRONMENT, root=root)
    assert [change.name for change in changes] == sorted(TEMPLATES)
    (root / ".chalice/policies/test/notify.json").write_text("{}")
    capsys.readouterr()

    (change,) = policies.write("test", ENVIRONMENT, root=root)
    assert change.name == "notify"
    assert re.findall(r"(\w+) +changed", capsys.readouterr().out) == ["notify"]

    assert policies.write("test", ENVIRONMENT, root=root) == []
    for function, document in RENDERED.items():
        rendered_files = root / ".chalice" / policies.policy_file("test", function)
        assert json.loads(rendered_files.read_text()) == document


def test_no_policy_is_written_if_one_cannot_be_rendered(root: Path) -> None:
    lacking = {name: value for name, value in ENVIRONMENT.items() if name != "HOIST_TABLE"}

    with pytest.raises(StageError):
        policies.write("test", lacking, root=root)

    assert not (root / ".chalice/policies/test").exists()


def test_a_function_without_a_policy_in_its_configuration_is_reported(root: Path) -> None:
    files = {name: {"iam_policy_file": policies.policy_file("dev", name)} for name in TEMPLATES}
    del files["notify"]
    files["process_upload"] = {"iam_policy_file": "policies/prod/process_upload.json"}

    config = {"lambda_functions": files}
    assert policies.unused("dev", config, root=root) == ["notify", "process_upload"]


def test_rendered_policies_are_not_committed() -> None:
    paths = [f".chalice/policies/{name}.json" for name in ("dev/notify", "notify")]
    command = ["git", "check-ignore", "--no-index", *paths]

    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert output.stdout.split() == paths[:1]


# --- The server -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "resource", "allowed"),
    [
        ("s3:PutObject", "arn:aws:s3:::b/uploads/a+[1].txt", True),
        ("S3:putobject", "arn:aws:s3:::b/uploads/", True),
        ("s3:PutObject", "arn:aws:s3:::b/other", False),
        ("s3:PutObject", "arn:aws:s3:::b/UPLOADS/a", False),
        ("s3:PutObjectTagging", "arn:aws:s3:::b/uploads/a", False),
        ("s3:GetObject", "arn:aws:s3:::b/uploads/a", False),
        ("sns:Publish", "arn:aws:sns:::t", True),
        ("sns:Publish", "arn:aws:sns:::t2", False),
    ],
)
def test_the_iam_model_compares_action_and_resource(
    action: str, resource: str, *, allowed: bool
) -> None:
    statements: list[dict[str, Any]] = [
        {"Action": ["s3:PutObject"], "Resource": "arn:aws:s3:::b/uploads/*"},
        {"Action": "sns:Publish", "Resource": ["arn:aws:sns:::t"]},
    ]

    assert allows({"Statement": statements}, action, resource) is allowed


@pytest.mark.parametrize(
    ("keys", "allowed"),
    [(["owner#1"], True), (["owner#1", "owner#2"], True), (["owner#1", "usage#1"], False)],
)
def test_the_iam_model_compares_every_leading_key(keys: list[str], *, allowed: bool) -> None:
    condition = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["owner#*"]}}
    statement = {"Action": "dynamodb:GetItem", "Resource": "t", "Condition": condition}

    context = {"dynamodb:LeadingKeys": keys}
    assert allows({"Statement": [statement]}, "dynamodb:GetItem", "t", context) is allowed
