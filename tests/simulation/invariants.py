"""What must be true when everything is quiet and the sweeps have run."""

from collections.abc import Iterator
from itertools import pairwise

from chalicelib import keys
from chalicelib.upload import OUTCOMES, State, Upload, iso_time
from tests.simulation.people import OWNERS, People
from tests.simulation.s3 import Object
from tests.simulation.world import World

OVER_QUOTA = "You may keep"


def broken(world: World, people: People) -> list[str]:
    """Everything that is not as it must be, in plain words."""
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
    """What is wrong before the sweeps, where nobody died and no record was lost."""
    if world.deaths or world.dead_letters or world.faults_drawn.lost_record:
        return []
    return [
        wrong
        for row in world.rows()
        if row.state in (State.ACCEPTED, State.REJECTED)
        for wrong in _finished(world, row)
    ]


def _finished(world: World, row: Upload) -> Iterator[str]:
    stored = world.s3.objects.get(row.key)
    if stored is not None and stored.tags.get("state") not in (row.state, None):
        yield f"{row.id} is {row.state}, and its object is tagged {stored.tags['state']}"
    if row.notified != row.outcome:
        yield f"{row.id} is {row.state}, and nobody was notified"


def _objects(world: World, rows: list[Upload]) -> Iterator[str]:
    """Every object has an upload that says the same as its tag, about these bytes."""
    by_key: dict[str, list[Upload]] = {}
    for row in rows:
        if row.state is not State.ABORTED:
            by_key.setdefault(row.key, []).append(row)
    for key, stored in world.s3.objects.items():
        found = by_key.get(key, [])
        if keys.parse_key(key) is None or len(found) != 1:
            yield f"{key} belongs to {len(found)} uploads"
            continue
        yield from (f"{key}: {wrong}" for wrong in _object(stored, found[0]))


def _object(stored: Object, row: Upload) -> Iterator[str]:
    if stored.tags.get("state") != row.state:
        yield f"its tag says {stored.tags.get('state')}, the table says {row.state}"
    if row.state is State.ACCEPTED and not _may_be_accepted(stored):
        yield f"{stored.content.name} is accepted"
    if row.state in (State.ACCEPTED, State.REJECTED) and not stored.is_archived:
        report = row.report or {}
        about = [report.get(name) for name in ("etag", "crc64nvme", "last_modified")]
        if about != [stored.content.etag, stored.content.crc64nvme, iso_time(stored.written)]:
            yield f"its outcome is about {about}, not {stored.content.name} of {stored.written}"
    if row.state is State.REJECTED and _is_honest(stored, row):
        yield f"{stored.content.name} is rejected: {row.reason}"


def _may_be_accepted(stored: Object) -> bool:
    content = stored.content
    return content.is_good and not content.is_forbidden and not stored.is_archived


def _is_honest(stored: Object, row: Upload) -> bool:
    """Whether there is no reason to reject an object."""
    return (
        _may_be_accepted(stored)
        and stored.content.size == row.size
        and OVER_QUOTA not in (row.reason or "")
        and "checksum" not in (row.reason or "")
    )


def _rows(world: World, rows: list[Upload]) -> Iterator[str]:
    """No upload stays under way, and what is accepted is there."""
    for row in rows:
        if row.state not in OUTCOMES | {State.ABORTED}:
            yield f"{row.id} stays {row.state}"
        if row.state is State.ACCEPTED and row.key not in world.s3.objects:
            yield f"{row.id} is accepted, and its object is gone"
        if row.check_at is not None:
            yield f"{row.id} ({row.state}) is still to be checked"
    for multipart in world.s3.multiparts.values():
        yield f"parts of {multipart.key} are nobody's"


def _sums(world: World, rows: list[Upload]) -> Iterator[str]:
    """The sums equal the charges, and the charges what is stored."""
    for owner in OWNERS:
        charged = [row for row in rows if row.owner == owner and row.charged is not None]
        used = world.usage.used(owner)
        if (used.bytes, used.files) != (sum(r.charged or 0 for r in charged), len(charged)):
            yield f"{owner}: {used} is summed up, {[r.charged for r in charged]} is charged"
        if used.bytes > world.quota.max_bytes or used.files > world.quota.max_files:
            yield f"{owner}: {used} is more than {world.quota}"
        if world.table.in_progress(owner, most=0):
            yield f"{owner}: uploads are counted that are not under way"
    for row in rows:
        stored = world.s3.objects.get(row.key)
        is_kept = row.state in (State.ACCEPTED, State.FAILED) and stored is not None
        if is_kept and row.charged != stored.content.size:
            yield f"{row.id} is charged {row.charged} of {stored.content.size} bytes"


def _messages(world: World, rows: list[Upload]) -> Iterator[str]:
    """Everybody was notified of the outcome that stands, once."""
    for row in rows:
        if row.state in OUTCOMES and row.notified != row.outcome:
            yield f"{row.id}: nobody was notified that it is {row.state}"
        if row.state in OUTCOMES and row.outcome not in world.messages[row.id]:
            yield f"{row.id}: there is no message that it is {row.state}"
    for upload_id, outcomes in world.messages.items():
        for before, outcome in pairwise(outcomes):
            if before == outcome and (upload_id, outcome) not in world.may_repeat:
                yield f"{upload_id}: two messages that it is {outcome}"
