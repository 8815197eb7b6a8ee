"""The times in the packets of MPEG streams, in units of which 90,000 are a second.

ISO/IEC 13818-1 §2.4.3.6 (PES packets), ISO/IEC 11172-1 §2.4.3.3 for MPEG-1.
"""

from collections.abc import Collection, Mapping, Sequence

WRAP = 1 << 33  # times begin anew after 26 hours
_SECOND = 90_000
_FIRST = 50  # times in which the earliest one is: pictures are not sent in the order of their times

Times = Mapping[int, Sequence[int]]  # of each stream, in the order they stand in the file


def duration(first: Times, last: Times, films: Collection[int]) -> float | None:
    """Seconds from the times at the beginning to those at the end, the last picture included.

    `films` are the streams that have pictures: a packet of sound has no usual length.
    """
    begins = [min(times[:_FIRST]) for times in first.values()]
    ends = [max(times) + (_step(times) if number in films else 0) for number, times in last.items()]
    return ((max(ends) - min(begins)) % WRAP) / _SECOND if begins and ends else None


def _step(times: Sequence[int]) -> int:
    """The usual time from one to the next."""
    return (max(times) - min(times)) // (len(times) - 1) if len(times) > 1 else 0


def of_packet(packet: bytes) -> int | None:
    """The time in a PES packet's header; not every packet has one."""
    if len(packet) < 14:  # as far as the time
        return None
    if packet[6] & 0xC0 == 0x80:  # MPEG-2
        return _ticks(packet[9:14]) if packet[7] & 0x80 else None
    place = 6
    while place < len(packet) - 5 and packet[place] == 0xFF:  # stuffing
        place += 1
    if packet[place] & 0xC0 == 0x40:  # the size of a buffer
        place += 2
    return _ticks(packet[place : place + 5]) if packet[place : place + 1] > b"\x1f" else None


def _ticks(data: bytes) -> int | None:
    """33 bits in three pieces, each of which ends with a bit that is set."""
    if len(data) < 5 or not data[0] & data[2] & data[4] & 1:
        return None
    high, middle, low = data[0] >> 1 & 7, int.from_bytes(data[1:3]), int.from_bytes(data[3:5])
    return high << 30 | middle >> 1 << 15 | low >> 1
