"""Title, artist and album of Ogg and FLAC.

https://xiph.org/vorbis/doc/v-comment.html
"""

from chalicelib.processors.media.media_facts import Media

MAX_COMMENTS = 200
_NAMES = {"title", "artist", "album"}


def read(data: bytes, media: Media) -> None:
    """Add the tags in a comment block, whose end may be missing."""
    place = 4 + int.from_bytes(data[:4], "little")  # behind the name of the program
    count = int.from_bytes(data[place : place + 4], "little")
    place += 4
    for _ in range(min(count, MAX_COMMENTS)):
        size = int.from_bytes(data[place : place + 4], "little")
        text = data[place + 4 : place + 4 + min(size, 2048)].decode("utf-8", "replace")
        name, equals, value = text.partition("=")
        if equals and name.lower() in _NAMES:
            media.add_tag(name.lower(), value)
        place += 4 + size
        if place >= len(data):
            return
