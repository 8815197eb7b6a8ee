"""The media type of a file: decided from its declared type, its name and its first bytes.

Pure. A file is rejected only where its name or type deceives (`deception`). Any other file gets the
most precise type that declaration, name and bytes agree on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.deception import is_deceptive, shows
from chalicelib.families import OFFICE, PROGRAMS, family, has_signature, is_never_text
from chalicelib.sniffing import EMPTY, OLE, TEXT, UNKNOWN, sniff
from chalicelib.sniffing.evidence import Evidence
from chalicelib.sniffing.zips import APK, JAR, ZIP
from chalicelib.type_names import canonical, is_allowed, is_listed, is_vague, types_of_name

__all__ = ["Decision", "canonical", "decide", "objection"]

_SUGGESTION = "Rename it or declare its real type, and send it again"
# Programs whose first bytes cannot be confused with each other.
_KINDS_OF_PROGRAMS = frozenset({
    "application/vnd.microsoft.portable-executable", "application/x-mach-binary",
    "application/java-vm", "application/wasm", "application/vnd.android.dex",
    "application/x-python-bytecode",
})  # fmt: skip
# Many programs write pages, tables and markup under these names of Office formats.
_TEXT_OFFICE = frozenset({"application/vnd.ms-excel", "application/msword"})


@dataclass(frozen=True, slots=True)
class Decision:
    """The decided type of a file; `refusal` is a sentence that says why it is rejected.

    `container` is `application/zip` or `application/x-ole-storage` where the file is built on one
    but has another type. `unconfirmed` is the type that the bytes show by themselves, where that
    does not confirm `content_type`.
    """

    content_type: str
    container: str | None
    refusal: str | None
    unconfirmed: str | None = None


def decide(declared: str, filename: str, head: bytes) -> Decision:
    """Decide the type of a file from its declared type, its name and its first kilobytes.

    A declared type that the bytes do not contradict keeps its spelling, but loses its parameters.
    """
    evidence = sniff(head)
    name_types = types_of_name(filename)
    claim = None if is_vague(declared, filename) else declared.partition(";")[0].strip()
    if is_deceptive(
        evidence, canonical(claim) if claim else None, [canonical(n) for n in name_types]
    ):
        claimed = claim or name_types[0]
        return Decision(
            evidence.content_type,
            None,
            f"Its content is {evidence.content_type}, which is not what its name and type say"
            f" ({claimed}). {_SUGGESTION}",
        )
    content_type = (
        _of_claim(evidence, claim, name_types) if claim else _of_name(evidence, name_types)
    )
    is_container = evidence.container is not None and canonical(content_type) != evidence.container
    confirmed = evidence.is_text or _confirms(evidence, canonical(content_type))
    return Decision(
        content_type,
        evidence.container if is_container else None,
        None,
        None if confirmed else evidence.content_type if evidence.is_sure else UNKNOWN,
    )


def objection(decision: Decision, *, allowed: Sequence[str]) -> str | None:
    """Why a file is not one of the allowed types, in a sentence; None when it is.

    A type that the bytes do not confirm is only the sender's word. It is allowed where a pattern is
    exactly this type, or where the type that the bytes show is allowed too.
    """
    patterns = ", ".join(allowed)
    if not is_allowed(decision.content_type, allowed=allowed):
        return f"Its content is {decision.content_type}, which is not allowed. Allowed: {patterns}"
    basis = decision.unconfirmed
    if basis is None or is_listed(decision.content_type, allowed=allowed):
        return None
    if is_allowed(basis, allowed=allowed):
        return None
    return (
        f"Nothing in its content shows that it is {decision.content_type}, and {basis} is not"
        f" allowed. Allowed: {patterns}"
    )


def _confirms(evidence: Evidence, content_type: str) -> bool:
    own = family(canonical(evidence.content_type))
    is_same = own is not None and own == family(content_type)
    return evidence.content_type == EMPTY or shows(evidence, content_type) or is_same


def _of_claim(evidence: Evidence, claim: str, name_types: Sequence[str]) -> str:
    """The type of a file with a declared type that does not deceive."""
    claimed = canonical(claim)
    if evidence.content_type == EMPTY:
        return claim if family(claimed) == "text" else EMPTY
    if shows(evidence, claimed):
        return claim
    if not (evidence.is_text or evidence.is_program or evidence.is_sure):
        return UNKNOWN if has_signature(claimed) else claim
    if evidence.is_text:
        fits = _fits_text(evidence, claimed)
    elif evidence.is_program:
        fits = claimed in PROGRAMS - _KINDS_OF_PROGRAMS or (
            evidence.container is not None and family(claimed) is None
        )
    else:
        fits = family(claimed) is None or _is_made_of(evidence, claimed)
    return claim if fits else _of_name(evidence, name_types)


def _of_name(evidence: Evidence, name_types: Sequence[str]) -> str:
    """The type of a file whose declared type says nothing, or does not fit its bytes."""
    for name in name_types:
        each = canonical(name)
        if evidence.content_type == EMPTY:
            fits = family(each) == "text"
        elif shows(evidence, each):
            fits = True
        elif evidence.is_text:
            fits = _fits_text(evidence, each) and family(each) not in ("program", "ole", "archive")
        elif evidence.is_program:
            fits = False
        elif evidence.is_sure:
            fits = _is_made_of(evidence, each)
        else:
            fits = not has_signature(each) and family(each) not in ("text", "program")
        if fits:
            return name
    return evidence.content_type


def _fits_text(evidence: Evidence, claimed: str) -> bool:
    """Whether a text may have a type: any text format, or a text in another family."""
    kind = family(claimed)
    if kind in ("text", "program", None):
        return True
    if evidence.content_type not in (TEXT, "application/xml", "application/json"):
        return False
    if kind in ("zip", "archive", "ole"):
        return claimed in _TEXT_OFFICE
    return not is_never_text(claimed)


def _is_made_of(evidence: Evidence, claimed: str) -> bool:
    """Whether a format may use the container that the bytes are."""
    if evidence.container == OLE:
        return family(claimed) in ("ole", "image", None) or claimed.startswith(OFFICE)
    if evidence.container != ZIP:
        return False
    if family(claimed) in ("ole", "archive", "text"):
        return False
    if ZIP in (evidence.content_type, claimed) or family(claimed) != "zip":
        return True
    is_app = evidence.content_type in (JAR, APK)
    return is_app and (claimed == JAR or not has_signature(claimed))
