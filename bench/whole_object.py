"""Reads one object to its end as `process_upload` does, in a process of its own.

`python bench/whole_object.py ENDPOINT BUCKET KEY`, with S3's credentials in the environment. It
prints the peak memory of the process before and after, in MiB, as JSON. `processing.py` runs it.
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
# Modules that a process of `process_upload` has loaded as well.
LOADED = (chalice.app, application, media_types, processing)


def reader(client: Any, bucket: str, key: str) -> ObjectReader:
    """The object as `process_upload` passes it to a processor."""
    storage = S3Storage(lambda: client, bucket, lambda: client)
    stored_object = storage.head(key)
    assert stored_object is not None
    return ObjectReader(
        filename="bench",
        content_type=stored_object.content_type,
        size=stored_object.size,
        read_range=lambda offset, size: storage.read_range(
            key, offset, size, etag=stored_object.etag
        ),
        remaining=lambda: PATIENCE,
    )


def most_memory() -> int:
    """The peak resident memory since the start of the process, in MiB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peak) // 1024


def main(endpoint: str, bucket: str, key: str) -> None:
    """Read the object and print the memory."""
    client: Any = get_session().create_client(
        "s3",
        region_name=os.environ["AWS_DEFAULT_REGION"],
        endpoint_url=endpoint,
        config=Config(s3={"addressing_style": "path"}),
    )
    source = reader(client, bucket, key)
    before = most_memory()
    assert digest.run(source)["bytes"] == source.size
    print(json.dumps({"memory_before_mib": before, "memory_most_mib": most_memory()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
