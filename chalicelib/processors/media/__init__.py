"""Facts about video and audio files: a module or a folder for each container.

`read` chooses the reader by the first bytes, not by the type. Readers request headers and both ends
of the file, never the whole object.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.processors.damaged import DamagedError
from chalicelib.processors.media import asf, flv, mxf, ogg, riff
from chalicelib.processors.media.iso import movie
from chalicelib.processors.media.matroska import matroska_file
from chalicelib.processors.media.media_facts import Media
from chalicelib.processors.media.media_file import MediaFile
from chalicelib.processors.media.mpeg import mpeg_audio, program, transport
from chalicelib.processors.media.sound import aiff, flac, midi, plain_sound
from chalicelib.processors.media.tags import id3
from chalicelib.reader import ObjectReader, ReadTooLarge

# Bytes read of one object in all: headers take a few hundred KB, the end of a recording 4 MiB.
MAX_TOTAL = 32 * 1024 * 1024
_HEAD = 8 * 1024  # bytes by which the reader is chosen: a few audio frames
_ISO_TYPES = frozenset({
    "video/mp4", "video/quicktime", "video/x-m4v", "video/3gpp", "video/3gpp2", "audio/mp4",
})  # fmt: skip

Read = Callable[[MediaFile, Media], None]


@dataclass(frozen=True, slots=True)
class _Format:
    container: str
    matches: Callable[[bytes], bool]
    read: Read


def _begins(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


def _form(outer: tuple[bytes, ...], *inner: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(outer) and head[8:12] in inner


_FORMATS = (
    _Format("matroska", _begins(b"\x1a\x45\xdf\xa3"), matroska_file.read),
    _Format("avi", _form((b"RIFF",), b"AVI ", b"AVIX"), riff.read_avi),
    _Format("wav", _form((b"RIFF", b"RF64", b"BW64"), b"WAVE"), riff.read_wave),
    _Format("aiff", _form((b"FORM",), b"AIFF", b"AIFC"), aiff.read),
    _Format("au", _begins(b".snd"), plain_sound.read_au),
    _Format("caf", _begins(b"caff\0\1"), plain_sound.read_caf),
    _Format("amr", _begins(b"#!AMR\n", b"#!AMR-WB\n"), plain_sound.read_amr),
    _Format("flac", _begins(b"fLaC"), flac.read),
    _Format("ogg", _begins(b"OggS"), ogg.read),
    _Format("midi", _begins(b"MThd"), midi.read),
    _Format("asf", _begins(asf.SIGNATURE), asf.read),
    _Format("flv", _begins(b"FLV\1"), flv.read),
    _Format("mpeg", _begins(b"\0\0\1\xba", b"\0\0\1\xb3"), program.read),
    _Format("mxf", _begins(mxf.PARTITION), mxf.read),
    _Format("iso", movie.matches, movie.read),
    _Format("mpegts", lambda head: transport.shape(head) is not None, transport.read),
    _Format("mp3", mpeg_audio.matches, mpeg_audio.read),
)
_BY_NAME = {one.container: one for one in _FORMATS}


def read(source: ObjectReader) -> Media | None:
    """The facts in an object; None if it is neither video nor audio, or not supported."""
    file = MediaFile(source.seekable(limit=MAX_TOTAL), source.size)
    head = file.at(0, _HEAD)
    if movie.is_picture(head):
        return None
    chosen = _choose(file, head, source.content_type)
    if chosen is None:
        return None
    media = Media(chosen.container)
    try:
        chosen.read(file, media)
    except DamagedError as error:
        media.error = str(error)
    except (struct.error, IndexError):
        media.error = str(DamagedError())
    except ReadTooLarge:
        media.error = "Its headers are too large to be read"
    if media.duration is not None and not media.duration_fields():
        media.error = media.error or "Its headers contain an impossible duration"
    return media


def _choose(file: MediaFile, head: bytes, content_type: str) -> _Format | None:
    for one in _FORMATS:
        if one.matches(head):
            return one
    if head.startswith(b"ID3"):
        return _BY_NAME["flac" if file.at(id3.begin(file), 4) == b"fLaC" else "mp3"]
    # Without a signature only the type says what the file should be. The reader reports the error.
    if content_type in _ISO_TYPES:
        return _BY_NAME["iso"]
    if content_type in ("audio/mpeg", "audio/aac"):
        return _BY_NAME["mp3"]
    return None
