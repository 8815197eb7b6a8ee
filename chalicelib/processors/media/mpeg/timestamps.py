"""The timestamps in packets of MPEG streams, in units of 1/90,000 s.

ISO/IEC 13818-1 §2.4.3.6 (PES packets), ISO/IEC 11172-1 §2.4.3.3 for MPEG-1.
"""

from collections.abc import Collection, Mapping, Sequence

WRAP = 1 << 33  # timestamps wrap around after 26 hours
_SECOND = 90_000
_FIRST = 50  # timestamps among which the earliest is: pictures are not sent in display order

Times = Mapping[int, Sequence[int]]  # of each stream, in file order


def duration(first: Times, last: Times, films: Collection[int]) -> float | None:
    """Seconds from the first to the last timestamps, including the last picture.

    `films` are the streams with pictures: an audio packet has no usual length.
    """
    begins = [min(times[:_FIRST]) for times in first.values()]
    ends = [max(times) + (_step(times) if number in films else 0) for number, times in last.items()]
    return ((max(ends) - min(begins)) % WRAP) / _SECOND if begins and ends else None


def _step(times: Sequence[int]) -> int:
    """The usual step between two timestamps."""
    return (max(times) - min(times)) // (len(times) - 1) if len(times) > 1 else 0


def of_packet(packet: bytes) -> int | None:
    """The timestamp in a PES packet's header; not every packet has one."""
    if len(packet) < 14:  # up to the timestamp
        return None
    if packet[6] & 0xC0 == 0x80:  # MPEG-2
        return _ticks(packet[9:14]) if packet[7] & 0x80 else None
    place = 6
    while place < len(packet) - 5 and packet[place] == 0xFF:  # stuffing
        place += 1
    if packet[place] & 0xC0 == 0x40:  # the buffer size
        place += 2
    return _ticks(packet[place : place + 5]) if packet[place : place + 1] > b"\x1f" else None


def _ticks(data: bytes) -> int | None:
    """33 bits in three pieces; each ends with a marker bit."""
    if len(data) < 5 or not data[0] & data[2] & data[4] & 1:
        return None
    high, middle, low = data[0] >> 1 & 7, int.from_bytes(data[1:3]), int.from_bytes(data[3:5])
    return high << 30 | middle >> 1 << 15 | low >> 1
