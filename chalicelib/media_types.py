"""What a file is: decided from its declared type, its name and its first bytes.

Pure. A file is rejected only where it passes for something else (`deception`). Everything else is
believed, and told as precisely as declaration, name and bytes allow.
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
# Programs that begin in ways that cannot be taken for each other's.
_KINDS_OF_PROGRAMS = frozenset({
    "application/vnd.microsoft.portable-executable", "application/x-mach-binary",
    "application/java-vm", "application/wasm", "application/vnd.android.dex",
    "application/x-python-bytecode",
})  # fmt: skip
# Programs write pages, tables and markup under these names of Office's.
_TEXT_OFFICE = frozenset({"application/vnd.ms-excel", "application/msword"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What a file is told to be; `refusal` is a sentence that says why it is rejected.

    `container` is the type of what the file is made of, `application/zip` or
    `application/x-ole-storage`, where that is another one. `unconfirmed` is the type that the
    bytes show by themselves, where that says nothing of the type that is told.
    """

    content_type: str
    container: str | None
    refusal: str | None
    unconfirmed: str | None = None


def decide(declared: str, filename: str, head: bytes) -> Decision:
    """What a file is, from its declared type, its name and its first kilobytes.

    A declared type that the bytes do not contradict is kept as it is spelled, without parameters.
    """
    shown = sniff(head)
    named = types_of_name(filename)
    claim = None if is_vague(declared, filename) else declared.partition(";")[0].strip()
    if is_deceptive(shown, canonical(claim) if claim else None, [canonical(n) for n in named]):
        told = claim or named[0]
        return Decision(
            shown.content_type,
            None,
            f"Its content is {shown.content_type}, which is not what its name and type say"
            f" ({told}). {_SUGGESTION}",
        )
    content_type = _of_claim(shown, claim, named) if claim else _of_name(shown, named)
    is_container = shown.container is not None and canonical(content_type) != shown.container
    confirmed = shown.is_text or _confirms(shown, canonical(content_type))
    return Decision(
        content_type,
        shown.container if is_container else None,
        None,
        None if confirmed else shown.content_type if shown.is_sure else UNKNOWN,
    )


def objection(decision: Decision, *, allowed: Sequence[str]) -> str | None:
    """Why a file is not one of the allowed types, in a sentence; None when it is.

    A type that the bytes do not confirm is the sender's word. A list takes it that names exactly
    this type, or that also takes what the bytes show by themselves.
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


def _confirms(shown: Evidence, told: str) -> bool:
    own = family(canonical(shown.content_type))
    is_same = own is not None and own == family(told)
    return shown.content_type == EMPTY or shows(shown, told) or is_same


def _of_claim(shown: Evidence, claim: str, named: Sequence[str]) -> str:
    """The type of a file that was declared, and does not deceive."""
    claimed = canonical(claim)
    if shown.content_type == EMPTY:
        return claim if family(claimed) == "text" else EMPTY
    if shows(shown, claimed):
        return claim
    if not (shown.is_text or shown.is_program or shown.is_sure):
        return UNKNOWN if has_signature(claimed) else claim
    if shown.is_text:
        fits = _fits_text(shown, claimed)
    elif shown.is_program:
        fits = claimed in PROGRAMS - _KINDS_OF_PROGRAMS or (
            shown.container is not None and family(claimed) is None
        )
    else:
        fits = family(claimed) is None or _is_made_of(shown, claimed)
    return claim if fits else _of_name(shown, named)


def _of_name(shown: Evidence, named: Sequence[str]) -> str:
    """The type of a file whose declared type says nothing, or something else than its bytes."""
    for name in named:
        each = canonical(name)
        if shown.content_type == EMPTY:
            fits = family(each) == "text"
        elif shows(shown, each):
            fits = True
        elif shown.is_text:
            fits = _fits_text(shown, each) and family(each) not in ("program", "ole", "archive")
        elif shown.is_program:
            fits = False
        elif shown.is_sure:
            fits = _is_made_of(shown, each)
        else:
            fits = not has_signature(each) and family(each) not in ("text", "program")
        if fits:
            return name
    return shown.content_type


def _fits_text(shown: Evidence, claimed: str) -> bool:
    """Whether a text may be what a type says: any text format, or one in another family."""
    kind = family(claimed)
    if kind in ("text", "program", None):
        return True
    if shown.content_type not in (TEXT, "application/xml", "application/json"):
        return False
    if kind in ("zip", "archive", "ole"):
        return claimed in _TEXT_OFFICE
    return not is_never_text(claimed)


def _is_made_of(shown: Evidence, claimed: str) -> bool:
    """Whether a format may be made of the container that the bytes are."""
    if shown.container == OLE:
        return family(claimed) in ("ole", "image", None) or claimed.startswith(OFFICE)
    if shown.container != ZIP:
        return False
    if family(claimed) in ("ole", "archive", "text"):
        return False
    if ZIP in (shown.content_type, claimed) or family(claimed) != "zip":
        return True
    is_app = shown.content_type in (JAR, APK)
    return is_app and (claimed == JAR or not has_signature(claimed))
