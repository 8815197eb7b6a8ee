"""How fast an object is read to its end, and in how much memory.

`.venv/bin/python bench/processing.py` stores a file in a SeaweedFS of its own and computes its
SHA-256 in three ways. Ours is `digest`, with ranged reads ahead as in `process_upload`. The others
are boto3's `download_fileobj` into hashlib, and hashlib over the local file, without S3. Figures
are MB a second, medians of rounds in turns; `ratio` is ours divided by boto3's. Then a process of
its own (`whole_object.py`) reads 10 GiB and reports its peak memory in MiB.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, report
from bench.rounds import medians, seconds
from bench.whole_object import reader
from chalicelib.processors import digest
from local.names import ACCESS_KEY, REGION, SECRET_KEY
from tests.support.environment import BUCKET, CLEAN_ENVIRONMENT
from tests.support.seaweedfs import Server, seaweedfs

MIB = 1024 * 1024
KEY, LARGE = "uploads/bench", "uploads/large"


class Hasher:
    """A writable file that only hashes."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return len(data)


def hoist(client: Any) -> str:
    """Our processor."""
    return str(digest.run(reader(client, BUCKET, KEY))["sha256"])


def boto3_download(client: Any) -> str:
    """boto3's own download of a whole object."""
    hasher = Hasher()
    client.download_fileobj(BUCKET, KEY, hasher)
    return hasher.digest.hexdigest()


def local_file(path: Path) -> str:
    """The local file, without S3."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Zeros:
    """A readable file of zeros, without storage."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1) -> bytes:
        size = min(size if size >= 0 else self._left, self._left)
        self._left -= size
        return bytes(size)


def memory(server: Server, size: int) -> dict[str, int]:
    """The peak memory of a process that reads an object of zeros of this size."""
    server.client.upload_fileobj(Zeros(size), BUCKET, LARGE)
    environment = {
        **CLEAN_ENVIRONMENT,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
    }
    endpoint = server.bucket_url.rpartition("/")[0]
    script = Path(__file__).with_name("whole_object.py")
    figures = subprocess.run(
        [sys.executable, script, endpoint, BUCKET, LARGE],
        env=environment,
        check=True,
        capture_output=True,
    )
    return dict(json.loads(figures.stdout))


def _speed(size: int, way: Callable[[], str]) -> float:
    """Megabytes (10^6 bytes) a second."""
    return size / seconds(way) / 1e6


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--size", type=int, default=1024, help="in MiB (default 1024)")
    parser.add_argument("--large", type=int, default=10 * 1024, help="in MiB, for the memory")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    size = options.size * MIB
    with tempfile.TemporaryDirectory() as folder, seaweedfs(Path(folder)) as server:
        path = Path(folder) / "file"
        with path.open("wb") as file:
            for _ in range(options.size):
                file.write(os.urandom(MIB))
        server.client.upload_file(str(path), BUCKET, KEY)
        ways: dict[str, Callable[[], str]] = {
            "hoist": lambda: hoist(server.client),
            "boto3 download_fileobj": lambda: boto3_download(server.client),
            "local file": lambda: local_file(path),
        }
        assert len({way() for way in ways.values()}) == 1, "all hash the same bytes"
        timed = {name: partial(_speed, size, way) for name, way in ways.items()}
        speeds = medians(timed, rounds=options.rounds, warm=0)
        figures: dict[str, Any] = {f"{name} MB/s": round(speed) for name, speed in speeds.items()}
        figures["ratio"] = round(speeds["hoist"] / speeds["boto3 download_fileobj"], 2)
        if options.large:
            figures |= memory(server, options.large * MIB)
    report(__file__, options, figures)


if __name__ == "__main__":
    main()
