"""Many new uploads at once: each succeeds by itself, in few calls, exact at every limit."""

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.config import Settings
from chalicelib.creation import MAX_MEMBERS, Creation
from chalicelib.errors import (
    InvalidRequest,
    QuotaExceeded,
    TooManyUploads,
    TryAgain,
    UploadError,
)
from chalicelib.items import SCHEMA
from chalicelib.keys import new_upload_id, object_key
from chalicelib.table import UploadTable
from chalicelib.upload import Announcement, NewUpload, State, Upload
from chalicelib.usage import Quota, Usage
from tests.simulation.dynamodb import FakeDynamoDB
from tests.support.environment import TABLE
from tests.support.fakes import AMPLE, Clock, MemoryStorage, MemoryTable, client_error
from tests.support.payloads import OWNER, put_upload
from tests.support.tables import real_table

pytestmark = pytest.mark.slow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SMALL = Quota(max_bytes=100, max_files=1000)


class Watched:
    """A client that records its calls before it makes them, one after the other.

    moto is not thread-safe, so they take turns.
    """

    def __init__(self, client: Any, before: Callable[[str], object] = lambda _: None) -> None:
        self.calls: list[str] = []
        self.before = before
        self.after: Callable[[str], object] = lambda _: None
        self._client, self._turn = client, threading.RLock()

    @property
    def exceptions(self) -> Any:
        return self._client.exceptions

    def __getattr__(self, name: str) -> Any:
        if name == "get_paginator":
            return self._paginator

        def call(**request: Any) -> Any:
            with self._turn:
                self.calls.append(name)
                self.before(name)
                answer = getattr(self._client, name)(**request)
                self.after(name)
                return answer

        return call

    def _paginator(self, name: str) -> Any:
        with self._turn:
            self.calls.append(name)
            pages = self._client.get_paginator(name)

            class Whole:
                def paginate(_, **request: Any) -> list[Any]:  # noqa: N805
                    with self._turn:
                        return list(pages.paginate(**request))

            return Whole()


def new(size: int = 1, key: str | None = None, **changes: Any) -> NewUpload:
    upload_id = new_upload_id(NOW, uuid4().bytes[:10])
    owner = changes.get("owner", OWNER)
    key_of_object = object_key(owner=owner, upload_id=upload_id, filename="a")
    upload = put_upload(
        id=upload_id, key=key_of_object, created_at=NOW, size=size, charged=size, **changes
    )
    return NewUpload(upload, key)


def are_stored(news: Sequence[NewUpload], outcomes: Sequence[Upload | UploadError]) -> list[bool]:
    return [outcome is one.upload for one, outcome in zip(news, outcomes, strict=True)]


def kinds(outcomes: Sequence[Upload | UploadError]) -> list[str]:
    return [o.code if isinstance(o, UploadError) else "made" for o in outcomes]


@pytest.fixture(params=["memory", "moto"])
def table(request: pytest.FixtureRequest, clock: Clock) -> Any:
    """With room for 100 bytes."""
    if request.param == "memory":
        return MemoryTable(clock, quota=SMALL)
    return real_table(request.getfixturevalue("dynamodb"), clock, quota=SMALL)


