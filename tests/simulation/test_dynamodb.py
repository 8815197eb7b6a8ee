"""One contract for the stand-in and for moto, by tables of cases.

`test_dynamodb_alone.py` tests the stand-in where moto differs from AWS's documentation.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError
from moto import mock_aws

from tests.simulation.contract import (
    SCHEMA,
    attributes,
    item,
    key,
    outcome,
    sorted_items,
)
from tests.simulation.dynamodb import FakeDynamoDB
from tests.support.environment import TABLE

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def moto(dynamodb_client: Any) -> Iterator[Any]:
    """Moto, shared by all tests of this file because it starts slowly."""
    with mock_aws():
        yield dynamodb_client


@pytest.fixture(params=["fake", "moto"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "fake":
        yield FakeDynamoDB(SCHEMA, TABLE)
        return
    dynamodb = request.getfixturevalue("moto")
    dynamodb.create_table(TableName=TABLE, **SCHEMA)
    yield dynamodb
    dynamodb.delete_table(TableName=TABLE)


THING = item(
    "a",
    "1",
    word="mango",
    n=5,
    tags={"x", "y"},
    flag=True,
    nothing=None,
    owner="o",
    id="i1",
    members=["p", 2],
    mapping={"deep": "v"},
    raw=b"\x00\xff",
)
VALUES = {
    ":mango": {"S": "mango"},
    ":ma": {"S": "ma"},
    ":n": {"S": "n"},
    ":zoo": {"S": "zoo"},
    ":5": {"N": "5"},
    ":5.0": {"N": "5.0"},
    ":10": {"N": "10"},
    ":minus": {"N": "-1"},
    ":x": {"S": "x"},
    ":true": {"BOOL": True},
    ":null": {"NULL": True},
    ":xy": {"SS": ["y", "x"]},
    ":members": {"L": [{"S": "p"}, {"N": "2"}]},
    ":mapping": {"M": {"deep": {"S": "v"}}},
    ":SS": {"S": "SS"},
}


def values_of(expression: str, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """ExpressionAttributeValues with the placeholders that an expression contains."""
    words = expression.replace("(", " ").replace(")", " ").replace(",", " ").split()
    used_values = {name: value for name, value in (values or VALUES).items() if name in words}
    return {"ExpressionAttributeValues": used_values} if used_values else {}


CONDITIONS = [
    ("attribute_exists(pk)", True),
    ("attribute_exists(absent)", False),
    ("attribute_not_exists(absent)", True),
    ("attribute_not_exists(pk)", False),
    ("attribute_exists(nothing)", True),
    ("word = :mango", True),
    ("word = :ma", False),
    ("word <> :ma", True),
    ("word <> :mango", False),
    ("absent = :mango", False),
    ("absent <> :mango", True),
    ("word = :5", False),
    ("word <> :5", True),
    ("word < :n", True),
    ("word < :mango", False),
    ("word <= :mango", True),
    ("word > :ma", True),
    ("word >= :zoo", False),
    ("n = :5", True),
    ("n < :10", True),
    ("n > :10", False),
    ("n > :minus", True),
    ("n >= :5", True),
    ("absent < :10", False),
    (":ma < word", True),
    ("word = word", True),
    ("n BETWEEN :minus AND :10", True),
    ("n BETWEEN :10 AND :10", False),
    ("word BETWEEN :ma AND :n", True),
    ("absent BETWEEN :ma AND :n", False),
    ("word IN (:zoo, :mango)", True),
    ("word IN (:zoo)", False),
    ("n IN (:10, :5)", True),
    ("absent IN (:10, :5)", False),
    ("begins_with(word, :ma)", True),
    ("begins_with(word, :zoo)", False),
    ("begins_with(absent, :ma)", False),
    ("contains(word, :n)", True),
    ("contains(word, :zoo)", False),
    ("contains(tags, :x)", True),
    ("contains(tags, :zoo)", False),
    ("contains(absent, :x)", False),
    ("size(word) = :5", True),
    ("size(word) < :5", False),
    ("size(tags) < :5", True),
    ("attribute_type(tags, :SS)", True),
    ("attribute_type(word, :SS)", False),
    ("flag = :true", True),
    ("nothing = :null", True),
    ("tags = :xy", True),
    ("members = :members", True),
    ("mapping = :mapping", True),
    ("NOT word = :zoo", True),
    ("NOT attribute_exists(pk)", False),
    ("word = :zoo AND n = :5 OR n = :5", True),
    ("n = :5 OR n = :5 AND word = :zoo", True),
    ("(n = :5 OR n = :10) AND word = :zoo", False),
    ("NOT (n = :5 AND word = :zoo)", True),
    ("NOT n = :10 AND word = :mango", True),
    ("attribute_not_exists(absent) OR (word = :mango AND NOT n = :5)", True),
]


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "holds"), CONDITIONS, ids=[condition for condition, _ in CONDITIONS]
    )
    def test_a_condition_holds_or_does_not(
        self, client: Any, condition: str, *, holds: bool
    ) -> None:
        client.put_item(TableName=TABLE, Item=THING)
        request = {"TableName": TABLE, "Key": key("a", "1"), "ConditionExpression": condition}

        answer = outcome(client, "delete_item", request | values_of(condition))

        assert answer == ({} if holds else {"code": "ConditionalCheckFailedException"})
        assert sorted_items(client) == ([] if holds else [THING])

    @pytest.mark.parametrize(
        ("condition", "holds"), CONDITIONS, ids=[condition for condition, _ in CONDITIONS]
    )
    def test_a_filter_is_a_condition(self, client: Any, condition: str, *, holds: bool) -> None:
        client.put_item(TableName=TABLE, Item=THING)

        page = client.scan(TableName=TABLE, FilterExpression=condition, **values_of(condition))

        assert (page["Count"], page["ScannedCount"]) == (int(holds), 1)

    def test_a_reserved_word_is_refused(self, client: Any) -> None:
        request = {"TableName": TABLE, "Key": key("a", "1")}
        request["ConditionExpression"] = "state = :mango"

        answer = outcome(client, "delete_item", request | values_of("state = :mango"))

        assert answer == {"code": "ValidationException"}

    @pytest.mark.parametrize("returns_item", [True, False])
    @pytest.mark.parametrize("there", [True, False])
    def test_a_failed_condition_returns_the_item_on_request(
        self, client: Any, *, returns_item: bool, there: bool
    ) -> None:
        if there:
            client.put_item(TableName=TABLE, Item=THING)
        request: Any = {
            "TableName": TABLE,
            "Item": THING,
            "ConditionExpression": "word = :zoo",
            "ExpressionAttributeValues": {":zoo": {"S": "zoo"}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD" if returns_item else "NONE",
        }

        with pytest.raises(client.exceptions.ConditionalCheckFailedException) as failure:
            client.put_item(**request)

        assert failure.value.response.get("Item") == (THING if returns_item and there else None)
        assert failure.value.response["Error"]["Message"] == "The conditional request failed"


UPDATES: list[tuple[str, Any]] = [
    ("SET word = :zoo", {"word": "zoo"}),
    ("SET absent = :zoo, n = :10", {"absent": "zoo", "n": 10}),
    ("SET n = n + :10", {"n": 15}),
    ("SET n = n - :10", {"n": -5}),
    ("SET n = :10 - n", {"n": 5}),
    ("SET twin = word", {"twin": "mango"}),
    ("SET word = if_not_exists(word, :zoo)", {}),
    ("SET absent = if_not_exists(absent, :zoo)", {"absent": "zoo"}),
    ("SET amount = if_not_exists(amount, :5) + :10", {"amount": 15}),
    ("SET n = :10, absent = n", {"n": 10, "absent": 5}),
    ("REMOVE word", {"word": None}),
    ("REMOVE absent, tags", {"tags": None}),
    ("SET word = :zoo REMOVE n", {"word": "zoo", "n": None}),
    ("REMOVE n SET word = :zoo", {"word": "zoo", "n": None}),
    ("ADD n :10", {"n": 15}),
    ("ADD n :minus", {"n": 4}),
    ("ADD absent :10", {"absent": 10}),
    ("ADD tags :yz", {"tags": {"x", "y", "z"}}),
    ("ADD absents :yz", {"absents": {"y", "z"}}),
    ("DELETE tags :yz", {"tags": {"x"}}),
    ("DELETE tags :xy", {"tags": None}),
    ("DELETE absents :xy", {}),
    ("SET word = :zoo ADD n :10 REMOVE flag", {"word": "zoo", "n": 15, "flag": None}),
]
UPDATE_VALUES = VALUES | {":yz": {"SS": ["y", "z"]}}
WRONG_UPDATES = [
    "",
    "SET",
    "SET word",
    "SET word = absent",
    "SET word = absent + :5",
    "SET word = word + :5",
    "SET word = :zoo SET n = :5",
    "SET word = :zoo, word = :mango",
    "SET pk = :zoo",
    "ADD word :5",
    "ADD tags :5",
    "SET state = :zoo",
    "SET word = :missing",
    "DELETE word :xy",
]
RETURNED = [
    ("NONE", None),
    ("ALL_OLD", THING),
    ("ALL_NEW", THING | attributes(word="zoo", absent="zoo")),
    ("UPDATED_NEW", attributes(word="zoo", absent="zoo")),
]


def update(expression: str, **more: Any) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "Key": key("a", "1"),
        "UpdateExpression": expression,
        **values_of(expression, UPDATE_VALUES),
        **more,
    }


class TestUpdates:
    @pytest.mark.parametrize(
        ("expression", "changed"), UPDATES, ids=[expression for expression, _ in UPDATES]
    )
    def test_an_update_changes_an_item(self, client: Any, expression: str, changed: Any) -> None:
        client.put_item(TableName=TABLE, Item=THING)

        client.update_item(**update(expression))

        removed = {name for name, value in changed.items() if value is None}
        remaining = {name: value for name, value in THING.items() if name not in removed}
        new = {name: value for name, value in changed.items() if name not in removed}
        assert sorted_items(client) == [remaining | attributes(**new)]

    @pytest.mark.parametrize("expression", WRONG_UPDATES)
    def test_an_invalid_update_is_refused(self, client: Any, expression: str) -> None:
        client.put_item(TableName=TABLE, Item=THING)

        assert outcome(client, "update_item", update(expression)) == {"code": "ValidationException"}
        assert sorted_items(client) == [THING]

    def test_an_update_makes_an_item(self, client: Any) -> None:
        client.update_item(**update("SET word = :zoo ADD n :5"))

        assert sorted_items(client) == [item("a", "1", word="zoo", n=5)]

    @pytest.mark.parametrize(("returned", "expected"), RETURNED)
    def test_an_update_returns_the_requested_values(
        self, client: Any, returned: str, expected: Any
    ) -> None:
        client.put_item(TableName=TABLE, Item=THING)

        answer = client.update_item(
            **update("SET word = :zoo, absent = :zoo", ReturnValues=returned)
        )

        assert answer.get("Attributes") == expected

    @pytest.mark.parametrize("operation", ["put_item", "delete_item"])
    @pytest.mark.parametrize("there", [True, False])
    def test_a_put_and_a_delete_return_the_old_item(
        self, client: Any, operation: str, *, there: bool
    ) -> None:
        if there:
            client.put_item(TableName=TABLE, Item=THING)
        parameters = {"Item": item("a", "1")} if operation == "put_item" else {"Key": key("a", "1")}

        answer = getattr(client, operation)(TableName=TABLE, ReturnValues="ALL_OLD", **parameters)

        assert answer.get("Attributes") == (THING if there else None)

    @pytest.mark.parametrize("operation", ["put_item", "delete_item"])
    def test_a_put_and_a_delete_return_nothing_new(self, client: Any, operation: str) -> None:
        parameters = {"Item": item("a", "1")} if operation == "put_item" else {"Key": key("a", "1")}

        answer = outcome(
            client, operation, {"TableName": TABLE, "ReturnValues": "ALL_NEW"} | parameters
        )

        assert answer == {"code": "ValidationException"}


BAD_KEYS: list[Any] = [
    pytest.param({"pk": {"S": ""}, "sk": {"S": "1"}}, id="empty pk"),
    pytest.param({"pk": {"S": "a"}, "sk": {"S": ""}}, id="empty sk"),
    pytest.param({"pk": {"S": "a"}}, id="no sk"),
    pytest.param({"pk": {"S": "a"}, "sk": {"N": "1"}}, id="sk is a number"),
]


class TestItems:
    def test_a_missing_item_is_no_item(self, client: Any) -> None:
        answer = client.get_item(TableName=TABLE, Key=key("a", "1"))

        assert "Item" not in answer

    def test_a_get_returns_the_projected_attributes(self, client: Any) -> None:
        client.put_item(TableName=TABLE, Item=THING)

        answer = client.get_item(
            TableName=TABLE,
            Key=key("a", "1"),
            ProjectionExpression="word, #n, absent",
            ExpressionAttributeNames={"#n": "n"},
        )

        assert answer["Item"] == attributes(word="mango", n=5)

    @pytest.mark.parametrize("bad", BAD_KEYS)
    def test_a_bad_key_is_refused_by_a_put(self, client: Any, bad: Any) -> None:
        answer = outcome(client, "put_item", {"TableName": TABLE, "Item": bad})

        assert answer == {"code": "ValidationException"}

    @pytest.mark.parametrize("bad", BAD_KEYS[:-1])
    def test_a_bad_key_is_refused_by_a_get(self, client: Any, bad: Any) -> None:
        answer = outcome(client, "get_item", {"TableName": TABLE, "Key": bad})

        assert answer == {"code": "ValidationException"}

    def test_a_name_that_nothing_uses_is_refused(self, client: Any) -> None:
        request = {
            "TableName": TABLE,
            "Item": THING,
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": {"#x": "x"},
        }

        assert outcome(client, "put_item", request) == {"code": "ValidationException"}

    def test_another_table_is_not_found(self, client: Any) -> None:
        answer = outcome(client, "get_item", {"TableName": "absent", "Key": key("a", "1")})

        assert answer == {"code": "ResourceNotFoundException"}

    def test_boto3_refuses_an_invalid_request_itself(self, client: Any) -> None:
        with pytest.raises(ParamValidationError):
            client.get_item(TableName=TABLE, Key=key("a", "1"), Consistent=True)
        with pytest.raises(ParamValidationError):
            client.put_item(TableName=TABLE, Item=item("a", "1") | {"n": {"N": 5}})

    def test_a_batch_gets_items(self, client: Any) -> None:
        for n in "123":
            client.put_item(TableName=TABLE, Item=item("a", n, n=int(n)))

        keys = {"Keys": [key("a", n) for n in "139"], "ProjectionExpression": "n"}
        answer = client.batch_get_item(RequestItems={TABLE: keys})

        assert sorted(answered["n"]["N"] for answered in answer["Responses"][TABLE]) == ["1", "3"]
        assert answer["UnprocessedKeys"] == {}

    def test_a_batch_puts_and_deletes_items(self, client: Any) -> None:
        client.put_item(TableName=TABLE, Item=THING)
        writes = [
            {"PutRequest": {"Item": item("a", "2")}},
            {"DeleteRequest": {"Key": key("a", "1")}},
        ]

        answer = client.batch_write_item(RequestItems={TABLE: writes})

        assert answer["UnprocessedItems"] == {}
        assert sorted_items(client) == [item("a", "2")]

    def test_the_same_key_twice_in_a_batch_is_refused(self, client: Any) -> None:
        batch = {"RequestItems": {TABLE: {"Keys": [key("a", "1")] * 2}}}

        assert outcome(client, "batch_get_item", batch) == {"code": "ValidationException"}


def put(thing: Any, condition: str | None = None, **more: Any) -> Any:
    return {
        "Put": {
            "TableName": TABLE,
            "Item": thing,
            **(
                {}
                if condition is None
                else {"ConditionExpression": condition, **values_of(condition)}
            ),
            **more,
        }
    }


class TestTransactions:
    def test_all_writes_are_made(self, client: Any) -> None:
        client.put_item(TableName=TABLE, Item=item("a", "1"))
        client.put_item(TableName=TABLE, Item=item("a", "2", n=1))
        client.put_item(TableName=TABLE, Item=item("a", "3"))
        one = {":one": {"N": "1"}}
        writes = [
            {"Delete": {"TableName": TABLE, "Key": key("a", "1")}},
            {
                "Update": {
                    "TableName": TABLE,
                    "Key": key("a", "2"),
                    "UpdateExpression": "ADD n :one",
                    "ExpressionAttributeValues": one,
                }
            },
            put(item("b", "1"), "attribute_not_exists(pk)"),
            {
                "ConditionCheck": {
                    "TableName": TABLE,
                    "Key": key("a", "3"),
                    "ConditionExpression": "attribute_exists(pk)",
                }
            },
        ]

        client.transact_write_items(TransactItems=writes)

        assert sorted_items(client) == [item("a", "2", n=2), item("a", "3"), item("b", "1")]

    def test_a_transaction_that_fails_makes_no_write(self, client: Any) -> None:
        client.put_item(TableName=TABLE, Item=THING)
        writes = [
            put(item("b", "1")),
            put(THING, "word = :zoo", ReturnValuesOnConditionCheckFailure="ALL_OLD"),
            put(item("a", "9"), "attribute_exists(pk)"),
        ]

        with pytest.raises(client.exceptions.TransactionCanceledException) as failure:
            client.transact_write_items(TransactItems=writes)

        reasons = failure.value.response["CancellationReasons"]
        assert [reason["Code"] for reason in reasons] == [
            "None",
            "ConditionalCheckFailed",
            "ConditionalCheckFailed",
        ]
        assert [reason.get("Item") for reason in reasons] == [None, THING, None]
        assert failure.value.response["Error"]["Code"] == "TransactionCanceledException"
        assert "[None, ConditionalCheckFailed, ConditionalCheckFailed]" in str(failure.value)
        assert sorted_items(client) == [THING]

    def test_a_transaction_may_name_an_item_once(self, client: Any) -> None:
        writes = [put(item("a", "1")), {"Delete": {"TableName": TABLE, "Key": key("a", "1")}}]

        answer = outcome(client, "transact_write_items", {"TransactItems": writes})

        assert answer == {"code": "ValidationException"}


NUMBERS = ["1", "10", "2", "3", "É", "é", "z", "ﬀ", "🎈"]
RANGES = [
    ("pk = :p", NUMBERS),
    ("pk = :p AND sk = :2", ["2"]),
    ("pk = :p AND sk < :2", ["1", "10"]),
    ("pk = :p AND sk <= :2", ["1", "10", "2"]),
    ("pk = :p AND sk > :3", ["É", "é", "z", "ﬀ", "🎈"]),
    ("pk = :p AND sk >= :z", ["z", "É", "é", "ﬀ", "🎈"]),
    ("pk = :p AND begins_with(sk, :1)", ["1", "10"]),
    ("pk = :p AND sk BETWEEN :10 AND :3", ["10", "2", "3"]),
    ("sk = :2 AND pk = :p", ["2"]),
    ("(pk = :p) AND (sk = :2)", ["2"]),
    ("pk = :3", []),
]
WRONG_KEY_CONDITIONS = [
    "sk = :2",
    "pk = :p AND word = :2",
    "pk < :p",
    "pk = :p AND sk IN (:1, :2)",
    "pk = :p AND contains(sk, :2)",
]
TEXTS = {f":{text}": {"S": text} for text in ("p", "1", "2", "3", "10", "z")}


def query(condition: str, **more: Any) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "KeyConditionExpression": condition,
        **values_of(condition, TEXTS),
    } | more


def sort_keys(page: Any) -> list[str]:
    return [answered["sk"]["S"] for answered in page["Items"]]


def every_page(client: Any, operation: str, **request: Any) -> list[Any]:
    return list(client.get_paginator(operation).paginate(**request))


class TestQueries:
    @pytest.fixture(autouse=True)
    def filled(self, client: Any) -> None:
        for n, sk in enumerate(NUMBERS):
            client.put_item(TableName=TABLE, Item=item("p", sk, n=n))
        client.put_item(TableName=TABLE, Item=item("q", "2"))

    @pytest.mark.parametrize(
        ("condition", "sort_keys_in_range"), RANGES, ids=[text for text, _ in RANGES]
    )
    @pytest.mark.parametrize("forward", [True, False])
    def test_a_range_is_returned_in_order(
        self, client: Any, condition: str, sort_keys_in_range: list[str], *, forward: bool
    ) -> None:
        page = client.query(**query(condition, ScanIndexForward=forward))

        ordered = sorted(sort_keys_in_range, key=str.encode)
        assert sort_keys(page) == (ordered if forward else ordered[::-1])
        assert page["Count"] == page["ScannedCount"] == len(sort_keys_in_range)

    @pytest.mark.parametrize("condition", WRONG_KEY_CONDITIONS)
    def test_an_invalid_key_condition_is_refused(self, client: Any, condition: str) -> None:
        assert outcome(client, "query", query(condition)) == {"code": "ValidationException"}

    @pytest.mark.parametrize("forward", [True, False])
    @pytest.mark.parametrize("limit", [1, 2, 4, 100])
    def test_all_pages_have_all_items_in_order(
        self, client: Any, limit: int, *, forward: bool
    ) -> None:
        request = query("pk = :p", ScanIndexForward=forward, Limit=limit, ConsistentRead=True)

        pages = every_page(client, "query", **request)

        ordered = sorted(NUMBERS, key=str.encode)
        all_sort_keys = [sk for page in pages for sk in sort_keys(page)]
        assert all_sort_keys == (ordered if forward else ordered[::-1])
        assert all(page["Count"] <= limit for page in pages)

    def test_the_limit_counts_before_the_filter(self, client: Any) -> None:
        request = query("pk = :p", Limit=3, FilterExpression="n >= :n")
        request["ExpressionAttributeValues"][":n"] = {"N": "2"}

        page = client.query(**request)

        assert (sort_keys(page), page["ScannedCount"]) == (["2"], 3)
        assert page["LastEvaluatedKey"] == key("p", "2")

    def test_a_count_has_no_items(self, client: Any) -> None:
        page = client.query(**query("pk = :p", Select="COUNT"))

        assert page["Count"] == len(NUMBERS)
        assert "Items" not in page

    def test_a_projection_omits_other_attributes(self, client: Any) -> None:
        page = client.query(**query("pk = :p AND sk = :2", ProjectionExpression="n"))

        assert page["Items"] == [attributes(n=2)]

    def test_a_scan_returns_all_items(self, client: Any) -> None:
        pages = every_page(client, "scan", TableName=TABLE, Limit=3)

        all_keys = [(one["pk"]["S"], one["sk"]["S"]) for page in pages for one in page["Items"]]
        assert sorted(all_keys) == sorted([("p", sk) for sk in NUMBERS] + [("q", "2")])

    def test_a_scan_filters(self, client: Any) -> None:
        page = client.scan(
            TableName=TABLE,
            FilterExpression="begins_with(sk, :sk) AND attribute_exists(n)",
            ExpressionAttributeValues={":sk": {"S": "1"}},
        )

        assert sorted(sort_keys(page)) == ["1", "10"]

    def test_a_page_reads_a_mebibyte(self, client: Any) -> None:
        for n in range(4):
            client.put_item(TableName=TABLE, Item=item("big", str(n), text="x" * 350_000))

        values = {":p": {"S": "big"}}
        pages = every_page(
            client,
            "query",
            TableName=TABLE,
            KeyConditionExpression="pk = :p",
            ExpressionAttributeValues=values,
        )

        assert [sort_keys(page) for page in pages] == [["0", "1"], ["2", "3"]]


class TestIndexes:
    @pytest.fixture(autouse=True)
    def filled(self, client: Any) -> None:
        rows = [
            ("a", "1", "x", "3"),
            ("a", "2", "x", "1"),
            ("b", "1", "x", "2"),
            ("b", "2", "y", "1"),
        ]
        for pk, sk, owner, number in rows:
            thing = item(pk, sk, owner=owner, id=number, kind=owner, at=number, word="w", n=1)
            client.put_item(TableName=TABLE, Item=thing)
        client.put_item(TableName=TABLE, Item=item("c", "1", owner="x"))
        client.put_item(TableName=TABLE, Item=item("c", "2", id="1"))

    def pages_of(self, client: Any, index: str = "by_owner", **more: Any) -> list[Any]:
        name = "owner" if index == "by_owner" else "kind"
        request: Any = {
            "TableName": TABLE,
            "IndexName": index,
            "KeyConditionExpression": "#name = :x",
            "ExpressionAttributeNames": {"#name": name},
            "ExpressionAttributeValues": {":x": {"S": "x"}},
        }
        return every_page(client, "query", **request, **more)

    @pytest.mark.parametrize("limit", [1, 2, 10])
    @pytest.mark.parametrize("forward", [True, False])
    def test_an_index_has_the_items_with_its_keys_in_order(
        self, client: Any, limit: int, *, forward: bool
    ) -> None:
        pages = self.pages_of(client, Limit=limit, ScanIndexForward=forward)

        rows = [(one["pk"]["S"], one["id"]["S"]) for page in pages for one in page["Items"]]
        ordered = [("a", "1"), ("b", "2"), ("a", "3")]
        assert rows == (ordered if forward else ordered[::-1])

    @pytest.mark.parametrize(
        ("index", "names"),
        [
            ("by_owner", {"pk", "sk", "owner", "id"}),
            ("some_by_kind", {"pk", "sk", "kind", "at", "word"}),
            ("all_by_kind", {"pk", "sk", "owner", "id", "kind", "at", "word", "n"}),
        ],
    )
    def test_an_index_has_the_projected_attributes(
        self, client: Any, index: str, names: set[str]
    ) -> None:
        for page in self.pages_of(client, index):
            assert all(set(one) == names for one in page["Items"])
            assert page["Count"] == 3

    def test_the_last_key_names_both_keys(self, client: Any) -> None:
        page = self.pages_of(client, Limit=1)[0]

        assert set(page["LastEvaluatedKey"]) == {"pk", "sk", "owner", "id"}

    def test_an_item_moves_with_its_keys(self, client: Any) -> None:
        client.update_item(
            TableName=TABLE,
            Key=key("a", "1"),
            UpdateExpression="SET id = :id",
            ExpressionAttributeValues={":id": {"S": "0"}},
        )
        client.update_item(TableName=TABLE, Key=key("a", "2"), UpdateExpression="REMOVE id")
        client.delete_item(TableName=TABLE, Key=key("b", "1"))

        pages = self.pages_of(client)

        assert [(one["pk"]["S"], one["id"]["S"]) for one in pages[0]["Items"]] == [("a", "0")]

    def test_an_index_can_be_scanned(self, client: Any) -> None:
        page = client.scan(TableName=TABLE, IndexName="by_owner")

        assert page["Count"] == 4

    def test_a_consistent_read_of_an_index_is_refused(self, client: Any) -> None:
        with pytest.raises(ClientError, match="ValidationException"):
            self.pages_of(client, ConsistentRead=True)
