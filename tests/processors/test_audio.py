import io
import struct
import wave
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.processors import audio
from tests.processors.iso import atom, mvhd, sound, trak
from tests.processors.reading import reader, sparse

GB = 10**9


def run(data: bytes, content_type: str = "audio/x") -> dict[str, Any]:
    return audio.run(reader(data, content_type))


def chunk(name: bytes, data: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(data) if size is None else size) + data


def pcm(
    rate: int = 8000, channels: int = 1, width: int = 2, *, tag: int = 1, byte_rate: int = 0
) -> bytes:
    align = channels * width
    byte_rate = byte_rate or rate * align
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, byte_rate, align, 8 * width))


def riff(*chunks: bytes, name: bytes = b"RIFF") -> bytes:
    return name + b"\xff\xff\xff\xffWAVE" + b"".join(chunks)


SECOND = bytes(16000)


@pytest.mark.parametrize(
    ("channels", "rate", "width"), [(1, 8000, 1), (2, 44100, 2), (6, 96000, 3)]
)
def test_the_duration_of_a_wav_by_pythons_writer_is_reported(
    channels: int, rate: int, width: int
) -> None:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setframerate(rate)
        writer.setsampwidth(width)
        writer.writeframes(bytes(channels * width * rate // 2))

    assert run(file.getvalue(), "audio/wav") == {
        "container": "wav",
        "codec": "pcm",
        "duration": 0.5,
        "sample_rate": rate,
        "channels": channels,
        "bitrate": rate * channels * width * 8,
    }


LONG = struct.pack("<QQQI", 0, 16000, 8000, 0)


@pytest.mark.parametrize(
    ("data", "duration"),
    [
        pytest.param(riff(pcm(), chunk(b"data", SECOND)), 1.0, id="ordinary"),
        pytest.param(riff(pcm(), chunk(b"data", SECOND, 0)), 1.0, id="size never filled in"),
        pytest.param(riff(pcm(), chunk(b"data", SECOND, 0xFFFFFFFF)), 1.0, id="size open"),
        pytest.param(riff(pcm(), chunk(b"data", SECOND, 40_000)), 1.0, id="cut off"),
        pytest.param(riff(pcm(), chunk(b"data", b""), chunk(b"LIST", b"INFO")), 0.0, id="empty"),
        pytest.param(
            riff(chunk(b"ds64", LONG), pcm(), chunk(b"data", SECOND + bytes(99), 0xFFFFFFFF),
                 name=b"RF64"), 1.0, id="RF64",
        ),
        pytest.param(
            riff(chunk(b"ds64", LONG), pcm(), chunk(b"data", SECOND, 0xFFFFFFFF), name=b"BW64"),
            1.0, id="BW64",
        ),
        pytest.param(
            riff(chunk(b"ds64", bytes(28)), pcm(), chunk(b"data", SECOND, 0xFFFFFFFF),
                 name=b"RF64"), 1.0, id="RF64 never closed",
        ),
        pytest.param(riff(chunk(b"JUNK", bytes(27) + b"\0"), pcm(), chunk(b"data", SECOND)), 1.0,
                     id="other chunks"),
        pytest.param(riff(pcm(byte_rate=1), chunk(b"data", SECOND)), 1.0, id="wrong byte rate"),
        pytest.param(
            riff(pcm(tag=2, byte_rate=4000), chunk(b"fact", struct.pack("<I", 12000)),
                 chunk(b"data", bytes(4000))), 1.5, id="compressed, samples counted",
        ),
        pytest.param(
            riff(pcm(tag=0x55, byte_rate=2000), chunk(b"data", bytes(4000))), 2.0, id="MP3 inside"
        ),
    ],
)  # fmt: skip
def test_the_duration_of_every_form_of_wav_is_reported(data: bytes, duration: float) -> None:
    report = run(data, "audio/wav")

    assert (report["duration"], report["sample_rate"]) == (duration, 8000)
    assert "error" not in report


def test_the_codec_of_an_extensible_wav_is_reported() -> None:
    more = struct.pack("<HHI", 22, 16, 0x3F) + b"\x07\0" + bytes(14)
    header = struct.pack("<HHIIHH", 0xFFFE, 6, 8000, 48000, 6, 8)

    report = run(riff(chunk(b"fmt ", header + more), chunk(b"data", bytes(48000))))

    assert (report["codec"], report["channels"], report["duration"]) == ("mulaw", 6, 1.0)


@pytest.mark.parametrize(
    ("behind", "duration"), [(b"\1\xff\2\xfe", 375_000), (b"LIST", 106_564.544)]
)
def test_a_size_that_wrapped_around_is_ignored(behind: bytes, duration: float) -> None:
    size = 6_000_000_000
    header = riff(pcm(), chunk(b"data", b"", size % 2**32))
    place = len(header) + size % 2**32
    large, _ = sparse({0: header, place: behind}, len(header) + size, "audio/wav")

    assert audio.run(large)["duration"] == duration


def test_a_wav_of_100_gb_costs_a_few_requests() -> None:
    start = riff(chunk(b"ds64", bytes(28)), pcm(), chunk(b"data", b"", 0xFFFFFFFF))
    large, reading = sparse({0: start}, len(start) + 16000 * 6_000_000, "audio/wav")

    assert audio.run(large)["duration"] == 6_000_000
    assert len(reading.requests) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("Größe".encode(), "Größe", id="UTF-8"),
        pytest.param("Größe – “live”".encode("cp1252"), "Größe – “live”", id="Windows-1252"),
        pytest.param("Подмосковные вечера".encode("cp1251"), None, id="Cyrillic"),
        pytest.param("さくら".encode("shift_jis"), None, id="Shift_JIS"),
        pytest.param("日本".encode() * 200, ("日本" * 200)[:200], id="cut within a character"),
        pytest.param(b"", None, id="empty"),
    ],
)
def test_a_title_is_reported_only_if_its_encoding_is_certain(
    text: bytes, expected: str | None
) -> None:
    info = chunk(b"LIST", b"INFO" + chunk(b"INAM", text + b"\0" * (2 - len(text) % 2)))

    assert run(riff(pcm(), chunk(b"data", SECOND), info)).get("title") == expected
    assert run(id3((b"TIT2", b"\0" + text)) + mp3_frame() * 9).get("title") == expected


