"""The bucket's rule: overlaps, rules of other tools, and how `make deploy` handles them."""

from typing import Any

import pytest
from chalice.app import S3EventConfig
from hypothesis import given
from hypothesis import strategies as st

import app
from deploy.steps.connections import (
    EVENTS,
    FUNCTION,
    Rule,
    check_rules,
    differences,
    is_own,
    make_room,
    others,
    overlaps,
    own_rule,
    rules,
)
from stage.stage import StageError
from tests.support.environment import REGION

TOPIC = f"arn:aws:sns:{REGION}:123456789012:hoist-dev-Results-1A"
ARN = f"arn:aws:lambda:{REGION}:123456789012:function:hoist-dev-process_upload"
QUEUE = f"arn:aws:sqs:{REGION}:123456789012:scans"
OWN = own_rule("dev", TOPIC)


class Bucket:
    """A client of S3 with one bucket, for its rules only."""

    def __init__(self, **configuration: Any) -> None:
        self.configuration, self.puts = configuration, 0

    def get_bucket_notification_configuration(self, **which: str) -> Any:
        assert which == {"Bucket": "b"}
        return {**self.configuration, "ResponseMetadata": {}}

    def put_bucket_notification_configuration(self, **members: Any) -> None:
        assert members["Bucket"] == "b"
        self.configuration = members["NotificationConfiguration"]
        self.puts += 1


def function(arn: str = ARN, number: str = "1", prefix: str = "uploads/") -> dict[str, Any]:
    """A rule of a function in a response of S3."""
    filters = [{"Name": "Prefix", "Value": prefix}]
    return {
        "Id": number,
        "LambdaFunctionArn": arn,
        "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": filters}},
    }


def queue(*events: str, **filters: str) -> dict[str, Any]:
    """A rule of another tool's queue."""
    rule_text = [{"Name": name, "Value": value} for name, value in filters.items()]
    return {
        "Id": "virus-scanner",
        "QueueArn": QUEUE,
        "Events": list(events or EVENTS),
        **({"Filter": {"Key": {"FilterRules": rule_text}}} if rule_text else {}),
    }


def test_the_rule_is_that_of_app_py() -> None:
    (declared,) = [each for each in app.app.event_sources if isinstance(each, S3EventConfig)]

    assert (tuple(declared.events), declared.prefix, declared.suffix) == (EVENTS, OWN.prefix, None)  # type: ignore[comparison-overlap]
    assert declared.name == FUNCTION
    assert OWN.target == ARN


# By S3's own examples of what is valid and invalid:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Rule(("s3:ObjectCreated:*",), "", "", "a"), Rule(EVENTS, "", "", "b"), True),
        (Rule(("s3:ObjectCreated:Put",), "", "", "a"), Rule(EVENTS, "", "", "b"), True),
        (Rule(("s3:ObjectRemoved:*",), "", "", "a"), Rule(EVENTS, "", "", "b"), False),
        (
            Rule(("s3:ObjectRemoved:*", "s3:ObjectCreated:Copy"), "", "", "a"),
            Rule(EVENTS, "", "", "b"),
            True,
        ),
        (
            Rule(("s3:ObjectCreated:Put",), "", "", "a"),
            Rule(("s3:ObjectCreated:Post",), "", "", "b"),
            False,
        ),
        (Rule(EVENTS, "uploads/", "", "a"), Rule(EVENTS, "uploads/a", "", "b"), True),
        (Rule(EVENTS, "uploads/", "", "a"), Rule(EVENTS, "upload", "", "b"), True),
        (Rule(EVENTS, "uploads/", "", "a"), Rule(EVENTS, "scans/", "", "b"), False),
        (Rule(EVENTS, "uploads", "", "a"), Rule(EVENTS, "uploads2", "", "b"), True),
        (Rule(EVENTS, "", ".jpg", "a"), Rule(EVENTS, "", "jpg", "b"), True),
        (Rule(EVENTS, "", ".jpg", "a"), Rule(EVENTS, "", ".png", "b"), False),
        (Rule(EVENTS, "images", ".jpg", "a"), Rule(EVENTS, "images", ".png", "b"), False),
        (Rule(EVENTS, "images", ".jpg", "a"), Rule(EVENTS, "img", ".jpg", "b"), False),
        (Rule(EVENTS, "uploads/", "", "a"), Rule(EVENTS, "", ".jpg", "b"), True),
    ],
    ids=[
        "the same", "one of a family", "another family", "one of two", "two of a family",
        "a longer prefix", "a shorter prefix", "another prefix", "a prefix in a name",
        "a shorter suffix", "another suffix", "one prefix, two suffixes",
        "two prefixes, one suffix", "a prefix and a suffix",
    ],
)  # fmt: skip
def test_rules_with_overlapping_prefixes_and_suffixes_overlap(
    one: Rule, other: Rule, *, expected: bool
) -> None:
    assert overlaps(one, other) is expected
    assert overlaps(other, one) is expected


