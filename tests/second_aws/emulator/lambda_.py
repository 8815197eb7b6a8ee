"""Lambda: asynchronous invocations with retries and destinations, and functions ready at once.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

import contextvars
import datetime as dt
import json
import threading
import time
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.arn import parse_arn
from ministack.services import lambda_svc, sns, sqs

from emulator.bridging import replace

# Seconds until a throttled event is retried; Lambda waits up to five minutes.
THROTTLED_SECONDS = 0.2
# The permission of the function's role for each service of a destination.
DELIVERIES = {"sns": "sns:Publish", "sqs": "sqs:SendMessage"}

_request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request", default=None)


def bridge() -> None:
    replace(lambda_svc, "_schedule_state_transition", _at_once)
    replace(lambda_svc, "_execute_function_dispatch", _with_one_request_id)
    replace(lambda_svc, "invoke_async_with_retry", lambda _: invoke)
    replace(lambda_svc, "_put_event_invoke_config", _with_permitted_destinations)


def _at_once(schedule: Any) -> Any:
    """A function is active at once; Chalice would wait 5 seconds for a pending function.

    https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
    """

    def activate(name: str, _delay: float) -> None:
        lambda_svc._functions[name]["config"] |= {
            "State": "Active",
            "StateReason": "",
            "StateReasonCode": "",
            "LastUpdateStatus": "Successful",
        }
        schedule(name, 0.0)  # for its versions

    return activate


def invoke(function: dict[str, Any], event: Any) -> None:
    """Queue an event; a new thread passes it to the function."""
    context = contextvars.copy_context()
    config = function.get("config") or function
    account, region = lambda_svc._account_region_from_function_config(config)
    context.run(lambda_svc._request_account_id.set, account)
    context.run(lambda_svc._request_region.set, region)
    threading.Thread(target=context.run, args=(_process, config, event), daemon=True).start()


def _with_one_request_id(execute: Any) -> Any:
    """All attempts for an event have the request id of the response to Invoke."""

    def execute_dispatch(
        function: Any, config: Any, event: Any, request_id: str, started: float
    ) -> Any:
        return execute(function, config, event, _request_id.get() or request_id, started)

    return execute_dispatch


def _with_permitted_destinations(put: Any) -> Any:
    """Lambda refuses a destination that the function's role may not send to.

    Observed in AWS: https://github.com/aws-amplify/amplify-js/issues/9869
    """

    def put_settings(name: str, qualifier: str | None, data: dict[str, Any]) -> Any:
        function = lambda_svc._functions.get(name)
        for destination in data.get("DestinationConfig", {}).values() if function else ():
            target = destination.get("Destination")
            if target and not _role_may(function["config"], target):
                message = f"The function's execution role may not send to {target}"
                return lambda_svc.error_response_json(
                    "InvalidParameterValueException", message, 400
                )
        return put(name, qualifier, data)

    return put_settings


def _process(config: dict[str, Any], event: Any) -> None:
    """Invoke a function until it succeeds, no attempts remain, or the event is too old."""
    _request_id.set(lambda_svc.new_uuid())
    name = config["FunctionName"]
    settings = _settings(name)
    tries = 1 + settings.get("MaximumRetryAttempts", 2)
    expires = time.monotonic() + settings.get("MaximumEventAgeInSeconds", 21_600)
    count, result, condition = 0, {}, "RetriesExhausted"
    while count < tries:
        if count:
            time.sleep(lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS * count)
        if time.monotonic() > expires:
            condition = "EventAgeExceeded"
            break
        # Read the function again: a deployment may replace its code between two attempts.
        function = lambda_svc._functions.get(name)
        if function is None:
            lambda_svc.logger.warning("%s no longer exists, so its event is dropped", name)
            return
        answer = lambda_svc._execute_function(function, event)
        if answer.get("throttle"):
            time.sleep(THROTTLED_SECONDS)
            continue
        count, result = count + 1, answer
        if result.get("log"):
            lambda_svc.logger.info("%s, try %d:\n%s", name, count, result["log"])
        if not result.get("error"):
            condition = "Success"
            break
    record = _record(config, event, condition=condition, count=count, result=result)
    _deliver(config, condition, record)


def _record(
    config: dict[str, Any],
    event: Any,
    *,
    condition: str,
    count: int,
    result: dict[str, Any],
) -> dict[str, Any]:
    """The invocation record for a destination."""
    now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
    record = {
        "version": "1.0",
        "timestamp": now.replace("+00:00", "Z"),
        "requestContext": {
            "requestId": _request_id.get(),
            "functionArn": f"{config['FunctionArn']}:$LATEST",
            "condition": condition,
            "approximateInvokeCount": count,
        },
        "requestPayload": event,
    }
    if count:
        response = {"statusCode": 200, "executedVersion": "$LATEST"}
        if result.get("error"):
            response["functionError"] = result.get("function_error") or "Unhandled"
        record |= {"responseContext": response, "responsePayload": result.get("body")}
    return record


def _deliver(config: dict[str, Any], condition: str, record: dict[str, Any]) -> None:
    """Send a record to the destination if it exists and the function's role allows it."""
    outcome = "OnSuccess" if condition == "Success" else "OnFailure"
    destinations = _settings(config["FunctionName"]).get("DestinationConfig", {})
    target = destinations.get(outcome, {}).get("Destination")
    if not target:
        return
    service = parse_arn(target).service
    if not _role_may(config, target):
        lambda_svc.logger.warning("%s: may not send to %s", config["FunctionName"], target)
    elif service == "sns" and target in sns._topics:
        sns._fanout(target, lambda_svc.new_uuid(), json.dumps(record), "", "", {})
    elif service == "sqs" and (queue := sqs._queue_by_arn(target)):
        _send(queue, json.dumps(record))
    else:
        lambda_svc.logger.warning("%s: there is no %s", config["FunctionName"], target)


