"""Files written by real programs; `real/README.md` lists them."""

from pathlib import Path

FOLDER = Path(__file__).parent / "real"
NAMES = sorted(path.name for path in FOLDER.iterdir() if path.suffix != ".md")


def real(name: str) -> bytes:
    return (FOLDER / name).read_bytes()
