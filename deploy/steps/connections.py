"""The bucket's rule: S3 invokes `process_upload` for each object under `uploads/`.

A bucket has one notification configuration, and every tool that sets a rule replaces all of it.
Chalice adds our rule and keeps those of other tools. S3 refuses two rules that overlap, with a
message that names neither of them. So this step compares the rules before `chalice deploy`.
IAM: s3:GetBucketNotification, s3:PutBucketNotification on the bucket.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib import keys
from deploy.changes import Change, show
from deploy.errors import answer
from stage.names import function_name
from stage.stage import StageError

EVENTS = ("s3:ObjectCreated:*",)
FUNCTION = "process_upload"
# The step of `make deploy` that sets the rule, by Chalice.
STEP = "application"
# The lists of a notification configuration, and the member that holds the target. EventBridge is a
# switch of the same configuration, and overlaps no rule.
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
        """Whether both have the same effect; the id does not count, as S3 may generate it."""
        mine, theirs = (
            (set(rule.events), rule.prefix, rule.suffix, rule.target) for rule in (self, other)
        )
        return mine == theirs


def rules(configuration: Mapping[str, Any]) -> Iterator[Rule]:
    """The rules in a bucket's notification configuration."""
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
    """Whether S3 refuses both together, because one object can match both.

    S3 compares the texts of the rules: `uploads/` overlaps `uploads/a`, and `.jpg` overlaps `g`.
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
    """The bucket's notification configuration; it is empty without a bucket.

    Raises StageError with a rule of another tool that overlaps ours.
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
    """Remove the rules of ours that would keep Chalice from setting its rule; returns them.

    Chalice replaces each rule with our function's ARN by the same new rule, so that two rules would
    become two that overlap. It keeps a rule with an alias or a version, which overlaps as well.
    Until Chalice has set the rule, S3 invokes no function; the sweep finds the objects that arrive
    in between. Raises StageError like `check_rules`.
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
        show(bucket, f"rule removed: {rule}")
    return superfluous


def others(s3: Any, bucket: str, own: Rule) -> str:
    """The rules of other tools, for an error of S3 that does not name them; empty without any.

    Whenever a rule is set, S3 validates the targets of all rules. So it refuses our rule if the
    target of another one was deleted.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html
    """
    other = [rule for rule in rules(_configuration(s3, bucket) or {}) if not is_own(rule, own)]
    if not other:
        return ""
    listed = "; ".join(map(str, other))
    return f"the bucket {bucket} has these rules of somebody else, which S3 validates too: {listed}"


def differences(s3: Any, bucket: str, own: Rule) -> Iterator[Change]:
    """The faults of the bucket's rule."""
    configuration = _configuration(s3, bucket)
    if configuration is None:
        return  # the check of the bucket reports that
    present = list(rules(configuration))
    ours = [rule for rule in present if is_own(rule, own)]
    if not ours:
        yield Change(STEP, f"the bucket has no rule: S3 invokes {FUNCTION} for no file")
    for rule in ours:
        if not rule.matches(own):
            yield Change(STEP, "the bucket's rule", str(rule), str(own))
    for rule in present:
        if not is_own(rule, own) and overlaps(rule, own):
            yield Change(
                STEP,
                f"the bucket has a rule of somebody else, {rule}, which overlaps Hoist's: remove it"
                f" or give it a prefix outside {own.prefix} first",
            )


def _configuration(s3: Any, bucket: str) -> dict[str, Any] | None:
    """A bucket's notification configuration; None without the bucket."""
    response: dict[str, Any] | None = answer(
        s3.get_bucket_notification_configuration, "NoSuchBucket", Bucket=bucket
    )
    if response is None:
        return None
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def _covers(event: str, other: str) -> bool:
    """Whether an event equals the other one, or is a pattern such as `s3:ObjectCreated:*`."""
    return event == other or (event.endswith("*") and other.startswith(event[:-1]))
