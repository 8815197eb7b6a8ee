"""`.chalice/resources.yaml`: its resources, and their agreement with code and documentation."""

import json
import re
import warnings
from pathlib import Path

import pytest

from chalicelib.config import load_settings
from chalicelib.items import SCHEMA
from deploy.steps import policies
from local.aws.resources import PASSWORD_POLICY
from stage import names
from stage.destinations import ARNS
from tests.deploy.template import OUTPUTS, PARAMETERS, PATH, RESOURCES, TEXT, listed, mappings
from tests.support.environment import HOIST_ENVIRONMENT, REGION

ROOT = Path(__file__).parents[2]
CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/4ad1f3c2-0000-4000-8000-000000000000"
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/rates/4ad1f3c2-0000-4000"
KEY = "arn:aws:kms:eu-west-1:123456789012:key/4ad1f3c2-0000-4000-8000-000000000000"


def test_cfn_lint_finds_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, about its packages
        from cfnlint.api import ManualArgs, lint

        result = lint(TEXT, config=ManualArgs(regions=[REGION, "us-east-1"], include_checks=["I"]))

    assert [f"{PATH.name}:{match.linenumber} {match}" for match in result] == []


def test_the_table_has_the_schema_of_the_code() -> None:
    declared = RESOURCES["Uploads"]["Properties"]

    assert {name: declared.get(name) for name in SCHEMA} == SCHEMA
    assert not any(name.endswith("SecondaryIndexes") for name in declared.keys() - SCHEMA.keys())


def test_the_former_table_leaves_the_stack_without_being_replaced() -> None:
    assert [n for n, created in RESOURCES.items() if created["Type"] == "AWS::DynamoDB::Table"] == [
        "Uploads"
    ]
    assert OUTPUTS["Table"]["Value"] == {"Ref": "Uploads"}


@pytest.mark.parametrize("name", ["Bucket", "BucketPolicy", "Uploads", "UserPool"])
def test_resources_with_data_outlive_the_stack(name: str) -> None:
    assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_the_tables_key_is_logged_by_cloudtrail() -> None:
    assert RESOURCES["Uploads"]["Properties"]["SSESpecification"] == {"SSEEnabled": True}


def test_the_notification_of_the_bucket_is_left_to_chalice() -> None:
    assert [part for part in mappings() if "NotificationConfiguration" in part] == []


def test_no_two_stages_share_a_name() -> None:
    explicit_names = {
        f"{logical_id}.{key}"
        for logical_id, resource in RESOURCES.items()
        for key in resource["Properties"]
        if re.fullmatch(r"(\w+Name|ClientName|PoolName)", key) and key != "MetricName"
    }

    # A permission names its function; an inline policy belongs to its role.
    assert explicit_names == {"SignUpPermission.FunctionName", "UploaderKeyPolicy.PolicyName"}


def test_every_resource_with_tags_has_the_tag_of_its_stage() -> None:
    untagged = {
        name
        for name, resource in RESOURCES.items()
        if {"Key": "hoist:stage", "Value": {"Ref": "Stage"}}
        not in resource["Properties"].get("Tags", resource["Properties"].get("ResourceTags", []))
        and resource["Properties"].get("UserPoolTags") != {"hoist:stage": {"Ref": "Stage"}}
    }

    parts_of_others = re.compile(r"\w+(Policy|Subscription|Client|Permission|Headers|Access)")
    # CloudFormation gives them the tags of the stack.
    watching = {name for name, created in RESOURCES.items() if "CloudWatch" in created["Type"]}
    assert [name for name in untagged - watching if not parts_of_others.fullmatch(name)] == []


def test_no_permission_is_for_every_action_or_resource() -> None:
    allowed = [part for part in mappings() if part.get("Effect") == "Allow"]
    actions = [action for part in allowed for action in listed(part["Action"])]
    resources = [part["Resource"] for part in allowed if "Resource" in part]

    assert len(allowed) >= 6
    assert [action for action in actions if "*" in action] == []
    assert "*" not in resources
    assert not any(part.get("Principal") in ("*", {"AWS": "*"}) for part in allowed)


