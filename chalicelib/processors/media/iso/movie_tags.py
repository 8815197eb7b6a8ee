"""Title, artist and album as iTunes writes them: `udta`, `meta`, `ilst`, one box for each tag.

https://developer.apple.com/documentation/quicktime-file-format/metadata_item_list_atom
"""

from chalicelib.processors.media.iso.movie_boxes import Box, Boxes
from chalicelib.processors.media.media_facts import Media

_TAGS = {b"\xa9nam": "title", b"\xa9ART": "artist", b"\xa9alb": "album"}
_TEXT = 16 + 1024  # bytes that are read: the headers, and more than a report shows


def read(boxes: Boxes, user_data: Box, media: Media) -> None:
    """Add the tags to the facts."""
    for meta in boxes.of(user_data.start, user_data.end):
        # QuickTime's own `meta` box has no version, and no list of this kind.
        if meta.name == b"meta" and not any(boxes.bytes(meta, 4)):
            for items in boxes.of(meta.start + 4, meta.end):
                if items.name == b"ilst":
                    _read_items(boxes, items, media)


def _read_items(boxes: Boxes, items: Box, media: Media) -> None:
    for item in boxes.of(items.start, items.end):
        name = _TAGS.get(item.name)
        if name is not None:
            data = boxes.bytes(item, _TEXT)
            if data[4:8] == b"data":
                media.add_tag(name, data[16:].decode("utf-8", "ignore"))
