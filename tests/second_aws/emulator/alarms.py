"""CloudWatch's alarms over an expression of several metrics.

MiniStack refuses them in a template. Here it stores the alarm but never evaluates it.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudwatch-alarm.html
"""

from typing import Any

from ministack.services.cloudformation import provisioners

from emulator.bridging import replace

# The properties of an alarm with one metric; an alarm has either these or `Metrics`.
ONE_METRIC = (
    *("MetricName", "Namespace", "Statistic", "ExtendedStatistic"),
    *("Dimensions", "Period", "Unit"),
)


def bridge() -> None:
    replace(provisioners, "_cw_metric_alarm_record", _with_expressions)


def _with_expressions(record: Any) -> Any:
    def record_alarm(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        metrics = properties.get("Metrics")
        if not metrics:
            return dict(record(name, properties))
        one = {**properties, "Metrics": None, "MetricName": "-", "Namespace": "-"}
        alarm = {key: value for key, value in record(name, one).items() if key not in ONE_METRIC}
        return {**alarm, "Metrics": metrics}

    return record_alarm
