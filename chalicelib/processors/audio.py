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


def run(stored: ObjectReader, /) -> dict[str, Any]:
    """`{"container", "codec", "duration", "sample_rate", "channels", "bitrate"}` and tags.

    `duration` in seconds, `sample_rate` in hertz, `bitrate` in bits a second; `title`, `artist` and
    `album` where they are cheap to find. `duration_estimated` is true for a duration reckoned from
    a part of the sound. `error` says what a sound should tell and this one does not.
    """
    # The readers are loaded where they are used: the API never reads a sound.
    from chalicelib.processors import media

    found = media.read(stored)
    if found is None or (stored.content_type in _OTHERS and found.film() is not None):
        return {}
    told: dict[str, Any] = {"container": found.container}
    sound = found.sound()
    if sound is not None:
        told |= {"codec": sound.codec} if sound.codec else {}
        told |= {"sample_rate": sound.sample_rate} if sound.sample_rate in _RATES else {}
        told |= {"channels": sound.channels} if sound.channels in _CHANNELS else {}
    told |= found.told_duration()
    bitrate = found.bitrate or (sound.bitrate if sound else 0)
    told |= {"bitrate": bitrate} if bitrate else {}
    told |= found.tags
    return told | ({"error": found.error} if found.error else {})
