"""IAM: the action, the resource and the principal of a request.

Actions and resources: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

import contextvars
import json
import re
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import cloudformation, iam

from emulator.bridging import replace

SESSION = re.compile(r"arn:aws:sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.*")
# The only operations of Lambda whose action has another name.
INVOCATIONS = {"Invoke", "InvokeAsync", "InvokeWithResponseStream"}
# The condition keys of the current request, in lower case, with their values.
CONTEXT: contextvars.ContextVar[dict[str, str] | None] = contextvars.ContextVar("context")
# https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html
SNS_KEYS = {"Protocol": "sns:protocol", "Endpoint": "sns:endpoint"}

# Further actions and resources that the current request needs.
_more: contextvars.ContextVar[tuple[tuple[str, str], ...]] = contextvars.ContextVar(
    "more", default=()
)
_refused: contextvars.ContextVar[str | None] = contextvars.ContextVar("refused", default=None)


def bridge() -> None:
    replace(iam_evaluator, "_resolve_condition_key", _with_role)
    replace(iam, "_extract_simulate_params", _with_context)
    replace(iam_evaluator, "_resolve_condition_key", _of_context)
    replace(iam_actions, "extract_resource_arn", _with_resources)
    replace(iam_actions, "_lambda_action", _with_all_of_lambda)
    replace(iam_evaluator, "enforce", _with_more)
    replace(iam_actions, "access_denied_response", _with_refused)


def _with_role(resolve: Any) -> Any:
    """aws:PrincipalArn of an assumed role is the ARN of the role, not of the session.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
    """

    def resolve_with_role(key: str, context: Any) -> Any:
        value = resolve(key, context)
        if key.lower() != "aws:principalarn":
            return value
        session = SESSION.fullmatch(value)
        if not session:
            return value
        role = iam._roles.get_scoped(session["account"], None, session["role"])
        return role["Arn"] if role else value

    return resolve_with_role


def _with_context(extract: Any) -> Any:
    """The simulator evaluates conditions with the values of the request.

    https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """

    def extract_with_context(parameters: dict[str, Any]) -> Any:
        prefix, entries = "ContextEntries.member.{}.{}", {}
        number = 1
        while name := _one(parameters, prefix.format(number, "ContextKeyName")):
            value = _one(parameters, prefix.format(number, "ContextKeyValues.member.1"))
            entries[name.lower()] = value
            number += 1
        CONTEXT.set(entries)
        return extract(parameters)

    return extract_with_context


def _of_context(resolve: Any) -> Any:
    def resolve_with_context(key: str, context: Any) -> Any:
        value = resolve(key, context)
        return (CONTEXT.get(None) or {}).get(key.lower()) if value is None else value

    return resolve_with_context


def _with_resources(extract: Any) -> Any:
    def extract_resource(  # noqa: PLR0917 - MiniStack's own signature
        service: str,
        method: str,
        path: str,
        headers: dict[str, str],
        body: bytes,
        query: dict[str, Any],
        region: str,
        account: str,
    ) -> str:
        arn = f"arn:aws:{service}:{region}:{account}"
        CONTEXT.set({key: _one(query, name) for name, key in SNS_KEYS.items() if name in query})
        _more.set(())
        _refused.set(None)
        match service:
            case "apigateway":
                # The path /v2 of WebSocket APIs is not part of the ARN.
                # https://docs.aws.amazon.com/apigateway/latest/developerguide/arn-format-reference.html
                return f"arn:aws:apigateway:{region}::{path.removeprefix('/v2')}"
            case "cloudformation" if name := _one(query, "StackName"):
                return _stack(name) or f"{arn}:stack/{name}/*"
            case "events" if rule := _rule(body):
                # The default event bus is not part of the ARN.
                return f"{arn}:rule/{rule}"
            case "lambda" if method == "POST" and path.rstrip("/").endswith("/functions"):
                parameters = json.loads(body)
                function = f"{arn}:function:{parameters['FunctionName']}"
                _more.set(_for_new_function(function, parameters))
                return function
            case "sns" if subscription := _one(query, "SubscriptionArn"):
                # The reference has no resource for these actions; AWS's refusals name the topic.
                return subscription.rpartition(":")[0]
        return str(extract(service, method, path, headers, body, query, region, account))

    return extract_resource


def _with_all_of_lambda(_: Any) -> Any:
    """All actions of Lambda, from the routes of botocore's model; MiniStack lists only some."""
    routes = iam_actions._load_botocore_routes("lambda")

    def find_action(method: str, path: str) -> str | None:
        for verb, pattern, operation, _specificity, _query in routes:
            if verb == method and pattern.match(path.rstrip("/")):
                return "InvokeFunction" if operation in INVOCATIONS else operation
        return None

    return find_action


def _for_new_function(function: str, parameters: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """The further permissions that CreateFunction needs.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
    https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html
    """
    passing = ("iam:PassRole", parameters["Role"])
    return (passing, ("lambda:TagResource", function)) if parameters.get("Tags") else (passing,)


def _with_more(enforce: Any) -> Any:
    def enforce_all(
        key: str, action: str, service: str, region: str, *rest: Any, **options: Any
    ) -> Any:
        denied = enforce(key, action, service, region, *rest, **options)
        more = _more.get()
        _more.set(())
        for other, resource in more:
            if not denied:
                context = {"iam:PassedToService": "lambda.amazonaws.com"}
                denied = enforce(
                    key, other, other.partition(":")[0], region, resource, service_context=context
                )
                if denied:
                    _refused.set(other)
        return denied

    return enforce_all


def _with_refused(respond: Any) -> Any:
    """A refusal names the refused action, as in AWS."""

    def respond_with_refused(service: str, action: str, *rest: Any, **options: Any) -> Any:
        return respond(service, _refused.get() or action, *rest, **options)

    return respond_with_refused


def _stack(name: str) -> str | None:
    """The ARN of a stack that exists, by its name or its ARN."""
    return next(
        (
            str(stack["StackId"])
            for stack in cloudformation._stacks.values()
            if name in (stack["StackName"], stack["StackId"])
        ),
        None,
    )


def _rule(body: bytes) -> str | None:
    try:
        parameters = json.loads(body)
    except ValueError:
        return None
    if parameters.get("EventBusName", "default") != "default":
        return None
    name: str | None = (
        parameters.get("Rule") or parameters.get("RuleName") or parameters.get("Name")
    )
    return name


def _one(query: dict[str, Any], name: str) -> str:
    value = query.get(name) or ""
    return str(value[0] if isinstance(value, list) else value)
