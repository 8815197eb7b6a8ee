"""The commands and the reservations in the documentation for operators."""

import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from deploy import preflight
from deploy.__main__ import STEPS, parse_parameters
from deploy.steps import config
from deploy.steps.concurrency import USUAL_LIMIT
from tests.support.environment import REGION

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
DEPLOYING = (DOCS / "deploying.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
(CONCURRENCY,) = DOCS.glob("decisions/025-*.md")


def test_the_rules_of_the_web_acl_are_such_that_waf_takes_them() -> None:
    (rules,) = re.findall(r"--rules '(.*)'", OPERATIONS)
    make: Any = boto3.client
    shape = make("wafv2", region_name=REGION).meta.service_model.operation_model("CreateWebACL")
    visible = {
        "SampledRequestsEnabled": True,
        "CloudWatchMetricsEnabled": True,
        "MetricName": "hoist-dev",
    }
    request = {
        "Name": "hoist-dev",
        "Scope": "CLOUDFRONT",
        "DefaultAction": {"Allow": {}},
        "VisibilityConfig": visible,
        "Rules": json.loads(rules),
    }

    assert ParamValidator().validate(request, shape.input_shape).generate_report() == ""


@pytest.mark.parametrize("function", config.RESERVED)
def test_every_reservation_is_documented(function: str) -> None:
    number = config.RESERVED[function]

    assert re.search(rf"^\|.*`{function}`.*\| {number}( each)? \|", OPERATIONS, re.MULTILINE)


def test_the_remaining_concurrency_of_the_api_is_documented() -> None:
    reserved = sum(config.RESERVED.values())

    assert f"what remains: {USUAL_LIMIT - reserved} of 1,000" in OPERATIONS
    assert f"{reserved} of the account's" in CONCURRENCY.read_text(encoding="utf-8")


def test_a_new_stage_is_deployed_with_a_choice_of_who_may_have_an_account() -> None:
    """And the documentation offers all three choices."""
    pages = README + DEPLOYING + OPERATIONS
    commands = re.findall(r"^make deploy .*REGION=.*$", pages, re.MULTILINE)
    choices = re.findall(r'^\| `"(\w+=[\w.]+)"` \|', DEPLOYING, re.MULTILINE)

    assert len(commands) >= 3
    for text in [*re.findall(r'SET="(.*?)"', "\n".join(commands)), *choices]:
        assert preflight.check_sign_up("dev", parse_parameters("", text), exists=False) == ""
    assert all("SET=" in command for command in commands)
    assert len(choices) == 3


def test_every_step_of_a_deployment_is_documented_in_order() -> None:
    documented = re.findall(r"^\| `([a-z-]+)` \|", DEPLOYING, re.MULTILINE)

    assert documented == [step for step in STEPS if not step.startswith("migration")]


def test_the_example_of_policies_has_every_function() -> None:
    (example,) = re.findall(r"```text\n((?:  \w+ +changed\n)+)", OPERATIONS)
    policies = (ROOT / ".chalice" / "policies").glob("*.json")

    assert re.findall(r"^  (\w+)", example, re.MULTILINE) == sorted(path.stem for path in policies)


def test_the_example_of_destinations_is_what_is_declared() -> None:
    examples = re.findall(r"^  (\w+) +changed: ({.*})$", OPERATIONS, re.MULTILINE)
    declared = json.loads((ROOT / ".chalice" / "destinations.json").read_text(encoding="utf-8"))

    assert {name: json.loads(text) for name, text in examples} == declared
