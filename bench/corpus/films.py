"""Video and audio by ffmpeg, libsndfile, mido and mutagen."""

import io
import subprocess
import tempfile
from pathlib import Path

import imageio_ffmpeg
import mido
import numpy
import soundfile
from files import File, Files, Names

_VIDEO = "-f lavfi -i testsrc=size={size}:rate={rate}:duration={length}"
_SOUND = "-f lavfi -i sine=frequency=440:sample_rate={hertz}:duration={length}"
# Format, extension, and ffmpeg's output options. "v" stands for video, "a" for audio.
FILMS = [
    ("mp4", "mp4", "va", "-c:v libx264 -preset ultrafast -c:a aac -pix_fmt yuv420p"),
    ("mp4", "mp4", "va", "-c:v libx264 -preset ultrafast -c:a aac -movflags +faststart"),
    ("mp4", "mp4", "v", "-c:v mpeg4 -movflags frag_keyframe+empty_moov"),
    ("mp4", "mp4", "v", "-c:v libx265 -preset ultrafast -tag:v hvc1 -pix_fmt yuv420p"),
    ("mp4", "mp4", "v", "-c:v mpeg4 -brand mp42"),
    ("mp4", "mp4", "v", "-c:v mpeg4 -brand dash"),
    ("m4v", "m4v", "v", "-c:v mpeg4 -f ipod"),
    ("mov", "mov", "va", "-c:v mpeg4 -c:a aac"),
    ("mov", "mov", "v", "-c:v prores -pix_fmt yuv422p10le"),
    ("mov", "mov", "v", "-c:v qtrle"),
    ("mov", "mov", "v", "-c:v mjpeg -pix_fmt yuvj420p"),
    ("mkv", "mkv", "va", "-c:v libx264 -preset ultrafast -c:a libvorbis"),
    ("mkv", "mkv", "v", "-c:v mpeg4"),
    ("mkv", "mkv", "va", "-c:v ffv1 -c:a flac"),
    ("webm", "webm", "v", "-c:v libvpx -deadline realtime"),
    ("webm", "webm", "va", "-c:v libvpx-vp9 -deadline realtime -c:a libopus"),
    ("avi", "avi", "va", "-c:v mpeg4 -c:a libmp3lame"),
    ("avi", "avi", "v", "-c:v mjpeg -pix_fmt yuvj420p"),
    ("avi", "avi", "v", "-c:v rawvideo"),
    ("flv", "flv", "va", "-c:v flv1 -c:a libmp3lame -ar 44100"),
    ("flv", "flv", "v", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"),
    ("f4v", "f4v", "v", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"),
    ("wmv", "wmv", "va", "-c:v wmv2 -c:a wmav2"),
    ("wmv", "wmv", "v", "-c:v wmv1"),
    ("asf", "asf", "va", "-c:v msmpeg4 -c:a wmav2"),
    ("mpg", "mpg", "va", "-c:v mpeg2video -c:a mp2 -r 25"),
    ("mpg", "mpeg", "v", "-c:v mpeg1video -r 25"),
    ("mpg", "m2v", "v", "-c:v mpeg2video -r 25 -f mpeg2video"),
    ("mpg", "m1v", "v", "-c:v mpeg1video -r 25 -f mpeg1video"),
    ("vob", "vob", "v", "-c:v mpeg2video -r 25"),
    ("mpegts", "ts", "va", "-c:v mpeg2video -c:a mp2 -r 25"),
    ("mpegts", "mts", "v", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -f mpegts"),
    ("m2ts", "m2ts", "v", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"),
    ("mxf", "mxf", "v", "-c:v mpeg2video -r 25"),
    ("3gp", "3gp", "v", "-c:v h263 -s 176x144"),
    ("3g2", "3g2", "v", "-c:v mpeg4"),
    ("ogv", "ogv", "va", "-c:v libtheora -c:a libvorbis"),
    ("dv", "dv", "v", "-c:v dvvideo -s 720x576 -r 25 -pix_fmt yuv420p -frames:v 1"),
    ("ivf", "ivf", "v", "-c:v libvpx -deadline realtime"),
    ("mjpeg", "mjpeg", "v", "-c:v mjpeg -pix_fmt yuvj420p"),
    ("mjpeg", "mjpg", "v", "-c:v mjpeg -pix_fmt yuvj420p -f mjpeg"),
    ("h264", "h264", "v", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"),
    ("h264", "264", "v", "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -f h264"),
    ("hevc", "hevc", "v", "-c:v libx265 -preset ultrafast -pix_fmt yuv420p"),
    ("y4m", "y4m", "v", "-pix_fmt yuv420p -frames:v 1"),
    ("gxf", "gxf", "v", "-c:v mpeg2video -s 720x576 -r 25 -frames:v 1"),
    ("nut", "nut", "v", "-c:v mpeg4"),
    ("wtv", "wtv", "va", "-c:v mpeg2video -c:a mp2 -r 25"),
    ("swf", "swf", "v", "-c:v flv1"),
    ("rm", "rm", "v", "-c:v rv10 -s 176x144"),
    ("apng", "apng", "v", "-plays 0"),
    ("gif", "gif", "v", "-loop 0"),
    ("webp", "webp", "v", "-loop 0"),
    ("avif", "avif", "v", "-c:v libaom-av1 -cpu-used 8 -frames:v 1 -still-picture 1"),
    ("wav", "wav", "a", ""),
    ("wav", "wav", "a", "-c:a pcm_f32le"),
    ("wav", "wav", "a", "-c:a adpcm_ms"),
    ("rf64", "wav", "a", "-rf64 always"),
    ("w64", "w64", "a", ""),
    ("mp3", "mp3", "a", "-c:a libmp3lame"),
    ("mp3", "mp3", "a", "-c:a libmp3lame -id3v2_version 0 -write_xing 0"),
    ("mp3", "mp3", "a", "-c:a libmp3lame -id3v2_version 4 -metadata title=Lied"),
    ("mp2", "mp2", "a", "-c:a mp2"),
    ("flac", "flac", "a", ""),
    ("ogg", "ogg", "a", "-c:a libvorbis"),
    ("ogg", "ogg", "a", "-c:a flac"),
    ("oga", "oga", "a", "-c:a libvorbis"),
    ("opus", "opus", "a", "-c:a libopus"),
    ("m4a", "m4a", "a", "-c:a aac"),
    ("m4a", "m4a", "a", "-c:a aac -movflags +faststart -metadata artist=Chor"),
    ("m4b", "m4b", "a", "-c:a aac -f ipod"),
    ("alac", "m4a", "a", "-c:a alac"),
    ("aac", "aac", "a", "-c:a aac"),
    ("ac3", "ac3", "a", "-c:a ac3"),
    ("eac3", "eac3", "a", "-c:a eac3"),
    ("dtshd", "dts", "a", "-c:a dca -strict -2 -ar 48000"),
    ("aiff", "aiff", "a", ""),
    ("aiff", "aif", "a", ""),
    ("aifc", "aifc", "a", "-c:a pcm_f32be -f aiff"),
    ("au", "au", "a", ""),
    ("au", "snd", "a", "-f au"),
    ("caf", "caf", "a", "-c:a pcm_s16be"),
    ("amr", "amr", "a", "-c:a libopencore_amrnb -ar 8000"),
    ("wma", "wma", "a", "-c:a wmav2"),
    ("voc", "voc", "a", "-c:a pcm_u8"),
    ("tta", "tta", "a", ""),
    ("wv", "wv", "a", ""),
    ("mka", "mka", "a", "-c:a libvorbis"),
    ("mka", "mka", "a", "-c:a flac"),
    ("weba", "weba", "a", "-c:a libopus -f webm"),
    ("png", "png", "v", "-frames:v 1"),
    ("jpeg", "jpg", "v", "-frames:v 1 -pix_fmt yuvj444p"),
    ("bmp", "bmp", "v", "-frames:v 1"),
    ("tiff", "tif", "v", "-frames:v 1"),
    ("tga", "tga", "v", "-frames:v 1"),
    ("pcx", "pcx", "v", "-frames:v 1"),
    ("sgi", "sgi", "v", "-frames:v 1"),
    ("pam", "pam", "v", "-frames:v 1"),
    ("ppm", "ppm", "v", "-frames:v 1"),
    ("pgm", "pgm", "v", "-frames:v 1 -pix_fmt gray"),
    ("pbm", "pbm", "v", "-frames:v 1 -pix_fmt monob"),
    ("xbm", "xbm", "v", "-frames:v 1"),
    ("xwd", "xwd", "v", "-frames:v 1"),
    ("ras", "ras", "v", "-frames:v 1"),
    ("dpx", "dpx", "v", "-frames:v 1"),
    ("exr", "exr", "v", "-frames:v 1 -pix_fmt gbrpf32le"),
    ("hdr", "hdr", "v", "-frames:v 1 -pix_fmt gbrpf32le"),
    ("pfm", "pfm", "v", "-frames:v 1 -pix_fmt gbrpf32le"),
    ("jls", "jls", "v", "-frames:v 1"),
    ("jp2", "jp2", "v", "-frames:v 1"),
    ("fits", "fits", "v", "-frames:v 1 -pix_fmt gray"),
    ("qoi", "qoi", "v", "-frames:v 1"),
    ("wbmp", "wbmp", "v", "-frames:v 1 -pix_fmt monob"),
]
VARIANTS = (
    {"size": "48x32", "rate": "5", "length": "0.4", "hertz": "44100"},
    {"size": "96x64", "rate": "25", "length": "0.2", "hertz": "48000"},
)
# libsndfile's containers, with our format and the extension.
SOUNDS = [
    ("WAV", "wav", "wav", "PCM_16 PCM_24 FLOAT ULAW"), ("WAVEX", "wav", "wav", "PCM_16 DOUBLE"),
    ("RF64", "rf64", "rf64", "PCM_16"), ("W64", "w64", "w64", "PCM_24"),
    ("AIFF", "aiff", "aiff", "PCM_16 PCM_24 FLOAT"), ("AU", "au", "au", "PCM_16 ALAW FLOAT"),
    ("CAF", "caf", "caf", "PCM_16 ALAC_16 FLOAT"), ("FLAC", "flac", "flac", "PCM_16 PCM_24"),
    ("OGG", "ogg", "ogg", "VORBIS"), ("OGG", "opus", "opus", "OPUS"), ("VOC", "voc", "voc", "PCM_16"),
    ("SVX", "iff8", "8svx", "PCM_S8"), ("MP3", "mp3", "mp3", "MPEG_LAYER_III"),
    ("NIST", "sndraw", "sph", "PCM_16"), ("PAF", "sndraw", "paf", "PCM_16"),
    ("IRCAM", "sndraw", "sf", "PCM_16"), ("MAT4", "mat", "mat", "PCM_16"),
    ("MAT5", "mat", "mat", "PCM_16"), ("HTK", "sndraw", "htk", "PCM_16"),
    ("SDS", "sndraw", "sds", "PCM_16"), ("AVR", "sndraw", "avr", "PCM_16"),
]  # fmt: skip


def by_ffmpeg(names: Names) -> Files:
    """Ffmpeg's output, twice each: small and larger. Encoders that it lacks are skipped."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    with tempfile.TemporaryDirectory() as folder:
        for name, extension, streams, options in FILMS:
            for variant in VARIANTS:
                out = Path(folder, f"out.{extension}")
                inputs = [_VIDEO] * ("v" in streams) + [_SOUND] * ("a" in streams)
                arguments = " ".join(inputs).format(**variant)
                exact = "-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -threads 1"
                command = f"{ffmpeg} -v error -y -nostdin {arguments} {exact} {options} {out}"
                done = subprocess.run(command.split(), check=False, capture_output=True)
                if done.returncode == 0 and out.exists():
                    yield File(name, names(extension), out.read_bytes(), f"ffmpeg {options}")
                else:
                    print("ffmpeg cannot:", extension, options, done.stderr.decode()[-200:])
                out.unlink(missing_ok=True)


def by_libsndfile(names: Names) -> Files:
    """Libsndfile's output."""
    tone = (numpy.sin(numpy.arange(1200) / 20) * 0.4).astype("float32")
    for container, name, extension, subtypes in SOUNDS:
        for subtype in subtypes.split():
            for rate in (8000, 48000):
                out = io.BytesIO()
                out.name = f"out.{extension}"
                soundfile.write(out, tone, rate, subtype=subtype, format=container)
                made_by = f"libsndfile {container} {subtype}"
                yield File(name, names(extension), out.getvalue(), made_by)


def played(names: Names) -> Files:
    """MIDI in its three formats."""
    for kind in (0, 1, 2):
        for extension in ("mid", "midi"):
            song = mido.MidiFile(type=kind)
            track = mido.MidiTrack([mido.MetaMessage("track_name", name="Lied")])
            track.extend(mido.Message("note_on", note=60 + n, time=96) for n in range(8))
            song.tracks.append(track)
            out = io.BytesIO()
            song.save(file=out)
            yield File("midi", names(extension), out.getvalue(), f"mido type {kind}")


def tagged(names: Names) -> Files:
    """An MP3 with a large picture before its first frame, one without tags, one with APE tags."""
    from mutagen.apev2 import APEv2
    from mutagen.id3 import APIC, ID3, TIT2

    tone = (numpy.sin(numpy.arange(4000) / 20) * 0.4).astype("float32")
    for padding in (200, 20_000):
        out = io.BytesIO()
        out.name = "out.mp3"
        soundfile.write(out, tone, 44100, format="MP3", subtype="MPEG_LAYER_III")
        for tag in ("ID3", "APE"):
            copy = io.BytesIO(out.getvalue())
            if tag == "ID3":
                tags = ID3()
                tags.add(TIT2(encoding=3, text="Lied"))
                tags.add(APIC(encoding=3, mime="image/png", data=bytes(padding)))
                tags.save(copy)
            else:
                tags = APEv2()
                tags["Title"] = "Lied" * (padding // 10)
                tags.save(copy)
            yield File("mp3", names("mp3"), copy.getvalue(), f"mutagen {tag} {padding}")


MAKERS = (by_ffmpeg, by_libsndfile, played, tagged)
