"""CloudFormation: Fn::Join in a condition, types of properties, and properties that it ignores.

MiniStack compares the function itself with the text, so such a condition is never true. AWS's list
of functions for conditions has no Fn::Join, but widely used templates have it there.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
"""

import copy
from collections.abc import Callable
from typing import Any

from ministack.services import dynamodb, s3
from ministack.services.cloudformation import engine, provisioners

from emulator.bridging import ChangedError, replace

# A change of a type's properties before MiniStack reads them, and an action after MiniStack has
# created or updated the resource with that name.
Before = Callable[[Any], Any]
After = Callable[[str, Any], None]


def bridge() -> None:
    replace(engine, "_evaluate_conditions", _with_joins)
    _wrap("AWS::Cognito::UserPool", before=_typed)
    _wrap("AWS::S3::Bucket", after=_apply_lifecycle)
    _wrap("AWS::DynamoDB::Table", after=_apply_times)


def _wrap(kind: str, *, before: Before = lambda each: each, after: After = lambda *_: None) -> None:
    """Run functions before and after each creation and update of a type's resources."""
    handlers = provisioners._RESOURCE_HANDLERS.get(kind)
    if not handlers or not {"create", "update"} <= handlers.keys():
        raise ChangedError(f"{kind} has other handlers")
    create, update = handlers["create"], handlers["update"]

    def create_and_more(logical_id: str, properties: Any, *names: str) -> Any:
        result = create(logical_id, before(properties), *names)
        after(result[0], properties)
        return result

    def update_and_more(physical_id: str, old: Any, new: Any, *names: str) -> Any:
        result = update(physical_id, before(old), before(new), *names)
        after(result[0], new)
        return result

    handlers |= {"create": create_and_more, "update": update_and_more}


def _with_joins(evaluate: Any) -> Any:
    def evaluate_joined(template: dict[str, Any], parameters: dict[str, Any]) -> Any:
        conditions = _joined(template.get("Conditions", {}), parameters)
        return evaluate({**template, "Conditions": conditions}, parameters)

    return evaluate_joined


def _joined(node: Any, parameters: dict[str, Any]) -> Any:
    """A condition with each Fn::Join in it replaced by its text."""
    match node:
        case {"Fn::Join": [delimiter, {"Ref": name}]}:
            items = str(parameters[name]["Value"]).split(",")
            return delimiter.join(item.strip() for item in items)
        case {"Fn::Join": _}:
            raise NotImplementedError(f"a condition joins a value that is not a parameter: {node}")
        case dict():
            return {key: _joined(value, parameters) for key, value in node.items()}
        case list():
            return [_joined(value, parameters) for value in node]
    return node


def _typed(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties with the types of the resource's schema.

    A reference to a parameter is a text. AWS converts it to the number or boolean of the schema:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cognito-userpool-passwordpolicy.html
    """
    properties = copy.deepcopy(properties)
    policy = properties.get("Policies", {}).get("PasswordPolicy", {})
    for name in ("MinimumLength", "TemporaryPasswordValidityDays"):
        if name in policy:
            policy[name] = int(policy[name])
    admin = properties.get("AdminCreateUserConfig", {})
    if "AllowAdminCreateUserOnly" in admin:
        only = str(admin["AllowAdminCreateUserOnly"]).lower()
        admin["AllowAdminCreateUserOnly"] = only == "true"
    return properties


def _apply_lifecycle(bucket: str, properties: dict[str, Any]) -> None:
    """Give a bucket its lifecycle rules in S3's form; nothing expires here.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-s3-bucket-rule.html
    """
    rules = properties.get("LifecycleConfiguration", {}).get("Rules", [])
    s3._bucket_lifecycle.pop(bucket, None)
    if rules:
        s3._bucket_lifecycle[bucket] = [_lifecycle_rule(rule) for rule in rules]


def _lifecycle_rule(rule: dict[str, Any]) -> dict[str, Any]:
    s3_rule = {"ID": rule["Id"], "Status": rule["Status"], "Filter": {}}
    for tag in rule.get("TagFilters", []):
        s3_rule["Filter"] = {"Tag": tag}
    expiration = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = int(rule["ExpirationInDays"])
    if "ExpiredObjectDeleteMarker" in rule:
        expiration["ExpiredObjectDeleteMarker"] = rule["ExpiredObjectDeleteMarker"]
    if expiration:
        s3_rule["Expiration"] = expiration
    for name, days in (
        ("AbortIncompleteMultipartUpload", "DaysAfterInitiation"),
        ("NoncurrentVersionExpiration", "NoncurrentDays"),
    ):
        if name in rule:
            s3_rule[name] = {days: int(rule[name][days])}
    return s3_rule


def _apply_times(table: str, properties: dict[str, Any]) -> None:
    """Give a table its time to live and its point-in-time recovery.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-table.html
    """
    for name, apply in (
        ("TimeToLiveSpecification", dynamodb._update_ttl),
        ("PointInTimeRecoverySpecification", dynamodb._update_continuous_backups),
    ):
        if name in properties:
            apply({"TableName": table, name: properties[name]})