def test_every_policy_of_a_bucket_topic_or_queue_refuses_plain_http() -> None:
    policies = [
        resource["Properties"]
        for resource in RESOURCES.values()
        if resource["Type"].endswith(("::BucketPolicy", "::TopicPolicy", "::QueuePolicy"))
    ]
    protected = {
        target["Ref"]
        for policy in policies
        for target in [*policy.get("Topics", []), *policy.get("Queues", []), policy.get("Bucket")]
        if target is not None
    }
    kinds = ("AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SQS::Queue")

    assert protected == {name for name, created in RESOURCES.items() if created["Type"] in kinds}
    for policy in policies:
        first = policy["PolicyDocument"]["Statement"][0]
        assert (first["Effect"], first["Principal"]) == ("Deny", "*")
        assert first["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_has_a_description_a_default_and_bounds(name: str) -> None:
    parameter = PARAMETERS[name]
    number = {"MinValue", "MaxValue"}

    assert parameter["Description"]
    assert "Default" in parameter
    assert parameter.keys() & {"AllowedPattern", "AllowedValues"} or number <= parameter.keys()
    if "AllowedPattern" in parameter:
        assert re.search(parameter["AllowedPattern"], parameter["Default"])
        assert parameter["ConstraintDescription"]


@pytest.mark.parametrize(
    ("name", "value", "accepted"),
    [
        ("Stage", "prod-2", True),
        ("Stage", "Prod", False),
        ("Stage", "2prod", False),
        ("Stage", "a*", False),
        ("Stage", "a" * 25, False),
        ("PageDomain", "files.example.com", True),
        ("PageDomain", "https://files.example.com", False),
        ("PageDomain", "files.example.com/", False),
        ("PageDomain", "*", False),
        ("PageDomain", "*.example.com", False),
        ("PageCertificateArn", CERTIFICATE, True),
        ("PageCertificateArn", CERTIFICATE.replace("us-east-1", "eu-west-1"), False),
        ("DownloadDomain", "get.example.com", True),
        ("DownloadDomain", "https://get.example.com", False),
        ("DownloadCertificateArn", CERTIFICATE, True),
        ("DownloadCertificateArn", CERTIFICATE.replace("us-east-1", "eu-west-1"), False),
        ("DownloadsWebAclArn", WEB_ACL, True),
        ("DownloadsWebAclArn", WEB_ACL.replace("global", "regional"), False),
        ("PageWebAclArn", WEB_ACL, True),
        ("PageWebAclArn", WEB_ACL.replace("us-east-1", "eu-west-1"), False),
        ("SesIdentityArn", "arn:aws:ses:eu-west-1:123456789012:identity/example.com", True),
        ("SesIdentityArn", "arn:aws:ses:eu-west-1:123456789012:identity/a@example.com", True),
        ("SesIdentityArn", "arn:aws:ses:eu-west-1:123456789012:identity/*", False),
        ("SesFrom", "uploads@example.com", True),
        ("SesFrom", "Uploads <uploads@example.com>", False),
        ("MonthlyBudget", "50", True),
        ("MonthlyBudget", "0", False),
        ("MonthlyBudget", "-5", False),
        ("MonthlyBudget", "50 EUR", False),
        ("PageAddresses", "https://a.example.com wss://b.example.com", True),
        ("PageAddresses", "https://a.example.com; script-src *", False),
        ("PageAddresses", "http://a.example.com", False),
        ("PageAddresses", "https://*", False),
        ("KmsKeyArn", KEY, True),
        ("KmsKeyArn", "arn:aws:kms:eu-west-1:123456789012:alias/uploads", False),
        ("KmsKeyArn", "*", False),
        ("SignUpDomains", "example.com", True),
        ("SignUpDomains", "Mail.Example.co.uk", True),
        ("SignUpDomains", "xn--mnchen-3ya.xn--p1ai", True),
        ("SignUpDomains", "@example.com", False),
        ("SignUpDomains", "*.example.com", False),
        ("SignUpDomains", "localhost", False),
        ("OperationsEmail", "ops@example.com", True),
        ("OperationsEmail", "ops", False),
        ("OperationsEmail", "ops@example.com, b@example.com", False),
    ],
)
def test_a_parameter_accepts_its_documented_values(name: str, value: str, accepted: bool) -> None:  # noqa: FBT001
    assert bool(re.search(PARAMETERS[name]["AllowedPattern"], value)) is accepted


@pytest.mark.parametrize(
    ("parameter", "variable"),
    [
        ("UrlLifetime", "HOIST_URL_LIFETIME"),
        ("UploadDays", "HOIST_UPLOAD_DAYS"),
        ("RejectedDays", "HOIST_REJECTED_DAYS"),
    ],
)
def test_parameters_and_settings_have_the_same_bounds(parameter: str, variable: str) -> None:
    field = variable.removeprefix("HOIST_").lower()
    declared = PARAMETERS[parameter]
    default = load_settings(dict(HOIST_ENVIRONMENT))

    assert getattr(default, field) == declared["Default"]
    for bound in ("MinValue", "MaxValue"):
        settings = load_settings({**HOIST_ENVIRONMENT, variable: str(declared[bound])})
        assert getattr(settings, field) == declared[bound]


def test_the_page_shows_the_password_rules_of_the_pool() -> None:
    path = ROOT / "frontend" / "src" / "page" / "strings" / "account.ts"
    strings = path.read_text(encoding="utf-8")

    policy = RESOURCES["UserPool"]["Properties"]["Policies"]["PasswordPolicy"]
    assert f"At least {policy['MinimumLength']} characters" in strings


def test_each_output_is_named_after_its_variable() -> None:
    # Lambda sets the region; the other variables are for commands only.
    commands = {
        *("Region", "PageBucket", "PageDistributionId", "PageDistributionDomain"),
        "DownloadDistributionDomain",
    }
    assert {name for name, o in OUTPUTS.items() if not o["Description"].startswith("HOIST_")} == (
        commands
    )
    for name, output in OUTPUTS.items():
        if name in commands:
            continue
        variable = "HOIST" + re.sub(r"(?=[A-Z])", "_", name).upper()
        assert output["Description"].startswith(f"{variable}: ")


def test_the_outputs_are_the_variables_of_the_functions() -> None:
    variables = {output["Description"].partition(":")[0] for output in OUTPUTS.values()}
    # Chalice creates the WebSocket's address; the others are checked above.
    text = {"HOIST_STAGE", "AWS_REGION", "HOIST_WEBSOCKET_URL"}

    assert HOIST_ENVIRONMENT.keys() - text <= variables
    assert {*ARNS.values()} <= variables


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_documented(name: str) -> None:
    settings = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    default = PARAMETERS[name]["Default"]

    listed = f"`{default}`" if default != "" else "none"
    assert re.search(rf"^\| `{name}` \| {re.escape(listed)} \|", settings, re.MULTILINE)


def test_local_password_rules_are_those_of_a_stage() -> None:
    declared = RESOURCES["UserPool"]["Properties"]["Policies"]["PasswordPolicy"]

    assert declared == PASSWORD_POLICY


def test_the_page_has_the_same_headers_as_locally() -> None:
    headers = json.loads((ROOT / "frontend" / "security-headers.json").read_text(encoding="utf-8"))
    declared = RESOURCES["PageHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    security = declared["SecurityHeadersConfig"]
    custom = {item["Header"]: item["Value"] for item in declared["CustomHeadersConfig"]["Items"]}

    assert headers == {
        "Content-Security-Policy": security["ContentSecurityPolicy"]["ContentSecurityPolicy"][
            "Fn::Sub"
        ].replace("${PageAddresses}", "{addresses}"),
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        "X-Content-Type-Options": "nosniff" if security["ContentTypeOptions"] else "",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        **custom,
    }
    assert all(header["Override"] for header in security.values())


def test_only_the_pages_distribution_reads_the_page() -> None:
    statements = RESOURCES["PageBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    allowed = [statement for statement in statements if statement["Effect"] == "Allow"]

    assert {statement["Action"] for statement in allowed} == {"s3:GetObject", "s3:ListBucket"}
    for statement in allowed:
        assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
        (arn,) = statement["Condition"]["StringEquals"].values()
        assert arn["Fn::Sub"].endswith(":distribution/${Page}")


ALARMS = [
    name for name, created in RESOURCES.items() if created["Type"] == "AWS::CloudWatch::Alarm"
]


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_goes_to_operators_and_is_explained(name: str) -> None:
    alarm = RESOURCES[name]["Properties"]
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "Operations"}]
    # One alarm is about missing data; the others ignore it.
    silence = "breaching" if name == "SweepStoppedAlarm" else "notBreaching"
    assert alarm["TreatMissingData"] == silence
    assert f"| `{name.removesuffix('Alarm')}` |" in operations
    assert RESOURCES[name]["Condition"] == "HasAlarms"


def test_every_watched_function_exists() -> None:
    watched = set(re.findall(r"\bhoist-\$\{Stage\}[\w-]*", TEXT))
    created = {names.function_name("${Stage}", name) for name in policies.templates()}

    assert watched - {"hoist-${Stage}-api_handler"} == created  # that one is a role
