"""Compares libraries that detect file types: false rejections, right types, size, import, licence.

`make corpus OUT=/tmp/corpus`, then `.venv/bin/python bench/type_libraries.py /tmp/corpus`. It
installs each library into a folder of its own, and lets it detect the type of the first 8 KB of
each file. Then it applies one rule to all of them: the declared type is kept unless the bytes show
another family. Our own `decide` contains its rule. Then each library gets the hostile files that
must stay out. `--cases` adds the files of a Python module with a list `C` of dicts (`name`, `ct`,
`data`, `want`).
"""

import base64
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, finish
from chalicelib.media_types import canonical, decide
from tests.hostile.files import hostile_files

ROOT = Path(__file__).parent.parent
HEAD_SIZE = 8192  # bytes, as many as the application looks at
IMPORTS = 5  # fresh processes that import a library; the median counts
# Reads heads as lines of base64, answers with a line each; `detect` is the library's.
_WORKER = """
import base64, sys
{prepare}
for line in sys.stdin:
    try:
        content_type = detect(base64.b64decode(line))
    except Exception as error:
        content_type = ''
    print(content_type or '', flush=True)
"""


@dataclass(frozen=True)
class Library:
    """How to install a library, import it and call it."""

    name: str
    packages: tuple[str, ...]
    licence: str
    imports: str
    detect: str
    is_for_newer_python: bool = False


