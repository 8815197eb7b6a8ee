"""Facts about a video or audio file, collected while its container is read.

A reader fills a `Media` step by step, so facts before a damaged place are still reported.
"""

import math
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["video", "audio"]

MAX_TRACKS = 50  # reported of one file
MAX_DURATION = 10**9  # seconds: a larger value is wrong
MAX_TEXT = 200  # characters of a title, an artist or an album


@dataclass(slots=True)
class Track:
    """One track; sizes in pixels as shown, `rotation` in degrees clockwise.

    `sample_rate` is in hertz, `bitrate` in bits a second. 0 means unknown.
    """

    kind: Kind
    codec: str | None = None
    width: int = 0
    height: int = 0
    rotation: int = 0
    sample_rate: int = 0
    channels: int = 0
    bitrate: int = 0
    is_enabled: bool = True


@dataclass(slots=True)
class Media:
    """`duration` in seconds, `bitrate` in bits a second. `error` names the missing facts."""

    container: str
    brand: str | None = None
    duration: float | None = None
    is_estimated: bool = False
    bitrate: int = 0
    tracks: list[Track] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    error: str | None = None

    def video_track(self) -> Track | None:
        """The video track that a player shows: the first that is enabled and has a size."""
        sized = [t for t in self.tracks if t.kind == "video" and t.width and t.height]
        # Some writers enable no track at all; then the flag means nothing.
        none_enabled = not any(t.is_enabled for t in self.tracks)
        return next((t for t in sized if t.is_enabled or none_enabled), None)

    def first_codec(self) -> str | None:
        """The codec of the first video track, with or without a known size."""
        return next((t.codec for t in self.tracks if t.kind == "video"), None)

    def audio_track(self) -> Track | None:
        """The first enabled audio track, or else the first one."""
        audio_tracks = [t for t in self.tracks if t.kind == "audio"]
        return next(
            (t for t in audio_tracks if t.is_enabled), audio_tracks[0] if audio_tracks else None
        )

    def kinds(self) -> list[Kind]:
        """The kinds of the tracks in order.

        A video track without a size counts if no other has one.
        """
        has_video = self.video_track() is not None
        return [
            track.kind
            for track in self.tracks
            if track.kind == "audio" or track.width or not has_video
        ][:MAX_TRACKS]

    def add_tag(self, name: str, text: str) -> None:
        """Add the first non-empty text of this name."""
        before_end, _, _ = text.partition("\0")
        clean = "".join(c for c in before_end if c.isprintable()).strip()[:MAX_TEXT]
        if clean:
            self.tags.setdefault(name, clean)

    def duration_fields(self) -> dict[str, Any]:
        """The report's `duration`, if it is known and plausible."""
        if self.duration is None or not math.isfinite(self.duration):
            return {}
        if not 0 <= self.duration <= MAX_DURATION:
            return {}
        fields: dict[str, Any] = {"duration": round(self.duration, 3)}
        return fields | {"duration_estimated": True} if self.is_estimated else fields
