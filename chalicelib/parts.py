"""How a file is cut into parts: S3's limits, the plan for a size, the gaps in a list of parts.

All sizes are bytes. Pure: the limits come in as arguments, so that tests can use small ones.
Source of the limits: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

MIB = 1024 * 1024
MIN_PART_SIZE = 5 * MIB  # every part but the last
MAX_PART_SIZE = 5 * 1024 * MIB
MAX_PARTS = 10_000
EVEN_PARTS = 128  # ten for each of a browser's twelve connections, which then finish together
MAX_PUT_SIZE = 5 * 1024 * MIB
MAX_OBJECT_SIZE = MAX_PARTS * MAX_PART_SIZE  # 48.8 TiB

Strategy = Literal["put", "multipart"]


@dataclass(frozen=True, slots=True)
class PartPlan:
    """How a file of `size` bytes is sent: one PUT, or `part_count` parts of `part_size` bytes."""

    strategy: Strategy
    size: int
    part_size: int
    part_count: int

    def length(self, number: int) -> int:
        """The exact number of bytes in part `number` (from 1)."""
        if not 1 <= number <= self.part_count:
            raise ValueError(f"part {number} is not one of 1 to {self.part_count}")
        return min(self.part_size, self.size - (number - 1) * self.part_size)


def plan(size: int, *, put_max_size: int, part_size: int) -> PartPlan:
    """The plan for a file of `size` bytes, 0 to 48.8 TiB.

    Up to `put_max_size` it is one PUT. Above that size, parts are whole MiB: a 128th of the file,
    but at least 5 MiB and at most `part_size`. They are larger where 10,000 of them are too few.
    """
    if not 0 <= size <= MAX_OBJECT_SIZE:
        raise ValueError(f"S3 takes objects of 0 to {MAX_OBJECT_SIZE} bytes, not {size}")
    if size <= put_max_size:
        return PartPlan("put", size, part_size=size, part_count=1)
    even = max(MIN_PART_SIZE, -(-size // EVEN_PARTS))
    fitting = -(-size // MAX_PARTS)
    whole_mib = -(-max(min(part_size, even), fitting) // MIB) * MIB
    return PartPlan("multipart", size, part_size=whole_mib, part_count=-(-size // whole_mib))


def missing(planned: PartPlan, sizes: Mapping[int, int]) -> list[int]:
    """The numbers of the planned parts that S3 does not have with their exact length.

    `sizes` maps part number to bytes, as ListParts reports them.
    """
    return [
        number
        for number in range(1, planned.part_count + 1)
        if sizes.get(number) != planned.length(number)
    ]
