"""Each piece of a deployed stage is changed by hand: `make status` tells, `make deploy` mends.

The tests share a stage that `make deploy` made in an account of moto's; each leaves it as it was.
"""

from typing import Any

import pytest

from tests.rehearsal.by_hand import BY_HAND, MISSING
from tests.rehearsal.conftest import Account, Project, project_in
from tests.rehearsal.drifts import BOTH_APIS, CHANGED, GONE, Change, names
from tests.support.stands import Stands

pytestmark = pytest.mark.system
NONE = "none: all is as declared"


@pytest.fixture(scope="module")
def project(server: Account, tmp_path_factory: pytest.TempPathFactory) -> Project:
    server.reset()
    made = project_in(tmp_path_factory.mktemp("deployed") / "project", server)
    made.deploy("--email", "ops@example.com")
    return made


def drift(project: Project) -> list[str]:
    """The lines of status under Drift."""
    _, _, rest = project.status().partition("\nDrift\n")
    section, _, _ = rest.partition("\nLast sweep")
    return [line.removeprefix("  ") for line in section.splitlines()]


@pytest.mark.parametrize("changes", [CHANGED, GONE, BOTH_APIS], ids=["changed", "gone", "apis"])
def test_what_somebody_changed_is_told_and_mended(
    project: Project, changes: dict[str, Change]
) -> None:
    assert drift(project) == [NONE]
    given = names(project.account)
    wanted = [line for change in changes.values() for line in change(project.account, given)]

    told = drift(project)

    # Nothing more than these, so that each line is of one change.
    assert [line for line in wanted if not any(each.startswith(line) for each in told)] == []
    assert [each for each in told if not any(each.startswith(line) for line in wanted)] == []

    project.deploy()

    assert drift(project) == [NONE]
    assert len(Stands(project.account).rest_apis()) == 1


def overlapping(account: Account, **members: Any) -> Any:
    """Give the bucket a rule beside those it has."""
    stands = Stands(account)
    s3, bucket = account.client("s3"), stands.outputs()["Bucket"]
    found = s3.get_bucket_notification_configuration(Bucket=bucket)
    del found["ResponseMetadata"]
    for kind, rules in members.items():
        found[kind] = [*found.get(kind, []), *rules]
    return s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=found)


def test_a_rule_of_somebody_else_that_overlaps_ours_is_named(project: Project) -> None:
    """Before anything is changed: Chalice would end with S3's message, which names no rule."""
    account, stands = project.account, Stands(project.account)
    s3, bucket = account.client("s3"), stands.outputs()["Bucket"]
    ours = stands.rules()
    scanner = {
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
    theirs, told = stands.rules(), drift(project)
    named = f"'virus-scanner' (s3:ObjectCreated:Put; all keys) to {scanner['QueueArn']}"

    printed = project.deploy(status=1)
    alone = project.deploy("--only", "application", status=1)

    assert told[1].startswith(f"application   the bucket has a rule of somebody else, {named}")
    for output in (printed, alone):
        assert f"has a rule of somebody else: {named}" in output
        assert "Updating" not in output
    assert "\nresources\n" not in printed
    assert stands.rules() == theirs

    # With a prefix of its own it may stay.
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


def test_a_rule_of_somebody_else_whose_target_is_gone_is_named(project: Project) -> None:
    """S3 then refuses ours as well, and names no rule."""
    sqs, account = project.account.client("sqs"), project.account
    url = sqs.create_queue(QueueName="scans")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    keys = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "old/"}]}}
    scanner = {"Id": "old-scanner", "QueueArn": arn["QueueArn"], "Filter": keys}
    scanner["Events"] = ["s3:ObjectCreated:Put"]
    overlapping(account, QueueConfigurations=[scanner])
    sqs.delete_queue(QueueUrl=url)

    printed = project.deploy("--only", "application", status=1)

    named = f"'old-scanner' (s3:ObjectCreated:Put; prefix old/) to {arn['QueueArn']}"
    assert "has these rules of somebody else, which S3 validates too: " in printed
    assert named in printed
    s3, bucket = account.client("s3"), Stands(account).outputs()["Bucket"]
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    project.deploy("--only", "application")
    assert drift(project) == [NONE]


@pytest.mark.parametrize("qualifier", [":live", ""], ids=["an alias", "the function"])
def test_rules_of_ours_too_many_give_way_to_one(project: Project, qualifier: str) -> None:
    """Chalice would set two that overlap, and fail."""
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


def test_status_of_another_machine_sees_as_much(project: Project) -> None:
    """What Chalice remembers is not in git: functions are found by their names."""
    note = project.root / ".chalice" / "deployed" / "dev.json"
    noted = note.read_text()
    note.unlink()
    project.account.client("lambda").delete_function_event_invoke_config(
        FunctionName="hoist-dev-notify"
    )
    told = drift(project)
    note.write_text(noted)
    project.deploy("--only", "destinations")

    assert told == ["destinations  notify"]


# The last, for nothing mends what they change.


def test_what_cloudformation_made_is_told(project: Project) -> None:
    given = names(project.account)
    wanted = [line for change in BY_HAND.values() for line in change(project.account, given)]

    *told, last = drift(project)

    assert [line for line in wanted if not any(each.startswith(line) for each in told)] == []
    assert [each for each in told if not any(each.startswith(line) for line in wanted)] == []
    assert last.startswith("by hand: make deploy leaves these as they are; docs/operations.md")


def test_what_cloudformation_made_and_is_gone_is_told(project: Project) -> None:
    given = names(project.account)
    wanted = [line for change in MISSING.values() for line in change(project.account, given)]

    told = drift(project)

    assert [line for line in wanted if not any(each.startswith(line) for each in told)] == []
