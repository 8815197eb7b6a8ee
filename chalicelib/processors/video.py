"""Container, duration, resolution and tracks of video, by the readers in `media`.

It reads only headers and both ends, by ranged requests: a film of 100 GB takes a few requests.
"""

from typing import Any

from chalicelib.reader import ObjectReader

reads_all = False

_OTHERS = ("application/mxf", "application/ogg")


def applies_to(content_type: str, size: int, /) -> bool:
    """To every video type: the first bytes decide whether there is a reader."""
    return (content_type.startswith("video/") or content_type in _OTHERS) and size > 0


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"container", "brand", "codec", "duration", "width", "height", "rotation", "tracks"}`.

    `duration` is in seconds, sizes are in pixels as shown. `rotation` is the angle in degrees
    clockwise by which a player turns the picture. `tracks` is a list of "video" and "audio". Values
    that the file does not contain are left out. `error` says which expected value is missing.
    """
    # Imported here, because the API never reads video.
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
