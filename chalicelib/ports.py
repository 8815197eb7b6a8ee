"""The ports: what the use cases need of S3, of the table and of open pages, one protocol a role.

A use case names the narrowest port that has the operations it calls. `S3Storage`, `UploadTable` and
`Browser` are the adapters. Their contract tests (`tests/test_storage.py`, `tests/test_table.py` and
`tests/test_browser.py`) name the ports that they hold each adapter, and its fake, against.

Every method that calls AWS raises TryAgain where the service throttles or does not answer. A method
that returns nothing may be called again. Must not know an adapter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    # Only for types: the API has no use for records, and a cold start pays for each import.
    from chalicelib.errors import UploadError
    from chalicelib.keys import ObjectKey
    from chalicelib.records import Failure, Outcome
    from chalicelib.transitions import Claim
    from chalicelib.upload import NewUpload, Part, State, StoredObject, Upload

# --- Lambda ---------------------------------------------------------------------------------------


class Invocation(Protocol):
    """Lambda's context object: one invocation of a function. Its retries have the same id."""

    @property
    def aws_request_id(self) -> str: ...

    def get_remaining_time_in_millis(self) -> int: ...


# --- S3 -------------------------------------------------------------------------------------------


class ObjectStore(Protocol):
    """Objects under their keys."""

    def head(self, key: str) -> StoredObject | None:
        """The object with its checksum; None when there is none."""

    def delete(self, key: str) -> None:
        """Delete the object; nothing happens when there is none."""


class MultipartAborts(Protocol):
    """Ends multipart uploads that nobody completes."""

    def abort(self, key: str, multipart_id: str) -> None:
        """Delete a multipart upload and its parts; nothing happens when there is none."""


class MultipartUploads(MultipartAborts, Protocol):
    """Starts multipart uploads and ends them: what `creation` needs."""

    def create_multipart(self, key: str, *, content_type: str) -> str:
        """Start a multipart upload; returns S3's upload id."""


class PartStore(ObjectStore, MultipartUploads, Protocol):
    """Parts and the objects made of them: what `uploads` needs."""

    def list_parts(self, key: str, multipart_id: str) -> list[Part] | None:
        """The parts that S3 holds, by number; None when S3 does not know the multipart upload."""

    def complete(
        self,
        key: str,
        multipart_id: str,
        *,
        parts: Collection[Part],
        size: int,
        crc64nvme: str | None,
    ) -> bool:
        """Make one object of the parts; returns whether S3 has finished within our patience.

        Raises ChecksumMismatch, TryAgain when another request works on the key, and UploadExpired
        when S3 does not know the multipart upload or holds an object under the key already.
        """


class StateTags(Protocol):
    """Writes the tag that says an upload's state: what `state_tag` needs."""

    def tag(self, key: str, *, state: str) -> bool:
        """Write the state on the object and keep its other tags; returns whether there is one."""


class ObjectBytes(ObjectStore, StateTags, Protocol):
    """Objects that are read: what `processing` needs."""

    def read_range(self, key: str, offset: int, size: int, *, etag: str) -> bytes:
        """`size` bytes from `offset` of the object with this ETag.

        Raises ObjectReplaced when another object has the key, or none.
        """


class BucketListing(ObjectStore, MultipartAborts, StateTags, Protocol):
    """A bucket that is compared with the table: what `sweep` needs."""

    def state_tag(self, key: str) -> str | None:
        """The state in the object's tag; None without such a tag, or without an object."""

    def list_objects(self, prefix: str, *, after: str) -> Iterator[tuple[str, StoredObject]]:
        """The keys below a prefix that come after `after`, in order, each with its object."""


# --- The table ------------------------------------------------------------------------------------


class NewRows(Protocol):
    """Rows of new uploads: what `creation` needs."""

    def put_all(self, owner: str, news: Sequence[NewUpload]) -> list[Upload | UploadError]:
        """Store an owner's new uploads; returns one result for each, in their order.

        A result is the upload itself, the earlier upload with the same idempotency key, or an
        error: QuotaExceeded without room for it, TryAgain. A failed upload leaves no row.
        """

    def forget(self, owner: str, news: Sequence[NewUpload]) -> None:
        """Remove rows that `put_all` may have stored, but those changed since then."""

    def in_progress(self, owner: str, *, most: int) -> int:
        """The number of an owner's announced uploads in state uploading, exact above `most`."""

    def refusals(self, owner: str) -> int:
        """How many times `refuse` has removed uploads of an owner."""

    def refuse(
        self, owner: str, news: Sequence[NewUpload], *, refusals: int
    ) -> Sequence[NewUpload]:
        """Remove some of the last of `news`; returns those that are removed.

        Removes none when `refusals` is not the current number any more.
        """


