"""What can be known before anything is changed: who deploys what where, and the plan.

Asks AWS who is calling and what stands; changes nothing.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import NoRegionError

from deploy import permissions
from deploy.errors import CREDENTIALS
from deploy.stage import StageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_REGION = re.compile(r"[a-z]{2,3}(-[a-z]+)+-[0-9]+")
# What Lambda runs: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
RUNTIMES = ((3, 11), (3, 14))


def session(named: str, recorded: str) -> boto3.Session:
    """A session in the region that was named, that the stage is in, or of the environment.

    Raises StageError for what is no region and NoRegionError for none at all.
    """
    region = named or recorded or os.environ.get("AWS_REGION", "")
    found = boto3.Session(region_name=region or None)
    if found.region_name is None:
        raise NoRegionError
    if not _REGION.fullmatch(found.region_name):
        raise StageError(f"{found.region_name!r} is no region: name one such as REGION=eu-west-1")
    return found


def check_versions() -> None:
    """Raises StageError where Lambda has no runtime for this Python: Chalice takes the same."""
    least, most = RUNTIMES
    if not least <= sys.version_info[:2] <= most:
        raise StageError(
            f"Lambda runs Python {least[0]}.{least[1]} to {most[0]}.{most[1]}, not"
            f" {sys.version_info[0]}.{sys.version_info[1]}: make .venv anew with another (PYTHON=…)"
        )


def identity(aws: boto3.Session) -> tuple[str, str]:
    """The account and the ARN of who is calling; raises StageError where AWS knows nobody."""
    if aws.get_credentials() is None:
        raise StageError(f"No AWS credentials: {CREDENTIALS}")
    caller: Any = aws.client("sts").get_caller_identity()
    return str(caller["Account"]), str(caller["Arn"])


def report(
    aws: boto3.Session, stage: str, differences: list[str], steps: Mapping[str, str]
) -> None:
    """Print the plan."""
    account, caller = identity(aws)
    print(f"Stage {stage} in {aws.region_name}, account {account}, as {caller}")
    print(f"Chalice {version('chalice')}, Python {sys.version_info[0]}.{sys.version_info[1]}")
    print("Steps:")
    for name, does in steps.items():
        print(f"  {name:<13} {does}")
    print(f"The stack hoist-{stage}: {', '.join(differences) or 'as declared'}")
    print(
        "Permissions to make it; CloudFormation must be let read, change and tag what it made too:"
    )
    print("\n".join(permissions.plan()))
    if told := permissions.warning(aws.client("iam"), caller):
        print(told)
