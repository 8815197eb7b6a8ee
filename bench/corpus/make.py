"""Makes the corpus: more than 1,000 real files of more than 150 formats, by the tools people use.

`make corpus OUT=folder` installs the tools of `requirements.txt` into a virtual environment of their
own and runs this. OUT gets the files and `index.json`, which says for each file its format, what
made it, and the right types for each type that a browser may declare. `HEADS=1` also writes
`tests/real_files/heads.xz`: the first 8 KB of each file, for the project's own tests.
Names and contents come from fixed seeds; some tools write the time into their files.
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
HEAD_SIZE = 8192  # bytes, as many as the application looks at
LEAST_FILES, LEAST_FORMATS = 1000, 150
HEADS = Path(__file__).parents[2] / "tests/real_files/heads.xz"


def all_files() -> list[File]:
    """Every file once: two that have the same bytes and extension are one."""
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
    """For each file: what it is, what it may be declared as, and the right answers for each."""
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
    """One line of JSON, then the heads one after the other, all of it compressed as one."""
    answers = {
        name: {declared: sorted(format_.answers(declared)) for declared in format_.declared}
        for name, format_ in FORMATS.items()
        if any(file.format == name for file in files)
    }
    told = [[file.format, file.name, len(file.data), file.made_by] for file in files]
    line = json.dumps({"formats": answers, "files": told}, ensure_ascii=False) + "\n"
    heads = b"".join(file.data[:HEAD_SIZE] for file in files)
    HEADS.parent.mkdir(exist_ok=True)
    HEADS.write_bytes(lzma.compress(line.encode() + heads, preset=9 | lzma.PRESET_EXTREME))
    print(f"{HEADS}: {HEADS.stat().st_size:,} bytes")


def main() -> None:
    """Make them, write them, and say how many there are."""
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