def mp3_frame(kbits_index: int = 9, *, mono: bool = False) -> bytes:
    """A frame of MPEG-1 layer III at 44,100 Hz; index 9 is 128 kbit/s."""
    kbits = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)[kbits_index]
    header = bytes([0xFF, 0xFB, kbits_index << 4, 0xC0 if mono else 0])
    return header + bytes(144 * kbits * 1000 // 44100 - 4)


FRAME_SECONDS = 1152 / 44100


def id3(*frames: tuple[bytes, bytes], version: int = 3) -> bytes:
    def size(number: int) -> bytes:
        return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))

    if version == 2:
        body = b"".join(name + len(data).to_bytes(3) + data for name, data in frames)
    else:
        body = b"".join(
            name + (size(len(data)) if version == 4 else len(data).to_bytes(4)) + b"\0\0" + data
            for name, data in frames
        )
    return b"ID3" + bytes([version, 0, 0]) + size(len(body)) + body


def test_the_duration_of_a_constant_bitrate_mp3_follows_from_its_size() -> None:
    report = run(mp3_frame() * 10_000, "audio/mpeg")

    assert report["duration"] == pytest.approx(10_000 * FRAME_SECONDS, abs=0.1)
    assert (report["bitrate"], report["codec"], report["channels"]) == (128_000, "mp3", 2)
    assert "duration_estimated" not in report


def test_the_duration_of_a_variable_bitrate_mp3_without_a_count_is_an_estimate() -> None:
    report = run((mp3_frame(9) + mp3_frame(5)) * 5_000, "audio/mpeg")

    assert report["duration"] == pytest.approx(10_000 * FRAME_SECONDS, rel=0.02)
    assert report["duration_estimated"] is True


def test_the_frames_of_a_small_variable_bitrate_mp3_are_counted() -> None:
    report = run((mp3_frame(9) + mp3_frame(5)) * 50, "audio/mpeg")

    assert report["duration"] == round(100 * FRAME_SECONDS, 3)
    assert "duration_estimated" not in report


