"""Tables on disk and moto's own tables in memory: the same requests get the same answers."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from local.home import free_ports
from tests.local.serving import aws_server, resources_at
from tests.support.environment import REGION

TABLE = "things"
KEYS_ONLY = {"ProjectionType": "KEYS_ONLY"}
SCHEMA: Any = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": "N" if name == "check_at" else "S"}
        for name in ("pk", "sk", "owner", "id", "check_shard", "check_at")
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "LocalSecondaryIndexes": [
        {
            "IndexName": "by_id",
            "KeySchema": [
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "id", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": name,
            "KeySchema": [
                {"AttributeName": key_hash, "KeyType": "HASH"},
                {"AttributeName": key_range, "KeyType": "RANGE"},
            ],
            "Projection": KEYS_ONLY,
        }
        for name, key_hash, key_range in (
            ("by_owner", "owner", "id"),
            ("to_check", "check_shard", "check_at"),
        )
    ],
}
VALUES: dict[str, Any] = {
    "text": {"S": "é\n\"'{}"},
    "bytes": {"B": b"\0\xff"},
    "exact": {"N": "12345678901234567890.5"},
    "nothing": {"NULL": True},
    "yes": {"BOOL": True},
    "names": {"SS": ["a", "b"]},
    "numbers": {"NS": ["1", "2.5"]},
    "halves": {"BS": [b"\0", b"\1"]},
    "nested": {"M": {"list": {"L": [{"N": "1"}, {"B": b"\xfe"}, {"M": {}}]}}},
}


def item(number: int) -> dict[str, Any]:
    """An item in one of three partitions, of one of two owners; every fourth is in no index."""
    indexed = {
        "owner": {"S": f"owner{number % 2}"},
        "check_shard": {"S": "s"},
        "check_at": {"N": str(100 - number)},
    }
    return {
        "pk": {"S": f"p{number % 3}"},
        "sk": {"S": f"{'upload' if number % 5 else 'é'}#{number:03}"},
        "id": {"S": f"{number:03}"},
        **({} if number % 4 == 0 else indexed),
        **VALUES,
    }


KEY = {"pk": item(1)["pk"], "sk": item(1)["sk"]}


@pytest.fixture(scope="module")
def on_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The local system's DynamoDB."""
    (port,) = free_ports(1)
    with aws_server(tmp_path_factory.mktemp("aws") / "aws.state", port):
        client = resources_at(port).client("dynamodb")
        client.create_table(TableName=TABLE, **SCHEMA)
        yield client


@pytest.fixture(params=["on_disk", "moto"])
def dynamodb(request: pytest.FixtureRequest, on_disk: Any) -> Iterator[Any]:
    """A client of the local DynamoDB or of moto's own, with forty items."""
    if request.param == "moto":
        with mock_aws():
            client: Any = boto3.client("dynamodb", region_name=REGION)
            client.create_table(TableName=TABLE, **SCHEMA)
            yield filled(client)
        return
    on_disk.delete_table(TableName=TABLE)
    on_disk.create_table(TableName=TABLE, **SCHEMA)
    yield filled(on_disk)


def filled(client: Any) -> Any:
    for half in (range(20), range(20, 40)):
        puts = [{"PutRequest": {"Item": item(number)}} for number in half]
        assert client.batch_write_item(RequestItems={TABLE: puts})["UnprocessedItems"] == {}
    return client


def numbers(items: Any) -> list[int]:
    """The ids of items in an answer; an index with keys only lacks some ids."""
    return [int(each["sk"]["S"].partition("#")[2]) for each in items]


def pages(client: Any, operation: str, **request: Any) -> Any:
    """All items of a query or scan, page by page."""
    return [
        each
        for page in client.get_paginator(operation).paginate(TableName=TABLE, **request)
        for each in page["Items"]
    ]


@pytest.mark.system
def test_every_type_of_value_is_read_as_written(dynamodb: Any) -> None:
    assert dynamodb.get_item(TableName=TABLE, Key=KEY)["Item"] == item(1)


