"""Container, duration, resolution and tracks of films, by the readers in `media`.

Only headers and ends are read, by ranged requests: a film of 100 GB costs a few.
"""

from typing import Any

from chalicelib.reader import ObjectReader

reads_all = False

_OTHERS = ("application/mxf", "application/ogg")


def applies_to(content_type: str, size: int, /) -> bool:
    """To every type of video: the first bytes say whether there is a reader for it."""
    return (content_type.startswith("video/") or content_type in _OTHERS) and size > 0


def run(stored: ObjectReader, /) -> dict[str, Any]:
    """`{"container", "brand", "codec", "duration", "width", "height", "rotation", "tracks"}`.

    `duration` in seconds, sizes in pixels as shown, `rotation` in degrees clockwise if a player
    turns the pictures, `tracks` a list of "video" and "audio". What the file does not tell is left
    out; `error` says what a film should tell and this one does not.
    """
    # The readers are loaded where they are used: the API never reads a film.
    from chalicelib.processors import media

    found = media.read(stored)
    if found is None or (stored.content_type in _OTHERS and found.film() is None):
        return {}
    told: dict[str, Any] = {"container": found.container}
    if found.brand:
        told["brand"] = found.brand
    film = found.film()
    if film is not None:
        told |= {"width": film.width, "height": film.height}
        told |= {"rotation": film.rotation} if film.rotation else {}
    codec = film.codec if film is not None else found.first_codec()
    told |= {"codec": codec} if codec else {}
    if found.tracks or not found.error:
        told["tracks"] = found.kinds()
    told |= found.told_duration()
    return told | ({"error": found.error} if found.error else {})
