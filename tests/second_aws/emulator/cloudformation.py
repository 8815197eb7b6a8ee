"""CloudFormation: Fn::Join in a condition, and the types of a user pool's properties.

MiniStack compares the function itself with the text, so such a condition is never equal.
AWS's list of functions in conditions has no Fn::Join; templates in wide use have it there.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
"""

import copy
from typing import Any

from ministack.services.cloudformation import engine, provisioners

from emulator.bridging import ChangedError, replace

POOL = "AWS::Cognito::UserPool"


def bridge() -> None:
    replace(engine, "_evaluate_conditions", _with_joins)
    handlers = provisioners._RESOURCE_HANDLERS[POOL]
    create, update = handlers["create"], handlers["update"]
    if not handlers.get("update_with_logical_id"):
        raise ChangedError(f"{POOL} is updated in another way")

    def create_pool(logical_id: str, properties: Any, stack: str) -> Any:
        return create(logical_id, _typed(properties), stack)

    def update_pool(physical_id: str, old: Any, new: Any, *names: str) -> Any:
        return update(physical_id, _typed(old), _typed(new), *names)

    handlers |= {"create": create_pool, "update": update_pool}


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
            raise NotImplementedError(f"a condition joins what is no parameter: {node}")
        case dict():
            return {key: _joined(value, parameters) for key, value in node.items()}
        case list():
            return [_joined(value, parameters) for value in node]
    return node


def _typed(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties with the types that the resource's schema gives them.

    A reference to a parameter is a text. AWS makes a number or a boolean of it, where the schema
    has one: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-cognito-userpool-passwordpolicy.html
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
