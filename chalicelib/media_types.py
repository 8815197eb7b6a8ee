"""What a file is: decided from its declared type, its name and its first bytes.

Pure. Must not know S3.
"""

from dataclasses import dataclass

from chalicelib import rules
from chalicelib.sniffing import sniff

_CONTAINERS = (
    (b"PK\x03\x04", "application/zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a file is told to be; `refusal` is a sentence that says why it is rejected.

    `container` is the type of what the file is made of, where that is another one.
    """

    content_type: str
    container: str | None
    refusal: str | None


def canonical(content_type: str) -> str:
    """The one name of a type that has several; its parameters are left out."""
    return content_type.partition(";")[0].strip().lower()


def decide(declared: str, filename: str, head: bytes) -> Decision:
    """What a file is, from its declared type, its name and its first bytes."""
    shown = sniff(head)
    content_type = rules.settled_type(declared, filename, shown)
    if content_type is None:
        refusal = f"Its content is {shown}, which is not what its name and type say"
        return Decision(shown, None, refusal)
    container = next((kind for mark, kind in _CONTAINERS if head.startswith(mark)), None)
    return Decision(content_type, container if container != content_type else None, None)
