"""Elements of an XML file, by Python's expat. Size and depth are bounded, and entities are refused.

Names are without namespace prefix, because programs choose their own prefixes and versions.
"""

import xml.parsers.expat
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

MAX_ELEMENTS = 5000  # in the result
MAX_DEPTH = 200  # nested elements
MAX_TEXT = 4000  # characters of one element's text


@dataclass(slots=True)
class Element:
    """An element: its name, its attributes, its own text and the name of its parent.

    `depth` is the number of elements around it.
    """

    name: str
    attributes: dict[str, str]
    parent: str
    depth: int
    texts: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def text(self) -> str:
        """The text directly in the element; that of its children only if it is read whole."""
        return "".join(self.texts).strip()


class NotXML(Exception):
    """The bytes are not XML, or the XML declares entities."""


def elements(
    pieces: Iterable[bytes], names: Collection[str], *, whole: Collection[str] = ()
) -> list[Element]:
    """The first elements of these names, in document order.

    An element whose name is also in `whole` has the text of its children too, and these are not
    found. Raises NotXML. The elements before the error are lost.
    """
    reading = _Reading(names, whole)
    parser = xml.parsers.expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.characters
    parser.EntityDeclHandler = reading.refuse
    try:
        for piece in pieces:
            parser.Parse(piece, False)  # noqa: FBT003 - it takes no name
    except (xml.parsers.expat.ExpatError, ValueError, LookupError) as error:
        raise NotXML from error
    return reading.found


class _Reading:
    def __init__(self, names: Collection[str], whole: Collection[str]) -> None:
        self.found: list[Element] = []
        self._names = names
        self._whole = whole
        self._open: list[tuple[str, Element | None]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = _local(name)
        if len(self._open) > MAX_DEPTH:
            raise NotXML
        around = self._open[-1][1] if self._open else None
        element = around if around and around.name in self._whole else None
        if not element and local in self._names and len(self.found) < MAX_ELEMENTS:
            own = {_local(key): value[:MAX_TEXT] for key, value in attributes.items()}
            parent = self._open[-1][0] if self._open else ""
            element = Element(local, own, parent, len(self._open))
            self.found.append(element)
        self._open.append((local, element))

    def end(self, _name: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        element = self._open[-1][1]
        if element and element.size < MAX_TEXT:
            element.texts.append(text[:MAX_TEXT])
            element.size += len(text)

    def refuse(self, *_declared: object) -> None:
        raise NotXML


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
