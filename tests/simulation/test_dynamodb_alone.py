"""Tests of the stand-in alone: where moto differs from AWS, and features that moto lacks.

Those are hooks, running transactions, units and their limit. Each case names AWS's page.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from tests.simulation.contract import SCHEMA, attributes, item, key, outcome, sorted_items
from tests.simulation.dynamodb import FakeDynamoDB
from tests.simulation.expressions import RESERVED
from tests.simulation.refusals import refusal
from tests.support.environment import TABLE
from tests.support.fakes import Clock

REFUSED = {"code": "ValidationException"}


@pytest.fixture
def client() -> FakeDynamoDB:
    return FakeDynamoDB(SCHEMA, TABLE)


def put(thing: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"TableName": TABLE, "Item": thing, **more}


def change(sk: str, expression: str = "SET word = :word", **values: Any) -> dict[str, Any]:
    placeholders = {
        f":{name}": value for name, value in attributes(**(values or {"word": "w"})).items()
    }
    return {
        "TableName": TABLE,
        "Key": key("a", sk),
        "UpdateExpression": expression,
        "ExpressionAttributeValues": placeholders,
    }


class TestWhereMotoDiffers:
    # Here moto raises errors of Python.
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
    @pytest.mark.parametrize(
        "condition",
        [
            "",
            "word =",
            "word = :w AND",
            "(word = :w",
            "word = :w)",
            "#missing = :w",
            "word = :missing",
            "word == :w",
            "word = :w word = :w",
            "attribute_exists(word, n)",
            "begins_with(word)",
            "word ? :w",
            ":w",
            "size(word)",
            "begins_with(:w, word)",
            "BETWEEN = :w",
        ],
    )
    def test_an_invalid_condition_is_refused(self, client: FakeDynamoDB, condition: str) -> None:
        request: Any = {"TableName": TABLE, "Key": key("a", "1"), "ConditionExpression": condition}
        request["ExpressionAttributeValues"] = {":w": {"S": "w"}}

        assert outcome(client, "delete_item", request) == REFUSED

    # The page above: values of two types are not ordered.
    def test_values_of_two_types_are_not_ordered(self, client: FakeDynamoDB) -> None:
        client.put_item(**put(item("a", "1", n=5)))

        for sign in ("<", "<=", ">", ">=", "="):
            page = client.scan(
                TableName=TABLE,
                FilterExpression=f"n {sign} :w",
                ExpressionAttributeValues={":w": {"S": "5"}},
            )
            assert page["Count"] == 0

    @pytest.mark.parametrize("condition", ["n < :flag", "begins_with(word, :flag)", "n > :set"])
    def test_an_operand_that_has_no_order_is_refused(
        self, client: FakeDynamoDB, condition: str
    ) -> None:
        placeholder = ":set" if ":set" in condition else ":flag"
        values = {":flag": {"BOOL": True}, ":set": {"SS": ["x"]}}
        request = put(item("a", "1"), ConditionExpression=condition)
        request["ExpressionAttributeValues"] = {placeholder: values[placeholder]}

        assert outcome(client, "put_item", request) == REFUSED

    # "The expression has redundant parentheses" is DynamoDB's own error text; moto accepts them.
    @pytest.mark.parametrize(
        ("condition", "answer"),
        [
            ("((attribute_exists(pk)))", REFUSED),
            ("((attribute_exists(pk)) OR attribute_exists(sk))", {}),
            ("(attribute_exists(pk))", {}),
        ],
    )
    def test_redundant_parentheses_are_refused(
        self, client: FakeDynamoDB, condition: str, answer: Any
    ) -> None:
        client.put_item(**put(item("a", "1")))
        request: Any = {"TableName": TABLE, "Key": key("a", "1"), "ConditionExpression": condition}

        assert outcome(client, "delete_item", request) == answer

    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeNames.html
    @pytest.mark.parametrize(
        "more",
        [
            {"ExpressionAttributeValues": {":x": {"S": "x"}}},
            {"ExpressionAttributeNames": {"#x": "x"}},
            {"ConditionExpression": "word = :x"},
            {
                "ConditionExpression": "attribute_exists(pk)",
                "ExpressionAttributeValues": {":x": {"S": "x"}},
            },
            {"ConditionExpression": "attribute_exists(pk)", "ExpressionAttributeValues": {}},
            {"ConditionExpression": "word = x", "ExpressionAttributeValues": {"x": {"S": ""}}},
        ],
    )
    def test_placeholders_without_an_expression_are_refused(
        self, client: FakeDynamoDB, more: Any
    ) -> None:
        assert outcome(client, "put_item", put(item("a", "1"), **more)) == REFUSED

    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
    @pytest.mark.parametrize(
        "condition",
        ["pk = :w AND sk <> :w", "pk = :w OR sk = :w", "pk = :w AND sk = :w AND sk = :w"],
    )
    def test_an_invalid_key_condition_is_refused(
        self, client: FakeDynamoDB, condition: str
    ) -> None:
        request: Any = {"TableName": TABLE, "KeyConditionExpression": condition}
        request["ExpressionAttributeValues"] = {":w": {"S": "w"}}

        assert outcome(client, "query", request) == REFUSED

    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
    @pytest.mark.parametrize(
        "more",
        [
            {"IndexName": "missing"},
            {"FilterExpression": "sk = :w"},
            {"Limit": 0},
            {"ExclusiveStartKey": key("b", "1")},
            {"ExclusiveStartKey": {"pk": {"S": "w"}}},
        ],
    )
    def test_a_query_is_refused(self, client: FakeDynamoDB, more: Any) -> None:
        request: Any = {"TableName": TABLE, "KeyConditionExpression": "pk = :w"} | more
        request["ExpressionAttributeValues"] = {":w": {"S": "w"}}

        assert outcome(client, "query", request) == REFUSED

    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
    @pytest.mark.parametrize(
        ("text", "stored_text"),
        [("05", "5"), ("5.0", "5"), ("-0", "0"), ("1e2", "100"), (".5", "0.5"), ("1E-3", "0.001")],
    )
    def test_a_number_has_one_form(self, client: FakeDynamoDB, text: str, stored_text: str) -> None:
        client.put_item(**put(item("a", "1") | {"n": {"N": text}}))

        assert client.items()[0]["n"] == {"N": stored_text}

    @pytest.mark.parametrize("bad", ["", "x", "NaN", "Infinity", "1" * 39])
    def test_an_invalid_number_is_refused(self, client: FakeDynamoDB, bad: str) -> None:
        assert outcome(client, "put_item", put(item("a", "1") | {"n": {"N": bad}})) == REFUSED

    def test_sums_are_exact(self, client: FakeDynamoDB) -> None:
        digits = "12345678901234567890123456789.012345678"
        client.put_item(**put(item("a", "1") | {"n": {"N": digits}}))
        request = change("1", "ADD n :n", n=1)

        client.update_item(**request)

        assert client.items()[0]["n"] == {"N": "12345678901234567890123456790.012345678"}

    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    def test_an_item_holds_400_kib(self, client: FakeDynamoDB) -> None:
        name = len("pk" + "a" + "sk" + "1" + "text")
        fits = item("a", "1", text="x" * (400 * 1024 - name))
        client.put_item(**put(fits))

        assert outcome(client, "put_item", put(fits | attributes(n=1))) == REFUSED
        assert outcome(client, "update_item", change("1", "SET n = :n", n=1)) == REFUSED

    # The same page: keys of the table and of an index.
    @pytest.mark.parametrize(
        "bad",
        [
            item("a" * 2049, "1"),
            item("a", "é" * 513),
            item("a", "1", owner=5),
            item("a", "1", id=""),
        ],
    )
    def test_an_invalid_key_is_refused(self, client: FakeDynamoDB, bad: Any) -> None:
        assert outcome(client, "put_item", put(bad)) == REFUSED

    # https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
    def test_the_error_names_an_invalid_member(self, client: FakeDynamoDB) -> None:
        writes = [{"Put": put(item("a", "2"))}, {"Update": change("1", "SET n = n + :n", n=1)}]

        assert outcome(client, "transact_write_items", {"TransactItems": writes}) == {
            "code": "TransactionCanceledException",
            "reasons": ["None", "ValidationError"],
        }
        assert client.items() == []

    def test_all_reserved_words_are_listed(self) -> None:
        assert set(ReservedKeywords.get_reserved_keywords()) == RESERVED


@dataclass
class Recording:
    """Hooks that record each call and run the action of a test."""

    calls: list[str] = field(default_factory=list)
    acts: dict[str, Callable[[], Any]] = field(default_factory=dict)
    unprocessed_count: int = 0

    def begin(self, operation: str, request: Any) -> None:
        self._record("begin", operation, request)

    def during(self, operation: str, request: Any) -> None:
        self._record("during", operation, request)

    def done(self, operation: str, request: Any) -> None:
        self._record("done", operation, request)

    def unprocessed(self, operation: str, count: int) -> int:  # noqa: ARG002 - as in Hooks
        return self.unprocessed_count

    def _record(self, when: str, operation: str, request: Any) -> None:
        assert request
        self.calls.append(f"{when} {operation}")
        if act := self.acts.pop(when, None):
            act()


@pytest.fixture
def hooks() -> Recording:
    return Recording()


@pytest.fixture
def hooked(hooks: Recording) -> FakeDynamoDB:
    return FakeDynamoDB(SCHEMA, TABLE, hooks=hooks)


def fail() -> None:
    raise refusal("InternalServerError", "PutItem", "The service failed")


TRANSACTION = {"TransactItems": [{"Put": put(item("a", "1"))}, {"Put": put(item("a", "2"))}]}


class TestHooks:
    def test_hooks_run_around_every_call(self, hooked: FakeDynamoDB, hooks: Recording) -> None:
        hooked.put_item(**put(item("a", "1")))
        hooked.transact_write_items(**TRANSACTION)

        assert hooks.calls == [
            "begin PutItem",
            "done PutItem",
            "begin TransactWriteItems",
            "during TransactWriteItems",
            "done TransactWriteItems",
        ]

    @pytest.mark.parametrize("when", ["begin", "during"])
    def test_an_error_before_a_call_changes_nothing(
        self, hooked: FakeDynamoDB, hooks: Recording, when: str
    ) -> None:
        hooks.acts[when] = fail

        with pytest.raises(ClientError, match="InternalServerError"):
            hooked.transact_write_items(**TRANSACTION)

        assert hooked.items() == []
        hooked.put_item(**put(item("a", "1")))

    def test_an_error_after_a_call_loses_only_the_answer(
        self, hooked: FakeDynamoDB, hooks: Recording
    ) -> None:
        hooks.acts["done"] = fail

        with pytest.raises(ClientError, match="InternalServerError"):
            hooked.put_item(**put(item("a", "1")))

        assert hooked.items() == [item("a", "1")]

    def test_a_call_sees_the_changes_of_its_hook(
        self, hooked: FakeDynamoDB, hooks: Recording
    ) -> None:
        hooks.acts["begin"] = lambda: hooked.put_item(**put(item("a", "1")))

        page = hooked.query(
            TableName=TABLE,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "a"}},
        )

        assert page["Items"] == [item("a", "1")]

    def test_a_batch_returns_unprocessed_keys_and_writes(
        self, hooked: FakeDynamoDB, hooks: Recording
    ) -> None:
        hooks.unprocessed_count = 1
        writes = [{"PutRequest": {"Item": item("a", n)}} for n in "12"]
        answer = hooked.batch_write_item(RequestItems={TABLE: writes})
        keys = {"Keys": [key("a", n) for n in "12"], "ConsistentRead": True}
        page = hooked.batch_get_item(RequestItems={TABLE: keys})

        assert answer["UnprocessedItems"] == {TABLE: writes[1:]}
        assert page["Responses"][TABLE] == [item("a", "1")]
        assert page["UnprocessedKeys"] == {TABLE: keys | {"Keys": [key("a", "2")]}}

    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
    @pytest.mark.parametrize(
        ("operation", "request_", "refused"),
        [
            ("put_item", put(item("a", "1", n=1)), {"code": "TransactionConflictException"}),
            ("update_item", change("2"), {"code": "TransactionConflictException"}),
            (
                "delete_item",
                {"TableName": TABLE, "Key": key("a", "1")},
                {"code": "TransactionConflictException"},
            ),
            (
                "transact_write_items",
                {"TransactItems": [{"Put": put(item("b", "1"))}, {"Update": change("2")}]},
                {
                    "code": "TransactionCanceledException",
                    "reasons": ["None", "TransactionConflict"],
                },
            ),
            ("get_item", {"TableName": TABLE, "Key": key("a", "1")}, {}),
            ("put_item", put(item("b", "1")), {}),
        ],
    )
    def test_a_running_transaction_refuses_other_writes(
        self,
        hooked: FakeDynamoDB,
        hooks: Recording,
        operation: str,
        request_: Any,
        refused: Any,
    ) -> None:
        met: list[Any] = []
        hooks.acts["during"] = lambda: met.append(outcome(hooked, operation, request_))

        hooked.transact_write_items(**TRANSACTION)

        assert met == [refused]
        assert [one for one in sorted_items(hooked) if one["pk"]["S"] == "a"] == [
            item("a", "1"),
            item("a", "2"),
        ]

    def test_the_time_to_live_deletes_without_a_call(
        self, hooked: FakeDynamoDB, hooks: Recording
    ) -> None:
        hooked.put_item(**put(item("a", "1", owner="o", id="i")))
        hooks.acts["during"] = lambda: expired.append(hooked.expire("a", "1"))
        expired: list[bool] = []

        hooked.transact_write_items(**TRANSACTION)

        assert expired == [False]
        assert hooked.expire("a", "1")
        assert not hooked.expire("a", "1")
        assert hooked.items() == [item("a", "2")]


KIB = 1024


class TestMeter:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html."""

    @pytest.mark.parametrize(("size", "units"), [(1, 1), (1000, 1), (KIB, 2), (3 * KIB, 4)])
    def test_a_write_takes_one_unit_for_each_kibibyte(
        self, client: FakeDynamoDB, size: int, units: int
    ) -> None:
        client.put_item(**put(item("a", "1", text="x" * size)))

        assert (client.meter.units("a"), client.meter.total) == (units, units)
        client.delete_item(TableName=TABLE, Key=key("a", "1"))
        assert client.meter.units("a") == 2 * units
        assert client.meter.operations == {"PutItem": units, "DeleteItem": units}

    def test_a_write_counts_the_larger_of_old_and_new_item(self, client: FakeDynamoDB) -> None:
        client.put_item(**put(item("a", "1", text="x" * 3 * KIB)))
        client.update_item(**change("1", "SET #text = :t", t="") | {
            "ExpressionAttributeNames": {"#text": "text"}
        })  # fmt: skip

        assert client.meter.operations["UpdateItem"] == 4

    def test_a_failed_condition_takes_units(self, client: FakeDynamoDB) -> None:
        client.put_item(**put(item("a", "1", text="x" * KIB)))
        failing = put(item("a", "1"), ConditionExpression="attribute_not_exists(pk)")

        assert outcome(client, "put_item", failing)["code"] == "ConditionalCheckFailedException"
        assert client.meter.units("a") == 4

    def test_a_transaction_takes_twice_the_units(self, client: FakeDynamoDB) -> None:
        check: Any = {"TableName": TABLE, "Key": key("b", "1")}
        check["ConditionExpression"] = "attribute_not_exists(pk)"
        writes = [{"Put": put(item("a", "1", owner="o", id="i"))}, {"ConditionCheck": check}]

        client.transact_write_items(TransactItems=writes)

        meter = client.meter
        assert (meter.units("a"), meter.units("b")) == (2, 2)
        assert meter.units("o", index="by_owner") == 2
        assert meter.total == 6

    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes
    @pytest.mark.parametrize(
        ("expression", "units"),
        [
            ("SET word = :word", {}),
            ("SET n = :word", {}),
            ("SET kind = :word", {"w": 1}),
            ("SET id = :word", {"o": 2}),
            ("REMOVE id", {"o": 1}),
        ],
    )
    def test_an_index_takes_units_for_its_changes(
        self, client: FakeDynamoDB, expression: str, units: dict[str, int]
    ) -> None:
        client.put_item(**put(item("a", "1", owner="o", id="i", at="t")))
        before = client.meter.partitions()
        request = change("1", expression)
        if ":word" not in expression:
            del request["ExpressionAttributeValues"]

        client.update_item(**request)

        after = client.meter.partitions()
        units_used = {place: count - before.get(place, 0) for place, count in after.items()}
        assert {key: count for (name, key), count in units_used.items() if name and count} == units
        assert units_used[None, "a"] == 1

    @pytest.mark.parametrize(
        ("name", "units"), [("word", {"some_by_kind", "all_by_kind"}), ("n", {"all_by_kind"})]
    )
    def test_an_index_takes_units_for_projected_attributes_only(
        self, client: FakeDynamoDB, name: str, units: set[str]
    ) -> None:
        client.put_item(**put(item("a", "1", kind="k", at="t", word="v", n=1)))
        client.update_item(**change("1", f"SET {name} = :x", x=2))

        twice = {index for (index, _), count in client.meter.partitions().items() if count == 2}
        assert twice - {None} == units

    def test_reads_are_counted(self, client: FakeDynamoDB) -> None:
        client.put_item(**put(item("a", "1", text="x" * 4 * KIB)))

        client.get_item(TableName=TABLE, Key=key("a", "1"), ConsistentRead=True)
        client.get_item(TableName=TABLE, Key=key("a", "1"))
        client.get_item(TableName=TABLE, Key=key("a", "2"))

        assert client.meter.reads == 2 + 1 + 0.5
        assert client.meter.calls["GetItem"] == 3


