"""boto3 and moto, made cheaper and safe under threads in the process of the tests.

Their answers stay the same.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, cast

from botocore.loaders import Loader
from moto.core.botocore_stubber import BotocoreStubber
from moto.core.serialize import JSONSerializer
from moto.dynamodb.models.dynamo_type import Item, LimitedSizeDict

from local.aws.dynamodb_tables import serialize_items

CHANGED_IN_PLACE = {"L", "M", "SS", "NS", "BS"}


def share_service_descriptions() -> None:
    """Let all sessions of botocore share what they read: each description is parsed once."""
    descriptions: dict[Any, Any] = {}
    construct = Loader.__init__

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807 - it is a method
        construct(self, *args, **kwargs)
        self._cache = descriptions

    Loader.__init__ = __init__  # type: ignore[method-assign] # no other way


def copy_items_cheaply() -> None:
    """Let moto's copies of items share what moto never changes.

    moto copies a whole table for each transaction, so that it can roll the transaction back. It
    changes lists, maps and sets in place, and replaces every other value.
    """
    Item.__deepcopy__ = _copy  # type: ignore[assignment, method-assign]


def take_turns() -> None:
    """Let moto handle one request at a time, as DynamoDB's conditional writes need.

    moto checks a condition and writes in two steps. Two threads could both pass the check.
    """
    turn = threading.RLock()
    handle = BotocoreStubber.__call__

    def __call__(self: BotocoreStubber, *args: Any, **kwargs: Any) -> Any:  # noqa: N807 - a method
        with turn:
            return handle(self, *args, **kwargs)

    BotocoreStubber.__call__ = __call__  # type: ignore[method-assign] # no other way


@contextmanager
def quick_answers() -> Iterator[None]:
    """Let moto's DynamoDB answer items as the local system does, without looking for aliases."""
    usual = JSONSerializer._serialize_type_structure
    JSONSerializer._serialize_type_structure = serialize_items(usual)  # type: ignore[method-assign]
    try:
        yield
    finally:
        JSONSerializer._serialize_type_structure = usual  # type: ignore[method-assign]


def _copy(item: Item, memo: dict[int, Any]) -> Item:
    """An item of its own. The methods are dict's, because LimitedSizeDict measures each insert."""
    copied = cast("Item", Item.__new__(Item))
    memo[id(item)] = copied
    copied.hash_key, copied.range_key = item.hash_key, item.range_key
    copied.attrs = LimitedSizeDict.__new__(LimitedSizeDict)
    dict.update(copied.attrs, item.attrs)
    for name, value in item.attrs.items():
        if value.type in CHANGED_IN_PLACE:
            dict.__setitem__(copied.attrs, name, deepcopy(value, memo))
    return copied
