"""The invariants: conditions that hold when all work has ended and the sweeps have run."""

from collections.abc import Iterator
from itertools import pairwise

from chalicelib import keys
from chalicelib.upload import OUTCOMES, State, Upload, iso_time
from tests.simulation.people import OWNERS, People
from tests.simulation.s3 import Object
from tests.simulation.world import World

OVER_QUOTA = "You may keep"


def broken(world: World, people: People) -> list[str]:
    """All violated invariants, in plain words."""
    rows = world.rows()
    return [
        *world.unexpected,
        *world.lost,
        *people.downloads,
        *_objects(world, rows),
        *_rows(world, rows),
        *_sums(world, rows),
        *_messages(world, rows),
    ]


def unfinished(world: World) -> list[str]:
    """Violations before the sweeps, in a seed without dead processes and lost records."""
    if world.deaths or world.dead_letters or world.faults_drawn.lost_record:
        return []
    return [
        violation
        for row in world.rows()
        if row.state in (State.ACCEPTED, State.REJECTED)
        for violation in _finished(world, row)
    ]


def _finished(world: World, row: Upload) -> Iterator[str]:
    stored_object = world.s3.objects.get(row.key)
    if stored_object is not None and stored_object.tags.get("state") not in (row.state, None):
        yield f"{row.id} is {row.state}, and its object is tagged {stored_object.tags['state']}"
    if row.notified != row.outcome:
        yield f"{row.id} is {row.state}, but its owner was not notified"


def _objects(world: World, rows: list[Upload]) -> Iterator[str]:
    """Every object has one upload, with the state of its tag and a report about these bytes."""
    by_key: dict[str, list[Upload]] = {}
    for row in rows:
        if row.state is not State.ABORTED:
            by_key.setdefault(row.key, []).append(row)
    for key, stored_object in world.s3.objects.items():
        uploads = by_key.get(key, [])
        if keys.parse_key(key) is None or len(uploads) != 1:
            yield f"{key} belongs to {len(uploads)} uploads"
            continue
        yield from (f"{key}: {violation}" for violation in _object(stored_object, uploads[0]))


def _object(stored_object: Object, row: Upload) -> Iterator[str]:
    if stored_object.tags.get("state") != row.state:
        yield f"its tag says {stored_object.tags.get('state')}, the table says {row.state}"
    if row.state is State.ACCEPTED and not _may_be_accepted(stored_object):
        yield f"the upload is accepted, but its object is {stored_object.content.name}"
    if row.state in (State.ACCEPTED, State.REJECTED) and not stored_object.is_archived:
        report = row.report or {}
        about = [report.get(name) for name in ("etag", "crc64nvme", "last_modified")]
        content = stored_object.content
        if about != [content.etag, content.crc64nvme, iso_time(stored_object.modified)]:
            yield f"its report is about {about}, not {content.name} of {stored_object.modified}"
    if row.state is State.REJECTED and _is_honest(stored_object, row):
        yield f"its object {stored_object.content.name} is rejected: {row.reason}"


def _may_be_accepted(stored_object: Object) -> bool:
    content = stored_object.content
    return content.is_good and not content.is_forbidden and not stored_object.is_archived


def _is_honest(stored_object: Object, row: Upload) -> bool:
    """Whether an object gives no reason to reject it."""
    return (
        _may_be_accepted(stored_object)
        and stored_object.content.size == row.size
        and OVER_QUOTA not in (row.reason or "")
        and "checksum" not in (row.reason or "")
    )


def _rows(world: World, rows: list[Upload]) -> Iterator[str]:
    """Every upload has an outcome, and every accepted upload has its object."""
    for row in rows:
        if row.state not in OUTCOMES | {State.ABORTED}:
            yield f"{row.id} stays {row.state}"
        if row.state is State.ACCEPTED and row.key not in world.s3.objects:
            yield f"{row.id} is accepted, but its object no longer exists"
        if row.check_at is not None:
            yield f"{row.id} ({row.state}) is still to be checked"
    for multipart in world.s3.multiparts.values():
        yield f"the multipart upload of {multipart.key} was not aborted"


def _sums(world: World, rows: list[Upload]) -> Iterator[str]:
    """The sums equal the charges, and each charge equals the size of the object."""
    for owner in OWNERS:
        charged = [row for row in rows if row.owner == owner and row.charged is not None]
        used = world.usage.used(owner)
        if (used.bytes, used.files) != (sum(r.charged or 0 for r in charged), len(charged)):
            yield f"{owner}: the sum is {used}, the charges are {[r.charged for r in charged]}"
        if used.bytes > world.quota.max_bytes or used.files > world.quota.max_files:
            yield f"{owner}: {used} is over the quota {world.quota}"
        if world.table.in_progress(owner, most=0):
            yield f"{owner}: in_progress counts uploads that have ended"
    for row in rows:
        stored_object = world.s3.objects.get(row.key)
        if stored_object is None or row.state not in (State.ACCEPTED, State.FAILED):
            continue
        if row.charged != stored_object.content.size:
            yield f"{row.id} is charged {row.charged} of {stored_object.content.size} bytes"


def _messages(world: World, rows: list[Upload]) -> Iterator[str]:
    """Every owner was notified of the final outcome, once."""
    for row in rows:
        if row.state in OUTCOMES and row.notified != row.outcome:
            yield f"{row.id}: the row does not say that its owner was notified of {row.state}"
        if row.state in OUTCOMES and row.outcome not in world.messages[row.id]:
            yield f"{row.id}: no message said that it is {row.state}"
    for upload_id, outcomes in world.messages.items():
        for before, outcome in pairwise(outcomes):
            if before == outcome and (upload_id, outcome) not in world.may_repeat:
                yield f"{upload_id}: two messages said that it is {outcome}"
