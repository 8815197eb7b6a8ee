"""The tables of the CloudFormation template: its parameters and its alarms."""

import functools
from typing import Any

import yaml

from scripts.docs.markdown import code, table
from scripts.docs.source import ROOT

COMPARISONS = {
    "GreaterThanOrEqualToThreshold": "or more",
    "GreaterThanThreshold": "exceeded",
    "LessThanThreshold": "not reached",
}


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # yaml ships no types
    """Reads the short forms of CloudFormation's functions as their arguments."""


def _argument(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    raise TypeError(f"a node of an unknown kind: {node}")


_Loader.add_multi_constructor("!", _argument)


@functools.cache
def template() -> Any:
    """The template as data."""
    text = (ROOT / ".chalice" / "resources.yaml").read_text(encoding="utf-8")
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader


def parameter_table() -> str:
    """Every parameter, with its default and what it takes."""
    rows = []
    for name, parameter in template()["Parameters"].items():
        default = parameter["Default"]
        takes = ""
        if "AllowedValues" in parameter:
            takes = " or ".join(code(value) for value in parameter["AllowedValues"])
        elif "MinValue" in parameter:
            takes = f"{parameter['MinValue']:,} to {parameter['MaxValue']:,}"
        elif "ConstraintDescription" in parameter:
            takes = parameter["ConstraintDescription"]
        value = "none" if default == "" else code(default)
        rows.append([code(name), value, parameter["Description"], takes])
    return table(["Parameter", "Default", "Meaning", "Takes"], rows)


def alarm_table() -> str:
    """Every alarm: the metric that it watches, and when it goes off."""
    rows = []
    for name, resource in template()["Resources"].items():
        if resource["Type"] != "AWS::CloudWatch::Alarm":
            continue
        alarm = resource["Properties"]
        minutes = alarm["EvaluationPeriods"] * _period(alarm) // 60
        comparison = COMPARISONS[alarm["ComparisonOperator"]]
        limit = f"{alarm['Threshold']:,} {comparison} in {minutes} minutes"
        if alarm["TreatMissingData"] == "breaching":
            limit = f"no value for {minutes} minutes, or {limit}"
        rows.append(
            [code(name.removesuffix("Alarm")), ", ".join(map(code, _metrics(alarm))), limit]
        )
    return table(["Alarm", "Metric", "When"], rows)


def _stats(alarm: Any) -> list[Any]:
    return [item["MetricStat"] for item in alarm.get("Metrics", []) if "MetricStat" in item]


def _period(alarm: Any) -> int:
    return int(alarm["Period"] if "Period" in alarm else _stats(alarm)[0]["Period"])


def _metrics(alarm: Any) -> list[str]:
    """The names of the metrics, each once, with their namespaces."""
    single = [f"{alarm['Namespace']} {alarm['MetricName']}"] if "MetricName" in alarm else []
    several = [
        f"{stat['Metric']['Namespace']} {stat['Metric']['MetricName']}" for stat in _stats(alarm)
    ]
    return list(dict.fromkeys(single + several))
