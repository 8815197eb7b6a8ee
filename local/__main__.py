"""`python -m local`: the command behind `make run`."""

import argparse
import asyncio
import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from chalicelib.config import forget_aws_account
from local.home import Home, Ports, StartError
from local.system import Options, System
from stage.stage import StageError

LARGEST_PORT = 65_535  # TCP's


def main() -> int:
    """Run the local system; returns 1, and prints the reason, when it cannot start."""
    forget_aws_account(os.environ)
    try:
        options = _options(sys.argv[1:], os.environ)
        options.home.prepare()
        print(f"Starting Hoist in {options.home.path} …", flush=True)
        return asyncio.run(System(options).run())
    except (StartError, StageError) as error:
        print(f"Hoist cannot start. {error}", file=sys.stderr)
        return 1


def _options(arguments: Sequence[str], environment: Mapping[str, str]) -> Options:
    parser = argparse.ArgumentParser(
        prog="python -m local", description="Run Hoist on this machine.", allow_abbrev=False
    )
    parser.add_argument(
        "--home", type=Path, default=Path(environment.get("HOIST_HOME") or ".hoist"),
        help="folder for data and logs (HOIST_HOME, .hoist)",
    )  # fmt: skip
    for field in fields(Ports):
        variable = f"HOIST_{field.name.upper()}_PORT"
        parser.add_argument(
            f"--{field.name}-port",
            dest=field.name,
            type=_port,
            default=environment.get(variable) or field.default,
            help=f"port of the {field.name} service ({variable}, {field.default})",
        )
    parser.add_argument(
        "--retry-waits", default="1,2",
        help="seconds before each retry of a failed function (1,2; AWS: 60,120)",
    )  # fmt: skip
    parser.add_argument(
        "--throttling", type=_switch, default=environment.get("HOIST_THROTTLING") or "false",
        help="true: the API takes no more requests than .chalice/api-gateway.json says"
        " (HOIST_THROTTLING, false)",
    )  # fmt: skip
    choices = parser.parse_args(arguments)
    try:
        waits = [float(wait) for wait in choices.retry_waits.split(",")]
    except ValueError as error:
        raise StartError(
            f"Retry waits are seconds, like 1,2: not {choices.retry_waits!r}"
        ) from error
    if not all(math.isfinite(wait) and wait >= 0 for wait in waits):
        raise StartError(f"Retry waits are finite and not negative: not {choices.retry_waits!r}")
    ports = Ports(**{field.name: getattr(choices, field.name) for field in fields(Ports)})
    return Options(Home(choices.home), ports, waits, choices.throttling)


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"true or false, not {text!r}")
    return text.lower() == "true"


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= LARGEST_PORT:
        raise argparse.ArgumentTypeError(f"a port is 1 to {LARGEST_PORT}, not {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
