"""Read and write units as DynamoDB counts them, and its limit for one partition key.

No burst capacity: unused units of a second are lost, which is the least that DynamoDB promises.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

# Write units in a second for one partition key of a table or of a global index.
MAX_WRITE_UNITS = 1000
WRITE_UNIT = 1024
READ_UNIT = 4096
# The index (None for the table) and the value of its partition key.
Partition = tuple[str | None, str]
Cost = tuple[Partition, int]


def write_units(size: int) -> int:
    """The units of a write of `size` bytes."""
    return (size + WRITE_UNIT - 1) // WRITE_UNIT or 1


class Meter:
    """Counts units by partition key and operation; without a clock it refuses nothing."""

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
        """The write units of a partition key of the table or of a global index."""
        return self._units.get((index, key), 0)

    def partitions(self) -> dict[Partition, int]:
        """All write units, by index (None for the table) and partition key."""
        return dict(self._units)

    def take(self, operation: str, costs: Sequence[Cost]) -> frozenset[Partition]:
        """Count the units of a request; returns the partitions that refuse it."""
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
        """Count the units of a read of `size` bytes."""
        units = (size + READ_UNIT - 1) // READ_UNIT or 1
        requested = units if consistent else units / 2
        self.reads += requested
        self.reads_of[operation] = self.reads_of.get(operation, 0) + requested

    def _full(self, costs: Sequence[Cost]) -> frozenset[Partition]:
        """The partitions that would exceed the limit; counts the units when there are none."""
        assert self._clock is not None
        second = int(self._clock().timestamp())
        if second != self._second:
            self._second, self._in_second = second, {}
        in_second = self._in_second
        requested: dict[Partition, int] = {}
        for partition, count in costs:
            requested[partition] = requested.get(partition, in_second.get(partition, 0)) + count
        full = frozenset(partition for partition, count in requested.items() if count > self.limit)
        if not full:
            in_second.update(requested)
            self.peak = max(self.peak, *requested.values())
        return full
