"""What can be known before anything is changed: who deploys what where, and the plan.

Asks AWS who is calling and what stands; changes nothing.
"""

from __future__ import annotations

import os
import re
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import NoRegionError, UnknownRegionError

from deploy import permissions
from deploy.errors import CREDENTIALS
from deploy.permissions import simulator
from stage.stage import StageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)+-[0-9]+")
# The one with CloudFront under its own name and certificate: not China, GovCloud and the others.
_PARTITION = "aws"


def session(named: str, recorded: str) -> boto3.Session:
    """A session in the region that was named, that the stage is in, or of the environment.

    Raises StageError for what is no region or one that has not all that a stage needs, and
    NoRegionError for none at all.
    """
    region = named or recorded or os.environ.get("AWS_REGION", "")
    found = boto3.Session(region_name=region or None)
    if found.region_name is None:
        raise NoRegionError
    if not _REGION.fullmatch(found.region_name):
        raise StageError(f"{found.region_name!r} is no region: name one such as REGION=eu-west-1")
    _check_partition(found)
    return found


def _check_partition(aws: boto3.Session) -> None:
    region = str(aws.region_name)
    try:
        partition = aws.get_partition_for_region(region)
    except UnknownRegionError as error:
        raise StageError(f"{region!r} is no region: name one such as REGION=eu-west-1") from error
    if partition != _PARTITION:
        raise StageError(
            f"{region} is in the partition {partition}: a stage needs CloudFront under its own name"
            " and certificate, which is in the partition aws alone, as in REGION=eu-west-1"
        )


def check_sign_up(stage: str, chosen: Mapping[str, str], *, stands: bool) -> str:
    """What to tell of who may have an account; nothing where an operator chose that.

    `chosen` are the stage's parameters, `stands` says whether it is deployed already: then it goes
    on as it is. Raises StageError with the three choices for a new stage without one.
    """
    if "AdminOnlySignUp" in chosen or chosen.get("SignUpDomains"):
        return ""
    choices = "\n".join(
        f"  make deploy STAGE={stage} {parameter:<31}  # {who}"
        for parameter, who in (
            ('SET="AdminOnlySignUp=true"', "operators make the accounts"),
            ('SET="SignUpDomains=example.com"', "whoever has an address at these domains"),
            ('SET="AdminOnlySignUp=false"', "everybody on the Internet"),
        )
    )
    if not stands:
        raise StageError(f"Who may have an account in {stage}? Choose one:\n{choices}")
    return f"Everybody on the Internet may have an account in {stage}. To choose:\n{choices}"


def identity(aws: boto3.Session) -> tuple[str, str]:
    """The account and the ARN of who is calling; raises StageError where AWS knows nobody."""
    if aws.get_credentials() is None:
        raise StageError(f"No AWS credentials: {CREDENTIALS}")
    caller: Any = aws.client("sts").get_caller_identity()
    return str(caller["Account"]), str(caller["Arn"])


def report(
    aws: boto3.Session,
    stage: str,
    differences: list[str],
    steps: Mapping[str, str],
    runtimes: str,
) -> None:
    """Print the plan; `runtimes` is that of `deploy/preflight/runtime.py`."""
    account, caller = identity(aws)
    print(f"Stage {stage} in {aws.region_name}, account {account}, as {caller}")
    print(f"Chalice {version('chalice')}. {runtimes}")
    print("Steps:")
    for name, does in steps.items():
        print(f"  {name:<13} {does}")
    print(f"The stack hoist-{stage}: {', '.join(differences) or 'as declared'}")
    print(f"Permissions it needs (make permissions COMMAND=deploy STAGE={stage} prints a policy):")
    print("\n".join(permissions.plan("deploy")))
    if warning := simulator.warning(
        aws.client("iam"), caller, "deploy", stage, str(aws.region_name)
    ):
        print(warning)
