"""Duration, sample rate, channels and tags of audio, by the readers in `media`.

It reads only headers and both ends, by ranged requests: a recording of 10 GB takes a few requests.
"""

from typing import Any

from chalicelib.reader import ObjectReader

reads_all = False

_OTHERS = ("application/ogg",)
_RATES = range(1, 10**7)
_CHANNELS = range(1, 1000)


def applies_to(content_type: str, size: int, /) -> bool:
    """To every audio type: the first bytes decide whether there is a reader."""
    return (content_type.startswith("audio/") or content_type in _OTHERS) and size > 0


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"container", "codec", "duration", "sample_rate", "channels", "bitrate"}` and tags.

    `duration` is in seconds, `sample_rate` in hertz, `bitrate` in bits a second. `title`, `artist`
    and `album` are there if the format makes them cheap to read. `duration_estimated` is true if
    `duration` was computed from a part of the file. `error` says which expected value is missing.
    """
    # Imported here, because the API never reads audio.
    from chalicelib.processors import media

    facts = media.read(source)
    if facts is None or (source.content_type in _OTHERS and facts.video_track() is not None):
        return {}
    report: dict[str, Any] = {"container": facts.container}
    track = facts.audio_track()
    if track is not None:
        report |= {"codec": track.codec} if track.codec else {}
        report |= {"sample_rate": track.sample_rate} if track.sample_rate in _RATES else {}
        report |= {"channels": track.channels} if track.channels in _CHANNELS else {}
    report |= facts.duration_fields()
    bitrate = facts.bitrate or (track.bitrate if track else 0)
    report |= {"bitrate": bitrate} if bitrate else {}
    report |= facts.tags
    return report | ({"error": facts.error} if facts.error else {})
