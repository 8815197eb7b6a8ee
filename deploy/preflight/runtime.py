"""Which Python runs the functions, until when AWS supports it, and which newer one could run them.

Chalice deploys the functions for the Python that runs Chalice, which is the one of `.venv`. The
function that Cognito invokes at a sign-up has its own in `.chalice/resources.yaml`. Makes no call
to AWS.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import metadata
from pathlib import Path

from stage.stage import ROOT, StageError

# Major and minor version.
Python = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Runtime:
    """The day when AWS deprecates a runtime, and the day when it blocks new functions with it."""

    deprecated: date
    blocked: date


# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
# python3.15 is missing: AWS has it as a public preview, which is not for production, is not in the
# SLA and has no dates. https://github.com/aws/aws-lambda-python-runtime-interface-client/issues/216
RUNTIMES: Mapping[Python, Runtime] = {
    (3, 11): Runtime(date(2027, 6, 30), date(2027, 7, 31)),
    (3, 12): Runtime(date(2028, 10, 31), date(2028, 11, 30)),
    (3, 13): Runtime(date(2029, 6, 30), date(2029, 7, 31)),
    (3, 14): Runtime(date(2029, 6, 30), date(2029, 7, 31)),
}
# The Pythons for which every package of requirements-dev.txt has a wheel for Linux, and every
# package of requirements.txt one that Lambda takes. Only the package index knows the wheels, so
# `make lock` asks it about each Python of this list, and fails where a wheel is missing.
PACKAGES: tuple[Python, ...] = ((3, 11), (3, 12), (3, 13), (3, 14))
# How long before AWS deprecates a runtime the plan warns of it.
WARNED = timedelta(days=180)
# The remedy if this version of Hoist knows no newer runtime.
_OLD = "this version of Hoist knows no newer runtime: get a newer version of Hoist"
_DECLARED = re.compile(r"^ +Runtime: python(\d+)\.(\d+)$", re.MULTILINE)
_RUNNING: Python = sys.version_info[:2]


def identifier(python: Python) -> str:
    """Lambda's name of a runtime, which is also the name of the command."""
    return f"python{python[0]}.{python[1]}"


def check(today: date, python: Python = _RUNNING) -> str:
    """A warning in the last half year before AWS deprecates the functions' runtime; else empty.

    Raises StageError if Lambda has no such runtime, or no longer creates functions with it.
    """
    later = max(_supported(today), default=python)
    return _check(python, today, _OLD if later == python else install_command(later))


def check_sign_up_function(parameters: Mapping[str, str], today: date, *, root: Path = ROOT) -> str:
    """The same for the function that Cognito invokes, if a stage's `parameters` create one.

    It needs neither Chalice nor a package.
    """
    if not parameters.get("SignUpDomains"):
        return ""
    python, later = declared(root=root), max(RUNTIMES)
    return _check(python, today, _OLD if later == python else _change(later))


def plan(
    parameters: Mapping[str, str], today: date, python: Python = _RUNNING, *, root: Path = ROOT
) -> str:
    """One or two lines for the plan: the runtimes of a stage with these `parameters`.

    Expects a Python that `check` and `check_sign_up_function` have not refused.
    """
    line = f"The functions run on {_supported_until(python)}; "
    if (later := newer(python, today)) is not None:
        until = RUNTIMES[later].deprecated
        line += f"{identifier(later)} (until {until}) runs with Chalice and our packages as well: "
        line += install_command(later)
    else:
        line += "Lambda, Chalice and our packages all run no newer one"
    if parameters.get("SignUpDomains"):
        own = _supported_until(declared(root=root))
        line += f"\nThe function that Cognito invokes at a sign-up runs on {own}"
    return line


def newer(python: Python, today: date) -> Python | None:
    """The newest Python after this one that Lambda, Chalice and our packages all run today."""
    return max((each for each in _supported(today) if each > python), default=None)


def install_command(python: Python) -> str:
    """The command that creates `.venv` again.

    A virtualenv belongs to one Python, and the stamps in `.make` do not record which one.
    https://docs.python.org/3/library/venv.html
    """
    return f"rm -r .venv .make; make install PYTHON={identifier(python)}"


def is_run_by_chalice(python: Python) -> bool:
    """Whether the installed Chalice supports this Python.

    Its Requires-Python has no upper bound; its classifiers name every version.
    """
    classifiers = metadata("chalice").get_all("Classifier") or []
    return f"Programming Language :: Python :: {_version(python)}" in classifiers


def declared(*, root: Path = ROOT) -> Python:
    """The oldest Python of a function in the template; raises StageError without one."""
    template = (root / ".chalice" / "resources.yaml").read_text(encoding="utf-8")
    pythons = [(int(major), int(minor)) for major, minor in _DECLARED.findall(template)]
    if not pythons:
        raise StageError(f"The sign-up function has no Python: {_change(max(RUNTIMES))}")
    return min(pythons)


def _check(python: Python, today: date, remedy: str) -> str:
    version = _version(python)
    if python not in RUNTIMES:
        versions = ", ".join(map(_version, RUNTIMES))
        raise StageError(f"Lambda runs Python {versions}, not {version}: {remedy}")
    runtime = RUNTIMES[python]
    if today >= runtime.blocked:
        raise StageError(
            f"Lambda creates no functions with Python {version} since {runtime.blocked}: {remedy}"
        )
    if today < runtime.deprecated - WARNED:
        return ""
    return (
        f"AWS updates the runtime of Python {version} until {runtime.deprecated}, and creates no"
        f" functions with it from {runtime.blocked} on: {remedy}"
    )


def _supported(today: date) -> list[Python]:
    """Every Python that Lambda, Chalice and our packages all run today."""
    return [
        python
        for python, runtime in RUNTIMES.items()
        if today < runtime.deprecated and python in PACKAGES and is_run_by_chalice(python)
    ]


def _supported_until(python: Python) -> str:
    return f"{identifier(python)}, which AWS supports until {RUNTIMES[python].deprecated}"


def _change(python: Python) -> str:
    return f"write Runtime: {identifier(python)} into SignUpFunction in .chalice/resources.yaml"


def _version(python: Python) -> str:
    return f"{python[0]}.{python[1]}"
