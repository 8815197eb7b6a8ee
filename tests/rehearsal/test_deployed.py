"""A stage that `make deploy` made in an account in moto: its resources, and changes of them.

The tests share the stage in this order, and each test restores it.
"""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

import app
from deploy.steps import config, policies
from stage.api_gateway import read
from tests.rehearsal.conftest import Account, Project, project_in
from tests.support.environment import REGION
from tests.support.stands import ACCOUNT, FUNCTIONS, Stands

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def printed() -> list[str]:
    """The output of the deployment."""
    return []


@pytest.fixture(scope="module")
def project(
    server: Account, tmp_path_factory: pytest.TempPathFactory, printed: list[str]
) -> Project:
    server.reset()
    deployed = project_in(tmp_path_factory.mktemp("deployed") / "project", server)
    printed.append(deployed.deploy("--email", "ops@example.com"))
    return deployed


def test_every_resource_exists(project: Project, printed: list[str]) -> None:
    stands = Stands(project.account)
    outputs, environment = stands.outputs(), project.config()["environment_variables"]
    functions = stands.functions()

    # The functions, with the stage's environment and permissions.
    assert functions.keys() == FUNCTIONS.keys()
    for function in functions.values():
        assert function["Environment"]["Variables"] == environment
        assert function["Architectures"] == ["arm64"]
        assert function["Tracing"] == "PassThrough"
    assert functions["hoist-dev-process_upload"]["MemorySize"] == 1769
    assert functions["hoist-dev-process_upload"]["Timeout"] == 900
    assert functions["hoist-dev"]["Timeout"] == 29
    for name, template in policies.templates().items():
        assert stands.policies()[f"hoist-dev-{name}"] == policies.render(
            template, "dev", environment
        )
    # The journey: bucket, function, topic, function.
    (rule,) = stands.rules()["LambdaFunctionConfigurations"]
    assert rule["LambdaFunctionArn"].endswith(":function:hoist-dev-process_upload")
    assert rule["Events"] == ["s3:ObjectCreated:*"]
    assert rule["Filter"]["Key"]["FilterRules"] == [{"Name": "prefix", "Value": "uploads/"}]
    processing = stands.destinations()["process_upload"]["DestinationConfig"]
    assert (
        processing["OnSuccess"]
        == processing["OnFailure"]
        == {"Destination": outputs["ResultsTopicArn"]}
    )
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:hoist-dev-notify"
    sweep = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:hoist-dev-sweep"
    assert stands.schedules() == {sweep: ("hoist-dev-sweep-event", "rate(15 minutes)", "ENABLED")}
    assert functions["hoist-dev-sweep"]["Timeout"] == 900
    assert stands.subscriptions() == {arn: {"deadLetterTargetArn": outputs["DeadLettersArn"]}}
    # The APIs.
    routes = stands.routes()
    for path, methods in app.app.routes.items():
        for method in methods:
            authorization, uri = routes[f"{method} {path}"]
            assert authorization == (None if path == "/limits" else "COGNITO_USER_POOLS")
            assert uri.endswith(":function:hoist-dev/invocations")
    assert stands.packed_from() == 1024
    assert stands.authorizers() == [("users", "COGNITO_USER_POOLS", [outputs["UserPoolArn"]])]
    assert stands.gateway_responses().keys() == read().problems.keys()
    responses = stands.gateway_responses().values()
    for header, value in (
        ("Access-Control-Allow-Origin", outputs["PageOrigin"]),
        ("Content-Type", "application/problem+json"),
    ):
        values = {parameters[f"gatewayresponse.header.{header}"] for _, parameters, _ in responses}
        assert values == {f"'{value}'"}
    assert {media_type for _, _, templates in responses for media_type in templates} == {
        "application/json"
    }
    assert stands.websocket_routes().keys() == {"$connect", "$default", "$disconnect"}
    # The throttling and concurrency limits.
    assert stands.concurrency() == {
        name: config.RESERVED[function]
        for name, function in FUNCTIONS.items()
        if function in config.RESERVED
    }
    limits, declared = stands.limits(), read().throttling
    assert limits["~1uploads/POST"] == (70, 140)
    assert limits["*/*"] == (declared.rest.rate, declared.rest.burst)
    assert limits["*"] == (declared.websocket.rate, declared.websocket.burst)
    assert limits["$connect"] == (25, 50)
    # The page.
    assert stands.page() == {
        "index.html": "no-cache",
        "config.json": "no-cache",
        "assets/index-1.js": "public, max-age=31536000, immutable",
    }
    assert {*stands.logs().values()} == {30}
    # The operator gets the address.
    assert f"Hoist is at {outputs['PageOrigin']}" in printed[0]
    assert "Confirm the email AWS sent to ops@example.com" in printed[0]


