"""The result of sniffing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """The type that the first bytes show.

    `perhaps` is another type that the file may have if it is declared: a text may contain a PDF
    further on. `container` is the type of the container format: ZIP, or OLE storage. `is_sure` is
    false if other formats may begin in the same way. `is_text` means that the bytes are text.
    `is_active` means that a browser may run the content. `is_program` means that a machine may run
    it.
    """

    content_type: str
    container: str | None = None
    perhaps: tuple[str, ...] = ()
    is_sure: bool = True
    is_text: bool = False
    is_active: bool = False
    is_program: bool = False
