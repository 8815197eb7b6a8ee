"""Which files are rejected because their name or type deceives.

Pure. A file with a merely wrong name or type is accepted, and the report says its real type. It is
rejected where a person or a browser would trust the wrong one. Examples are a program named as a
picture, a page named as a document, and a picture named as a film.
"""

from collections.abc import Sequence

from chalicelib.families import (
    COMPRESSED,
    DISTINCT,
    family,
    has_signature,
    is_also,
    is_never_text,
)
from chalicelib.sniffing import EMPTY
from chalicelib.sniffing.evidence import Evidence
from chalicelib.type_names import canonical

# Families that nobody expects a program, a script or a page in.
_TRUSTED = frozenset({"image", "media", "font", "document", "zip", "archive", "ole"})
_OWN_TEXTS = ("text/x-", "text/vnd.", "application/x-")
# Programs that are ZIPs: the type ZIP is right for one, that of a letter deceives.
_ZIPPED_PROGRAMS = frozenset(
    {"application/java-archive", "application/vnd.android.package-archive"}
)
_PACKED = frozenset({"zip", "ole", "archive"})


def is_deceptive(evidence: Evidence, claim: str | None, name_types: Sequence[str]) -> bool:
    """Whether a file's name or declared type deceives.

    `claim` is the declared type, None where that says nothing. `name_types` are the types that its
    name may stand for. All are canonical.
    """
    claims = ([claim] if claim else []) + list(name_types[:1])
    if any(_hides(evidence, each) for each in claims):
        return True
    if evidence.is_program or evidence.is_active:
        return False
    if claim is None or evidence.content_type == EMPTY or shows(evidence, claim):
        return False
    if any(_agrees(evidence, each) for each in name_types):
        return False
    return (
        _is_text_in_disguise(evidence, claim) if evidence.is_text else _contradicts(evidence, claim)
    )


def _hides(evidence: Evidence, claim: str) -> bool:
    """Whether a program, or a page that a browser runs, claims a type that people trust."""
    kind = family(claim)
    if shows(evidence, claim):
        return False
    if evidence.is_program:
        return kind in _TRUSTED if evidence.is_text else kind not in (None, "program")
    if evidence.content_type in _ZIPPED_PROGRAMS:
        return kind in _TRUSTED and has_signature(claim) and claim not in _ZIPPED_PROGRAMS
    # Many programs write their reports as pages with the extension .xls or .doc.
    return evidence.is_active and kind in _TRUSTED - {"ole"}


def shows(evidence: Evidence, claimed: str) -> bool:
    """Whether the bytes fit a canonical type, as far as the first kilobytes show."""
    return claimed in evidence.perhaps or is_also(canonical(evidence.content_type), claimed)


def _agrees(evidence: Evidence, name_type: str) -> bool:
    """Whether the type of a file's name fits its bytes, or is at least of the same family."""
    if shows(evidence, name_type):
        return True
    own = "text" if evidence.is_text else family(evidence.content_type)
    return own is not None and own == family(name_type)


def _is_text_in_disguise(evidence: Evidence, claim: str) -> bool:
    if family(evidence.content_type) == "document":
        return family(claim) in _TRUSTED - {"document", "ole"}
    return is_never_text(claim) and claim not in COMPRESSED


def _contradicts(evidence: Evidence, claim: str) -> bool:
    """Whether bytes of a known kind cannot be of the claimed type."""
    own, other = family(evidence.content_type), family(claim)
    if not evidence.is_sure or other is None or own == other or {own, other} <= _PACKED:
        return False
    if has_signature(claim):
        return True
    if own == "archive":
        # Sheets and drawings are often compressed without a sign of it: .svgz, .csv.gz.
        return other == "document"
    if other == "text" and claim.startswith(_OWN_TEXTS):
        # Rare extensions often have two meanings.
        return False
    if evidence.container is not None or evidence.content_type == "image/tiff":
        # Many formats use these as containers.
        return own in DISTINCT and other in ("text", "document")
    return {own, other} <= DISTINCT
