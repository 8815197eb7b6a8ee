"""Reads one object to its end as `process_upload` does, in a process that does nothing else.

`python bench/whole_object.py ENDPOINT KEY` with S3's credentials in the environment; prints the
most memory the process held before and after, in MiB, as JSON. `processing.py` runs it.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import chalice.app
from botocore.config import Config
from botocore.session import get_session

sys.path.insert(0, str(Path(__file__).parent.parent))
from chalicelib import application, media_types, processing
from chalicelib.processors import digest
from chalicelib.reader import ObjectReader
from chalicelib.storage import S3Storage

PATIENCE = 3600.0
# What a process of `process_upload` has in memory as well.
LOADED = (chalice.app, application, media_types, processing)


def reader(client: Any, bucket: str, key: str) -> ObjectReader:
    """The object as `process_upload` gives it to a processor."""
    storage = S3Storage(lambda: client, bucket, lambda: client)
    found = storage.head(key)
    assert found is not None
    return ObjectReader(
        filename="bench",
        content_type=found.content_type,
        size=found.size,
        read_range=lambda offset, size: storage.read_range(key, offset, size, etag=found.etag),
        remaining=lambda: PATIENCE,
    )


def most_memory() -> int:
    """The most resident memory since this program began, in MiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peak) // 1024


def main(endpoint: str, bucket: str, key: str) -> None:
    """Read it and tell the memory."""
    client: Any = get_session().create_client(
        "s3",
        region_name=os.environ["AWS_DEFAULT_REGION"],
        endpoint_url=endpoint,
        config=Config(s3={"addressing_style": "path"}),
    )
    stored = reader(client, bucket, key)
    before = most_memory()
    assert digest.run(stored)["bytes"] == stored.size
    print(json.dumps({"memory_before_mib": before, "memory_most_mib": most_memory()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
