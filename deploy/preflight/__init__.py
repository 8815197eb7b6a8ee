"""Checks before anything is changed: who deploys which stage where, and the plan.

Reads the caller's identity and the state of the stage from AWS; changes nothing.
"""

from __future__ import annotations

import os
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import NoRegionError, UnknownRegionError

from deploy import permissions
from deploy.changes import STEP, Change, show
from deploy.errors import CREDENTIALS
from deploy.permissions import simulator
from stage.stage import StageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+")
# The only partition where CloudFront has its own domain and certificate.
_PARTITION = "aws"


def session(region: str, recorded: str) -> boto3.Session:
    """A session in the region of the command line, of the stage, or of the environment.

    Raises StageError for a region that does not exist or lacks a service that a stage needs, and
    NoRegionError without any region.
    """
    region = region or recorded or os.environ.get("AWS_REGION", "")
    aws = boto3.Session(region_name=region or None)
    if aws.region_name is None:
        raise NoRegionError
    if not _REGION.fullmatch(aws.region_name):
        raise StageError(f"{aws.region_name!r} is no region: name one such as REGION=eu-west-1")
    _check_partition(aws)
    return aws


def _check_partition(aws: boto3.Session) -> None:
    region = str(aws.region_name)
    try:
        partition = aws.get_partition_for_region(region)
    except UnknownRegionError as error:
        raise StageError(f"{region!r} is no region: name one such as REGION=eu-west-1") from error
    if partition != _PARTITION:
        raise StageError(
            f"{region} is in the partition {partition}: a stage needs CloudFront with its own"
            " domain and certificate, which only the partition aws has, as in REGION=eu-west-1"
        )


def check_sign_up(stage: str, parameters: Mapping[str, str], *, exists: bool) -> str:
    """A warning if nobody has chosen who may have an account; else an empty text.

    A stage that exists already stays as it is. Raises StageError with the three choices for a new
    stage.
    """
    if "AdminOnlySignUp" in parameters or parameters.get("SignUpDomains"):
        return ""
    choices = "\n".join(
        f"  make deploy STAGE={stage} {parameter:<31}  # {who}"
        for parameter, who in (
            ('SET="AdminOnlySignUp=true"', "operators create the accounts"),
            ('SET="SignUpDomains=example.com"', "everybody with an address at these domains"),
            ('SET="AdminOnlySignUp=false"', "everybody on the Internet"),
        )
    )
    if not exists:
        raise StageError(f"Who may have an account in {stage}? Choose one:\n{choices}")
    return f"Everybody on the Internet may have an account in {stage}. To choose:\n{choices}"


def identity(aws: boto3.Session) -> tuple[str, str]:
    """The account and the ARN of the caller; raises StageError without credentials."""
    if aws.get_credentials() is None:
        raise StageError(f"No AWS credentials: {CREDENTIALS}")
    caller: Any = aws.client("sts").get_caller_identity()
    return str(caller["Account"]), str(caller["Arn"])


def report(
    aws: boto3.Session,
    stage: str,
    changes: Collection[Change],
    steps: Mapping[str, str],
    runtimes: str,
) -> None:
    """Print the plan; `runtimes` are the lines of `deploy/preflight/runtime.py`."""
    account, caller = identity(aws)
    print(f"Stage {stage} in {aws.region_name}, account {account}, as {caller}")
    print(f"Chalice {version('chalice')}. {runtimes}")
    print("Steps:")
    for name, text in steps.items():
        show(name, text, STEP)
    differences = "; ".join(change.difference for change in changes)
    print(f"The stack hoist-{stage}: {differences or 'as declared'}")
    print(f"Permissions it needs (make permissions COMMAND=deploy STAGE={stage} prints a policy):")
    print("\n".join(permissions.plan("deploy")))
    region = str(aws.region_name)
    if warning := simulator.warning(aws.client("iam"), caller, "deploy", stage, region):
        print(warning)
