"""SeaweedFS, the local S3 server, alone: for tests of requests that S3 itself must refuse."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.aws import seaweedfs as server
from local.aws.resources import Resources
from local.home import HOST, Ports, free_ports
from local.names import ACCESS_KEY, REGION, SECRET_KEY
from tests.support.environment import BUCKET, CLEAN_ENVIRONMENT

STARTING = 30.0  # seconds


@dataclass(frozen=True)
class Server:
    """A running server with an empty bucket."""

    client: Any
    bucket_url: str

    @property
    def url(self) -> str:
        """Its address."""
        return self.bucket_url.rpartition("/")[0]


@contextmanager
def seaweedfs(
    folder: Path, *, longest_session: int = 3600, policies: Mapping[str, Any] | None = None
) -> Iterator[Server]:
    """Start it on free ports, its data in `folder`; stop it at the end.

    Temporary credentials expire after `longest_session` seconds at most. `policies` are those of
    other access keys, which all have the same secret.
    """
    port, nobody = free_ports(2)
    resources = Resources(Ports(s3=port), bridge_url="")
    command = server.command(
        folder,
        port=port,
        webhook=f"http://{HOST}:{nobody}",
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        bucket=BUCKET,
        longest_session=longest_session,
    )
    for access_key, document in (policies or {}).items():
        identity = {
            "name": access_key,
            "credentials": [{"accessKey": access_key, "secretKey": SECRET_KEY}],
            "policyNames": [access_key],
        }
        _add(folder / "identities.json", "identities", identity)
        _add(folder / "iam.json", "policies", {"name": access_key, "document": document})
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**CLEAN_ENVIRONMENT, **server.ENVIRONMENT},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            deadline = time.monotonic() + STARTING
            while not resources.answers("s3"):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, (folder / "log").read_text()
                time.sleep(0.1)
            client = resources.client("s3")
            client.create_bucket(
                Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
            client.put_bucket_policy(Bucket=BUCKET, Policy=server.bucket_policy(BUCKET))
            yield Server(client, f"http://{HOST}:{port}/{BUCKET}")
        finally:
            process.kill()  # its data is not needed; a regular stop waits for its webhook
            process.wait(timeout=30)


def _add(path: Path, name: str, entry: Mapping[str, Any]) -> None:
    configuration = json.loads(path.read_text())
    configuration[name].append(entry)
    path.write_text(json.dumps(configuration))
