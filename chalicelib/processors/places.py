"""Reads at any offset of an object, for formats whose structures point to each other.

It caches a few pages, so a reader that jumps back and forth requests each page from S3 once.
"""

import json
from collections import OrderedDict
from typing import TypeVar

from chalicelib.processors.damaged import DAMAGED, DamagedError
from chalicelib.reader import MAX_READ, ObjectReader, ReadTooLarge

PAGE_SIZE = 64 * 1024  # bytes of one request
KEPT_PAGES = 32
# The reports of files that cannot be read.
BROKEN = {"error": DAMAGED}
TOO_LARGE = {"error": "Its directory is too large to be read"}
_MANY_PAGES = 4  # longer reads are one request, and are not cached
MAX_REQUESTED = 24 * 1024 * 1024  # bytes requested from S3 in all
_Item = TypeVar("_Item", str, dict[str, object])


class Places:
    """Reads an object at any offset: `page_size` bytes a request, at most `limit` bytes in all."""

    def __init__(
        self, source: ObjectReader, *, page_size: int = PAGE_SIZE, limit: int = MAX_REQUESTED
    ) -> None:
        self.size = source.size
        self._source = source
        self._page_size = page_size
        self._left = limit
        self._pages: OrderedDict[int, bytes] = OrderedDict()

    def read(self, offset: int, size: int) -> bytes:
        """The bytes at an offset, or fewer at the end of the object.

        Raises DamagedError for a negative offset or size, ReadTooLarge above MAX_READ or the limit,
        and OutOfTime when the time is over.
        """
        self._source.check_time()
        end = min(offset + size, self.size)
        if offset < 0 or size < 0:
            raise DamagedError
        if size > MAX_READ:
            raise ReadTooLarge(f"more than {MAX_READ} bytes at once")
        if offset >= end:
            return b""
        if end - offset > _MANY_PAGES * self._page_size:
            return self._request(offset, end - offset)
        first, last = offset // self._page_size, (end - 1) // self._page_size
        data = b"".join(map(self._page, range(first, last + 1)))
        start = offset - first * self._page_size
        return data[start : start + end - offset]

    def exactly(self, offset: int, size: int) -> bytes:
        """Exactly `size` bytes; raises DamagedError if the object ends before."""
        data = self.read(offset, size)
        if len(data) < size:
            raise DamagedError
        return data

    def _page(self, number: int) -> bytes:
        if number in self._pages:
            self._pages.move_to_end(number)
            return self._pages[number]
        start = number * self._page_size
        size = min(self._page_size, self.size - start)
        page = self._pages[number] = self._request(start, size)
        if len(self._pages) > KEPT_PAGES:
            self._pages.popitem(last=False)
        return page

    def _request(self, offset: int, size: int) -> bytes:
        if size > self._left:
            raise ReadTooLarge("more bytes than a directory has")
        self._left -= size
        return self._source.read_range(offset, size)


def printable(text: str, size: int) -> str:
    """The first `size` characters of a text from a file, without control characters."""
    clean = "".join(" " if ord(one) < ord(" ") else one for one in text[: size * 4])
    return " ".join(clean.split())[:size].encode("utf-8", "replace").decode()


def fitting(items: list[_Item], size: int) -> list[_Item]:
    """The first items that fit in `size` bytes of JSON."""
    first_items: list[_Item] = []
    for item in items:
        size -= len(json.dumps(item, ensure_ascii=False).encode()) + 2
        if size < 0:
            break
        first_items.append(item)
    return first_items
