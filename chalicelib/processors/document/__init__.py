"""Pages, sheets or slides of a document, its title, and whether it is encrypted.

For PDF, office documents old and new, EPUB, email, RTF, calendars and address books. The first
bytes choose the reader; the type only decides whether to run.
"""

from typing import Any

from chalicelib.processors.places import Places
from chalicelib.reader import ObjectReader

reads_all = False

# In lower case, because these types are written in many ways.
FAMILIES = (
    "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.",
    "application/vnd.ms-word.", "application/vnd.ms-excel", "application/vnd.ms-powerpoint",
    "application/vnd.ms-visio.",
)  # fmt: skip
TYPES = frozenset({
    "application/pdf", "application/epub+zip", "application/x-ole-storage", "application/msword",
    "application/vnd.ms-outlook", "application/vnd.visio", "application/vnd.ms-project",
    "application/vnd.ms-publisher", "application/x-mspublisher", "application/x-msi",
    "application/x-ms-installer", "message/rfc822", "application/rtf", "text/rtf",
    "text/calendar", "text/vcard",
})  # fmt: skip
_HEAD = 1024  # bytes


def applies_to(content_type: str, size: int, /) -> bool:
    """To PDF, office documents, EPUB, OLE files, email, RTF, iCalendar and vCard."""
    kind = content_type.lower()
    return size > 0 and (kind in TYPES or kind.startswith(FAMILIES))


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"format", …}`: see `pdf`, `office`, `ole`, `email_message` and `text_documents`.

    Empty if the bytes are none of these.
    """
    # Imported here: processing other files does not pay for it.
    from chalicelib.processors.document import email_message, office, ole, pdf, text_documents

    file = Places(source)
    head = file.read(0, _HEAD)
    if ole.is_ole(head):
        return ole.run(file)
    if head.startswith(b"PK\3\4"):
        return office.run(source)
    if pdf.is_pdf(head):
        return pdf.run(file)
    if source.content_type == "message/rfc822" and email_message.is_email(head):
        return email_message.run(source)
    return text_documents.run(file, head)
