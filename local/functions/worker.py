"""One execution environment: a process that has loaded `app.py` and runs its handlers.

`python -m local.functions.worker FOLDER` loads `app.py` from the folder. It reads one JSON
invocation a line, `{"id", "handler", "function", "arn", "event", "timeout"}`, and answers with a
line `{"ok", "payload"}`. The answer to `{"describe": true}` has the event sources, the handlers of
WebSockets and the routes that `app.py` declares. The output of handlers goes to the log.
"""

import importlib
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from chalice.app import ScheduleExpression


class Context:
    """The part of Lambda's context object that handlers use."""

    def __init__(self, invocation: dict[str, Any]) -> None:
        self.aws_request_id = invocation["id"]
        self.function_name = f"hoist-local-{invocation['function']}"
        self.invoked_function_arn = invocation["arn"]
        self.memory_limit_in_mb = "1024"
        self._deadline = time.monotonic() + invocation["timeout"]

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation times out."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def main(root: Path) -> None:
    """Answer invocations until the local system closes the pipe."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    module = _load(root)
    for line in _lines():
        request = json.loads(line)
        answer = _describe(module) if "describe" in request else _invoke(module, request)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _lines() -> Any:
    """Lines of standard input; when it ends, the process exits, even within a handler."""
    reader, writer = os.pipe()
    forwarded = os.fdopen(reader, encoding="utf-8")

    def forward(source: TextIO) -> None:
        with os.fdopen(writer, "w", encoding="utf-8") as target:
            for line in source:
                target.write(line)
                target.flush()
        os._exit(0)

    threading.Thread(target=forward, args=(sys.stdin,), daemon=True).start()
    return forwarded


def _load(root: Path) -> Any:
    """`app.py`, in the environment that `.chalice/config.json` has for the local stage."""
    config = json.loads((root / ".chalice" / "config.json").read_text(encoding="utf-8"))
    os.environ.update(config["stages"]["local"]["environment_variables"])
    sys.path.insert(0, str(root))
    return importlib.import_module("app")


def _invoke(module: Any, invocation: dict[str, Any]) -> dict[str, Any]:
    handler = getattr(module, invocation["handler"].rpartition(".")[2])
    try:
        payload = handler(invocation["event"], Context(invocation))
    except Exception as error:  # noqa: BLE001 - a handler may raise anything
        traceback.print_exc()
        return {"ok": False, "payload": failure(error, invocation["id"])}
    try:
        json.dumps(payload)
    except (TypeError, ValueError) as error:
        return {"ok": False, "payload": unmarshalled(error, invocation["id"])}
    return {"ok": True, "payload": payload}


def failure(error: Exception, request_id: str) -> dict[str, Any]:
    """The payload that Lambda returns when a handler raises an error.

    https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html
    """
    # The first frame belongs to this process, not to the handler.
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_list(frames),
    }


def unmarshalled(error: Exception, request_id: str) -> dict[str, Any]:
    """The payload that Lambda returns when JSON cannot represent a handler's result.

    https://github.com/aws/aws-lambda-python-runtime-interface-client
    """
    return {
        "errorMessage": f"Unable to marshal response: {error}",
        "errorType": "Runtime.MarshalError",
        "requestId": request_id,
        "stackTrace": [],
    }


def _describe(module: Any) -> dict[str, Any]:
    """The event sources, WebSocket handlers and routes that `app.py` declares."""
    sources = [
        {"kind": type(source).__name__, **_plain(vars(source))}
        for source in module.app.event_sources
    ]
    sockets = {
        route: {"name": source.name, "handler_string": source.handler_string}
        for route, source in module.app.websocket_handlers.items()
    }
    routes = [
        {"path": path, "method": method, "signed_in": entry.authorizer is not None}
        for path, methods in module.app.routes.items()
        for method, entry in methods.items()
    ]
    return {"ok": True, "payload": {"sources": sources, "sockets": sockets, "routes": routes}}


def _plain(declared: dict[str, Any]) -> dict[str, Any]:
    """Values for JSON: a schedule may be an object of Chalice's."""
    return {
        name: value.to_string() if isinstance(value, ScheduleExpression) else value
        for name, value in declared.items()
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
