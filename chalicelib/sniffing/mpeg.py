"""MPEG streams, which have no signature: they are detected by consecutive frames or packets."""

# ruff: noqa: PLR2004 - the numbers are places and values in the headers of these formats

import itertools
import re

from chalicelib.sniffing.evidence import Evidence

# Kilobits a second, by MPEG version and layer, and samples a second: ISO/IEC 11172-3, 13818-3.
_RATES = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
# A possible beginning of a frame, and the number of places that are tried.
_SYNC = re.compile(rb"\xff[\xe2-\xff]")
_MAX_SYNCS = 64
_SAMPLES = (44100, 48000, 32000)
# Offset and size of a transport stream packet: plain, behind a time code, and with error correction
# (ISO/IEC 13818-1).
_PACKETS = ((0, 188), (4, 192), (0, 204))


def find_transport_stream(head: bytes) -> Evidence | None:
    """Consecutive packets that begin with 0x47."""
    for offset, size in _PACKETS:
        starts = head[offset::size]
        if len(starts) > 1 and starts.strip(b"G") == b"":
            return Evidence("video/mp2t", is_sure=len(starts) > 2)
    return None


def find_mpeg_audio(head: bytes) -> Evidence | None:
    """An MP3 without tags: two consecutive frames."""
    size = _frame_size(head)
    if size and _frame_size(head[size:]):
        return Evidence("audio/mpeg")
    return None


def has_frames(head: bytes) -> bool:
    """Whether there are consecutive frames: an MP3 may begin with zeros or an unknown tag."""
    for sync in itertools.islice(_SYNC.finditer(head), _MAX_SYNCS):
        size = _frame_size(head[sync.start() :])
        if size and _frame_size(head[sync.start() + size :]):
            return True
    return False


def _frame_size(frame: bytes) -> int:
    """Bytes of the frame that begins here; 0 if there is none."""
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return 0
    version, layer = frame[1] >> 3 & 3, 4 - (frame[1] >> 1 & 3)
    rate, samples, padding = frame[2] >> 4, frame[2] >> 2 & 3, frame[2] >> 1 & 1
    if version == 1 or layer == 4 or rate in (0, 15) or samples == 3:
        return 0
    bits = _RATES[(1 if version == 3 else 2, layer)][rate - 1] * 1000
    hertz = _SAMPLES[samples] // {3: 1, 2: 2, 0: 4}[version]
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    return (144 if version == 3 or layer == 2 else 72) * bits // hertz + padding
