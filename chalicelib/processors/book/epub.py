"""Title, authors and chapters of an EPUB book. EPUB 3.3; EPUB 2 with its NCX of DAISY 2005.

The package document names the title, the authors and the table of contents: a navigation document
of EPUB 3, an NCX of EPUB 2, or both. A chapter is an entry of that table, at any depth.
"""

import itertools
import posixpath
import urllib.parse
from collections.abc import Collection
from typing import Any

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.places import BROKEN, TOO_LARGE, Places, fitting, printable
from chalicelib.processors.xml_elements import MAX_ELEMENTS, Element, elements
from chalicelib.processors.zip_parts import DAMAGED, MAX_PART, Parts
from chalicelib.reader import ObjectReader, ReadTooLarge

MAX_TITLE = 200  # characters of the book's title
MAX_NAME = 80  # characters of an author's name, or of a chapter's title
SHOWN_AUTHORS = 10
SHOWN_CHAPTERS = 50
# Bytes of JSON. With the title and the authors it is below `MAX_RESULT_SIZE`.
MAX_CHAPTERS = 10 * 1024
_NCX = "application/x-dtbncx+xml"


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"title", "authors", "author_count", "chapters", "chapter_count"}`, as far as known.

    `complete` is false where a limit ended the reading. Empty for an object that is no EPUB.
    """
    if Places(source, page_size=4).read(0, 4) != b"PK\x03\x04":
        return {}
    try:
        parts = Parts(source)
        roots = parts.elements("META-INF/container.xml", ["rootfile"])
        path = roots[0].attributes.get("full-path", "") if roots else ""
        return _book(parts, path) if parts.has(path) else {}
    except ReadTooLarge:
        return TOO_LARGE
    except DAMAGED:
        return BROKEN


def _book(parts: Parts, path: str) -> dict[str, Any]:
    items, complete = _elements(parts, path, ["title", "creator", "meta", "item"])
    titles = [_name(one, MAX_TITLE) for one in items if one.name == "title"]
    authors = _authors(items)
    report: dict[str, Any] = {"title": titles[0]} if any(titles[:1]) else {}
    if authors:
        report |= {"authors": authors[:SHOWN_AUTHORS], "author_count": len(authors)}
    report |= _chapters(parts, posixpath.dirname(path), items)
    return report if complete else report | {"complete": False}


def _authors(items: list[Element]) -> list[str]:
    """The creators, without those that have another role: editors, translators, illustrators."""
    roles = {
        one.attributes.get("refines", "").removeprefix("#"): one.text
        for one in items
        if one.name == "meta" and one.attributes.get("property") == "role"
    }
    creators = [one for one in items if one.name == "creator"]
    names = [
        _name(one)
        for one in creators
        if one.attributes.get("role", roles.get(one.attributes.get("id", ""), "aut")) == "aut"
    ]
    return [name for name in names if name]


def _chapters(parts: Parts, folder: str, items: list[Element]) -> dict[str, Any]:
    """The chapters by the first table of contents that has some: EPUB 3's, else EPUB 2's."""
    navigation = [one for one in items if "nav" in one.attributes.get("properties", "").split()]
    ncx = [one for one in items if one.attributes.get("media-type") == _NCX]
    report: dict[str, Any] = {}
    for read, tables in ((_navigation, navigation), (_ncx, ncx)):
        for table in tables[:1]:
            try:
                titles, complete = read(parts, _path(folder, table))
            except DAMAGED:
                report = report or {"error": "Its table of contents cannot be read"}
                continue
            first = fitting(titles[:SHOWN_CHAPTERS], MAX_CHAPTERS)
            chapters: dict[str, Any] = {"chapters": first, "chapter_count": len(titles)}
            chapters |= {} if complete else {"complete": False}
            if titles:
                return chapters
            report = report or chapters
    return report


def _path(folder: str, item: Element) -> str:
    """The entry of the ZIP that an item of the package document names."""
    place = urllib.parse.unquote(item.attributes.get("href", ""))
    return posixpath.normpath(posixpath.join(folder, place))


def _navigation(parts: Parts, path: str) -> tuple[list[str], bool]:
    """The links and headings of the list in `<nav epub:type="toc">`."""
    items, complete = _elements(parts, path, ["nav", "a", "span"], whole=("a", "span"))
    titles: list[str] = []
    inside = has_table = False
    for one in items:
        if one.name == "nav":
            inside = "toc" in one.attributes.get("type", "").split()
            has_table = has_table or inside
        elif inside and one.parent == "li":
            titles.append(_name(one))
    if not has_table:
        raise DamagedError
    return [title for title in titles if title], complete


def _ncx(parts: Parts, path: str) -> tuple[list[str], bool]:
    """The first label of each `<navPoint>`; the labels of pages are no chapters."""
    names = ["navMap", "navPoint", "pageTarget", "navTarget", "text"]
    items, complete = _elements(parts, path, names)
    if not any(one.name == "navMap" for one in items):
        raise DamagedError
    titles = [
        _name(text)
        for point, text in itertools.pairwise(items)
        if point.name == "navPoint" and text.name == "text"
    ]
    return [title for title in titles if title], complete


def _name(one: Element, size: int = MAX_NAME) -> str:
    return printable(one.text, size)


def _elements(
    parts: Parts, path: str, names: Collection[str], *, whole: Collection[str] = ()
) -> tuple[list[Element], bool]:
    """The elements of these names in an XML entry, and whether they are all."""
    if not parts.has(path):
        raise DamagedError
    data = b"".join(parts.pieces(path))
    items = elements([data], names, whole=whole)
    return items, len(data) < MAX_PART and len(items) < MAX_ELEMENTS
