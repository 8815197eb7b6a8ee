"""One JSON line a decision, with owner, upload id and key; never a presigned URL or a ticket.

Each line says which function and which request wrote it. Fields are passed as `extra`, what is
counted as its `metrics`. Must not know what is logged.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from chalicelib import metrics

# What every LogRecord has; the rest came as `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Time, level, message, the invocation, the extra fields, the metrics, then the exception."""

    def __init__(self, stage: str) -> None:
        super().__init__()
        self.stage = stage
        # Lambda gives a process one invocation at a time, and its threads work for that.
        self.invocation: Mapping[str, str] = {}

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "message": record.getMessage(),
            **self.invocation,
        }
        extra = {name: v for name, v in vars(record).items() if name not in _STANDARD}
        counted = extra.pop("metrics", None)
        line |= {name: str(value) for name, value in extra.items()}
        if counted:
            line |= metrics.members(counted, stage=self.stage, at=record.created)
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configure(stage: str) -> None:
    """Log what `chalicelib` says to standard error, once, whatever the root logger does."""
    logger = logging.getLogger("chalicelib")
    if not _formatters():
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter(stage))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def begin(context: Any) -> None:
    """Let every line from now on say which invocation it is of, by Lambda's context object."""
    for formatter in _formatters():
        formatter.invocation = (
            {"function": context.function_name, "request_id": context.aws_request_id}
            if context
            else {}
        )


def _formatters() -> list[JsonFormatter]:
    handlers = logging.getLogger("chalicelib").handlers
    found = (handler.formatter for handler in handlers)
    return [formatter for formatter in found if isinstance(formatter, JsonFormatter)]