@pytest.mark.system
@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("limit", [2, 100])
@pytest.mark.parametrize(
    ("index", "condition", "values", "expected"),
    [
        pytest.param(
            None, "pk = :h", ["p1"],
            [n for n in range(1, 40, 3) if n % 5] + [10, 25], id="partition",
        ),
        pytest.param(
            None, "pk = :h AND begins_with(sk, :a)", ["p1", "upload#0"],
            [n for n in range(1, 40, 3) if n % 5], id="prefix",
        ),
        pytest.param(
            None, "pk = :h AND sk BETWEEN :a AND :b", ["p1", "upload#004", "upload#013"],
            [4, 7, 13], id="between",
        ),
        pytest.param(
            "by_id", "pk = :h AND id > :a", ["p1", "030"], [31, 34, 37], id="local index"
        ),
        pytest.param(
            "by_owner", "#o = :h AND id <= :a", ["owner1", "009"],
            [1, 3, 5, 7, 9], id="global index",
        ),
        pytest.param(
            "to_check", "check_shard = :h AND check_at < :n", ["s"],
            [39, 38, 37, 35], id="numbers are sorted as numbers",
        ),
    ],
)  # fmt: skip
def test_a_query_returns_the_items_in_order_page_by_page(
    dynamodb: Any,
    index: str | None,
    condition: str,
    values: list[str],
    expected: list[int],
    *,
    limit: int,
    forward: bool,
) -> None:
    request: dict[str, Any] = {
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {
            f":{name}": {"S": value} for name, value in zip("hab", values, strict=False)
        },
        "Limit": limit,
        "ScanIndexForward": forward,
    }
    if index:
        request["IndexName"] = index
    if "#o" in condition:
        request["ExpressionAttributeNames"] = {"#o": "owner"}
    if ":n" in condition:
        request["ExpressionAttributeValues"][":n"] = {"N": "66"}

    assert numbers(pages(dynamodb, "query", **request)) == (expected if forward else expected[::-1])


@pytest.mark.system
def test_the_limit_applies_before_the_filter(dynamodb: Any) -> None:
    answer = dynamodb.query(
        TableName=TABLE,
        KeyConditionExpression="pk = :p",
        FilterExpression="id > :id",
        ExpressionAttributeValues={":p": {"S": "p1"}, ":id": {"S": "005"}},
        ProjectionExpression="sk, nested",
        Limit=3,
    )

    assert answer["ScannedCount"] == 3
    assert answer["Items"] == [{"sk": {"S": "upload#007"}, "nested": VALUES["nested"]}]
    assert answer["LastEvaluatedKey"] == {"pk": {"S": "p1"}, "sk": {"S": "upload#007"}}


@pytest.mark.system
@pytest.mark.parametrize("limit", [7, 100])
def test_a_scan_returns_every_item_once(dynamodb: Any, limit: int) -> None:
    scanned = pages(dynamodb, "scan", Limit=limit)

    assert scanned == sorted(map(item, range(40)), key=lambda i: (i["pk"]["S"], i["sk"]["S"]))
    assert dynamodb.scan(TableName=TABLE, Select="COUNT")["Count"] == 40
    assert dynamodb.describe_table(TableName=TABLE)["Table"]["ItemCount"] == 40


@pytest.mark.system
def test_a_page_has_a_megabyte_at_most(dynamodb: Any) -> None:
    for number in range(5):
        large = {"pk": {"S": "large"}, "sk": {"S": f"upload#{number}"}, "x": {"S": "x" * 300_000}}
        dynamodb.put_item(TableName=TABLE, Item=large)
    request: Any = {
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": "large"}},
    }

    assert numbers(dynamodb.query(TableName=TABLE, **request)["Items"]) == [0, 1, 2]
    assert numbers(pages(dynamodb, "query", **request)) == [0, 1, 2, 3, 4]


