"""The `state` tag of an object, which follows the table: lifecycle rules and other readers see it.

S3 cannot write a tag under a condition. An invocation that another one overtook may write an old
state over a newer one. So whoever writes a tag reads the table afterwards, and writes again until
both agree. Must not know how either is stored.
"""

from chalicelib import keys
from chalicelib.ports import ObjectRows, StateTags
from chalicelib.upload import OUTCOMES, Upload


def follow(storage: StateTags, table: ObjectRows, upload: Upload) -> None:
    """Write an outcome on its object, unless another outcome has taken its place meanwhile.

    Where the upload is being processed again, that invocation writes the tag.
    """
    name = keys.parse_key(upload.key)
    current: Upload | None = upload
    written = None
    while name is not None and current is not None and current.state in OUTCOMES:
        if written is current.state:
            return
        if not storage.tag(current.key, state=current.state):
            return
        written = current.state
        current = table.of_object(name)
