"""Maps the codec names of all containers to ffmpeg's names.

https://mp4ra.org/registered-types/sampleentries,
https://www.matroska.org/technical/codec_specs.html,
RFC 2361 for WAV. An unlisted codec keeps the name of its container.
"""

_FOURCC = {
    "h264": "avc1 avc3 h264 x264 davc",
    "hevc": "hvc1 hev1 dvh1 dvhe hevc",
    "av1": "av01",
    "vp8": "vp08 vp80",
    "vp9": "vp09 vp90",
    "mpeg4": "mp4v fmp4 xvid divx dx50 3iv2",
    "h263": "s263 h263",
    "mjpeg": "jpeg mjpa mjpb mjpg",
    "prores": "apch apcn apcs apco ap4h ap4x",
    "vc1": "wvc1",
    "aac": "mp4a",
    "ac3": "ac-3",
    "eac3": "ec-3",
    "amr": "samr",
    "amr-wb": "sawb",
    "pcm": "sowt twos lpcm raw in24 in32 fl32 fl64 none ipcm fpcm",
    "mp3": ".mp3",
    "alaw": "alaw",
    "mulaw": "ulaw",
}
_BY_FOURCC = {code: name for name, codes in _FOURCC.items() for code in codes.split()}
_MATROSKA = {
    "V_MPEG4/ISO/AVC": "h264",
    "V_MPEGH/ISO/HEVC": "hevc",
    "V_MPEG4/ISO": "mpeg4",
    "V_MPEG1": "mpeg1video",
    "V_MPEG2": "mpeg2video",
    "A_MPEG/L3": "mp3",
    "A_MPEG/L2": "mp2",
    "A_AAC": "aac",
    "A_PCM": "pcm",
    "A_DTS": "dts",
}
_WAVE = {
    0x01: "pcm", 0x02: "adpcm", 0x03: "pcm", 0x06: "alaw", 0x07: "mulaw", 0x11: "adpcm",
    0x31: "gsm", 0x50: "mp2", 0x55: "mp3", 0xFF: "aac", 0x160: "wma", 0x161: "wma",
    0x162: "wma", 0x163: "wma", 0x2000: "ac3", 0x2001: "dts",
}  # fmt: skip


def of_fourcc(code: bytes) -> str | None:
    """The codec of a sample entry or a stream header, a four-character code."""
    text = "".join(c for c in code.decode("latin-1") if c.isprintable()).strip()
    return _BY_FOURCC.get(text.lower(), text.lower()) or None


def of_matroska(code: str) -> str | None:
    """The codec of a CodecID."""
    for prefix, name in _MATROSKA.items():
        if code.startswith(prefix):
            return name
    return code.partition("_")[2].partition("/")[0].lower()[:20] or None


def of_wave(tag: int) -> str:
    """The codec of a wFormatTag."""
    return _WAVE.get(tag, f"0x{tag:04x}")
