"""`python -m local`: the command behind `make run`."""

import argparse
import asyncio
import os
import sys
from dataclasses import fields
from pathlib import Path

from chalicelib.config import forget_aws_account
from local.home import Home, Ports, StartError
from local.system import Options, System


def main() -> int:
    """Run the local system; 1, with one line that says why, when it cannot start."""
    forget_aws_account(os.environ)
    try:
        options = _options()
        options.home.prepare()
        print(f"Starting Hoist in {options.home.path} …", flush=True)
        return asyncio.run(System(options).run())
    except StartError as error:
        print(f"Hoist cannot start. {error}", file=sys.stderr)
        return 1


def _options() -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m local", description="Run Hoist on this machine.", allow_abbrev=False
    )
    parser.add_argument(
        "--home", type=Path, default=Path(os.environ.get("HOIST_HOME") or ".hoist"),
        help="folder for data and logs (HOIST_HOME, .hoist)",
    )  # fmt: skip
    for field in fields(Ports):
        variable = f"HOIST_{field.name.upper()}_PORT"
        parser.add_argument(
            f"--{field.name}-port",
            dest=field.name,
            type=int,
            default=os.environ.get(variable) or field.default,
            help=f"port of the {field.name} service ({variable}, {field.default})",
        )
    parser.add_argument(
        "--retry-waits", default=os.environ.get("HOIST_RETRY_WAITS") or "1,2",
        help="seconds before each retry of a failed function (HOIST_RETRY_WAITS, 1,2; AWS: 60,120)",
    )  # fmt: skip
    given = parser.parse_args()
    try:
        waits = [float(wait) for wait in given.retry_waits.split(",")]
    except ValueError as error:
        raise StartError(f"Retry waits are seconds, like 1,2: not {given.retry_waits!r}") from error
    ports = Ports(**{field.name: getattr(given, field.name) for field in fields(Ports)})
    return Options(Home(given.home), ports, waits)


if __name__ == "__main__":
    sys.exit(main())