class TestContract:
    def test_a_hundred_uploads_are_read_as_they_were_put(self, table: Any) -> None:
        news = [new(key=f"k{n}" if n % 3 else None) for n in range(100)]

        assert table.put_all(OWNER, news) == [one.upload for one in news]

        assert all(table.get(OWNER, one.upload.id) == one.upload for one in news)
        assert table.in_progress(OWNER, most=1000) == 100

    @pytest.mark.parametrize(
        ("sizes", "fits"),
        [
            pytest.param([60, 40], [True, True], id="to the byte"),
            pytest.param([60, 41], [True, False], id="one byte more"),
            pytest.param([60, 50, 40, 1], [True, False, True, False], id="each after the others"),
            pytest.param([101, 100, 1], [False, True, False], id="what is larger than all room"),
            pytest.param([4, 3, 2, 90, 5], [True, True, True, True, False], id="not the smallest"),
            pytest.param([99, 0, 2, 1], [True, True, False, True], id="nothing fits always"),
            pytest.param([101, 102], [False, False], id="none"),
        ],
    )
    def test_uploads_are_stored_in_order_as_long_as_they_fit(
        self, table: Any, sizes: list[int], fits: list[bool]
    ) -> None:
        news = [new(size) for size in sizes]

        outcomes = table.put_all(OWNER, news)

        assert are_stored(news, outcomes) == fits
        assert all(o is one.upload or isinstance(o, QuotaExceeded)
                   for one, o in zip(news, outcomes, strict=True))  # fmt: skip
        assert [table.get(OWNER, one.upload.id) is not None for one in news] == fits
        assert table.in_progress(OWNER, most=1000) == sum(fits)

    def test_an_upload_with_a_used_key_fails_no_other(self, table: Any) -> None:
        earlier = new(key="known")
        table.put_all(OWNER, [earlier])
        news = [new(), new(key="known"), new(key="unknown")]

        outcomes = table.put_all(OWNER, news)

        assert [o.id for o in outcomes] == [
            news[0].upload.id, earlier.upload.id, news[2].upload.id
        ]  # fmt: skip
        assert table.get(OWNER, news[1].upload.id) is None
        assert table.in_progress(OWNER, most=1000) == 3

    def test_an_upload_with_a_used_key_needs_no_room(self, table: Any) -> None:
        earlier = [new(50, key="a"), new(50, key="b")]
        table.put_all(OWNER, earlier)

        outcomes = table.put_all(OWNER, [new(50, key="a"), new(50), new(50, key="b")])

        assert kinds(outcomes) == ["made", "quota_exceeded", "made"]
        assert [outcomes[0].id, outcomes[2].id] == [one.upload.id for one in earlier]

    def test_a_key_used_twice_has_one_upload(self, table: Any) -> None:
        news = [new(key="k"), new(), new(key="k")]

        outcomes = table.put_all(OWNER, news)

        assert [o.id for o in outcomes] == [news[n].upload.id for n in (0, 1, 0)]
        assert table.in_progress(OWNER, most=1000) == 2

    def test_many_uploads_are_removed_with_keys_marks_and_charges(self, table: Any) -> None:
        news = [new(key=f"k{n}") for n in range(100)]
        table.put_all(OWNER, news)

        table.forget(OWNER, news)

        assert table.in_progress(OWNER, most=1000) == 0
        again = [replace(new(), idempotency_key=one.idempotency_key) for one in news]
        assert are_stored(again, table.put_all(OWNER, again)) == [True] * 100

    def test_a_changed_upload_is_not_removed_and_delays_no_other(self, table: Any) -> None:
        news = [new(), new(), new()]
        table.put_all(OWNER, news)
        table.change(news[1].upload, to=State.UPLOADED, allowed=set(State))

        table.forget(OWNER, [*news, new()])

        assert [table.get(OWNER, one.upload.id) is not None for one in news] == [False, True, False]

    def test_a_refusal_needs_the_current_number_of_refusals(self, table: Any) -> None:
        news = [new(), new(), new()]
        table.put_all(OWNER, news)

        assert table.refusals(OWNER) == 0
        assert table.refuse(OWNER, news[2:], refusals=0) == news[2:]
        assert table.refusals(OWNER) == 1
        assert table.refuse(OWNER, news[1:2], refusals=0) == []
        assert table.refuse(OWNER, news[1:2], refusals=1) == news[1:2]

        assert table.in_progress(OWNER, most=1000) == 1


MEMBERS = st.lists(
    st.tuples(st.integers(0, 60), st.none() | st.sampled_from("abc")), min_size=1, max_size=12
)


@given(batches=st.lists(MEMBERS, min_size=1, max_size=3), room=st.integers(0, 150))
@settings(
    max_examples=30,
    # Each example has its own owner.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_a_batch_gives_the_same_results_as_single_creates(
    dynamodb: Any, batches: list[list[tuple[int, str | None]]], room: int
) -> None:
    owner, quota = str(uuid4()), Quota(room, 8)
    real, memory = (
        real_table(dynamodb, lambda: NOW, quota=quota),
        MemoryTable(lambda: NOW, quota=quota),
    )

    for members in batches:
        news = [new(size, key, owner=owner) for size, key in members]
        # A key used twice has the result of the first, also where that was refused.
        names = [one.idempotency_key or one.upload.id for one in news]
        first = [names.index(name) for name in names]
        expected = memory.put_all(owner, [one for n, one in enumerate(news) if first[n] == n])
        by_id = dict(zip(sorted(set(first)), expected, strict=True))

        outcomes = real.put_all(owner, news)

        assert kinds(outcomes) == kinds([by_id[number] for number in first])
        assert [o.id for o in outcomes if isinstance(o, Upload)] == [
            o.id for n in first if isinstance(o := by_id[n], Upload)
        ]
        charged = [u.charged or 0 for u in memory._all(owner)]
        used = real.usage.used(owner)
        assert (used.bytes, used.files) == (sum(charged), len(charged))


