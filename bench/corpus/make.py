"""Makes the corpus: more than 1,000 real files of more than 150 formats, by common tools.

`make corpus OUT=folder` installs the tools of `requirements.txt` into a virtual environment of
their
own and runs this. OUT gets the files and `index.json`. The index has for each file its format, the
tool that made it, and the right types for each type that a browser may declare. `HEADS=1` also
writes
`tests/real_files/heads.xz`: the first 8 KB of each file, for the project's own tests.
Names and contents come from fixed seeds, but some tools write the time into their files.
"""

import argparse
import hashlib
import json
import lzma
import random
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import archives
import data
import documents
import films
import images
import programs
import science
import texts
from files import File, Names
from formats import FORMATS

MODULES = (images, films, documents, texts, archives, data, science, programs)
HEAD_SIZE = 8192  # bytes, as many as the application reads
LEAST_FILES, LEAST_FORMATS = 1000, 150
HEADS = Path(__file__).parents[2] / "tests/real_files/heads.xz"


def all_files() -> list[File]:
    """Every file once: files with equal bytes and extension are the same."""
    files: dict[tuple[bytes, str], File] = {}
    for module in MODULES:
        for maker in module.MAKERS:
            before = len(files)
            for file in maker(Names(random.Random(f"{module.__name__} {maker.__name__}"))):
                assert file.format in FORMATS, file
                assert file.data, file
                extension = Path(file.name).suffix.lower()
                files.setdefault((hashlib.sha256(file.data).digest(), extension), file)
            print(f"{module.__name__:10} {maker.__name__:14} {len(files) - before:4} files")
    return list(files.values())


def index(files: list[File]) -> list[dict[str, object]]:
    """For each file: its format, its declared types, and the right types for each of these."""
    return [
        {
            "path": f"{number:04}",
            "format": file.format,
            "name": file.name,
            "size": len(file.data),
            "made_by": file.made_by,
            "right": {
                declared: sorted(FORMATS[file.format].answers(declared))
                for declared in FORMATS[file.format].declared
            },
        }
        for number, file in enumerate(files)
    ]


def write_heads(files: list[File]) -> None:
    """Write one line of JSON, then all heads, compressed together."""
    answers = {
        name: {declared: sorted(format_.answers(declared)) for declared in format_.declared}
        for name, format_ in FORMATS.items()
        if any(file.format == name for file in files)
    }
    descriptions = [[file.format, file.name, len(file.data), file.made_by] for file in files]
    line = json.dumps({"formats": answers, "files": descriptions}, ensure_ascii=False) + "\n"
    heads = b"".join(file.data[:HEAD_SIZE] for file in files)
    HEADS.parent.mkdir(exist_ok=True)
    HEADS.write_bytes(lzma.compress(line.encode() + heads, preset=9 | lzma.PRESET_EXTREME))
    print(f"{HEADS}: {HEADS.stat().st_size:,} bytes")


def main() -> None:
    """Make the files, write them, and print their number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--heads", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # the tools' own
    files = all_files()
    formats = {file.format for file in files}
    print(f"{len(files)} files of {len(formats)} formats, none of {sorted(set(FORMATS) - formats)}")
    assert len(files) >= LEAST_FILES
    assert len(formats) >= LEAST_FORMATS
    arguments.out.mkdir(parents=True, exist_ok=True)
    described = index(files)
    for entry, file in zip(described, files, strict=True):
        (arguments.out / str(entry["path"])).write_bytes(file.data)
    (arguments.out / "index.json").write_text(json.dumps(described, ensure_ascii=False, indent=1))
    if arguments.heads:
        write_heads(files)


if __name__ == "__main__":
    main()
