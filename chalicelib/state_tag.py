"""The `state` tag of an object, which follows the table: lifecycle rules and other readers use it.

S3 has no conditional write of a tag, so a slow invocation may write an old state over a newer one.
Therefore a writer reads the table afterwards, and writes again until both agree. Must not know how
either is stored.
"""

from chalicelib import keys
from chalicelib.ports import ObjectRows, StateTags
from chalicelib.upload import OUTCOMES, Upload


def follow(storage: StateTags, table: ObjectRows, upload: Upload) -> None:
    """Write an outcome to the tag of its object, unless the table has another one by now.

    Where the upload is being processed again, that invocation writes the tag.
    """
    name = keys.parse_key(upload.key)
    current: Upload | None = upload
    last = None
    while name is not None and current is not None and current.state in OUTCOMES:
        if last is current.state:
            return
        if not storage.tag(current.key, state=current.state):
            return
        last = current.state
        current = table.of_object(name)
