"""Read and write units as DynamoDB counts them, and its limit for one partition key.

Bursts are not lent: what a second has left over is lost, which is the least that DynamoDB promises.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

# Write units that one partition key, of a table or of a global index, may take in a second.
MAX_WRITE_UNITS = 1000
WRITE_UNIT = 1024
READ_UNIT = 4096
# The index (None for the table) and the value of its partition key.
Partition = tuple[str | None, str]
Cost = tuple[Partition, int]


def write_units(size: int) -> int:
    """The units of a write of so many bytes."""
    return (size + WRITE_UNIT - 1) // WRITE_UNIT or 1


class Meter:
    """What was taken, for each partition key and operation; without a clock nothing is refused."""

    def __init__(
        self, clock: Callable[[], datetime] | None = None, limit: int = MAX_WRITE_UNITS
    ) -> None:
        self.limit = limit
        self.total = 0
        self.reads = 0.0
        self.operations: Counter[str] = Counter()
        self.reads_of: dict[str, float] = {}
        self.calls: Counter[str] = Counter()
        self.refused = 0
        self.peak = 0
        self._clock = clock
        self._units: dict[Partition, int] = {}
        self._second = -1
        self._in_second: dict[Partition, int] = {}

    def units(self, key: str, *, index: str | None = None) -> int:
        """The write units that a partition key of the table, or of a global index, has taken."""
        return self._units.get((index, key), 0)

    def partitions(self) -> dict[Partition, int]:
        """All write units, by index (None for the table) and partition key."""
        return dict(self._units)

    def take(self, operation: str, costs: Sequence[Cost]) -> frozenset[Partition]:
        """Count the units of one request, or none; returns the partitions that refuse it."""
        if self._clock is not None and (full := self._full(costs)):
            self.refused += 1
            return full
        units = self._units
        for partition, count in costs:
            units[partition] = units.get(partition, 0) + count
            self.total += count
            self.operations[operation] += count
        return frozenset()

    def read(self, operation: str, size: int, *, consistent: bool) -> None:
        """Count the units of a read of so many bytes."""
        units = (size + READ_UNIT - 1) // READ_UNIT or 1
        asked = units if consistent else units / 2
        self.reads += asked
        self.reads_of[operation] = self.reads_of.get(operation, 0) + asked

    def _full(self, costs: Sequence[Cost]) -> frozenset[Partition]:
        """The partitions that would get past the limit; takes the units when there are none."""
        assert self._clock is not None
        second = int(self._clock().timestamp())
        if second != self._second:
            self._second, self._in_second = second, {}
        taken = self._in_second
        asked: dict[Partition, int] = {}
        for partition, count in costs:
            asked[partition] = asked.get(partition, taken.get(partition, 0)) + count
        full = frozenset(partition for partition, count in asked.items() if count > self.limit)
        if not full:
            taken.update(asked)
            self.peak = max(self.peak, *asked.values())
        return full
