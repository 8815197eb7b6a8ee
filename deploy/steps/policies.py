"""What each function may do in AWS: renders `.chalice/policies/<function>.json` for a stage.

`chalice deploy` creates a role for each function from the file that its `iam_policy_file` names, so
this step comes before it. Makes no call to AWS.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.changes import Change, show
from deploy.command import arguments, run
from stage.stage import ROOT, StageError, declared

# If a stage does not set one of these, or sets it to false, the statements about it are left out.
OPTIONAL = frozenset({"HOIST_KMS_KEY_ARN", "HOIST_XRAY"})
# The member of a statement that only names the variable that the statement depends on.
_IF = "If"
_NOT = (None, "", "false")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_TOPIC_ARN = re.compile(
    r"arn:(?P<partition>[\w-]+):sns:(?P<region>[\w-]+):(?P<account>\d{12}):[\w.-]+"
)
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html
_WEBSOCKET_URL = re.compile(
    r"wss://(?P<api>[a-z0-9]+)\.execute-api\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?/(?P<stage>[\w-]+)/?"
)


def templates(root: Path = ROOT) -> dict[str, str]:
    """The text of each function's template, by the name of the function."""
    paths = sorted((root / ".chalice" / "policies").glob("*.json"))
    return {path.stem: path.read_text(encoding="utf-8") for path in paths}


def render(template: str, stage: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The policy document of one function; raises StageError for a missing variable.

    Partition, region and account are those of the stage's topic of results.
    """
    topic = _value(environment, "HOIST_RESULTS_TOPIC_ARN")
    arn = _TOPIC_ARN.fullmatch(topic)
    if arn is None:
        raise StageError(f"HOIST_RESULTS_TOPIC_ARN is not the ARN of a topic: {topic}")
    url = _WEBSOCKET_URL.fullmatch(_value(environment, "HOIST_WEBSOCKET_URL"))
    if url is None:
        raise StageError(
            "HOIST_WEBSOCKET_URL is not wss://{api id}.execute-api.{region}.amazonaws.com/{stage}"
        )
    variables = {
        **environment,
        "STAGE": stage,
        "AWS_PARTITION": arn["partition"],
        "AWS_REGION": arn["region"],
        "AWS_ACCOUNT_ID": arn["account"],
        "HOIST_WEBSOCKET_API": f"{url['api']}/{url['stage']}",
    }
    document = json.loads(template)
    document["Statement"] = [
        {name: value for name, value in statement.items() if name != _IF}
        for statement in document.get("Statement", [])
        if all(variables.get(name) not in _NOT for name in OPTIONAL & _variables(statement))
    ]
    return dict(_substitute(document, variables))


def differences(stage: str, environment: Mapping[str, str], *, root: Path = ROOT) -> list[Change]:
    """The functions whose rendered file is missing or another one."""
    return [
        Change("policies", function)
        for function, text in _rendered(stage, environment, root).items()
        if not (path := root / ".chalice" / policy_file(stage, function)).exists()
        or path.read_text(encoding="utf-8") != text
    ]


def write(stage: str, environment: Mapping[str, str], *, root: Path = ROOT) -> list[Change]:
    """Write the files that differ; returns the changes. Safe to repeat."""
    rendered = _rendered(stage, environment, root)
    changes = differences(stage, environment, root=root)
    for change in changes:
        path = root / ".chalice" / policy_file(stage, change.name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(rendered[change.name], encoding="utf-8")
        show(change.name, change.result)
    if not changes:
        show(f"policies/{stage}", "as rendered before")
    return changes


def _rendered(stage: str, environment: Mapping[str, str], root: Path) -> dict[str, str]:
    return {
        function: json.dumps(render(template, stage, environment), indent=2) + "\n"
        for function, template in templates(root).items()
    }


def policy_file(stage: str, function: str) -> str:
    """The `iam_policy_file` of a function; Chalice reads it relative to `.chalice`."""
    return f"policies/{stage}/{function}.json"


def unused(stage: str, config: Mapping[str, Any], *, root: Path = ROOT) -> list[str]:
    """The functions whose policy Chalice ignores, as the stage's configuration does not name it."""
    functions = config.get("lambda_functions", {})
    return [
        function
        for function in templates(root)
        if functions.get(function, {}).get("iam_policy_file") != policy_file(stage, function)
    ]


def _variables(statement: Any) -> set[str]:
    """The variables in a statement."""
    return set(_VARIABLE.findall(json.dumps(statement)))


def _substitute(part: Any, variables: Mapping[str, str]) -> Any:
    """Replace the variables in all texts of a part of a document."""
    if isinstance(part, dict):
        return {name: _substitute(value, variables) for name, value in part.items()}
    if isinstance(part, list):
        return [_substitute(value, variables) for value in part]
    return _VARIABLE.sub(lambda match: _value(variables, match[1]), part)


def _value(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "").strip()
    if not value:
        raise StageError(f"The environment of the stage lacks {name}")
    return value


def main() -> int:
    """Run the command; returns the exit status."""

    def work(options: argparse.Namespace) -> None:
        stage = options.stage
        if stage == "local":
            print("Locally no policy applies: there is nothing to render")
            return
        config = declared(stage)
        changes = write(stage, config.get("environment_variables", {}))
        print(f"{len(changes)} changed, in .chalice/policies/{stage}")
        for function in unused(stage, config):
            print(
                f"Not used yet: .chalice/config.json gives {function} of {stage}"
                f' no "iam_policy_file": "{policy_file(stage, function)}"'
            )

    return run(arguments("policies", __doc__, stage="a stage of .chalice/config.json"), work)


if __name__ == "__main__":
    sys.exit(main())
