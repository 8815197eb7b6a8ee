"""The lines of a text, of bounded length, which can be read again.

`csv` reads rows from lines. If a row has no end, its lines are read again as rows.
"""

from collections.abc import Callable, Iterator

MAX_LINE = 1280 * 1024  # characters of a row: a field of a megabyte, and other fields
MAX_ROW_LINES = 100_000  # lines of a row whose quoted fields contain line ends
# Characters that may be read again: the maximum, and the share of those read so far.
_MAX_AGAIN = 64 * 1024 * 1024
_AGAIN_SHARE = 1
_LINES_BETWEEN_LOOKS = 64  # between checks of the time
_REPLACEMENT = "\ufffd"


class RowTooLong(Exception):
    """A row exceeds the maximum of characters or lines."""


class Lines:
    """The lines from `readline(size)`, with their ends; a blank line replaces one that is too long.

    `row` holds the lines since `start_row`. `number` is that of the last line, from 1. `unreadable`
    counts the replacement characters.
    """

    def __init__(self, readline: Callable[[int], str], check_time: Callable[[], None]) -> None:
        self._readline = readline
        self._check_time = check_time
        self._again: list[str] = []  # a stack: the next line is the last one
        self._may_read_again = _MAX_AGAIN
        self._size = 0
        self.row: list[str] = []
        self.number = 0
        self.unreadable = 0
        self.too_long: set[int] = set()
        self.has_ended = False  # the last iterator is exhausted

    def __iter__(self) -> Iterator[str]:
        row, again = self.row, self._again
        self.has_ended = False
        while line := again.pop() if again else self._next():
            self.number += 1
            row.append(line)
            self._size += len(line)
            if self._size > MAX_LINE or len(row) > MAX_ROW_LINES:
                self.has_ended = True
                raise RowTooLong
            yield line
        self.has_ended = True

    def start_row(self) -> None:
        """Start a new row: its first line is the next one."""
        self.row.clear()
        self._size = 0
        if self.too_long and not self._again:
            self.too_long.clear()

    def is_too_long(self) -> bool:
        """Whether a line of this row was too long to be kept."""
        first = self.number - len(self.row) + 1
        return any(first <= number <= self.number for number in self.too_long)

    def read_again(self, lines: list[str]) -> bool:
        """Put lines back, to be read again; False if that would take too long."""
        size = sum(map(len, lines))
        if size > self._may_read_again:
            return False
        self._may_read_again -= size
        self._again.extend(reversed(lines))
        self.number -= len(lines)
        return True

    def _next(self) -> str:
        if self.number % _LINES_BETWEEN_LOOKS == 0:
            self._check_time()
        line = self._readline(MAX_LINE)
        if not line.isascii():
            self.unreadable += line.count(_REPLACEMENT)
        if len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
            self.too_long.add(self.number + 1)
            while len(line) == MAX_LINE and not line.endswith(("\n", "\r")):
                self._check_time()
                line = self._readline(MAX_LINE)
            line = "\n"
        self._may_read_again += _AGAIN_SHARE * len(line)
        return line
