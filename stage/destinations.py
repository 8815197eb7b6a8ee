"""Where the outcomes of asynchronous invocations go: `.chalice/destinations.json`.

`make deploy` writes it to AWS (`deploy/steps/destinations.py`), and `make run` delivers the same.
"""

from pathlib import Path
from typing import Any

from stage.stage import ROOT, StageError, read_json

# The name of a destination in the file, and the variable of a stage that holds its ARN.
ARNS = {"sns:results": "HOIST_RESULTS_TOPIC_ARN", "sqs:dead-letters": "HOIST_DEAD_LETTERS_ARN"}
# The members of the file, and their names in Lambda's API.
CONDITIONS = {"on_success": "OnSuccess", "on_failure": "OnFailure"}
LIMITS = {
    "maximum_retry_attempts": "MaximumRetryAttempts",
    "maximum_event_age_in_seconds": "MaximumEventAgeInSeconds",
}


def read(path: Path = ROOT / ".chalice" / "destinations.json") -> dict[str, dict[str, Any]]:
    """Read the settings of each function; raises StageError when the file is not valid."""
    declared = read_json(path)
    for function, settings in declared.items():
        if unknown := settings.keys() - CONDITIONS.keys() - LIMITS.keys():
            raise StageError(f"{path.name}: {function} has unknown {', '.join(sorted(unknown))}")
        for condition in CONDITIONS:
            if settings.get(condition, "sns:results") not in ARNS:
                raise StageError(
                    f"{path.name}: {function} sends {condition} to {settings[condition]};"
                    f" known are {', '.join(ARNS)}"
                )
    return dict(declared)
