"""What each function may do in AWS: `.chalice/policies/<function>.json`, rendered for a stage.

Comes before `chalice deploy`, which makes a role for each function from the file that its
`iam_policy_file` names; the files are called as Chalice calls the functions. Asks AWS nothing and
changes nothing there.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.command import run_command
from stage.stage import ROOT, StageError, declared

# Where a stage has none of these, or says false, the statements about them fall away.
OPTIONAL = frozenset({"HOIST_KMS_KEY_ARN", "HOIST_XRAY"})
# The member of a statement that says no more than that it is about one of those.
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
    found = sorted((root / ".chalice" / "policies").glob("*.json"))
    return {path.stem: path.read_text(encoding="utf-8") for path in found}


def render(template: str, stage: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The policy document of one function; raises StageError for a variable that is not there.

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
        if all(variables.get(name) not in _NOT for name in OPTIONAL & _named(statement))
    ]
    return dict(_substituted(document, variables))


def write(stage: str, environment: Mapping[str, str], *, root: Path = ROOT) -> list[str]:
    """Write what differs; returns the functions whose policy was changed. Safe to repeat."""
    rendered = {
        function: json.dumps(render(template, stage, environment), indent=2) + "\n"
        for function, template in templates(root).items()
    }
    changed = []
    for function, text in rendered.items():
        path = root / ".chalice" / policy_file(stage, function)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            print(f"  {function:<20} as rendered before")
            continue
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        changed.append(function)
        print(f"  {function:<20} changed")
    return changed


def policy_file(stage: str, function: str) -> str:
    """The `iam_policy_file` of a function, as Chalice takes it: from `.chalice` on."""
    return f"policies/{stage}/{function}.json"


def unused(stage: str, config: Mapping[str, Any], *, root: Path = ROOT) -> list[str]:
    """The functions whose policy a stage's configuration does not name: Chalice passes it over."""
    functions = config.get("lambda_functions", {})
    return [
        function
        for function in templates(root)
        if functions.get(function, {}).get("iam_policy_file") != policy_file(stage, function)
    ]


def _named(statement: Any) -> set[str]:
    """The variables in a statement."""
    return set(_VARIABLE.findall(json.dumps(statement)))


def _substituted(part: Any, variables: Mapping[str, str]) -> Any:
    """A part of a document, in all whose texts the variables are replaced."""
    if isinstance(part, dict):
        return {name: _substituted(value, variables) for name, value in part.items()}
    if isinstance(part, list):
        return [_substituted(value, variables) for value in part]
    return _VARIABLE.sub(lambda found: _value(variables, found[1]), part)


def _value(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "").strip()
    if not value:
        raise StageError(f"The environment of the stage lacks {name}")
    return value


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make policies", description=__doc__)
    parser.add_argument("--stage", required=True, help="a stage of .chalice/config.json")
    stage = parser.parse_args().stage
    if stage == "local":
        print("At home nobody asks for a policy: there is nothing to render")
        return 0

    def work() -> None:
        config = declared(stage)
        changed = write(stage, config.get("environment_variables", {}))
        print(f"{len(changed)} changed, in .chalice/policies/{stage}")
        for function in unused(stage, config):
            print(
                f"Not used yet: .chalice/config.json gives {function} of {stage}"
                f' no "iam_policy_file": "{policy_file(stage, function)}"'
            )

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
