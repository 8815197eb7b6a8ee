"""Video and audio files written by ffmpeg, in `media`; `make.sh` there makes them again.

Durations differ from ffprobe's by less than a tenth of a second. The exception is `film.mpg`, where
both are estimates.
"""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.processors import Processor, audio, video
from tests.processors.reading import reader

FOLDER = Path(__file__).parent / "media"
FILMS: dict[str, dict[str, Any]] = {
    "camera.m2ts": {
        "container": "mpegts",
        "width": 64,
        "height": 32,
        "codec": "h264",
        "tracks": ["video"],
        "duration": 1.0,
    },
    "film.avi": {
        "container": "avi",
        "width": 64,
        "height": 32,
        "codec": "mpeg4",
        "tracks": ["video", "audio"],
        "duration": 1.1,
    },
    "film.flv": {
        "container": "flv",
        "width": 64,
        "height": 32,
        "codec": "flv1",
        "tracks": ["audio", "video"],
        "duration": 1.05,
    },
    "film.mkv": {
        "container": "matroska",
        "width": 64,
        "height": 32,
        "codec": "mpeg4",
        "tracks": ["video", "audio"],
        "duration": 1.064,
    },
    "film.mp4": {
        "container": "mp4",
        "brand": "isom",
        "width": 64,
        "height": 32,
        "codec": "mpeg4",
        "tracks": ["video", "audio"],
        "duration": 1.0,
    },
    "film.mpg": {
        "container": "mpeg",
        "width": 64,
        "height": 32,
        "codec": "mpeg2video",
        "tracks": ["video", "audio"],
        "duration": 0.87,
        "duration_estimated": True,
    },
    "film.mxf": {
        "container": "mxf",
        "width": 64,
        "height": 32,
        "tracks": ["video"],
        "duration": 1.0,
    },
    "film.ogv": {
        "container": "ogg",
        "width": 64,
        "height": 32,
        "codec": "theora",
        "tracks": ["video", "audio"],
        "duration": 1.0,
    },
    "film.ts": {
        "container": "mpegts",
        "width": 64,
        "height": 32,
        "codec": "h264",
        "tracks": ["video", "audio"],
        "duration": 1.03,
    },
    "film.webm": {
        "container": "webm",
        "width": 64,
        "height": 32,
        "codec": "vp8",
        "tracks": ["video", "audio"],
        "duration": 1.008,
    },
    "film.wmv": {
        "container": "asf",
        "width": 64,
        "height": 32,
        "codec": "wmv2",
        "tracks": ["video", "audio"],
        "duration": 1.032,
    },
    "fragmented.mp4": {
        "container": "mp4",
        "brand": "isom",
        "width": 64,
        "height": 32,
        "codec": "mpeg4",
        "tracks": ["video", "audio"],
        "duration": 1.064,
    },
    "indexed.mp4": {
        "container": "mp4",
        "brand": "iso5",
        "width": 64,
        "height": 32,
        "codec": "mpeg4",
        "tracks": ["video", "audio"],
        "duration": 1.064,
    },
    "partly-fragmented.mp4": {
        "container": "mp4",
        "brand": "isom",
        "width": 64,
        "height": 32,
        "codec": "mpeg4",
        "tracks": ["video", "audio"],
        "duration": 1.065,
    },
    "piped.flv": {
        "container": "flv",
        "width": 64,
        "height": 32,
        "codec": "flv1",
        "tracks": ["audio", "video"],
        "duration": 1.045,
    },
    "piped.webm": {
        "container": "webm",
        "width": 64,
        "height": 32,
        "codec": "vp8",
        "tracks": ["video", "audio"],
        "duration": 1.008,
    },
    "recorded.webm": {
        "container": "webm",
        "width": 64,
        "height": 32,
        "codec": "vp8",
        "tracks": ["video", "audio"],
        "duration": 1.001,
    },
    "turned.mp4": {
        "container": "mp4",
        "brand": "isom",
        "width": 32,
        "height": 64,
        "rotation": 90,
        "codec": "mpeg4",
        "tracks": ["video", "audio"],
        "duration": 1.0,
    },
    "upside-down.mov": {
        "container": "mov",
        "brand": "qt",
        "width": 64,
        "height": 32,
        "rotation": 180,
        "codec": "mpeg4",
        "tracks": ["video", "audio"],
        "duration": 1.0,
    },
    "wide-pixels.mkv": {
        "container": "matroska",
        "width": 85,
        "height": 32,
        "codec": "mpeg4",
        "tracks": ["video", "audio"],
        "duration": 1.064,
    },
    "wide-pixels.mp4": {
        "container": "mp4",
        "brand": "isom",
        "width": 85,
        "height": 32,
        "codec": "mpeg4",
        "tracks": ["video", "audio"],
        "duration": 1.0,
    },
}
SOUNDS: dict[str, dict[str, Any]] = {
    "bare.mp3": {
        "container": "mp3",
        "codec": "mp3",
        "sample_rate": 16000,
        "channels": 1,
        "duration": 1.08,
        "bitrate": 16000,
    },
    "counted.mp3": {
        "container": "mp3",
        "codec": "mp3",
        "sample_rate": 16000,
        "channels": 1,
        "duration": 1.08,
        "bitrate": 13333,
        "title": "Häuser",
        "artist": "Björk",
        "album": "Ærø",
    },
    "extensible.wav": {
        "container": "wav",
        "codec": "pcm",
        "sample_rate": 8000,
        "channels": 6,
        "duration": 0.1,
        "bitrate": 768000,
    },
    "large.wav": {
        "container": "wav",
        "codec": "pcm",
        "sample_rate": 8000,
        "channels": 1,
        "duration": 1.0,
        "bitrate": 64000,
    },
    "lossless.m4a": {
        "container": "mp4",
        "codec": "alac",
        "sample_rate": 16000,
        "channels": 1,
        "duration": 1.0,
    },
    "packed.wav": {
        "container": "wav",
        "codec": "adpcm",
        "sample_rate": 16000,
        "channels": 1,
        "duration": 1.018,
        "bitrate": 128000,
    },
    "piped.wav": {
        "container": "wav",
        "codec": "pcm",
        "sample_rate": 8000,
        "channels": 1,
        "duration": 1.0,
        "bitrate": 64000,
    },
    "sound.aac": {
        "container": "adts",
        "codec": "aac",
        "sample_rate": 16000,
        "channels": 1,
        "duration": 1.088,
        "bitrate": 26169,
    },
    "sound.aiff": {
        "container": "aiff",
        "codec": "pcm",
        "sample_rate": 8000,
        "channels": 1,
        "duration": 1.0,
        "bitrate": 64000,
    },
    "sound.au": {
        "container": "au",
        "codec": "mulaw",
        "sample_rate": 8000,
        "channels": 1,
        "duration": 1.0,
        "bitrate": 64000,
    },
    "sound.caf": {
        "container": "caf",
        "codec": "pcm",
        "sample_rate": 8000,
        "channels": 1,
        "duration": 0.5,
        "bitrate": 128000,
    },
    "sound.flac": {
        "container": "flac",
        "codec": "flac",
        "sample_rate": 16000,
        "channels": 1,
        "duration": 1.0,
        "bitrate": 46448,
        "title": "Häuser",
        "artist": "Björk",
        "album": "Ærø",
    },
    "sound.m4a": {
        "container": "mp4",
        "codec": "aac",
        "sample_rate": 16000,
        "channels": 1,
        "duration": 1.0,
        "bitrate": 25864,
        "title": "Häuser",
        "artist": "Björk",
        "album": "Ærø",
    },
    "sound.mka": {
        "container": "matroska",
        "codec": "opus",
        "sample_rate": 48000,
        "channels": 1,
        "duration": 1.008,
    },
    "sound.oga": {
        "container": "ogg",
        "codec": "flac",
        "sample_rate": 16000,
        "channels": 1,
        "duration": 1.0,
        "bitrate": 48184,
    },
    "sound.ogg": {
        "container": "ogg",
        "codec": "vorbis",
        "sample_rate": 16000,
        "channels": 1,
        "duration": 1.0,
        "bitrate": 35480,
        "title": "Häuser",
        "artist": "Björk",
        "album": "Ærø",
    },
    "sound.opus": {
        "container": "ogg",
        "codec": "opus",
        "sample_rate": 48000,
        "channels": 1,
        "duration": 1.0,
        "bitrate": 20568,
        "title": "Häuser",
        "artist": "Björk",
        "album": "Ærø",
    },
    "sound.spx": {
        "container": "ogg",
        "codec": "speex",
        "sample_rate": 16000,
        "channels": 1,
        "duration": 0.991,
        "bitrate": 30416,
    },
    "sound.wav": {
        "container": "wav",
        "codec": "pcm",
        "sample_rate": 8000,
        "channels": 1,
        "duration": 1.0,
        "bitrate": 64000,
        "artist": "Björk",
        "title": "Häuser",
        "album": "Ærø",
    },
    "sound.wma": {
        "container": "asf",
        "codec": "wma",
        "sample_rate": 16000,
        "channels": 1,
        "duration": 1.024,
        "bitrate": 32000,
        "title": "Häuser",
        "artist": "Björk",
        "album": "Ærø",
    },
}
BYTES = {name: (FOLDER / name).read_bytes() for name in FILMS | SOUNDS}


