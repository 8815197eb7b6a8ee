"""Changes of a deployed stage by hand: `make status` prints them, `make deploy` repairs them.

The tests share a stage that `make deploy` made in an account in moto; each test restores it.
"""

from typing import Any

import pytest

from tests.rehearsal.by_hand import BY_HAND, MISSING
from tests.rehearsal.conftest import Account, Project, project_in
from tests.rehearsal.drifts import BOTH_APIS, CHANGED, DELETED, Change, stage_names
from tests.support.stands import Stands

pytestmark = pytest.mark.system
NONE = "none: all is as declared"


@pytest.fixture(scope="module")
def project(server: Account, tmp_path_factory: pytest.TempPathFactory) -> Project:
    server.reset()
    deployed = project_in(tmp_path_factory.mktemp("deployed") / "project", server)
    deployed.deploy("--email", "ops@example.com")
    return deployed


def drift(project: Project) -> list[str]:
    """The lines of `make status` under Drift."""
    _, _, rest = project.status().partition("\nDrift\n")
    section, _, _ = rest.partition("\nLast sweep")
    return [line.removeprefix("  ") for line in section.splitlines()]


@pytest.mark.parametrize(
    "changes", [CHANGED, DELETED, BOTH_APIS], ids=["changed", "deleted", "apis"]
)
def test_changes_are_printed_and_repaired(project: Project, changes: dict[str, Change]) -> None:
    assert drift(project) == [NONE]
    names = stage_names(project.account)
    expected = [line for change in changes.values() for line in change(project.account, names)]

    lines = drift(project)

    # No other lines, so that each line belongs to one change.
    assert [line for line in expected if not any(each.startswith(line) for each in lines)] == []
    assert [each for each in lines if not any(each.startswith(line) for line in expected)] == []

    project.deploy()

    assert drift(project) == [NONE]
    assert len(Stands(project.account).rest_apis()) == 1


def overlapping(account: Account, **members: Any) -> Any:
    """Add rules to the bucket's notification configuration."""
    stands = Stands(account)
    s3, bucket = account.client("s3"), stands.outputs()["Bucket"]
    configuration = s3.get_bucket_notification_configuration(Bucket=bucket)
    del configuration["ResponseMetadata"]
    for kind, rules in members.items():
        configuration[kind] = [*configuration.get(kind, []), *rules]
    return s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration=configuration
    )


def test_a_rule_of_another_tool_that_overlaps_ours_is_named(project: Project) -> None:
    """The error comes before any change. Chalice would print S3's message, which names no rule."""
    account, stands = project.account, Stands(project.account)
    s3, bucket = account.client("s3"), stands.outputs()["Bucket"]
    ours = stands.rules()
    scanner: dict[str, Any] = {
        "Id": "virus-scanner",
        "QueueArn": stands.outputs()["DeadLettersArn"],
        "Events": ["s3:ObjectCreated:Put"],
    }
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [scanner],
            "EventBridgeConfiguration": {},
        },
    )
    theirs, lines = stands.rules(), drift(project)
    description = f"'virus-scanner' (s3:ObjectCreated:Put; all keys) to {scanner['QueueArn']}"

    printed = project.deploy(status=1)
    alone = project.deploy("--only", "application", status=1)

    assert lines[1].startswith(
        f"application   the bucket has a rule of somebody else, {description}"
    )
    for output in (printed, alone):
        assert f"has a rule of somebody else: {description}" in output
        assert "Updating" not in output
    assert "\nresources\n" not in printed
    assert stands.rules() == theirs

    # A rule with another prefix may stay.
    scanner["Filter"] = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "scans/"}]}}
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "QueueConfigurations": [scanner],
            "EventBridgeConfiguration": {},
        },
    )
    project.deploy("--only", "application")
    assert drift(project) == [NONE]
    both = stands.rules()
    assert both["LambdaFunctionConfigurations"] == ours["LambdaFunctionConfigurations"]
    assert [rule["Id"] for rule in both["QueueConfigurations"]] == ["virus-scanner"]


def test_a_rule_of_another_tool_with_a_missing_target_is_named(project: Project) -> None:
    """S3 then refuses our rule as well, and names no rule."""
    sqs, account = project.account.client("sqs"), project.account
    url = sqs.create_queue(QueueName="scans")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    keys = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "old/"}]}}
    scanner = {"Id": "old-scanner", "QueueArn": arn["QueueArn"], "Filter": keys}
    scanner["Events"] = ["s3:ObjectCreated:Put"]
    overlapping(account, QueueConfigurations=[scanner])
    sqs.delete_queue(QueueUrl=url)

    printed = project.deploy("--only", "application", status=1)

    description = f"'old-scanner' (s3:ObjectCreated:Put; prefix old/) to {arn['QueueArn']}"
    assert "has these rules of somebody else, which S3 validates too: " in printed
    assert description in printed
    s3, bucket = account.client("s3"), Stands(account).outputs()["Bucket"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    project.deploy("--only", "application")
    assert drift(project) == [NONE]


@pytest.mark.parametrize("qualifier", [":live", ""], ids=["an alias", "the function"])
def test_several_rules_of_ours_are_replaced_by_one(project: Project, qualifier: str) -> None:
    """Chalice would set two rules that overlap, and fail."""
    stands = Stands(project.account)
    before = stands.rules()["LambdaFunctionConfigurations"]
    (rule,) = before
    prefix = [{"Name": "prefix", "Value": "other/"}]
    more = {
        **rule,
        "LambdaFunctionArn": rule["LambdaFunctionArn"] + qualifier,
        "Filter": {"Key": {"FilterRules": prefix}},
    }
    overlapping(project.account, LambdaFunctionConfigurations=[more])
    assert "the bucket's rule is '" in drift(project)[0]

    printed = project.deploy("--only", "application")

    assert "rule removed: '" in printed
    assert stands.rules()["LambdaFunctionConfigurations"] == before
    assert drift(project) == [NONE]


def test_status_on_another_machine_finds_the_same(project: Project) -> None:
    """Chalice's record is not in git, so status looks for functions by their names."""
    note = project.root / ".chalice" / "deployed" / "dev.json"
    noted = note.read_text()
    note.unlink()
    project.account.client("lambda").delete_function_event_invoke_config(
        FunctionName="hoist-dev-notify"
    )
    lines = drift(project)
    note.write_text(noted)
    project.deploy("--only", "destinations")

    assert lines == ["destinations  notify"]


# Last, because nothing repairs these changes.


def test_changes_of_cloudformation_s_resources_are_printed(project: Project) -> None:
    names = stage_names(project.account)
    expected = [line for change in BY_HAND.values() for line in change(project.account, names)]

    *lines, last = drift(project)

    assert [line for line in expected if not any(each.startswith(line) for each in lines)] == []
    assert [each for each in lines if not any(each.startswith(line) for line in expected)] == []
    assert last.startswith("by hand: make deploy leaves these as they are; docs/operations.md")


def test_deleted_resources_of_cloudformation_are_printed(project: Project) -> None:
    names = stage_names(project.account)
    expected = [line for change in MISSING.values() for line in change(project.account, names)]

    lines = drift(project)

    assert [line for line in expected if not any(each.startswith(line) for each in lines)] == []