def test_the_functions_have_the_runtime_in_the_plan(project: Project, printed: list[str]) -> None:
    (runtime,) = re.findall(r"The functions run on (\S+), which AWS supports until 20", printed[0])

    functions = Stands(project.account).functions().values()

    assert {function["Runtime"] for function in functions} == {runtime}


def test_the_page_may_send_requests_to_its_stage_only(project: Project) -> None:
    stands = Stands(project.account)
    parameters = {p["ParameterKey"]: p["ParameterValue"] for p in stands.stack()["Parameters"]}
    config = json.loads(
        project.account.client("s3")
        .get_object(Bucket=stands.outputs()["PageBucket"], Key="config.json")["Body"]
        .read()
    )
    websocket = project.config()["environment_variables"]["HOIST_WEBSOCKET_URL"]
    bucket = stands.outputs()["Bucket"]
    assert parameters["PageAddresses"].split() == [
        config["api_url"].removesuffix("/dev"),
        websocket.removesuffix("/dev"),
        f"https://{bucket}.s3.{REGION}.amazonaws.com",
        f"https://{bucket}.s3.dualstack.{REGION}.amazonaws.com",
        stands.outputs()["DownloadUrl"],
        f"https://cognito-idp.{REGION}.amazonaws.com",
    ]
    assert "pending" not in websocket


def test_deploying_again_changes_nothing(project: Project) -> None:
    stands = Stands(project.account)
    before, config = stands.everything(), project.config()

    again = project.deploy()

    assert stands.everything() == before
    assert project.config() == config
    for line in (f"{'config.json':<32} as before", f"{'hoist-dev':<32} as declared"):
        assert line in again
    assert "none: all is as declared" in project.status()


def test_a_step_can_run_alone(project: Project) -> None:
    client = project.account.client("lambda")
    client.delete_function_event_invoke_config(FunctionName="hoist-dev-notify")
    assert "destinations  notify" in project.status()

    printed = project.deploy("--only", "destinations")

    assert printed.splitlines()[0] == "destinations"
    assert "application" not in printed
    assert "none: all is as declared" in project.status()


def test_changed_limits_are_restored(project: Project) -> None:
    stands = Stands(project.account)
    before = stands.limits()
    websocket = project.account.client("apigatewayv2")
    (api,) = [each["ApiId"] for each in websocket.get_apis()["Items"]]
    websocket.update_stage(
        ApiId=api,
        StageName="dev",
        DefaultRouteSettings={"ThrottlingRateLimit": 9999.0, "ThrottlingBurstLimit": 5000},
    )
    assert stands.limits() != before

    printed = project.deploy("--only", "api-gateway")

    assert f"{'WebSocket *':<32} changed: limited to " in printed
    assert " -> 50 a second, 50 at once" in printed
    assert stands.limits() == before


def test_another_machine_adopts_the_existing_apis(project: Project) -> None:
    """Chalice's record is not in git; without it Chalice would create both APIs again."""
    stands = Stands(project.account)
    before = stands.everything()
    (project.root / ".chalice" / "deployed" / "dev.json").unlink()

    printed = project.deploy()

    assert "found in AWS, added to Chalice's note" in printed
    assert len(stands.rest_apis()) == 1
    assert stands.everything() == before


