"""Faults of the far end, a class for each; none depends on chance.

A part is the content of one request to S3: a part of a file, or a whole small file. 5 % means every
twentieth. Times start when a third of the bytes has arrived. Must not know which uploader is at
work.
"""

import itertools
import time
from dataclasses import dataclass, field

EVERY = 20
# S3's own error body.
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
INTERNAL = b"<Error><Code>InternalError</Code><Message>We encountered an error.</Message></Error>"

Fate = tuple[int, bytes] | str | None
"""An error response, "half" or "early" (the place where a part is reset), "stall", "reset", or
nothing.

A "lost" call is carried out, and reset before its response.
"""


@dataclass(slots=True)
class NoFault:
    """No fault. The other classes override what they break."""

    def on_share(self, share: float) -> None:
        """Called with the share of the bytes that has arrived."""

    def part(self) -> Fate:
        """The fate of the next part."""
        return None

    def call(self) -> Fate:
        """The fate of the next API call."""
        return None

    def severed(self) -> bool:
        """Whether every connection is being reset now."""
        return False


@dataclass(slots=True)
class SomeParts(NoFault):
    """5 % of the parts have this fate."""

    end: tuple[int, bytes] | str
    _count: "itertools.count[int]" = field(default_factory=lambda: itertools.count(EVERY // 2))

    def part(self) -> Fate:
        return self.end if next(self._count) % EVERY == 0 else None


@dataclass(slots=True)
class SomeCalls(NoFault):
    """5 % of the API calls have this fate, beginning with the second call."""

    end: tuple[int, bytes] | str
    _count: "itertools.count[int]" = field(default_factory=lambda: itertools.count(EVERY - 1))

    def call(self) -> Fate:
        return self.end if next(self._count) % EVERY == 0 else None


@dataclass(slots=True)
class OnePartStalls(NoFault):
    """One part is never read."""

    _count: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def part(self) -> Fate:
        return "stall" if next(self._count) == 2 else None


@dataclass(slots=True)
class Spell(NoFault):
    """A fault that lasts a number of seconds, after a third of the bytes."""

    seconds: float
    _start: float | None = None

    def on_share(self, share: float) -> None:
        if self._start is None and share >= 1 / 3:
            self._start = time.monotonic()

    @property
    def on(self) -> bool:
        """Whether it is active."""
        return self._start is not None and time.monotonic() - self._start < self.seconds


@dataclass(slots=True)
class Overload(Spell):
    """S3 answers 503 to every part."""

    def part(self) -> Fate:
        return (503, SLOW_DOWN) if self.on else None


@dataclass(slots=True)
class Severed(Spell):
    """Connections to S3 are reset: open ones at once, new ones soon after they begin."""

    def part(self) -> Fate:
        return "early" if self.on else None

    def severed(self) -> bool:
        return self.on
