"""Execution environments: real worker processes with an `app.py` of the test."""

import asyncio
import json
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from local.functions.environments import LINE_LIMIT, MOST, Answer, Function, Functions
from local.names import arn
from tests.local.serving import TIMEOUT, is_running, wait_until

pytestmark = pytest.mark.slow

HANDLERS = """
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

app = SimpleNamespace(event_sources=[], websocket_handlers={})

def returns(event, context):
    return {"got": event}

def raises(event, context):
    raise LookupError("no such thing: ü")

def prints(event, context):
    print('{"ok": false, "payload": "printed"}')
    sys.stdout.flush()
    os.write(1, b"written to the descriptor\\n")
    os.system("echo said by a child")
    return "quiet"

def ends(event, context):
    os._exit(3)

def leaves(event, context):
    sys.exit("enough")

def sleeps(event, context):
    Path(event).write_text(str(os.getpid()))
    time.sleep(600)

def returns_an_object(event, context):
    return {"when": object()}

def returns_much(event, context):
    return "ü" * event

def shows_context(event, context):
    return {
        "request_id": context.aws_request_id,
        "function_name": context.function_name,
        "arn": context.invoked_function_arn,
        "milliseconds": context.get_remaining_time_in_millis(),
        "stage": os.environ["HOIST_STAGE"],
        "variable": os.environ["OF_THE_TEST"],
        "folder": str(Path(__file__).parent),
    }

def number(event, context):
    time.sleep(event)
    return os.getpid()
"""
CHALICE = """
from chalice import Chalice, CognitoUserPoolAuthorizer

app = Chalice(app_name="tiny")
users = CognitoUserPoolAuthorizer("users", provider_arns=["arn:pool"])
app.experimental_feature_flags.add("WEBSOCKETS")

@app.route("/limits")
def limits():
    return {}

@app.route("/uploads", methods=["GET", "POST"], authorizer=users)
def uploads():
    return {}

@app.on_s3_event(bucket="b", events=["s3:ObjectCreated:*"], prefix="uploads/", name="process")
def process_upload(event):
    return event.key

@app.on_sns_message(topic="results")
def notify(event):
    return event.message

@app.on_ws_connect()
def connect(event):
    return {"statusCode": 200}

@app.on_ws_message()
def message(event):
    return {"statusCode": 200}
"""
Story = Callable[[Functions], Coroutine[Any, Any, None]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project: `app.py`, and the environment of its local stage."""
    folder = tmp_path / "project"
    (folder / ".chalice").mkdir(parents=True)
    stages = {"local": {"environment_variables": {"HOIST_STAGE": "of the config"}}}
    (folder / ".chalice" / "config.json").write_text(json.dumps({"stages": stages}))
    (folder / "app.py").write_text(HANDLERS)
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "functions.log"


@pytest.fixture
def run(root: Path, log: Path) -> Callable[[Story], None]:
    """Runs a story with functions, and stops them afterwards."""

    async def run_story(story: Story) -> None:
        functions = Functions(log, {"OF_THE_TEST": "ü"}, root)
        try:
            async with asyncio.timeout(TIMEOUT):
                await story(functions)
        finally:
            await functions.stop()

    return lambda story: asyncio.run(run_story(story))


async def ask(functions: Functions, handler: str, event: Any = None, timeout: int = 15) -> Answer:
    function = Function(f"name_of_{handler}", f"app.{handler}", timeout)
    return await functions.invoke(function, event, request_id=f"id of {handler}")


def pids(functions: Functions) -> list[int]:
    return [environment.process.pid for environment in functions._all]


def test_the_answer_is_the_result_of_the_handler(run: Callable[[Story], None]) -> None:
    event = {"Records": [1, None, "ü\n"]}

    async def story(functions: Functions) -> None:
        assert await ask(functions, "returns", event) == Answer(ok=True, payload={"got": event})

    run(story)


def test_an_error_of_a_handler_is_the_answer_and_in_the_log(
    run: Callable[[Story], None], log: Path
) -> None:
    async def story(functions: Functions) -> None:
        answer = await ask(functions, "raises")
        assert not answer.ok
        assert answer.payload["errorType"] == "LookupError"
        assert answer.payload["errorMessage"] == "no such thing: ü"
        assert answer.payload["requestId"] == "id of raises"
        (frame,) = answer.payload["stackTrace"]
        assert "in raises" in frame

    run(story)

    assert "LookupError: no such thing: ü" in log.read_text(encoding="utf-8")


def test_output_of_a_handler_goes_to_the_log_and_not_into_the_answer(
    run: Callable[[Story], None], log: Path
) -> None:
    async def story(functions: Functions) -> None:
        assert await ask(functions, "prints") == Answer(ok=True, payload="quiet")
        assert await ask(functions, "returns", 2) == Answer(ok=True, payload={"got": 2})
        assert len(pids(functions)) == 1

    run(story)

    log_text = log.read_text(encoding="utf-8")
    for line in ('{"ok": false, "payload": "printed"}', "written to the descriptor", "by a child"):
        assert line in log_text


@pytest.mark.parametrize("handler", ["ends", "leaves", "no_such_handler"])
def test_a_crash_is_answered_and_the_next_invocation_works(
    run: Callable[[Story], None], handler: str
) -> None:
    async def story(functions: Functions) -> None:
        answer = await ask(functions, handler)
        assert not answer.ok
        assert answer.payload == {
            "errorType": "Runtime.ExitError",
            "errorMessage": (
                f"RequestId: id of {handler} Error: Runtime exited without providing a reason"
            ),
        }
        assert (await ask(functions, "returns")).ok

    run(story)


def test_an_environment_that_died_while_idle_is_replaced(run: Callable[[Story], None]) -> None:
    async def story(functions: Functions) -> None:
        first = (await ask(functions, "number", 0)).payload
        os.kill(first, 9)
        (environment,) = functions._all
        await wait_until(lambda: environment.process.returncode is not None)
        second = await ask(functions, "number", 0)
        assert second.ok
        assert second.payload != first

    run(story)


def test_a_handler_that_times_out_is_killed_and_the_next_invocation_works(
    run: Callable[[Story], None], tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"

    async def story(functions: Functions) -> None:
        await ask(functions, "returns")  # so that only the handler takes time
        answer = await ask(functions, "sleeps", str(pid_file), timeout=1)
        assert not answer.ok
        assert answer.payload == {
            "errorType": "Sandbox.Timedout",
            "errorMessage": "RequestId: id of sleeps Error: Task timed out after 1.00 seconds",
        }
        assert not is_running(int(pid_file.read_text()))
        assert (await ask(functions, "returns")).ok

    run(story)


def test_a_result_that_is_not_json_is_an_error_and_the_environment_stays(
    run: Callable[[Story], None],
) -> None:
    async def story(functions: Functions) -> None:
        first = (await ask(functions, "number", 0)).payload
        answer = await ask(functions, "returns_an_object")
        assert not answer.ok
        assert answer.payload == {
            "errorMessage": (
                "Unable to marshal response: Object of type object is not JSON serializable"
            ),
            "errorType": "Runtime.MarshalError",
            "requestId": "id of returns_an_object",
            "stackTrace": [],
        }
        assert (await ask(functions, "number", 0)).payload == first

    run(story)


def test_an_event_and_an_answer_of_2_mb_pass(run: Callable[[Story], None]) -> None:
    large = "x" * 2_000_000

    async def story(functions: Functions) -> None:
        assert (await ask(functions, "returns", large)).payload == {"got": large}

    run(story)


def test_an_answer_over_the_limit_is_an_error_and_the_next_invocation_works(
    run: Callable[[Story], None],
) -> None:
    async def story(functions: Functions) -> None:
        answer = await ask(functions, "returns_much", LINE_LIMIT // len(r"\u00fc") + 1)
        assert not answer.ok
        assert answer.payload["errorType"] == "Runtime.ExitError"
        assert (await ask(functions, "returns_much", 3)).payload == "üüü"

    run(story)


def test_a_handler_receives_lambda_s_context(run: Callable[[Story], None], root: Path) -> None:
    async def story(functions: Functions) -> None:
        answer = await ask(functions, "shows_context", timeout=15)
        milliseconds = answer.payload.pop("milliseconds")
        assert 0 < milliseconds <= 15_000
        assert answer.payload == {
            "request_id": "id of shows_context",
            "function_name": "hoist-local-name_of_shows_context",
            "arn": arn("lambda", "function:hoist-local-name_of_shows_context"),
            "stage": "of the config",
            "variable": "ü",
            "folder": str(root),
        }

    run(story)


def test_an_environment_is_reused(run: Callable[[Story], None]) -> None:
    async def story(functions: Functions) -> None:
        numbers = {(await ask(functions, "number", 0)).payload for _ in range(3)}
        assert numbers == set(pids(functions))
        assert len(numbers) == 1

    run(story)


def test_invocations_run_concurrently_up_to_the_limit(
    run: Callable[[Story], None],
) -> None:
    async def story(functions: Functions) -> None:
        answers = await asyncio.gather(
            *(ask(functions, "number", 0.05) for _ in range(2 * MOST + 1))
        )
        assert all(answer.ok for answer in answers)
        assert 1 < len({answer.payload for answer in answers}) <= MOST

    run(story)


def test_an_edit_of_app_py_replaces_the_environment(
    run: Callable[[Story], None], root: Path
) -> None:
    async def story(functions: Functions) -> None:
        first = (await ask(functions, "number", 0)).payload
        (root / "app.py").write_text(HANDLERS.replace('{"got": event}', '"edited"'))
        assert await ask(functions, "returns", 1) == Answer(ok=True, payload="edited")
        assert not is_running(first)

    run(story)


def test_an_edit_in_chalicelib_replaces_the_environment(
    run: Callable[[Story], None], root: Path
) -> None:
    (root / "chalicelib" / "deep").mkdir(parents=True)
    (root / "chalicelib" / "__init__.py").touch()
    module = root / "chalicelib" / "deep" / "part.py"
    module.write_text("WORD = 'one'\n")
    (root / "app.py").write_text(
        "from chalicelib.deep.part import WORD\n\ndef returns(event, context):\n    return WORD\n"
    )

    async def story(functions: Functions) -> None:
        assert (await ask(functions, "returns")).payload == "one"
        module.write_text("WORD = 'another'\n")
        assert (await ask(functions, "returns")).payload == "another"

    run(story)


def test_an_app_that_fails_to_load_is_an_error_until_it_is_fixed(
    run: Callable[[Story], None], root: Path, log: Path
) -> None:
    async def story(functions: Functions) -> None:
        await ask(functions, "returns")
        (root / "app.py").write_text("this is no Python\n")
        assert (await ask(functions, "returns")).payload["errorType"] == "Runtime.ExitError"
        (root / "app.py").write_text(HANDLERS)
        assert (await ask(functions, "returns")).ok

    run(story)

    assert "SyntaxError" in log.read_text(encoding="utf-8")


def test_describe_lists_the_sources_of_each_handler(
    run: Callable[[Story], None], root: Path
) -> None:
    (root / "app.py").write_text(CHALICE)

    async def story(functions: Functions) -> None:
        described = await functions.describe()
        s3, sns = described["sources"]
        assert s3["kind"] == "S3EventConfig"
        assert (s3["name"], s3["handler_string"]) == ("process", "app.process_upload")
        assert (s3["bucket"], s3["prefix"], s3["events"]) == (
            "b",
            "uploads/",
            ["s3:ObjectCreated:*"],
        )
        assert sns["kind"] == "SNSEventConfig"
        assert (sns["name"], sns["handler_string"]) == ("notify", "app.notify")
        assert sns["topic"] == "results"
        assert described["sockets"] == {
            "$connect": {"name": "connect", "handler_string": "app.connect"},
            "$default": {"name": "message", "handler_string": "app.message"},
        }
        assert described["routes"] == [
            {"path": "/limits", "method": "GET", "signed_in": False},
            {"path": "/uploads", "method": "GET", "signed_in": True},
            {"path": "/uploads", "method": "POST", "signed_in": True},
        ]

    run(story)


def test_the_environment_that_described_the_app_runs_its_handlers(
    run: Callable[[Story], None], root: Path
) -> None:
    (root / "app.py").write_text(CHALICE)
    record = {"s3": {"bucket": {"name": "b"}, "object": {"key": "a+b"}}}

    async def story(functions: Functions) -> None:
        await functions.describe()
        before = pids(functions)
        answer = await ask(functions, "process_upload", {"Records": [record]})
        assert answer == Answer(ok=True, payload="a b")
        assert pids(functions) == before

    run(story)


def test_describe_raises_an_error_for_an_app_that_fails_to_load(
    run: Callable[[Story], None], root: Path, log: Path
) -> None:
    (root / "app.py").write_text("raise RuntimeError('not today')\n")

    async def story(functions: Functions) -> None:
        with pytest.raises(OSError):  # noqa: PT011 - a broken pipe or a reset
            await functions.describe()

    run(story)

    assert "RuntimeError: not today" in log.read_text(encoding="utf-8")


def test_stop_leaves_no_process(run: Callable[[Story], None], tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    all_pids = []

    async def story(functions: Functions) -> None:
        busy = asyncio.create_task(ask(functions, "sleeps", str(pid_file)))
        await wait_until(lambda: pid_file.exists() and pid_file.read_text())
        await ask(functions, "returns")
        all_pids.extend(pids(functions))
        await functions.stop()
        assert (await busy).payload["errorType"] == "Runtime.ExitError"

    run(story)

    assert len(all_pids) == 2
    assert not any(is_running(pid) for pid in all_pids)


def test_a_cancelled_invocation_leaves_no_process(
    run: Callable[[Story], None], tmp_path: Path
) -> None:
    pid_file = tmp_path / "pid"

    async def story(functions: Functions) -> None:
        busy = asyncio.create_task(ask(functions, "sleeps", str(pid_file)))
        await wait_until(lambda: pid_file.exists() and pid_file.read_text())
        busy.cancel()
        with pytest.raises(asyncio.CancelledError):
            await busy
        assert not is_running(int(pid_file.read_text()))
        assert (await ask(functions, "returns")).ok

    run(story)