class StateChanges(Protocol):
    """Conditional changes of an upload's state."""

    def change(
        self,
        upload: Upload,
        *,
        to: State,
        allowed: Collection[State],
        held_by: str | None = None,
        unchanged_since: int | None = None,
        **attributes: Any,
    ) -> Upload:
        """Move an upload to a state, and set attributes with it, as `transitions.move` decides.

        Raises WrongState, UploadNotFound when it is gone, and QuotaExceeded.
        """


class UploadRows(StateChanges, Protocol):
    """Uploads, one by one."""

    def get(self, owner: str, upload_id: str) -> Upload | None:
        """The current upload; None when there is none, or it belongs to another owner."""


class OwnerUploads(UploadRows, NewRows, Protocol):
    """An owner's uploads: what `uploads` needs."""

    def begin_deletion(self, upload: Upload) -> Upload:
        """Record that its object is about to be deleted. Raises as `change` does."""

    def newest(
        self, owner: str, *, state: State | None, cursor: str | None, limit: int
    ) -> tuple[list[Upload], str | None]:
        """A page of an owner's uploads, newest first, and the cursor of the next page.

        With a state, a page may be empty and still have a next one. Raises InvalidRequest for a
        cursor that is none.
        """


class ObjectRows(Protocol):
    """Finds the upload of an object: what `state_tag` needs."""

    def of_object(self, name: ObjectKey) -> Upload | None:
        """The upload that announced the object, or that adopted it."""


class Adoptions(ObjectRows, Protocol):
    """Uploads of objects that nobody announced."""

    def adopt(self, upload: Upload) -> Upload:
        """Store the upload of such an object; returns it, or the one that adopted it earlier.

        Raises QuotaExceeded.
        """


class Claims(UploadRows, Adoptions, Protocol):
    """Uploads that one invocation processes at a time: what `processing` needs."""

    def claim(self, upload: Upload, by: Claim) -> tuple[Upload, State]:
        """Move an upload to processing; returns it, and the state before. Raises as `change`."""

    def settle(
        self, upload: Upload, *, to: State, outcome: str, holder: str | None, **attributes: Any
    ) -> Upload:
        """Record an outcome. Raises as `change` does."""


class Checks(Protocol):
    """When the sweep looks at an upload."""

    def check_again(self, upload: Upload, at: datetime) -> Upload:
        """Set the time of the next check. Raises as `change` does."""


class Notifications(UploadRows, Adoptions, Checks, Protocol):
    """Outcomes that one invocation at a time notifies the owner of: what `notifier` needs."""

    def fail(self, upload: Upload, failure: Failure) -> Upload:
        """Record that processing failed. Raises as `change` does."""

    def begin_notifying(self, upload: Upload, *, holder: str, until: datetime) -> Upload:
        """Claim the right to notify the owner, until a time at most. Raises as `change` does."""

    def end_notifying(
        self, upload: Upload, *, holder: str, notified: str | None, is_done: bool
    ) -> Upload:
        """Release that claim; `notified` is the outcome that was sent, if any.

        `is_done` says that the sweep need not check the upload. Raises as `change` does.
        """


class SweptRows(StateChanges, ObjectRows, Checks, Protocol):
    """Uploads that are checked, and the memory between two sweeps: what `sweep` needs."""

    def to_check(self) -> Iterator[Upload]:
        """The uploads of all owners whose check is due, the earliest first in each shard."""

    def rest(self, upload: Upload) -> bool:
        """End the checks of an upload, unless it changed; returns whether they ended."""

    def sweep(self) -> Mapping[str, str]:
        """The values that the last sweep kept; empty before the first."""

    def keep_sweep(self, **values: str) -> None:
        """Keep values for the next sweep, and for operators."""


# --- People ---------------------------------------------------------------------------------------


class OpenPages(Protocol):
    """The owner's open pages."""

    def show(self, upload: Upload) -> None:
        """Send an upload to all of them. Never fails: a page reads the list when it reconnects."""


class OwnerNotices(Protocol):
    """Notifies owners: what `sweep` needs of the notifier."""

    def notify_owner(self, outcome: Outcome, invocation: Invocation) -> bool:
        """Notify the owner of an outcome once; returns whether there was one to notify of.

        Raises TryAgain while another invocation is about to notify the owner.
        """
