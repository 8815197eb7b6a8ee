"""The picture size in MPEG-1, MPEG-2 and H.264 streams, from their headers.

ISO/IEC 13818-2 §6.2.2.1 (sequence header), ITU-T H.264 §7.3.2.1.1 (sequence parameter set).
"""

from chalicelib.processors.damaged import DamagedError

_SEQUENCE, _EXTENSION = b"\0\0\1\xb3", b"\0\0\1\xb5"
_START = b"\0\0\1"
_PARAMETERS = 7  # the type of an H.264 sequence parameter set
# Profiles with more parameters for colours.
_HIGH = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


def size_of_mpeg(data: bytes) -> tuple[int, int] | None:
    """The size in an MPEG-1 or MPEG-2 stream; MPEG-2's extension adds two bits to each number."""
    place = data.find(_SEQUENCE)
    if not 0 <= place <= len(data) - 8:
        return None
    bits = int.from_bytes(data[place + 4 : place + 7])
    width, height = bits >> 12, bits & 0xFFF
    extension = data.find(_EXTENSION, place, place + 200)
    if 0 <= extension <= len(data) - 8 and data[extension + 4] >> 4 == 1:
        more = int.from_bytes(data[extension + 4 : extension + 8])
        width |= (more >> 15 & 3) << 12
        height |= (more >> 13 & 3) << 12
    return width, height


def size_of_h264(data: bytes) -> tuple[int, int] | None:
    """The size in the first sequence parameter set of some bytes."""
    place = data.find(_START)
    while 0 <= place < len(data) - 4:
        if data[place + 3] & 0x9F == _PARAMETERS:
            end = data.find(_START, place + 4)
            unit = data[place + 4 : end if end > 0 else place + 260]
            try:
                # An emulation prevention byte: contents must not look like a start code.
                return _size(_Bits(unit[:256].replace(b"\0\0\3", b"\0\0")))
            except DamagedError:
                return None
        place = data.find(_START, place + 3)
    return None


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data)
        self._left = 8 * len(data)

    def take(self, count: int) -> int:
        """The next bits as a number."""
        self._left -= count
        if self._left < 0:
            raise DamagedError
        return self._value >> self._left & (1 << count) - 1

    def number(self) -> int:
        """A number in Exp-Golomb code."""
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:  # of the longest number
                raise DamagedError
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        """A signed number in Exp-Golomb code."""
        value = self.number()
        return (value + 1) // 2 if value & 1 else -(value // 2)


def _size(bits: _Bits) -> tuple[int, int]:
    profile = bits.take(8)
    bits.take(16)  # constraints and level
    bits.number()  # the set's own number
    colours, is_separate = _pass_colours(bits) if profile in _HIGH else (1, 0)
    bits.number()
    order = bits.number()
    if order == 0:
        bits.number()
    elif order == 1:
        bits.take(1)
        for _ in range(2):
            bits.signed()
        for _ in range(min(bits.number(), 255)):
            bits.signed()
    bits.number()
    bits.take(1)
    width = 16 * (bits.number() + 1)
    rows = bits.number() + 1
    is_whole = bits.take(1)
    height = 16 * rows * (2 - is_whole)
    if not is_whole:
        bits.take(1)
    bits.take(1)
    if bits.take(1):
        crop_left, crop_right, crop_top, crop_bottom = (bits.number() for _ in range(4))
        across = 2 if colours in (1, 2) and not is_separate else 1
        down = (2 if colours == 1 and not is_separate else 1) * (2 - is_whole)
        width -= across * (crop_left + crop_right)
        height -= down * (crop_top + crop_bottom)
    if width <= 0 or height <= 0:
        raise DamagedError
    return width, height


def _pass_colours(bits: _Bits) -> tuple[int, int]:
    """Skip the colour parameters; the chroma format, and whether the planes are separate."""
    colours = bits.number()
    is_separate = bits.take(1) if colours == 3 else 0
    bits.number()
    bits.number()
    bits.take(1)
    if bits.take(1):
        for index in range(12 if colours == 3 else 8):
            if bits.take(1):
                last = following = 8
                for _ in range(16 if index < 6 else 64):
                    if following:
                        following = (last + bits.signed()) % 256
                    last = following or last
    return colours, is_separate