LIBRARIES = (
    Library(
        "puremagic 1.30", ("puremagic==1.30",), "MIT", "import puremagic",
        "detect = lambda head: max((m for m in puremagic.magic_string(head) if m.mime_type),"
        " key=lambda m: m.confidence).mime_type",
    ),
    Library(
        "puremagic 2.2.0", ("puremagic==2.2.0",), "MIT", "import puremagic",
        "detect = lambda head: puremagic.from_string(head, mime=True)", is_for_newer_python=True,
    ),
    Library(
        "libmagic 5.41 (pylibmagic 0.5.0)", ("pylibmagic==0.5.0", "python-magic==0.4.27"),
        "BSD, MIT", "import pylibmagic, magic",
        "detect = lambda head: magic.from_buffer(head, mime=True)",
    ),
    Library(
        "filetype 1.2.0", ("filetype==1.2.0",), "MIT", "import filetype",
        "detect = lambda head: filetype.guess_mime(head)",
    ),
    Library(
        "magika 1.0.3", ("magika==1.0.3",), "Apache-2.0", "import magika; model = magika.Magika()",
        "detect = lambda head: model.identify_bytes(head).output.mime_type",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One file with its declared type; `right` judges the result."""

    name: str
    declared: str
    head: bytes
    right: Callable[[str], bool]
    what: str


Decide = Callable[[str, str, bytes], str | None]  # None: rejected


def corpus(folder: Path) -> list[Case]:
    """The files of `make corpus`, each with every type that a browser may declare for it."""
    return [
        Case(
            entry["name"], declared, (folder / entry["path"]).read_bytes()[:HEAD_SIZE],
            _one_of(right), entry["format"],
        )
        for entry in json.loads((folder / "index.json").read_text())
        for declared, right in entry["right"].items()
    ]  # fmt: skip


def _one_of(right: Iterable[str]) -> Callable[[str], bool]:
    names = {canonical(content_type) for content_type in right}
    return lambda answer: canonical(answer) in names


def other_cases(path: Path) -> list[Case]:
    """The accepted files in a list from outside the project."""
    spec = importlib.util.spec_from_file_location("cases", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cases = []
    for case in module.C:
        want: Any = case["want"].get("type", lambda _: True)
        right = want if callable(want) else _one_of({want} if isinstance(want, str) else want)
        head = case["data"][:HEAD_SIZE]
        cases.append(Case(case["name"], case["ct"] or "", head, right, f"kind {case['no']}"))
    return cases


# The rule around each library, in place of ours.
_GENERIC = {"", "application/octet-stream", "binary/octet-stream"}
_VAGUE = {
    "text/plain", "application/xml", "text/xml", "application/json", "application/zip",
    "video/mp4", "application/ogg", "video/x-matroska", "application/x-ole-storage", "text/x-c",
    "application/cdfv2", "application/x-wine-extension-ini",
}  # fmt: skip
_PROGRAMS = {
    "application/x-executable", "application/x-pie-executable", "application/x-sharedlib",
    "application/x-object", "application/x-dosexec", "application/x-msdownload",
    "application/vnd.microsoft.portable-executable", "application/x-mach-binary",
    "application/x-elf", "application/java-vm", "application/x-java-applet", "application/wasm",
    "application/x-executable-elf", "application/x-java", "application/vnd.android.dex",
}  # fmt: skip


def _family(content_type: str) -> str:
    kind, _, name = content_type.partition("/")
    if content_type in _PROGRAMS:
        return "program"
    if kind in ("audio", "video"):
        return "media"
    if kind == "text" or name.endswith(("+xml", "+json", "xml", "json", "javascript")):
        return "text"
    if name.endswith("zip") or "officedocument" in name or "opendocument" in name:
        return "zip"
    return kind if kind in ("image", "font") else name.removeprefix("x-")


def with_rule(types: Mapping[bytes, str], by_name: Callable[[str], str]) -> Decide:
    """A library's type under the rule: another family, or a program, is a contradiction."""
    contradictable = {"image", "media", "text", "zip", "pdf", "program"}

    def decided(declared: str, name: str, head: bytes) -> str | None:
        detected = canonical(types[head].lower())
        claimed = canonical(declared.lower())
        if claimed in _GENERIC:
            claimed = by_name(name)
        if detected in _GENERIC or detected == claimed:
            return claimed or detected
        if claimed in _GENERIC:
            return detected
        families = {_family(claimed), _family(detected)}
        if len(families) > 1 and families <= contradictable:
            return None
        return claimed if detected in _VAGUE else detected

    return decided


def own(declared: str, name: str, head: bytes) -> str | None:
    """Our own decision."""
    decision = decide(declared, name, head)
    return None if decision.refusal is not None else decision.content_type


def by_extension(name: str) -> str:
    """The type in Python's list of extensions."""
    import mimetypes

    return mimetypes.guess_type(name)[0] or ""


class Installed:
    """A library in a folder of its own."""

    def __init__(self, library: Library, folder: Path, python: str) -> None:
        uv = str(Path(sys.executable).with_name("uv"))
        self.python = python
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", self.python, "--target", folder,
             *library.packages], check=True,
        )  # fmt: skip
        self.library, self.folder = library, folder
        self.environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}

    @property
    def size(self) -> int:
        """Bytes, with all dependencies."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def detect(self, heads: list[bytes]) -> dict[bytes, str]:
        """The type of each head."""
        prepare = f"{self.library.imports}\n{self.library.detect}"
        lines = b"".join(base64.b64encode(head) + b"\n" for head in heads)
        done = subprocess.run(
            [self.python, "-c", _WORKER.format(prepare=prepare)], check=True, input=lines,
            capture_output=True, env=self.environment,
        )  # fmt: skip
        return dict(zip(heads, done.stdout.decode().split("\n"), strict=False))

    def milliseconds(self) -> float:
        """The additional start time of Python with the library imported."""
        return seconds(self.python, self.library.imports, self.environment) * 1000


def seconds(python: str, imports: str, environment: Mapping[str, str]) -> float:
    """The median time of an import in fresh processes, after one that warms the disk."""
    timed = []
    for number in range(IMPORTS + 1):
        start = time.perf_counter()
        subprocess.run([python, "-c", imports], check=True, env=environment, cwd=ROOT)
        with_it = time.perf_counter() - start
        start = time.perf_counter()
        subprocess.run([python, "-c", ""], check=True, env=environment, cwd=ROOT)
        if number:
            timed.append(with_it - (time.perf_counter() - start))
    return statistics.median(timed)


def judge(decided: Decide, cases: list[Case]) -> tuple[int, int]:
    """The number of honest files that are rejected, and of those that get a right type."""
    answers = [decided(case.declared, case.name, case.head) for case in cases]
    right = sum(
        answer is not None and case.right(answer)
        for answer, case in zip(answers, cases, strict=True)
    )
    return answers.count(None), right


def main() -> None:
    """Compare them, print a table."""
    parser = bench_parser(__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--newer-python", default="python3.12", help="for puremagic 2")
    arguments = parser.parse_args()
    sets = {"corpus": corpus(arguments.corpus)}
    if arguments.cases:
        sets["cases"] = other_cases(arguments.cases)
    out = [file for file in hostile_files() if file.stays_out]
    heads = list({case.head: None for cases in sets.values() for case in cases})
    heads += [file.data[:HEAD_SIZE] for file in out]
    results: list[dict[str, Any]] = []

    def add(name: str, decided: Decide, **measured: Any) -> None:
        row: dict[str, Any] = {"library": name}
        for title, cases in sets.items():
            row[f"{title}_rejected"], row[f"{title}_right"] = judge(decided, cases)
        row["hostile_let_in"] = sum(
            decided(file.declared, file.name, file.data[:HEAD_SIZE]) is not None for file in out
        )
        results.append(row | measured)
        print(json.dumps(results[-1]), file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        for number, library in enumerate(LIBRARIES):
            newer = library.is_for_newer_python
            python = arguments.newer_python if newer else sys.executable
            installed = Installed(library, Path(folder, str(number)), python)
            size, milliseconds = installed.size, installed.milliseconds()
            types = installed.detect(heads)
            add(library.name, with_rule(types, by_extension), bytes=size,
                import_ms=round(milliseconds), licence=library.licence)  # fmt: skip
    sources = [
        *(ROOT / "chalicelib").glob("media_types*"),
        *(ROOT / "chalicelib/sniffing").rglob("*.py"),
    ]
    milliseconds = seconds(sys.executable, "import chalicelib.media_types", os.environ) * 1000
    add("our own table", own, bytes=sum(path.stat().st_size for path in sources),
        import_ms=round(milliseconds), licence="ours")  # fmt: skip
    print({title: len(cases) for title, cases in sets.items()}, "hostile:", len(out))
    for row in results:
        print("| " + " | ".join(str(value) for value in row.values()) + " |")
    finish(__file__, arguments, {row.pop("library"): row for row in results})


if __name__ == "__main__":
    main()