def may_invoke(function_arn: str, service: str, source_arn: str) -> bool:
    """Whether the policy of a function lets a service invoke it for a resource.

    https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
    """
    policy = lambda_svc.function_policy_for_arn(function_arn)
    if policy is None:
        return False
    document, account = policy
    context = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action="lambda:InvokeFunction",
        resource_arn=function_arn,
        region=parse_arn(function_arn).region,
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": account},
    )
    decision = iam_evaluator.evaluate_resource_policy(document, context, service=service)
    return bool(decision.decision == "Allow")


def _role_may(config: dict[str, Any], target: str) -> bool:
    """Whether the function's role or the destination's policy lets it send there."""
    service = parse_arn(target).service
    account, region = lambda_svc._account_region_from_function_config(config)
    role = config["Role"].rpartition("/")[2]
    context = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{account}:assumed-role/{role}/{config['FunctionName']}",
        principal_type="AssumedRole",
        principal_account=account,
        action=DELIVERIES[service],
        resource_arn=target,
        region=region,
        secure_transport=True,
    )
    policies = iam_evaluator._gather_role_policies(role, account)
    decision = iam_evaluator.evaluate(context, policies)
    policy = iam_evaluator._resource_policy(service, target)
    if policy is not None:
        decision = iam_evaluator.combine_resource_policy(decision, context, *policy)
    return bool(decision.decision == "Allow")


def _send(queue: dict[str, Any], body: str) -> None:
    now = time.time()
    message = {
        "id": lambda_svc.new_uuid(),
        "body": body,
        "sent_at": now,
        "visible_at": now + sqs.queue_delay(queue),
        "receive_count": 0,
    }
    sqs._ensure_msg_fields(message)
    queue["messages"].append(message)


def _settings(name: str) -> dict[str, Any]:
    """The function's event invoke config, or an empty one."""
    function = lambda_svc._functions.get(name)
    return (function and lambda_svc._event_invoke_config(function, None)) or {}
