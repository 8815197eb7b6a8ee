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


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"container", "brand", "codec", "duration", "width", "height", "rotation", "tracks"}`.

    `duration` in seconds, sizes in pixels as shown, `rotation` in degrees clockwise if a player
    turns the pictures, `tracks` a list of "video" and "audio". What the file does not tell is left
    out; `error` says what a film should tell and this one does not.
    """
    # The readers are loaded where they are used: the API never reads a film.
    from chalicelib.processors import media

    facts = media.read(source)
    if facts is None or (source.content_type in _OTHERS and facts.video_track() is None):
        return {}
    report: dict[str, Any] = {"container": facts.container}
    if facts.brand:
        report["brand"] = facts.brand
    track = facts.video_track()
    if track is not None:
        report |= {"width": track.width, "height": track.height}
        report |= {"rotation": track.rotation} if track.rotation else {}
    codec = track.codec if track is not None else facts.first_codec()
    report |= {"codec": codec} if codec else {}
    if facts.tracks or not facts.error:
        report["tracks"] = facts.kinds()
    report |= facts.duration_fields()
    return report | ({"error": facts.error} if facts.error else {})
