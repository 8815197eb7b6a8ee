"""`make permissions`: IAM policies that allow a command, ready to paste. Makes no call to AWS."""

from __future__ import annotations

import argparse
import json
import sys

from deploy.command import arguments, run
from deploy.permissions import COMMANDS
from deploy.permissions.policy import documents
from deploy.steps import config
from stage.stage import check_name

_NAMES = ", ".join(COMMANDS)


def main() -> int:
    """Run the command; returns the exit status."""
    parser = arguments(
        "permissions",
        __doc__,
        notes="IAM accepts policies of at most 6,144 characters, so a command may need several:"
        " attach all of them. The other commands need no permission in AWS.",
    )
    parser.add_argument(
        "--command", required=True, choices=COMMANDS, metavar="COMMAND", help=f"one of {_NAMES}"
    )
    parser.add_argument("--stage", default="", help="STAGE: for this stage only, else for all")
    parser.add_argument("--region", default="", help="REGION: else the stage's own, or all regions")

    def work(options: argparse.Namespace) -> None:
        if options.stage:
            check_name(options.stage)
        region = options.region or config.recorded_region(options.stage) or "*"
        policies = documents(options.command, options.stage or "*", region)
        for number, document in enumerate(policies, 1):
            if len(policies) > 1:
                print(f"Policy {number} of {len(policies)}: attach all of them", file=sys.stderr)
            print(json.dumps(document, indent=2))

    return run(parser, work)


if __name__ == "__main__":
    sys.exit(main())
