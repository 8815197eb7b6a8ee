"""One JSON line a decision, with owner, upload id and key; never a presigned URL or a ticket.

Each line names the function and the request that wrote it. A caller passes fields as `extra`, and
metrics as its member `metrics`. Must not know the events.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib import metrics

# The attributes of every LogRecord; all others are the fields in `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Time, level, message, the invocation, the extra fields, the metrics, then the exception."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self.stage = stage
        # A process of Lambda has one invocation at a time; all its threads work for that.
        self.invocation: Mapping[str, str] = {}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            **self.invocation,
        }
        extra = {name: v for name, v in vars(record).items() if name not in _STANDARD}
        values = extra.pop("metrics", None)
        line |= {name: str(value) for name, value in extra.items()}
        if values:
            line |= metrics.members(values, stage=self.stage, at=record.created)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(stage: str) -> None:
    """Write the logs of `chalicelib` to standard error, independent of the root logger."""
    logger = logging.getLogger("chalicelib")
    if not _formatters():
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter(stage))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def begin(context: Any) -> None:
    """Name the invocation in every line from now on, by Lambda's context object."""
    for formatter in _formatters():
        formatter.invocation = (
            {"function": context.function_name, "request_id": context.aws_request_id}
            if context
            else {}
        )


def _formatters() -> list[JsonFormatter]:
    handlers = logging.getLogger("chalicelib").handlers
    formatters = (handler.formatter for handler in handlers)
    return [formatter for formatter in formatters if isinstance(formatter, JsonFormatter)]