class TestCalls:
    """The calls of DynamoDB."""

    @pytest.mark.parametrize(
        ("count", "has_keys", "transactions"),
        [(1, False, 1), (1, True, 1), (10, True, 1), (32, True, 1), (33, True, 2), (49, False, 1),
         (50, False, 2), (100, False, 3), (100, True, 4)],
    )  # fmt: skip
    def test_a_transaction_has_as_many_writes_as_allowed(
        self, dynamodb: Any, clock: Clock, *, count: int, has_keys: bool, transactions: int
    ) -> None:
        client = Watched(dynamodb)
        news = [new(key=f"k{n}" if has_keys else None) for n in range(count)]

        outcomes = real_table(client, clock).put_all(OWNER, news)

        assert are_stored(news, outcomes) == [True] * count
        assert client.calls == ["transact_write_items"] * transactions

    def test_a_repeated_batch_only_reads(self, dynamodb: Any, clock: Clock) -> None:
        client = Watched(dynamodb)
        table = real_table(client, clock)
        first = [new(key=f"k{n}") for n in range(100)]
        table.put_all(OWNER, first)
        client.calls.clear()

        outcomes = table.put_all(OWNER, [new(key=f"k{n}") for n in range(100)])

        assert [o.id for o in outcomes if isinstance(o, Upload)] == [o.upload.id for o in first]
        assert client.calls == ["transact_write_items", "batch_get_item", "batch_get_item"] * 4

    @pytest.mark.parametrize("room", [0, 1, 30, 99])
    def test_few_calls_determine_how_many_uploads_fit(
        self, dynamodb: Any, clock: Clock, room: int
    ) -> None:
        client = Watched(dynamodb)
        news = [new() for _ in range(100)]

        outcomes = real_table(client, clock, quota=Quota(room, 1000)).put_all(OWNER, news)

        assert are_stored(news, outcomes) == [True] * room + [False] * (100 - room)
        assert len(client.calls) <= 45


class TestFaults:
    """A transaction that DynamoDB does not answer, the second of three."""

    @pytest.mark.parametrize("is_made", [False, True], ids=["not stored", "stored, answer lost"])
    def test_only_its_members_raise_try_again_and_leave_nothing(
        self, dynamodb: Any, clock: Clock, *, is_made: bool
    ) -> None:
        client = Watched(dynamodb)

        def fail(_: str) -> None:
            if client.calls == ["transact_write_items"] * 2:
                raise TryAgain("DynamoDB does not answer")

        setattr(client, "after" if is_made else "before", fail)
        table = real_table(client, clock)
        news = [new() for _ in range(100)]

        outcomes = table.put_all(OWNER, news)

        assert kinds(outcomes) == ["made"] * 49 + ["try_again"] * 51
        assert table.in_progress(OWNER, most=1000) == 49
        assert table.usage.used(OWNER).files == 49
        assert client.calls.count("transact_write_items") == 3, "the third is not tried"

    @pytest.mark.parametrize("is_made", [False, True], ids=["not stored", "stored, answer lost"])
    def test_a_defect_leaves_nothing_of_the_request(
        self, dynamodb: Any, clock: Clock, settings: Settings, *, is_made: bool
    ) -> None:
        client = Watched(dynamodb)

        def fail(_: str) -> None:
            if client.calls == ["transact_write_items"] * 2:
                raise client_error("ValidationException", "TransactWriteItems")

        setattr(client, "after" if is_made else "before", fail)
        table, storage = real_table(client, clock), MemoryStorage()
        large = Announcement(filename="a", size=settings.put_max_size + 1)
        small = Announcement(filename="a", size=1)

        with pytest.raises(Exception, match="ValidationException"):
            Creation(settings, storage, table, clock).create(OWNER, [large] * 5 + [small] * 95)

        assert storage.multiparts == {}
        assert table.in_progress(OWNER, most=1000) == 0
        assert table.usage.used(OWNER).files == 0

    def test_an_upload_that_s3_does_not_start_fails_alone(
        self, clock: Clock, settings: Settings
    ) -> None:
        class Busy(MemoryStorage):
            def create_multipart(self, key: str, *, content_type: str) -> str:
                if key.endswith("b"):
                    raise TryAgain("S3 is busy")
                return super().create_multipart(key, content_type=content_type)

        table, storage = MemoryTable(clock), Busy()
        size = settings.put_max_size + 1
        announcements = [Announcement(filename=name, size=size) for name in "abc"]

        outcomes = Creation(settings, storage, table, clock).create(OWNER, announcements)

        assert kinds(outcomes) == ["made", "try_again", "made"]
        assert len(storage.multiparts) == len(table.items) == 2


