"""`make permissions`: IAM policies that allow a command, ready to paste. Asks AWS nothing."""

from __future__ import annotations

import argparse
import json
import sys

from deploy.command import run_command
from deploy.permissions import COMMANDS
from deploy.permissions.policy import documents
from deploy.steps import config
from stage.stage import check_name

_NAMES = ", ".join(COMMANDS)


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="make permissions",
        description=__doc__,
        epilog="IAM takes policies of at most 6,144 characters, so that a command may need several:"
        " attach all of them. The other commands need no permission in AWS.",
    )
    parser.add_argument(
        "--command", required=True, choices=COMMANDS, metavar="COMMAND", help=f"one of {_NAMES}"
    )
    parser.add_argument("--stage", default="", help="STAGE: for this stage alone, else for all")
    parser.add_argument("--region", default="", help="REGION: else the stage's own, or all regions")
    options = parser.parse_args()

    def work() -> None:
        if options.stage:
            check_name(options.stage)
        region = options.region or config.recorded_region(options.stage) or "*"
        policies = documents(options.command, options.stage or "*", region)
        for number, document in enumerate(policies, 1):
            if len(policies) > 1:
                print(f"Policy {number} of {len(policies)}: attach all of them", file=sys.stderr)
            print(json.dumps(document, indent=2))

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
