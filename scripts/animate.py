"""Makes an animation of pictures: `animate.py FOLDER OUT`; `scripts/picture.py` calls it.

Runs by `uv run --with pillow`: nothing else in the project needs Pillow. A picture's name is the
time at which it was taken, in milliseconds.
"""

import itertools
import sys
from pathlib import Path

from PIL import Image

LONGEST = 1500  # milliseconds that a frame stays
LAST = 4000  # milliseconds that the last frame stays
COLORS = 96


def animate(folder: Path, out: Path) -> int:
    """Write a GIF that repeats; one palette for all frames, so that little of them changes."""
    pictures = sorted(folder.glob("*.png"))
    frames = [Image.open(picture).convert("RGB") for picture in pictures]
    times = [int(picture.stem) for picture in pictures]
    durations = [min(after - at, LONGEST) for at, after in itertools.pairwise(times)] + [LAST]
    palette = frames[len(frames) // 2].quantize(colors=COLORS, dither=Image.Dither.NONE)
    first, *others = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    first.save(out, save_all=True, append_images=others, duration=durations, loop=0, optimize=True)
    return len(frames)


if __name__ == "__main__":
    print(animate(Path(sys.argv[1]), Path(sys.argv[2])), "frames")
