"""One page of a query or a scan: its items after the filter, its size, and the next start key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.Pagination.html
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from tests.simulation.attributes import Item, copy_of, freeze_item
from tests.simulation.indexes import Entry, Index, Place, Row
from tests.simulation.plans import NO_PLAN, Plan, key_range
from tests.simulation.refusals import Invalid

# Bytes that one page reads at most.
MAX_PAGE = 1024 * 1024
_COMMON = frozenset({
    "TableName", "IndexName", "FilterExpression", "ProjectionExpression", "Limit", "Select",
    "ExclusiveStartKey", "ConsistentRead", "ExpressionAttributeNames", "ExpressionAttributeValues",
})  # fmt: skip
QUERY = _COMMON | {"KeyConditionExpression", "ScanIndexForward"}
SCAN = _COMMON
_BAD_START = "The provided starting key is invalid"


class Page(NamedTuple):
    """The answer with one page, and the bytes that it read."""

    answer: dict[str, Any]
    read: int


def places_of_query(
    request: Mapping[str, Any], plan: Plan, values: Item, index: Index
) -> Iterator[Place]:
    """The places of a query's items, from its start key on."""
    head, bounds = key_range(plan, values, index)
    entries, start, stop = index.between(head, *bounds)
    forward = request.get("ScanIndexForward", True)
    start_key = request.get("ExclusiveStartKey")
    if start_key is not None:
        partition, entry = _start(start_key, index)
        if (
            partition != head
            or not bounds[0] <= entry[0]
            or entry[0] >= (bounds[1] or chr(0x10FFFF) * 2)
        ):
            raise Invalid(
                "The provided starting key is outside query boundaries based on provided conditions"
            )
        if forward:
            start = max(start, entries.bisect_right(entry))
        else:
            stop = min(stop, entries.bisect_left(entry))
    return ((head, entry) for entry in entries.islice(start, max(start, stop), reverse=not forward))


def places_of_scan(request: Mapping[str, Any], index: Index) -> Iterator[Place]:
    """The places of all items, one partition after another, from the scan's start key on."""
    start_key = request.get("ExclusiveStartKey")
    if start_key is None:
        return _all(index, None, None)
    return _all(index, *_start(start_key, index))


def _all(index: Index, first: str | None, after: Entry | None) -> Iterator[Place]:
    for head in index.partitions.irange(first):
        entries = index.partitions[head]
        start = entries.bisect_right(after) if head == first and after else 0
        for entry in entries.islice(start):
            yield head, entry


def page_of(
    request: Mapping[str, Any], plan: Plan, values: Item, index: Index, *, rows: Iterator[Row]
) -> Page:
    """Read until the limit or until a page is full, then filter."""
    limit = request.get("Limit")
    matches, count, scanned, read = [], 0, 0, 0
    previous, last = None, None
    keeps, counts_only = plan.filter, request.get("Select") == "COUNT"
    for row in islice(rows, limit):
        size = index.size(row)
        if previous is not None and read + size > MAX_PAGE:
            last = previous
            break
        previous, item = row, index.projection(row.item)
        scanned += 1
        read += size
        if keeps is None or keeps(item, values):
            count += 1
            if not counts_only:
                matches.append(projected(item, plan))
        if scanned == limit:
            last = row
    answer: dict[str, Any] = {"Count": count, "ScannedCount": scanned}
    if not counts_only:
        answer["Items"] = matches
    if last is not None:
        answer["LastEvaluatedKey"] = {name: last.item[name] for name in index.keys}
    return Page(answer, read)


def check_page(request: Mapping[str, Any], index: Index) -> None:
    """Refuse a query or a scan that DynamoDB refuses."""
    if request.get("Limit", 1) < 1:
        raise Invalid("Limit must be greater than or equal to 1")
    if index.name is not None and index.is_global and request.get("ConsistentRead"):
        raise Invalid("Consistent reads are not supported on global secondary indexes")
    select = request.get("Select")
    if select not in (None, "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"):
        raise NotImplementedError(f"Select {select}")
    if select == "ALL_ATTRIBUTES" and index.projected is not None:
        raise Invalid(
            "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported"
            f" for global secondary index {index.name} because its projection type is not ALL"
        )


def projected(item: Item, plan: Plan = NO_PLAN) -> Item:
    """A copy of an item's projected attributes."""
    if plan.projection is None:
        return copy_of(item)
    return copy_of({name: item[name] for name in plan.projection if name in item})


def _start(start_key: Mapping[str, Any], index: Index) -> Place:
    key = freeze_item(start_key)
    if key.keys() != set(index.keys):
        raise Invalid(_BAD_START)
    place = index.place(key)
    if place is None:
        raise Invalid(_BAD_START)
    return place
