"""Texts of formats that declare no encoding, or a wrong one."""

import codecs

_HIGH = 0x80  # bytes from here on depend on the code page


def decode(data: bytes) -> str:
    """Decode UTF-8, or else Windows-1252; empty if most letters are of another code page.

    A Cyrillic or Japanese title would otherwise become a row of accented letters. The bytes may end
    within a character.
    """
    data = data.partition(b"\0")[0]
    try:
        return codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        pass
    high = sum(byte >= _HIGH for byte in data)
    plain = sum(byte < _HIGH and chr(byte).isalpha() for byte in data)
    return data.decode("cp1252", "replace") if high <= plain else ""