@pytest.mark.system
def test_an_index_follows_its_items(dynamodb: Any) -> None:
    def checked() -> list[int]:
        return numbers(
            pages(
                dynamodb, "query", IndexName="to_check",
                KeyConditionExpression="check_shard = :s",
                ExpressionAttributeValues={":s": {"S": "late"}},
            )
        )  # fmt: skip

    def update(expression: str, **values: Any) -> None:
        dynamodb.update_item(
            TableName=TABLE, Key=KEY, UpdateExpression=expression,
            **({"ExpressionAttributeValues": values["values"]} if values else {}),
        )  # fmt: skip

    before = checked()
    update("SET check_shard = :s", values={":s": {"S": "late"}})
    moved = checked()
    update("REMOVE check_at")
    removed = checked()
    update("SET check_at = :d", values={":d": {"N": "5"}})
    dynamodb.delete_item(TableName=TABLE, Key=KEY)

    assert (before, moved, removed, checked()) == ([], [1], [], [])


@pytest.mark.system
@pytest.mark.parametrize(
    "failing",
    [
        pytest.param({"ConditionExpression": "attribute_exists(pk)"}, id="a condition fails"),
        pytest.param(
            {"UpdateExpression": "ADD text :n"}, id="a number is added to a text"
        ),
    ],
)  # fmt: skip
def test_a_transaction_that_fails_changes_nothing(dynamodb: Any, failing: Any) -> None:
    before = pages(dynamodb, "scan")
    other = {"pk": {"S": "new"}, "sk": {"S": "upload#99"}}
    bump: Any = {
        "TableName": TABLE,
        "UpdateExpression": "ADD check_at :n",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
    key = other if "ConditionExpression" in failing else KEY
    deleted = {"pk": item(2)["pk"], "sk": item(2)["sk"]}

    with pytest.raises(ClientError):
        dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": TABLE, "Item": {"pk": {"S": "x"}, "sk": {"S": "upload#1"}}}},
                {"Update": bump | {"Key": {"pk": item(4)["pk"], "sk": item(4)["sk"]}}},
                {"Update": bump | {"Key": {"pk": {"S": "made"}, "sk": {"S": "upload#2"}}}},
                {"Delete": {"TableName": TABLE, "Key": deleted}},
                {"Update": bump | {"Key": key} | failing},
            ]
        )

    assert pages(dynamodb, "scan") == before


@pytest.mark.system
def test_a_refused_conditional_write_returns_the_item(dynamodb: Any) -> None:
    with pytest.raises(ClientError) as refused:
        dynamodb.put_item(
            TableName=TABLE,
            Item=KEY,
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Item"] == item(1)  # type: ignore[typeddict-item]


@pytest.mark.system
def test_a_global_index_is_never_read_consistently(dynamodb: Any) -> None:
    with pytest.raises(ClientError, match="Consistent reads are not supported"):
        dynamodb.query(
            TableName=TABLE,
            IndexName="to_check",
            ConsistentRead=True,
            KeyConditionExpression="check_shard = :s",
            ExpressionAttributeValues={":s": {"S": "s"}},
        )


@pytest.mark.system
def test_a_table_that_is_created_again_is_empty(dynamodb: Any) -> None:
    dynamodb.delete_table(TableName=TABLE)
    dynamodb.create_table(TableName=TABLE, **SCHEMA)

    assert pages(dynamodb, "scan") == []


@pytest.mark.system
def test_a_retried_transaction_is_executed_once(on_disk: Any) -> None:
    on_disk.delete_table(TableName=TABLE)
    on_disk.create_table(TableName=TABLE, **SCHEMA)
    put = {"TableName": TABLE, "Item": KEY, "ConditionExpression": "attribute_not_exists(pk)"}

    for _ in "12":
        on_disk.transact_write_items(TransactItems=[{"Put": put}], ClientRequestToken="first")
    for token in ("second", "second"):
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            on_disk.transact_write_items(TransactItems=[{"Put": put}], ClientRequestToken=token)

    assert pages(on_disk, "scan") == [KEY]