@pytest.mark.parametrize("name", FILMS)
def test_a_real_video_is_reported(name: str) -> None:
    assert video.run(reader(BYTES[name], "video/x")) == FILMS[name]


@pytest.mark.parametrize("name", SOUNDS)
def test_a_real_audio_file_is_reported(name: str) -> None:
    assert audio.run(reader(BYTES[name], "audio/x")) == SOUNDS[name]


def test_every_file_has_an_expectation() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {"make.sh", *BYTES}


NUMBERS = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1", b"\1\0\0\0"]


def damage(data: bytes, seed: int) -> bytes:
    """Some bytes changed, repeated, left out or cut off, mostly near both ends."""
    chance = random.Random(seed)  # noqa: S311 - chance is the point, and comes from a seed
    damaged = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        near = min(int(chance.expovariate(1 / 200)), len(damaged))
        place = chance.choice([near, len(damaged) - near, chance.randint(0, len(damaged))])
        size = chance.randint(1, 400)
        match chance.randrange(5):
            case 0:
                damaged[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                damaged[place : place + 4] = chance.choice(NUMBERS)
            case 2:
                del damaged[place : place + size]
            case 3:
                damaged[place:place] = damaged[place : place + size]
            case _ if chance.random() < 0.2:
                del damaged[place:]
    return bytes(damaged)


@given(st.sampled_from(sorted(BYTES)), st.integers(0, 2**32))
@settings(max_examples=300, deadline=None)
def test_damage_never_makes_a_reader_fail(name: str, seed: int) -> None:
    data = damage(BYTES[name], seed)
    chosen: Processor = video if name in FILMS else audio
    content_type = "video/mp4" if name in FILMS else "audio/mpeg"
    source = reader(data, content_type, patience=300)

    report = chosen.run(source)

    assert set(report) & {"duration", "error", "tracks", "codec"}
    assert 0 <= report.get("duration", 0) <= 10**9