@pytest.mark.parametrize(
    "command",
    [
        *(("deploy", "--only", step) for step in ("functions", "api-gateway", "page")),
        ("deploy.steps.destinations",),
        ("deploy.steps.api_gateway",),
        ("deploy.redrive", "--all-failed"),
        ("deploy.redrive", "--dead-letters"),
    ],
    ids=" ".join,
)
def test_a_command_needs_no_record_of_another_machine(
    project: Project, command: tuple[str, ...]
) -> None:
    (project.root / ".chalice" / "deployed" / "dev.json").unlink(missing_ok=True)
    module, *arguments = command

    project.run(module, "--stage", "dev", *arguments)

    assert "none: all is as declared" in project.status()


def test_half_created_apis_are_created_again(project: Project) -> None:
    stands = Stands(project.account)
    v1, v2 = project.account.client("apigateway"), project.account.client("apigatewayv2")
    (rest,) = stands.rest_apis()
    (websocket,) = [each["ApiId"] for each in v2.get_apis()["Items"]]
    v1.delete_stage(restApiId=rest, stageName="dev")
    v2.delete_stage(ApiId=websocket, StageName="dev")
    (project.root / ".chalice" / "deployed" / "dev.json").unlink()

    printed = project.deploy()

    assert printed.count("half created: deleted") == 2
    assert len(stands.rest_apis()) == 1
    assert rest not in stands.rest_apis()
    assert len(v2.get_apis()["Items"]) == 1


def test_rules_of_other_tools_in_the_bucket_stay(project: Project) -> None:
    stands = Stands(project.account)
    s3, bucket = project.account.client("s3"), stands.outputs()["Bucket"]
    queue = {
        "Id": "audit",
        "QueueArn": stands.outputs()["DeadLettersArn"],
        "Events": ["s3:ObjectRemoved:*"],
    }
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={**stands.rules(), "QueueConfigurations": [queue]},
    )

    project.deploy()

    rules = stands.rules()
    assert rules["QueueConfigurations"] == [queue]
    assert len(rules["LambdaFunctionConfigurations"]) == 1


def test_status_counts_errors_and_dead_letters(project: Project) -> None:
    cloudwatch = project.account.client("cloudwatch")
    earlier = datetime.now(UTC) - timedelta(minutes=1)
    api = [{"Name": "ApiName", "Value": "hoist"}, {"Name": "Stage", "Value": "dev"}]
    function = [{"Name": "FunctionName", "Value": "hoist-dev-notify"}]
    for namespace, name, dimensions, value in [
        ("Hoist", "UploadsAccepted", [{"Name": "Stage", "Value": "dev"}], 3),
        ("Hoist", "UploadsAccepted", [{"Name": "Stage", "Value": "dev-2"}], 50),
        ("AWS/ApiGateway", "5XXError", api, 2),
        ("AWS/Lambda", "Errors", function, 4),
    ]:
        datum = {
            "MetricName": name,
            "Dimensions": dimensions,
            "Value": value,
            "Timestamp": earlier,  # status does not count the current second
        }
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])
    queue = Stands(project.account).outputs()["DeadLettersArn"].rpartition(":")[2]
    sqs = project.account.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    sqs.purge_queue(QueueUrl=url)  # S3 sends a test event to a queue with a new rule
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    (alarm, *_) = cloudwatch.describe_alarms()["MetricAlarms"]
    cloudwatch.set_alarm_state(AlarmName=alarm["AlarmName"], StateValue="ALARM", StateReason="-")

    status = project.status()

    assert "accepted 3  " in status
    assert "API: 2 responses with 5xx" in status
    assert "hoist-dev-notify: 4 errors, 0 throttled" in status
    assert "dead letters waiting: 1" in status
    assert f"alarms: {alarm['AlarmName']}\n" in status
