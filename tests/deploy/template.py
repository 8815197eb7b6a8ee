"""`.chalice/resources.yaml` as data.

`!Ref X` is {"Ref": "X"}, `!GetAtt X.Arn` is {"Fn::GetAtt": ["X", "Arn"]}, and so on.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).parents[2] / ".chalice" / "resources.yaml"
TEXT = PATH.read_text(encoding="utf-8")


class Loader(yaml.SafeLoader):  # type: ignore[misc] # yaml ships no types
    """YAML with CloudFormation's tags."""


def _intrinsic(loader: Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt":
        value = value.split(".")
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


Loader.add_multi_constructor("!", _intrinsic)
TEMPLATE: Any = yaml.load(TEXT, Loader)  # noqa: S506 - made of SafeLoader
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
OUTPUTS: dict[str, Any] = TEMPLATE["Outputs"]


def mappings(part: Any = RESOURCES) -> Iterator[dict[str, Any]]:
    """Every mapping in a part of the template, at any depth."""
    if isinstance(part, dict):
        yield part
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for value in inner:
        yield from mappings(value)


def listed(value: Any) -> list[Any]:
    """A member of a policy as a list, also if it is a single value."""
    return value if isinstance(value, list) else [value]
