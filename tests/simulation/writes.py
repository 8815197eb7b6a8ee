"""One write of a request: its checks, like DynamoDB's, and the item that it makes."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ParamValidationError

from tests.simulation.attributes import MAX_ITEM, Item, attribute_size, freeze, freeze_item
from tests.simulation.indexes import MAX_HASH, MAX_RANGE, Index, Key, Row
from tests.simulation.plans import Plan, plan_of
from tests.simulation.refusals import Invalid

_EXPRESSIONS = frozenset({
    "TableName", "ConditionExpression", "ExpressionAttributeNames", "ExpressionAttributeValues",
    "ReturnValuesOnConditionCheckFailure",
})  # fmt: skip
# The parameters of each member of a transaction, and the additional ones of a single call.
PARAMETERS = {
    "Put": _EXPRESSIONS | {"Item"},
    "Update": _EXPRESSIONS | {"Key", "UpdateExpression"},
    "Delete": _EXPRESSIONS | {"Key"},
    "ConditionCheck": _EXPRESSIONS | {"Key"},
}
_RETURNED = {
    "Put": frozenset({"NONE", "ALL_OLD"}),
    "Update": frozenset({"NONE", "ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"}),
    "Delete": frozenset({"NONE", "ALL_OLD"}),
}


class Write:
    """One write of one item."""

    __slots__ = ("item", "key", "kind", "plan", "returns_old", "values")

    def __init__(self, kind: str, key: Key, plan: Plan, values: Item, item: Item) -> None:
        self.kind = kind
        self.key = key
        self.plan = plan
        self.values = values
        # The item of a put, or else the item's key, which an update of a missing item starts with.
        self.item = item
        self.returns_old = False

    def is_allowed(self, old: Row | None) -> bool:
        """Whether the condition is true."""
        condition = self.plan.condition
        return condition is None or condition({} if old is None else old.item, self.values)

    def new_row(self, old: Row | None) -> Row | None:
        """The row after the write; raises Invalid for an item that DynamoDB refuses."""
        if self.kind == "Put":
            new: Row | None = Row(self.item)
        elif self.kind == "Update":
            new = self._updated(old)
        else:
            return old if self.kind == "ConditionCheck" else None
        if new is not None and new.size > MAX_ITEM:
            raise Invalid("Item size has exceeded the maximum allowed size")
        return new

    def _updated(self, old: Row | None) -> Row:
        before = Row(self.item) if old is None else old
        update = self.plan.update
        if update is None:
            return before
        item = update.apply({} if old is None else old.item, self.item, self.values)
        size, earlier = before.size, before.item
        for name in update.names:
            if name in earlier:
                size -= attribute_size(name, earlier[name])
            if name in item:
                size += attribute_size(name, item[name])
        return Row(item, size)


def write_of(kind: str, request: Mapping[str, Any], indexes: list[Index]) -> Write:
    """The write of a request or of a member of a transaction; raises Invalid."""
    plan, values = plan_of(request)
    if kind == "Put":
        item = freeze_item(request["Item"])
        key = item_key(item)
        for index in indexes:
            index.check(item)
    else:
        item = freeze_item(request["Key"])
        key = key_of(item)
    if plan.update is not None and (fixed := {"pk", "sk"}.intersection(plan.update.names)):
        raise Invalid(
            f"One or more parameter values were invalid: Cannot update attribute {min(fixed)}."
            " This attribute is part of the key"
        )
    if kind == "ConditionCheck" and plan.condition is None:
        raise ParamValidationError(report="Missing required parameter: ConditionExpression")
    write = Write(kind, key, plan, values, item)
    write.returns_old = request.get("ReturnValuesOnConditionCheckFailure", "NONE") == "ALL_OLD"
    return write


def check_returned(kind: str, request: Mapping[str, Any]) -> None:
    """Refuse ReturnValues that the operation does not support."""
    if request.get("ReturnValues", "NONE") not in _RETURNED[kind]:
        raise Invalid("Return values set to invalid value")


def check_parameters(request: Mapping[str, Any], supported: frozenset[str], *needed: str) -> None:
    """Refuse parameters that boto3 refuses, and parameters that this stand-in does not support."""
    if unsupported := request.keys() - supported:
        raise ParamValidationError(report=f"Unknown parameter in input: {sorted(unsupported)}")
    for name in needed:
        if name not in request:
            raise ParamValidationError(report=f"Missing required parameter: {name}")


def key_of(key: Item) -> Key:
    """The table's key from a Key parameter."""
    if key.keys() != {"pk", "sk"} or "S" not in key["pk"] or "S" not in key["sk"]:
        raise Invalid("The provided key element does not match the schema")
    return _checked(key)


def item_key(item: Item) -> Key:
    """The table's key from an item."""
    for name in ("pk", "sk"):
        if name not in item:
            raise Invalid(
                f"One or more parameter values were invalid: Missing the key {name} in the item"
            )
        if "S" not in item[name]:
            raise Invalid(
                f"One or more parameter values were invalid: Type mismatch for key {name}"
                f" expected: S actual: {next(iter(item[name]))}"
            )
    return _checked(item)


def request_key(request: Mapping[str, Any]) -> Key:
    """The key of a read."""
    return key_of({name: freeze(value) for name, value in request["Key"].items()})


def _checked(item: Item) -> Key:
    pk: str = item["pk"]["S"]
    sk: str = item["sk"]["S"]
    for name, text, what, most in (
        ("pk", pk, "hashkey", MAX_HASH),
        ("sk", sk, "rangekey", MAX_RANGE),
    ):
        if not text:
            raise Invalid(
                "One or more parameter values are not valid. The AttributeValue for a key attribute"
                f" cannot contain an empty string value. Key: {name}"
            )
        if len(text) > most or (not text.isascii() and len(text.encode()) > most):
            raise Invalid(
                f"One or more parameter values were invalid: Size of {what} has exceeded the"
                f" maximum size limit of {most} bytes"
            )
    return pk, sk
