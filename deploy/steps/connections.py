"""The bucket's rule: S3 invokes `process_upload` for each object under `uploads/`.

A bucket has one notification configuration, which every tool that sets a rule replaces as a whole.
Chalice adds our rule and keeps the rules of others. S3 refuses two rules that overlap, and Chalice
passes on S3's message, which names neither of them. So they are compared before `chalice deploy`.
IAM: s3:GetBucketNotification, s3:PutBucketNotification on the bucket.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib import keys
from deploy.errors import answer
from stage.names import function_name
from stage.stage import StageError

EVENTS = ("s3:ObjectCreated:*",)
FUNCTION = "process_upload"
# The lists of a notification configuration, and what each calls its target. EventBridge is a switch
# of the same configuration that overlaps nothing.
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_NotificationConfiguration.html
_TARGETS = {
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
    "QueueConfigurations": "QueueArn",
    "TopicConfigurations": "TopicArn",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a bucket; `target` is the ARN of a function, a queue or a topic."""

    events: tuple[str, ...]
    prefix: str
    suffix: str
    target: str
    id: str = ""

    def __str__(self) -> str:
        keys_of = " and ".join(
            part
            for part in (
                f"prefix {self.prefix}" if self.prefix else "",
                f"suffix {self.suffix}" if self.suffix else "",
            )
            if part
        )
        return f"{self.id!r} ({', '.join(self.events)}; {keys_of or 'all keys'}) to {self.target}"

    def matches(self, other: Rule) -> bool:
        """Whether both do the same; S3 makes up an id for a rule that has none."""
        mine, theirs = (
            (set(rule.events), rule.prefix, rule.suffix, rule.target) for rule in (self, other)
        )
        return mine == theirs


def rules(configuration: Mapping[str, Any]) -> Iterator[Rule]:
    """The rules of a bucket's notification configuration, as S3 answers it."""
    for kind, target in _TARGETS.items():
        for each in configuration.get(kind, []):
            filters = {
                part["Name"].lower(): part["Value"]
                for part in each.get("Filter", {}).get("Key", {}).get("FilterRules", [])
            }
            yield Rule(
                tuple(each["Events"]),
                filters.get("prefix", ""),
                filters.get("suffix", ""),
                each[target],
                each.get("Id", ""),
            )


def overlaps(one: Rule, other: Rule) -> bool:
    """Whether S3 refuses both together: an event, a prefix and a suffix that can be of one object.

    It compares the texts of the rules: `uploads/` and `uploads/a` overlap, `.jpg` and `g` too.
    """
    return (
        any(_covers(a, b) or _covers(b, a) for a in one.events for b in other.events)
        and (one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix))
        and (one.suffix.endswith(other.suffix) or other.suffix.endswith(one.suffix))
    )


def own_rule(stage: str, topic: str) -> Rule:
    """The rule of a stage; `topic` is the ARN of its topic of results, in the same account."""
    return Rule(EVENTS, keys.PREFIX, "", function_arn(topic, function_name(stage, FUNCTION)))


def function_arn(topic: str, function: str) -> str:
    """The ARN of a function in the region and the account of a topic."""
    partition, _, region, account = topic.split(":")[1:5]
    return f"arn:{partition}:lambda:{region}:{account}:function:{function}"


def is_own(rule: Rule, own: Rule) -> bool:
    """Whether a rule invokes our function, by its ARN or by that of an alias or a version of it."""
    return rule.target == own.target or rule.target.startswith(f"{own.target}:")


def check_rules(s3: Any, bucket: str, own: Rule) -> dict[str, Any]:
    """Returns the bucket's notification configuration, which is empty without a bucket.

    Raises StageError with the rule of somebody else that overlaps ours.
    """
    configuration = _configuration(s3, bucket) or {}
    for rule in rules(configuration):
        if not is_own(rule, own) and overlaps(rule, own):
            raise StageError(
                f"The bucket {bucket} has a rule of somebody else: {rule}. It overlaps Hoist's:"
                f" {', '.join(own.events)}; prefix {own.prefix}. S3 takes only one of them."
                f" Remove that rule, or give it a prefix outside {own.prefix}, and run make deploy"
                " again. Its target can have the same events from Amazon EventBridge:"
                " https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html"
            )
    return configuration


def make_room(s3: Any, bucket: str, own: Rule) -> list[Rule]:
    """Let Chalice set our rule; returns the superfluous rules of ours that were removed.

    Chalice replaces each rule of our function's ARN by the same new one, so that two of them would
    become two that overlap. A rule of an alias or a version it keeps, which overlaps too. Until
    Chalice has set the rule, S3 invokes nobody; the sweep finds what arrives in between. Raises
    StageError as `check_rules` does.
    """
    configuration = check_rules(s3, bucket, own)
    superfluous = [rule for rule in rules(configuration) if is_own(rule, own)]
    exact = next((rule for rule in superfluous if rule.target == own.target), None)
    if exact is not None:
        superfluous.remove(exact)
    if superfluous:
        ids = {rule.id for rule in superfluous}
        others = [
            each
            for each in configuration.get("LambdaFunctionConfigurations", [])
            if each["Id"] not in ids
        ]
        s3.put_bucket_notification_configuration(
            Bucket=bucket,
            NotificationConfiguration={**configuration, "LambdaFunctionConfigurations": others},
        )
    for rule in superfluous:
        print(f"  {bucket:<32} rule removed: {rule}")
    return superfluous


def others(s3: Any, bucket: str, own: Rule) -> str:
    """The rules of others, for an error of S3 that names none of them; nothing without one.

    S3 validates the target of each rule again whenever a rule is set, so that a target that
    somebody deleted is a reason to refuse ours.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
    """
    found = [rule for rule in rules(_configuration(s3, bucket) or {}) if not is_own(rule, own)]
    if not found:
        return ""
    listed = "; ".join(map(str, found))
    return f"the bucket {bucket} has these rules of somebody else, which S3 validates too: {listed}"


def rule_differences(s3: Any, bucket: str, own: Rule) -> Iterator[str]:
    """What is wrong with the bucket's rule, in words."""
    configuration = _configuration(s3, bucket)
    if configuration is None:
        return  # the check of the bucket tells that
    present = list(rules(configuration))
    ours = [rule for rule in present if is_own(rule, own)]
    if not ours:
        yield f"the bucket has no rule: S3 invokes {FUNCTION} for no file"
    for rule in ours:
        if not rule.matches(own):
            yield f"the bucket's rule is {rule}; it is to be {own}"
    for rule in present:
        if not is_own(rule, own) and overlaps(rule, own):
            yield (
                f"the bucket has a rule of somebody else, {rule}, which overlaps Hoist's: remove it"
                f" or give it a prefix outside {own.prefix} first"
            )


def _configuration(s3: Any, bucket: str) -> dict[str, Any] | None:
    """What S3 answers of a bucket's notification configuration; None without the bucket."""
    response: dict[str, Any] | None = answer(
        s3.get_bucket_notification_configuration, "NoSuchBucket", Bucket=bucket
    )
    if response is None:
        return None
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def _covers(event: str, other: str) -> bool:
    """Whether an event is the other or, with a star at its end, a family that has it."""
    return event == other or (event.endswith("*") and other.startswith(event[:-1]))