class TestLimit:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock(datetime(2026, 3, 1, tzinfo=UTC))

    @pytest.fixture
    def limited(self, clock: Clock) -> FakeDynamoDB:
        return FakeDynamoDB(SCHEMA, TABLE, clock=clock)

    def test_a_partition_key_takes_1000_units_a_second(
        self, limited: FakeDynamoDB, clock: Clock
    ) -> None:
        for n in range(1000):
            limited.put_item(**put(item("a", str(n))))

        with pytest.raises(limited.exceptions.ProvisionedThroughputExceededException) as failure:
            limited.put_item(**put(item("a", "1000")))

        assert failure.value.response["Error"]["Code"] == "ProvisionedThroughputExceededException"
        assert limited.get_item(TableName=TABLE, Key=key("a", "1000")) == {}
        limited.put_item(**put(item("b", "1")))
        clock.advance(1)
        limited.put_item(**put(item("a", "1000")))
        assert (limited.meter.total, limited.meter.refused, limited.meter.peak) == (1002, 1, 1000)

    def test_a_partition_key_of_an_index_takes_1000_units_a_second(
        self, limited: FakeDynamoDB
    ) -> None:
        for n in range(1000):
            limited.put_item(**put(item(str(n), "1", owner="o", id="1")))

        assert outcome(limited, "put_item", put(item("x", "1", owner="o", id="1"))) == {
            "code": "ProvisionedThroughputExceededException"
        }

    @pytest.mark.parametrize(
        ("billing", "code"),
        [("PAY_PER_REQUEST", "ThrottlingError"), ("PROVISIONED", "ProvisionedThroughputExceeded")],
    )
    def test_a_transaction_is_canceled(self, clock: Clock, billing: str, code: str) -> None:
        limited = FakeDynamoDB({**SCHEMA, "BillingMode": billing}, TABLE, clock=clock)
        for n in range(999):
            limited.put_item(**put(item("a", str(n))))
        writes = [{"Put": put(item("b", "1"))}, {"Put": put(item("a", "1000"))}]

        assert outcome(limited, "transact_write_items", {"TransactItems": writes}) == {
            "code": "TransactionCanceledException",
            "reasons": ["None", code],
        }
        assert limited.meter.units("b") == 0


class TestCopies:
    def test_an_item_can_be_changed_without_changing_the_table(self, client: FakeDynamoDB) -> None:
        thing = item("a", "1", members=["x"], tags={"x"}, mapping={"x": 1})
        client.put_item(**put(thing))

        received = client.get_item(TableName=TABLE, Key=key("a", "1"))["Item"]
        received["members"]["L"].append({"S": "y"})
        received["tags"]["SS"].append("y")
        received["new"] = {"S": "y"}

        assert client.items() == [thing]

    def test_a_text_of_the_table_refuses_to_be_changed(self, client: FakeDynamoDB) -> None:
        client.put_item(**put(item("a", "1")))
        received = client.get_item(TableName=TABLE, Key=key("a", "1"))["Item"]

        with pytest.raises(TypeError):
            received["pk"]["S"] = "b"

    def test_a_written_item_can_be_changed_afterwards(self, client: FakeDynamoDB) -> None:
        thing = item("a", "1", members=["x"])
        client.put_item(**put(thing))

        thing["pk"]["S"] = "b"
        thing["members"]["L"].append({"S": "y"})

        assert client.items() == [item("a", "1", members=["x"])]
