"""Elements of an XML file, by Python's expat: bounded, and without entities of the file's own.

Names are those behind the prefix, because programs choose prefixes and namespaces of versions.
"""

import xml.parsers.expat
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

MAX_ELEMENTS = 5000  # that are kept
MAX_DEPTH = 200  # elements in each other
MAX_TEXT = 4000  # characters that are kept of an element's text


@dataclass(slots=True)
class Element:
    """One element: its name, its attributes, its own text and the name of what it is in.

    `depth` counts the elements around it.
    """

    name: str
    attributes: dict[str, str]
    parent: str
    depth: int
    texts: list[str] = field(default_factory=list)
    size: int = 0

    @property
    def text(self) -> str:
        """The characters directly in it."""
        return "".join(self.texts).strip()


class NotXML(Exception):
    """Bytes that are no XML, or XML that declares entities."""


def elements(pieces: Iterable[bytes], names: Collection[str]) -> list[Element]:
    """The first elements of these names, in their order.

    Raises NotXML; what was read of a file that breaks off is lost.
    """
    reading = _Reading(names)
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
    def __init__(self, names: Collection[str]) -> None:
        self.found: list[Element] = []
        self._names = names
        self._open: list[tuple[str, Element | None]] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = _local(name)
        if len(self._open) > MAX_DEPTH:
            raise NotXML
        element = None
        if local in self._names and len(self.found) < MAX_ELEMENTS:
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
