"""What goes wrong at the far end, and when: a class for each misfortune, none by chance.

A part is what one request sends to S3: a part of a file, or a small file whole. Every twentieth of
something is 5 %. Times run from the moment a third of the bytes has come in. Must not know which
uploader suffers.
"""

import itertools
import time
from dataclasses import dataclass, field

EVERY = 20
# S3's own words.
EXPIRED = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
INTERNAL = b"<Error><Code>InternalError</Code><Message>We encountered an error.</Message></Error>"

Fate = tuple[int, bytes] | str | None
"""An error answer, "half" or "early" (where a part is reset), "stall", "reset", or nothing.

A call that is "lost" is obeyed, and reset before its answer.
"""


@dataclass(slots=True)
class NoFault:
    """All is well. The others override what they spoil."""

    def told(self, share: float) -> None:
        """Hear which share of the bytes has come in."""

    def part(self) -> Fate:
        """What becomes of the next part."""
        return None

    def call(self) -> Fate:
        """What becomes of the next API call."""
        return None

    def severed(self) -> bool:
        """Whether every connection is being reset now."""
        return False


@dataclass(slots=True)
class SomeParts(NoFault):
    """5 % of the parts end so."""

    end: tuple[int, bytes] | str
    _count: "itertools.count[int]" = field(default_factory=lambda: itertools.count(EVERY // 2))

    def part(self) -> Fate:
        return self.end if next(self._count) % EVERY == 0 else None


@dataclass(slots=True)
class SomeCalls(NoFault):
    """5 % of the API calls end so, the second of all being the first of them."""

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
    """Something that lasts so many seconds, from a third of the bytes on."""

    seconds: float
    _begun: float | None = None

    def told(self, share: float) -> None:
        if self._begun is None and share >= 1 / 3:
            self._begun = time.monotonic()

    @property
    def on(self) -> bool:
        """Whether it is under way."""
        return self._begun is not None and time.monotonic() - self._begun < self.seconds


@dataclass(slots=True)
class Overload(Spell):
    """S3 answers 503 to every part."""

    def part(self) -> Fate:
        return (503, SLOW_DOWN) if self.on else None


@dataclass(slots=True)
class Severed(Spell):
    """Connections to S3 are reset: those that are open at once, new ones soon after they begin."""

    def part(self) -> Fate:
        return "early" if self.on else None

    def severed(self) -> bool:
        return self.on
