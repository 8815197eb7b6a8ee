"""What the first bytes of a file say of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """The type that bytes show.

    `perhaps` is what the file may be as well, if it says so: a text may hold a PDF further on.
    `container` is the type of what the file is made of: a ZIP, or OLE storage. `is_sure` is false
    where other formats may begin in the same way. `is_text` says that the bytes are text,
    `is_active` that a browser may run what is in them, `is_program` that a machine may.
    """

    content_type: str
    container: str | None = None
    perhaps: tuple[str, ...] = ()
    is_sure: bool = True
    is_text: bool = False
    is_active: bool = False
    is_program: bool = False
