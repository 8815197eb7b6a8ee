"""Texts of formats that do not say, or say wrongly, how their characters are encoded."""

import codecs

_HIGH = 0x80  # bytes from here on are characters of some code page


def decode(data: bytes) -> str:
    """UTF-8 if it is that, else Windows-1252; nothing where most letters are of another code page.

    A title in Cyrillic or Japanese would come out as a confident row of accents. The end of the
    bytes may be in the middle of a character.
    """
    data = data.partition(b"\0")[0]
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        pass
    high = sum(byte >= _HIGH for byte in data)
    plain = sum(byte < _HIGH and chr(byte).isalpha() for byte in data)
    return data.decode("cp1252", "replace") if high <= plain else ""