@pytest.mark.parametrize(
    ("place", "tag"),
    [
        pytest.param(36, b"Xing" + struct.pack(">II", 1, 777), id="Xing"),
        pytest.param(36, b"Info" + struct.pack(">III", 3, 777, 1), id="Info"),
        pytest.param(36, b"VBRI" + bytes(10) + struct.pack(">I", 777), id="VBRI"),
    ],
)
def test_the_frame_count_of_an_encoder_is_used(place: int, tag: bytes) -> None:
    first = bytearray(mp3_frame())
    first[place : place + len(tag)] = tag

    assert run(bytes(first) + mp3_frame(5) * 9)["duration"] == round(777 * FRAME_SECONDS, 3)


@pytest.mark.parametrize(
    ("version", "names"), [(2, b"TT2 TP1 TAL"), (3, b"TIT2 TPE1 TALB"), (4, b"TIT2 TPE1 TALB")]
)
def test_tags_behind_a_large_cover_of_an_mp3_are_read(version: int, names: bytes) -> None:
    title, artist, album = names.split()
    cover = (b"PIC" if version == 2 else b"APIC", bytes(2_000_000))
    tag = id3(
        cover,
        (title, b"\1" + "Größe".encode("utf-16")),
        (artist, b"\0Bj\xf6rk\0"),
        (album, b"\3" + "日本".encode()),
        version=version,
    )

    report = run(tag + mp3_frame() * 10, "audio/mpeg")

    assert (report["title"], report["artist"], report["album"]) == ("Größe", "Björk", "日本")
    assert report["duration"] == round(10 * FRAME_SECONDS, 3)


def test_an_id3v1_tag_does_not_count_as_audio() -> None:
    old = b"TAG" + b"Title".ljust(30, b"\0") + b"Artist".ljust(30) + b"Album".ljust(30) + bytes(35)

    report = run(mp3_frame() * 10 + old, "audio/mpeg")

    assert (report["title"], report["artist"], report["album"]) == ("Title", "Artist", "Album")
    assert report["duration"] == round(10 * FRAME_SECONDS, 3)


def test_bytes_before_the_first_frame_are_skipped() -> None:
    report = run(b"\xff\xfbgarbage\xff" * 100 + mp3_frame() * 10, "audio/mpeg")

    assert report["duration"] == round(10 * FRAME_SECONDS, 3)


def test_an_mp3_of_100_gb_costs_a_few_requests() -> None:
    frames = mp3_frame() * 400
    large, reading = sparse({0: frames, 50 * GB: frames, 100 * GB - 100_000: frames}, 100 * GB, "")

    assert audio.run(large)["duration"] == pytest.approx(100 * GB / 16_000, rel=0.003)
    assert len(reading.requests) <= 10


def adts(size: int) -> bytes:
    """A frame of AAC at 44,100 Hz in stereo."""
    bits = 0xFFF << 44 | 1 << 40 | 1 << 38 | 4 << 34 | 2 << 30 | size << 13 | 0x1FFC
    return bits.to_bytes(7) + bytes(size - 7)