TEXTS = st.text("ab/.", max_size=3)
RULES = st.builds(
    Rule,
    st.lists(
        st.sampled_from(
            [
                "s3:ObjectCreated:*",
                "s3:ObjectCreated:Put",
                "s3:ObjectRemoved:*",
                "s3:ObjectRestore:Post",
            ]
        ),
        min_size=1,
        max_size=2,
    ).map(tuple),
    TEXTS,
    TEXTS,
    st.just("arn"),
)


@given(RULES, RULES)
def test_rules_that_both_match_an_object_overlap(one: Rule, other: Rule) -> None:
    """The key of the longer prefix and the longer suffix is the shortest that both can match."""
    prefix = max(one.prefix, other.prefix, key=len)
    suffix = max(one.suffix, other.suffix, key=len)
    key = f"{prefix}-{suffix}"
    events = [
        event
        for event in ("s3:ObjectCreated:Put", "s3:ObjectRemoved:Delete", "s3:ObjectRestore:Post")
        if all(
            any(event == each or event.startswith(each.rstrip("*")) for each in rule.events)
            for rule in (one, other)
        )
    ]
    both = events and all(
        key.startswith(rule.prefix) and key.endswith(rule.suffix) for rule in (one, other)
    )

    assert overlaps(one, other) is bool(both)
    assert overlaps(one, one)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (ARN, True),
        (f"{ARN}:live", True),
        (f"{ARN}:7", True),
        (f"{ARN}_2", False),
        (ARN.replace("hoist-dev-", "hoist-dev2-"), False),
        (ARN.replace("123456789012", "210987654321"), False),
        (QUEUE, False),
    ],
    ids=["the function", "alias", "version", "longer name", "stage", "account", "queue"],
)
def test_a_rule_is_ours_by_its_target(target: str, *, expected: bool) -> None:
    assert is_own(Rule(EVENTS, "uploads/", "", target), OWN) is expected


@pytest.mark.parametrize(
    "rule",
    [
        queue(),
        queue("s3:ObjectCreated:CompleteMultipartUpload", prefix="uploads/"),
        queue(suffix=".zip"),
        queue(Prefix="up"),
    ],
    ids=["all keys", "one event", "a suffix", "a shorter prefix"],
)
def test_an_overlapping_rule_of_another_tool_is_an_error_that_names_it(
    rule: dict[str, Any],
) -> None:
    s3 = Bucket(QueueConfigurations=[rule], EventBridgeConfiguration={})

    with pytest.raises(StageError) as caught:
        make_room(s3, "b", OWN)

    message = str(caught.value)
    assert "The bucket b has a rule of somebody else: 'virus-scanner' (" in message
    for text in (*rule["Events"], QUEUE, "Remove that rule, or give it a prefix outside uploads/"):
        assert text in message
    assert s3.puts == 0
    assert next(iter(differences(s3, "b", OWN))).difference.startswith("the bucket has no rule")


