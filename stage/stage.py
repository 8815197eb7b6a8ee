"""A stage as it is on disk: its environment in `.chalice/config.json`, and Chalice's note of it.

Chalice's note is on the machine that deployed, and incomplete after an interrupted run. So the
functions are called by their names, and the APIs are looked for
(`deploy.steps.application.recover`).
"""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.config import Settings, SettingsError, load_settings
from stage.names import function_name

ROOT = Path(__file__).parent.parent
# As the template's parameter Stage has it.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,23}")


class StageError(Exception):
    """A stage that is not there, or lacks what a command needs; says what to do."""


@dataclass(frozen=True, slots=True)
class Stage:
    """`environment` is that of its functions."""

    name: str
    settings: Settings
    environment: Mapping[str, str]

    def function(self, name: str) -> str:
        """What AWS, or the local system, calls one of its functions."""
        return function_name(self.name, name)

    def lacks(self, name: str) -> StageError:
        """The error for a function that AWS does not know."""
        return StageError(f"{name} is not deployed: run `make deploy STAGE={self.name}`")

    def arn(self, variable: str) -> str:
        """An ARN in its environment."""
        if variable not in self.environment:
            raise StageError(f"The environment of {self.name} lacks {variable}")
        return self.environment[variable]


def enter(name: str, *, root: Path = ROOT, environ: MutableMapping[str, str] = os.environ) -> Stage:
    """Read a stage, and make this process's environment its own, so that clients find it."""
    config = declared(name, root=root)
    environ.update(config.get("environment_variables", {}))
    # Lambda sets it for the functions, which may not have a variable of that name.
    if "region" in config:
        environ.update(dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), config["region"]))
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        raise StageError(f"Stage {name}: {error}") from error
    return Stage(name, settings, dict(environ))


def check_name(name: str) -> None:
    """Raises StageError for what cannot be the name of a stage in AWS."""
    if not name:
        raise StageError("Which stage? Name it: STAGE=dev")
    if not _NAME.fullmatch(name):
        raise StageError(
            f"{name!r} is no stage: up to 24 small letters, digits and hyphens, a letter first"
        )
    if name == "local":
        raise StageError("The stage local is this machine's: `make run` starts it")


def config_path(root: Path = ROOT) -> Path:
    """Where the stages are declared; Chalice reads it."""
    return root / ".chalice" / "config.json"


def note_path(name: str, root: Path = ROOT) -> Path:
    """Where Chalice notes what it made of a stage."""
    return root / ".chalice" / "deployed" / f"{name}.json"


def read_json(path: Path) -> Any:
    """What a file of JSON holds; raises StageError where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"{path} cannot be read: {error}") from error


def declared(name: str, *, root: Path = ROOT) -> dict[str, Any]:
    """What `.chalice/config.json` says of a stage, which need not be deployed yet."""
    stages = read_json(config_path(root)).get("stages", {})
    if name not in stages:
        known = ", ".join(sorted(stages))
        raise StageError(f"There is no stage {name}; .chalice/config.json has {known}")
    return dict(stages[name])


def deployed(name: str, *, root: Path = ROOT) -> list[dict[str, Any]]:
    """What `chalice deploy` made of a stage; raises StageError when it has not."""
    path = note_path(name, root)
    if not path.exists():
        raise StageError(f"{name} is not deployed: run `make deploy STAGE={name}`")
    return list(read_json(path)["resources"])
