"""Title, authors and chapters of e-books in EPUB. `document` reports their other facts."""

from typing import Any

from chalicelib.reader import ObjectReader

reads_all = False


def applies_to(content_type: str, size: int, /) -> bool:
    """To EPUB."""
    return content_type == "application/epub+zip" and size > 0


def run(source: ObjectReader, /) -> dict[str, Any]:
    """The part of the report that `epub` describes."""
    # Only EPUB needs zipfile and an XML parser.
    from chalicelib.processors.book import epub

    return epub.run(source)