@pytest.mark.parametrize(
    "configuration",
    [
        {},
        {"EventBridgeConfiguration": {}},
        {"QueueConfigurations": [queue("s3:ObjectRemoved:*")]},
        {"QueueConfigurations": [queue(prefix="scans/")]},
        {"LambdaFunctionConfigurations": [function()]},
    ],
    ids=["none", "EventBridge", "other events", "another prefix", "ours"],
)
def test_rules_that_do_not_overlap_stay(configuration: dict[str, Any]) -> None:
    s3 = Bucket(**configuration)

    assert make_room(s3, "b", OWN) == []
    assert check_rules(s3, "b", OWN) == configuration
    assert s3.puts == 0


def test_only_superfluous_rules_of_ours_are_removed() -> None:
    others = {"EventBridgeConfiguration": {}, "QueueConfigurations": [queue(prefix="scans/")]}
    stranger = function("arn:aws:lambda:x:1:function:other", "9", "other/")
    s3 = Bucket(
        **others,
        LambdaFunctionConfigurations=[
            function(f"{ARN}:live", "1"),
            function(ARN, "2", "old/"),
            function(ARN, "3", "older/"),
            stranger,
        ],
    )

    removed = make_room(s3, "b", OWN)

    assert [rule.id for rule in removed] == ["1", "3"]
    remaining = {**others, "LambdaFunctionConfigurations": [function(ARN, "2", "old/"), stranger]}
    assert s3.configuration == remaining
    assert make_room(s3, "b", OWN) == []


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({"LambdaFunctionConfigurations": [function()]}, []),
        ({}, ["the bucket has no rule: S3 invokes process_upload for no file"]),
        (
            {"LambdaFunctionConfigurations": [function(prefix="up/")]},
            ["the bucket's rule is '1' (s3:ObjectCreated:*; prefix up/)"],
        ),
        (
            {"LambdaFunctionConfigurations": [function() | {"Events": ["s3:ObjectCreated:Put"]}]},
            ["the bucket's rule is '1' (s3:ObjectCreated:Put; prefix uploads/)"],
        ),
        (
            {"LambdaFunctionConfigurations": [function(f"{ARN}:live")]},
            ["the bucket's rule is '1' (s3:ObjectCreated:*; prefix uploads/)"],
        ),
        (
            {"QueueConfigurations": [queue(suffix=".zip")]},
            [
                "the bucket has no rule",
                "the bucket has a rule of somebody else, 'virus-scanner' (s3:ObjectCreated:*;",
            ],
        ),
    ],
    ids=["as declared", "none", "a prefix", "events", "an alias", "somebody else's"],
)
def test_faults_of_the_rule_are_reported(
    configuration: dict[str, Any], expected: list[str]
) -> None:
    changes = list(differences(Bucket(**configuration), "b", OWN))

    assert len(changes) == len(expected)
    for change, beginning in zip(changes, expected, strict=True):
        assert change.difference.startswith(beginning)


def test_rules_of_topics_are_read_too() -> None:
    rule = {"Id": "t", "TopicArn": TOPIC, "Events": ["s3:ObjectTagging:*"]}

    (read,) = rules({"TopicConfigurations": [rule]})

    assert read == Rule(("s3:ObjectTagging:*",), "", "", TOPIC, "t")


def test_rules_of_other_tools_are_listed_if_s3_refuses_ours() -> None:
    """S3 refuses all rules if the target of one of them is deleted, and names none."""
    scans = queue("s3:ObjectRemoved:*", prefix="scans/")
    s3 = Bucket(QueueConfigurations=[scans], LambdaFunctionConfigurations=[function()])

    message = others(s3, "b", OWN)

    assert f"'virus-scanner' (s3:ObjectRemoved:*; prefix scans/) to {QUEUE}" in message
    assert ARN not in message
    assert others(Bucket(LambdaFunctionConfigurations=[function()]), "b", OWN) == ""