class TestAtOnce:
    """Fifty batches of ten, each in its own execution environment."""

    BATCHES, MEMBERS = 50, 10

    @pytest.fixture
    def dynamodb(self) -> Watched:
        """The simulation's DynamoDB, which is fast with many transactions."""
        return Watched(FakeDynamoDB(SCHEMA, TABLE))

    def create(self, client: Watched, settings: Settings, quota: Quota) -> list[str]:
        """The results of all members."""
        clock = Clock(NOW)
        announcements = [Announcement(filename="a", size=1)] * self.MEMBERS

        def batch(shard: int) -> list[str]:
            usage = Usage(client, TABLE, quota, wait=lambda _: None)  # type: ignore[arg-type]
            if shard:
                usage.shard_of[OWNER] = shard
            table = UploadTable(client, TABLE, clock, 7, usage)  # type: ignore[arg-type]
            return kinds(
                Creation(settings, MemoryStorage(), table, clock).create(OWNER, announcements)
            )

        with ThreadPoolExecutor(self.BATCHES) as pool:
            every = list(pool.map(batch, [n % 5 for n in range(self.BATCHES)]))
        return list(itertools.chain.from_iterable(every))

    def test_as_many_uploads_are_stored_as_fit_the_quota(
        self, dynamodb: Any, settings: Settings
    ) -> None:
        roomy = replace(settings, max_in_progress=1000)
        outcomes = self.create(dynamodb, roomy, Quota(2**60, 137))

        assert outcomes.count("made") == 137
        assert outcomes.count("quota_exceeded") == 500 - 137
        assert real_table(dynamodb, lambda: NOW).usage.used(OWNER).files == 137

    def test_as_many_uploads_are_stored_as_may_be_in_progress(
        self, dynamodb: Any, settings: Settings
    ) -> None:
        outcomes = self.create(dynamodb, replace(settings, max_in_progress=137), AMPLE)

        assert outcomes.count("made") == 137
        assert outcomes.count("too_many_uploads") == 500 - 137
        assert real_table(dynamodb, lambda: NOW).in_progress(OWNER, most=1000) == 137


class TestUnderWay:
    """The limit of uploads in progress, one batch after the other."""

    @pytest.fixture
    def creation(self, settings: Settings, table: Any, clock: Clock) -> Creation:
        return Creation(replace(settings, max_in_progress=5), MemoryStorage(), table, clock)

    @pytest.mark.parametrize(
        ("before", "count", "expected"),
        [(0, 5, 5), (0, 6, 5), (2, 5, 3), (5, 1, 0), (0, 100, 5)],
    )
    def test_the_last_uploads_above_the_limit_are_refused(
        self, creation: Creation, table: Any, before: int, count: int, expected: int
    ) -> None:
        one = Announcement(filename="a", size=1)
        creation.create(OWNER, [one] * before or [Announcement(filename="/", size=1)])

        outcomes = creation.create(OWNER, [one] * count)

        assert kinds(outcomes) == ["made"] * expected + ["too_many_uploads"] * (count - expected)
        assert all(o.members == {"limit": 5} for o in outcomes if isinstance(o, TooManyUploads))
        assert table.in_progress(OWNER, most=5) == before + expected

    def test_only_uploads_above_the_limit_are_started_for_nothing(
        self, creation: Creation, settings: Settings
    ) -> None:
        large = Announcement(filename="a", size=settings.put_max_size + 1)
        storage = creation.storage
        assert isinstance(storage, MemoryStorage)
        roomy = replace(creation, table=MemoryTable(creation.now))

        roomy.create(OWNER, [large] * 8)

        assert (storage.created, len(storage.multiparts)) == (8, 5)

    def test_a_refusal_by_another_request_makes_it_count_again(
        self, clock: Clock, settings: Settings
    ) -> None:
        """Two requests that count the same excess must not both take it back."""
        table = MemoryTable(clock)
        creation = Creation(replace(settings, max_in_progress=5), MemoryStorage(), table, clock)
        others = [new(1) for _ in range(4)]
        table.put_all(OWNER, others)
        table.before_refuse.add(lambda: table.refuse(OWNER, others[2:], refusals=0))

        outcomes = creation.create(OWNER, [Announcement(filename="a", size=1)] * 3)

        assert kinds(outcomes) == ["made"] * 3
        assert table.in_progress(OWNER, most=5) == 5


@pytest.mark.parametrize("count", [0, MAX_MEMBERS + 1])
def test_a_request_has_one_to_a_hundred_members(
    clock: Clock, settings: Settings, count: int
) -> None:
    creation = Creation(settings, MemoryStorage(), MemoryTable(clock), clock)

    with pytest.raises(InvalidRequest, match="1 to 100"):
        creation.create(OWNER, [Announcement(filename="a", size=1)] * count)