@pytest.mark.parametrize(("count", "is_estimated"), [(50, False), (10_000, True)])
def test_aac_without_a_container_is_counted_or_estimated(count: int, *, is_estimated: bool) -> None:
    report = run((adts(300) + adts(340)) * (count // 2), "audio/aac")

    assert report["duration"] == pytest.approx(count * 1024 / 44100, rel=0.01)
    assert (report["codec"], report["channels"]) == ("aac", 2)
    assert report.get("duration_estimated", False) is is_estimated


def m4a(entry: bytes, *user_data: bytes) -> bytes:
    movie = atom(b"moov", mvhd(1000, 2500), trak(b"soun", entry=entry, scale=96000), *user_data)
    return atom(b"ftyp", b"M4A ", bytes(4)) + movie


def test_the_audio_and_the_tags_of_an_m4a_are_reported() -> None:
    data = atom(b"\xa9nam", atom(b"data", struct.pack(">II", 1, 0), "Größe".encode()))
    cover = atom(b"covr", atom(b"data", struct.pack(">II", 13, 0), bytes(500_000)))
    tags = atom(b"udta", atom(b"meta", bytes(4), atom(b"ilst", cover, data)))

    assert run(m4a(sound(b"alac", 0, 2), tags), "audio/mp4") == {
        "container": "mp4",
        "codec": "alac",
        "duration": 2.5,
        "sample_rate": 96000,  # in its units; the field for it is too small
        "channels": 2,
        "title": "Größe",
    }


def esds(kind: int, specific: bytes) -> bytes:
    decoder = bytes([kind, 0x15, 0, 0, 0]) + struct.pack(">II", 99, 64_000)
    decoder += bytes([5, len(specific)]) + specific
    stream = bytes([0, 1, 0, 4, len(decoder)]) + decoder
    return atom(b"esds", bytes(4), bytes([3, 0x80, 0x80, 0x80, len(stream)]), stream)


@pytest.mark.parametrize(
    ("box", "codec", "rate", "channels"),
    [
        pytest.param(esds(0x40, b"\x12\x08"), "aac", 44100, 1, id="mono"),
        pytest.param(esds(0x40, b"\x2b\x11\x88"), "aac", 48000, 2, id="its rate twice"),
        pytest.param(esds(0x6B, b""), "mp3", 22050, 2, id="MP3 inside"),
        pytest.param(atom(b"esds", bytes(9)), "aac", 22050, 2, id="nothing in it"),
    ],
)
def test_an_m4a_is_described_by_its_decoder(
    box: bytes, codec: str, rate: int, channels: int
) -> None:
    report = run(m4a(sound(b"mp4a", 22050, 2, box)), "audio/mp4")

    assert (report["codec"], report["sample_rate"], report["channels"]) == (codec, rate, channels)


def test_damaged_tags_do_not_hide_the_audio() -> None:
    report = run(m4a(sound(b"alac", 8000, 1), atom(b"udta", atom(b"meta", bytes(4), b"\0" * 9))))

    assert (report["duration"], "error" in report) == (2.5, False)


def test_the_duration_of_midi_includes_all_tempo_changes() -> None:
    def track(*events: bytes) -> bytes:
        data = b"".join(events)
        return b"MTrk" + struct.pack(">I", len(data)) + data

    tempos = track(
        b"\0\xff\x51\3" + (500_000).to_bytes(3),
        b"\x83\x60\xff\x51\3" + (1_000_000).to_bytes(3),  # 480 ticks later
        b"\0\xff\x2f\0",
    )
    # The second note has no status byte, and ends two quarter notes later.
    notes = track(b"\0\x90\x40\x40", b"\x83\x60\x40\0", b"\x87\x40\xc0\1", b"\0\xff\x2f\0")
    header = b"MThd" + struct.pack(">IHHH", 6, 1, 2, 480)

    report = run(header + tempos + notes, "audio/midi")

    assert report == {"container": "midi", "codec": "midi", "duration": 0.5 + 2.0}


@pytest.mark.parametrize(
    ("magic", "frame", "rate"),
    [(b"#!AMR\n", b"\x3c" + bytes(31), 8000), (b"#!AMR-WB\n", b"\x44" + bytes(60), 16000)],
)
def test_amr_counts_its_frames(magic: bytes, frame: bytes, rate: int) -> None:
    report = run(magic + frame * 100, "audio/amr")

    assert (report["duration"], report["sample_rate"], report["channels"]) == (2.0, rate, 1)
    long = run(magic + frame * 100_000, "audio/amr")
    assert long["duration"] == pytest.approx(2000, abs=1)
    assert long["duration_estimated"] is True


def au(size: int) -> bytes:
    return b".snd" + struct.pack(">IIIII", 24, size, 3, 8000, 1) + SECOND


def caf(size: int) -> bytes:
    parts = struct.pack(">d4s5I", 8000.0, b"lpcm", 0, 2, 1, 1, 16)
    data = b"data" + struct.pack(">q", size) + bytes(4) + SECOND
    return b"caff\0\1\0\0" + b"desc" + struct.pack(">q", len(parts)) + parts + data


@pytest.mark.parametrize(
    "data", [au(16000), au(0xFFFFFFFF), caf(16004), caf(-1)], ids=["AU", "AU open", "CAF", "open"]
)
def test_a_recorder_may_leave_the_size_open(data: bytes) -> None:
    assert run(data) | {"container": ""} == {
        "container": "",
        "codec": "pcm",
        "duration": 1.0,
        "sample_rate": 8000,
        "channels": 1,
        "bitrate": 128_000,
    }


def ogg_page(serial: int, position: int, packet: bytes, flags: int = 0) -> bytes:
    header = struct.pack("<BBQIII", 0, flags, position, serial, 0, 0)
    return b"OggS" + header + bytes([1, min(255, len(packet))]) + packet


OPUS = ogg_page(1, 0, b"OpusHead\1\2" + struct.pack("<HIHB", 312, 44100, 0, 0), 2)


def test_an_ogg_of_100_gb_costs_a_few_requests() -> None:
    end = ogg_page(1, 48000 * 5 + 312, bytes(200))
    large, reading = sparse({0: OPUS, 100 * GB - len(end): end}, 100 * GB, "audio/ogg")

    report = audio.run(large)

    assert (report["duration"], report["codec"], report["channels"]) == (5.0, "opus", 2)
    assert len(reading.requests) <= 4


def test_an_ogg_that_ends_with_another_stream_has_no_duration() -> None:
    report = run(OPUS + bytes(3_000_000) + ogg_page(2, 48000, bytes(9)), "audio/ogg")

    assert report["error"] == "It does not contain its duration"


def test_a_flac_written_to_a_pipe_has_no_duration_but_an_error() -> None:
    info = bytes(10) + (44100 << 44 | 1 << 41 | 15 << 36).to_bytes(8) + bytes(16)

    report = run(b"fLaC\x80\0\0\x22" + info, "audio/flac")

    assert report == {
        "container": "flac",
        "codec": "flac",
        "sample_rate": 44100,
        "channels": 2,
        "error": "It does not contain its duration",
    }


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        pytest.param(b"Hello, these are words.\n" * 99, "audio/mpeg", id="text"),
        pytest.param(b"RIFF\0\0\0\0WAVE", "audio/wav", id="header only"),
        pytest.param(riff(chunk(b"fmt ", b"\1\0")), "audio/wav", id="cut format"),
        pytest.param(b"FORM\0\0\0\0AIFF", "audio/aiff", id="AIFF header only"),
        pytest.param(b"OggS" + bytes(40), "audio/ogg", id="unknown stream"),
        pytest.param(b"fLaC", "audio/flac", id="FLAC signature only"),
        pytest.param(b"MThd", "audio/midi", id="MIDI signature only"),
        pytest.param(b"#!AMR\n\xff\xff" + b"\x54" * 9, "audio/amr", id="frames that cannot be"),
        pytest.param(b"ID3\3\0\0\x7f\x7f\x7f\x7f", "audio/mpeg", id="a tag beyond the end"),
    ],
)
def test_damaged_audio_is_an_error(data: bytes, content_type: str) -> None:
    assert "error" in run(data, content_type)


@pytest.mark.parametrize("content_type", ["audio/x-mpegurl", "audio/x-unknown", "application/ogg"])
def test_bytes_that_are_not_audio_have_no_report(content_type: str) -> None:
    assert run("#EXTM3U\na.mp3\n".encode("utf-16"), content_type) == {}


@given(st.binary(max_size=300), st.sampled_from(["audio/mpeg", "audio/mp4", "audio/x"]))
def test_no_bytes_make_it_fail(data: bytes, content_type: str) -> None:
    report = run(data, content_type)

    assert report == {} or "container" in report


@pytest.mark.parametrize(
    ("content_type", "size"), [("audio/mpeg", 0), ("video/mp4", 5), ("application/pdf", 5)]
)
def test_it_applies_to_audio_only(content_type: str, size: int) -> None:
    assert not audio.applies_to(content_type, size)
    assert audio.applies_to("audio/mpeg", 5)
