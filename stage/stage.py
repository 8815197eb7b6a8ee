"""A stage on disk: its environment in `.chalice/config.json`, and Chalice's note of it.

Only the machine that deployed has Chalice's note, and an interrupted run leaves it incomplete. So
functions are known by their names, and `deploy.steps.recovery` searches for the APIs.
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
# The pattern of the template's parameter Stage.
_NAME = re.compile(r"[a-z][a-z0-9-]{0,23}")


class StageError(Exception):
    """A stage does not exist, or lacks something that a command needs; says what to do."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage; `environment` is the environment of its functions."""

    name: str
    settings: Settings
    environment: Mapping[str, str]

    def function(self, name: str) -> str:
        """The name of one of its functions, in AWS and in the local system."""
        return function_name(self.name, name)

    def lacks(self, name: str) -> StageError:
        """The error for a function that does not exist in AWS."""
        return StageError(f"{name} is not deployed: run `make deploy STAGE={self.name}`")

    def arn(self, variable: str) -> str:
        """An ARN in its environment."""
        if variable not in self.environment:
            raise StageError(f"The environment of {self.name} lacks {variable}")
        return self.environment[variable]


def enter(name: str, *, root: Path = ROOT, environ: MutableMapping[str, str] = os.environ) -> Stage:
    """Read a stage and set its environment for this process, so that AWS clients use it."""
    config = declared(name, root=root)
    environ.update(config.get("environment_variables", {}))
    # Lambda reserves these names: it sets them for the functions.
    if "region" in config:
        environ.update(dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), config["region"]))
    try:
        settings = load_settings(environ)
    except SettingsError as error:
        raise StageError(f"Stage {name}: {error}") from error
    return Stage(name, settings, dict(environ))


def check_name(name: str) -> None:
    """Raise StageError for a text that cannot be the name of a stage in AWS."""
    if not name:
        raise StageError("Which stage? Name it: STAGE=dev")
    if not _NAME.fullmatch(name):
        raise StageError(
            f"{name!r} is no stage: up to 24 small letters, digits and hyphens, a letter first"
        )
    if name == "local":
        raise StageError("The stage local is this machine's: `make run` starts it")


def config_path(root: Path = ROOT) -> Path:
    """The file that declares the stages; Chalice reads it."""
    return root / ".chalice" / "config.json"


def note_path(name: str, root: Path = ROOT) -> Path:
    """The file where Chalice notes the resources of a stage."""
    return root / ".chalice" / "deployed" / f"{name}.json"


def read_json(path: Path) -> Any:
    """The content of a JSON file; raises StageError if it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"{path} cannot be read: {error}") from error


def declared(name: str, *, root: Path = ROOT) -> dict[str, Any]:
    """The configuration of a stage, deployed or not, in `.chalice/config.json`."""
    stages = read_json(config_path(root)).get("stages", {})
    if name not in stages:
        names = ", ".join(sorted(stages))
        raise StageError(f"There is no stage {name}; .chalice/config.json has {names}")
    return dict(stages[name])


def deployed(name: str, *, root: Path = ROOT) -> list[dict[str, Any]]:
    """The resources that `chalice deploy` noted; raises StageError without a note."""
    path = note_path(name, root)
    if not path.exists():
        raise StageError(f"{name} is not deployed: run `make deploy STAGE={name}`")
    return list(read_json(path)["resources"])
