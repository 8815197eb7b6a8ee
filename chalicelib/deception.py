"""Which files are rejected for what they are: those that pass for something else.

Pure. A file that is merely called by a wrong name is told as what it is. It is rejected where a
person or a browser would trust what it says: a program that passes for a picture, a page that
passes for a document, a picture that passes for a film.
"""

from collections.abc import Sequence

from chalicelib.families import (
    COMPRESSED,
    TELLING,
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
# Programs that are ZIPs: whoever calls one a ZIP is right, whoever calls it a letter is not.
_ZIPPED_PROGRAMS = frozenset(
    {"application/java-archive", "application/vnd.android.package-archive"}
)
_PACKED = frozenset({"zip", "ole", "archive"})


def is_deceptive(shown: Evidence, claim: str | None, named: Sequence[str]) -> bool:
    """Whether a file passes for what it is not.

    `claim` is its declared type, None where that says nothing, `named` the types that its name may
    stand for, both canonical.
    """
    claims = ([claim] if claim else []) + list(named[:1])
    if any(_hides(shown, each) for each in claims):
        return True
    if shown.is_program or shown.is_active:
        return False
    if claim is None or shown.content_type == EMPTY or shows(shown, claim):
        return False
    if any(_agrees(shown, each) for each in named):
        return False
    return _is_text_in_disguise(shown, claim) if shown.is_text else _contradicts(shown, claim)


def _hides(shown: Evidence, each: str) -> bool:
    """Whether a program or a page that a browser runs is called by a type that people trust."""
    kind = family(each)
    if shows(shown, each):
        return False
    if shown.is_program:
        return kind in _TRUSTED if shown.is_text else kind not in (None, "program")
    if shown.content_type in _ZIPPED_PROGRAMS:
        return kind in _TRUSTED and has_signature(each) and each not in _ZIPPED_PROGRAMS
    # Reports of many programs are pages that are called .xls or .doc.
    return shown.is_active and kind in _TRUSTED - {"ole"}


def shows(shown: Evidence, claimed: str) -> bool:
    """Whether bytes are what a canonical type says, as far as they tell."""
    return claimed in shown.perhaps or is_also(canonical(shown.content_type), claimed)


def _agrees(shown: Evidence, named: str) -> bool:
    """Whether a file's name says what its bytes show, whatever its declared type says."""
    if shows(shown, named):
        return True
    own = "text" if shown.is_text else family(shown.content_type)
    return own is not None and own == family(named)


def _is_text_in_disguise(shown: Evidence, claim: str) -> bool:
    if family(shown.content_type) == "document":
        return family(claim) in _TRUSTED - {"document", "ole"}
    return is_never_text(claim) and claim not in COMPRESSED


def _contradicts(shown: Evidence, claim: str) -> bool:
    """Whether bytes of a known kind cannot be what the claim says."""
    own, other = family(shown.content_type), family(claim)
    if not shown.is_sure or other is None or own == other or {own, other} <= _PACKED:
        return False
    if has_signature(claim):
        return True
    if own == "archive":
        # Sheets and drawings are often packed without a word: .svgz, .csv.gz.
        return other == "document"
    if other == "text" and claim.startswith(_OWN_TEXTS):
        # An extension that few people know has two meanings.
        return False
    if shown.container is not None or shown.content_type == "image/tiff":
        # Many formats are made of these.
        return own in TELLING and other in ("text", "document")
    return {own, other} <= TELLING
