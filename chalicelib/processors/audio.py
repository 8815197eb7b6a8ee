"""Duration, sample rate, channels and tags of sounds, by the readers in `media`.

Only headers and ends are read, by ranged requests: a recording of 10 GB costs a few.
"""

from typing import Any

from chalicelib.reader import ObjectReader

reads_all = False

_OTHERS = ("application/ogg",)
_RATES = range(1, 10**7)
_CHANNELS = range(1, 1000)


def applies_to(content_type: str, size: int, /) -> bool:
    """To every type of sound: the first bytes say whether there is a reader for it."""
    return (content_type.startswith("audio/") or content_type in _OTHERS) and size > 0


def run(source: ObjectReader, /) -> dict[str, Any]:
    """`{"container", "codec", "duration", "sample_rate", "channels", "bitrate"}` and tags.

    `duration` in seconds, `sample_rate` in hertz, `bitrate` in bits a second; `title`, `artist` and
    `album` where they are cheap to find. `duration_estimated` is true for a duration reckoned from
    a part of the audio_track. `error` says what a sound should tell and this one does not.
    """
    # The readers are loaded where they are used: the API never reads a sound.
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
