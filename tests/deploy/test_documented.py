"""What docs/operations.md and README tell operators to type, and what they say of reservations."""

import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from deploy import preflight
from deploy.__main__ import parse_parameters
from deploy.steps import config
from deploy.steps.concurrency import USUAL_LIMIT
from tests.support.environment import REGION

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_rules_of_the_web_acl_are_such_that_waf_takes_them() -> None:
    (rules,) = re.findall(r"--rules '(.*)'", OPERATIONS)
    make: Any = boto3.client
    shape = make("wafv2", region_name=REGION).meta.service_model.operation_model("CreateWebACL")
    visible = {
        "SampledRequestsEnabled": True,
        "CloudWatchMetricsEnabled": True,
        "MetricName": "hoist-dev",
    }
    asked = {
        "Name": "hoist-dev",
        "Scope": "CLOUDFRONT",
        "DefaultAction": {"Allow": {}},
        "VisibilityConfig": visible,
        "Rules": json.loads(rules),
    }

    assert ParamValidator().validate(asked, shape.input_shape).generate_report() == ""


@pytest.mark.parametrize("function", config.RESERVED)
def test_every_reservation_is_told(function: str) -> None:
    number = config.RESERVED[function]

    assert re.search(rf"^\|.*`{function}`.*\| {number}( each)? \|", OPERATIONS, re.MULTILINE)


def test_what_the_api_has_left_is_told() -> None:
    reserved = sum(config.RESERVED.values())

    assert f"what remains: {USUAL_LIMIT - reserved} of 1,000" in OPERATIONS
    assert f"{reserved} of the account's" in README


def test_readme_deploys_a_new_stage_with_a_choice() -> None:
    """And offers all three."""
    commands = re.findall(r"^\$ make deploy .*REGION=.*$", README + OPERATIONS, re.MULTILINE)
    choices = re.findall(r'^\| `"(\w+=[\w.]+)"` \|', README, re.MULTILINE)

    assert len(commands) >= 2
    for text in [*re.findall(r'SET="(.*?)"', "\n".join(commands)), *choices]:
        assert preflight.check_sign_up("dev", parse_parameters("", text), exists=False) == ""
    assert all("SET=" in command for command in commands)
    assert len(choices) == 3
