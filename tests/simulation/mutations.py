"""Faults that Hoist once had, put back one at a time; the simulation must catch each of them.

Each is a function that returns changes of classes or modules. The sweep did not exist at the time
of some faults, so there it ignores what would repair their damage.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chalicelib import keys, state_tag, sweep, transitions
from chalicelib.errors import WrongState
from chalicelib.processing import Processing
from chalicelib.sweep import Sweep
from chalicelib.upload import OUTCOMES, State, Upload

Changes = list[tuple[Any, str, Any]]


def tag_before_the_record() -> Changes:
    """H1: an invocation tags the key before it records, and never reads the table again."""
    record, check = Processing._record, Sweep._check_tag

    def checked(self: Sweep, upload: Upload) -> Any:
        return None if self.storage.state_tag(upload.key) else check(self, upload)

    def tag_and_record(
        self: Processing, upload: Upload, state: State, *args: Any, **kwargs: Any
    ) -> Upload:
        self.storage.tag(upload.key, state=state)
        return record(self, upload, state, *args, **kwargs)

    def follow(storage: Any, _: Any, upload: Upload) -> None:
        if upload.state in OUTCOMES:
            storage.tag(upload.key, state=upload.state)

    return [
        (Processing, "_record", tag_and_record),
        (state_tag, "follow", follow),
        (Sweep, "_check_tag", checked),
    ]


def keys_of_nobody_stay() -> Changes:
    """H2: an object with a key that no upload can have is not deleted."""
    settle, check = Processing.settle, Sweep._check_object

    def settled(self: Processing, created: Any, invocation: Any) -> Any:
        return settle(self, created, invocation) if keys.parse_key(created.key) else None

    def checked(self: Sweep, key: str, listed: Any) -> Any:
        return check(self, key, listed) if keys.parse_key(key) else None

    return [(Processing, "settle", settled), (Sweep, "_check_object", checked)]


def what_failed_is_free() -> Changes:
    """H3: an object from a client with credentials whose processing fails is not charged."""
    fail, is_about = transitions.fail, sweep._is_about

    def failed(upload: Upload, **values: Any) -> dict[str, Any]:
        return fail(upload, **values) | ({"charged": None} if upload.is_adopted else {})

    def about(upload: Upload, item: Any) -> bool:
        is_free = upload.state is State.FAILED and upload.charged is None
        return is_free or is_about(upload, item)

    return [(transitions, "fail", failed), (sweep, "_is_about", about)]


def an_etag_is_an_identity() -> Changes:
    """H4 and M1: a newer object with the ETag of the last one is not checked."""
    settle = Processing._settle

    def settled(self: Processing, upload: Upload, created: Any, invocation: Any) -> Upload:
        if upload.state in OUTCOMES - {State.FAILED}:
            head = self.storage.head(upload.key)
            if head is not None and head.etag == (upload.report or {}).get("etag"):
                raise WrongState
        return settle(self, upload, created, invocation)

    return [(Processing, "_settle", settled)]


def a_lost_answer_is_somebody_elses() -> Changes:
    """M2: an invocation that lost the answer of its write believes that another one wrote it."""
    return [(Processing, "_duplicate", lambda *_: None)]


def uploads_under_way_are_left_alone() -> Changes:
    """M3: an upload in progress is aborted, even when its object exists."""
    check = Sweep._check_uploading

    def checked(self: Sweep, upload: Upload) -> Any:
        blind = replace(self, storage=_Blind(self.storage))
        return check(blind, upload)

    return [(Sweep, "_check_uploading", checked)]


class _Blind:
    """S3 in which HeadObject finds nothing."""

    def __init__(self, storage: Any) -> None:
        self._storage = storage

    def head(self, key: str) -> None:  # noqa: ARG002 - the port's
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


MUTATIONS: Mapping[str, Callable[[], Changes]] = {
    "H1": tag_before_the_record,
    "H2": keys_of_nobody_stay,
    "H3": what_failed_is_free,
    "H4": an_etag_is_an_identity,
    "M2": a_lost_answer_is_somebody_elses,
    "M3": uploads_under_way_are_left_alone,
}


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Hoist with one of these faults."""
    changes = MUTATIONS[name]()
    before = [(where, what, getattr(where, what)) for where, what, _ in changes]
    for where, what, changed in changes:
        setattr(where, what, changed)
    try:
        yield
    finally:
        for where, what, old in before:
            setattr(where, what, old)
