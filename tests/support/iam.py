"""IAM in front of moto and SeaweedFS, with one policy for each access key.

SeaweedFS enforces policies itself, and `_stricter` adds to them. moto checks actions only, so this
server parses the requests to moto and checks each resource. The operator's key may do everything.
"""

import fnmatch
import http.client
import io
import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from moto import mock_aws
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

from local.names import ACCESS_KEY, ACCOUNT
from tests.support.environment import BUCKET, REGION
from tests.support.seaweedfs import seaweedfs

# A connection whose id starts with it is closed.
DELETED = "gone-"
# An address that starts with it has a subscription with other attributes.
IN_USE = "taken-"
DENIALS = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "ForbiddenException"}
_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/]+)/\d+/[^/]*/(?P<service>[^/]+)/aws4_request")
_WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem"}
_ALREADY = (
    "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
)

# The keys of a request's context that conditions use.
Context = Mapping[str, list[str]]
# An action, its resource, and the context.
Call = tuple[str, str, Context]
Answer = tuple[int, Mapping[str, str], bytes]


def allows(
    policy: Mapping[str, Any], action: str, resource: str, context: Context | None = None
) -> bool:
    """Whether a statement of the policy, which all allow, covers both and its condition holds."""
    return any(
        any(_matches(each.lower(), action.lower()) for each in listed(statement["Action"]))
        and any(_matches(each, resource) for each in listed(statement["Resource"]))
        and _holds(statement.get("Condition", {}), context or {})
        for statement in policy["Statement"]
    )


def _holds(conditions: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Whether all conditions hold; policies here have two operators.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
    """
    for operator, keys in conditions.items():
        for key, expected in keys.items():
            values = context.get(key, [])
            if operator == "ForAllValues:StringLike":
                # Also true where the request has no such key.
                is_met = all(any(_matches(each, v) for each in listed(expected)) for v in values)
            else:
                assert operator == "StringEquals", operator
                is_met = len(values) == 1 and values[0] in listed(expected)
            if not is_met:
                return False
    return True


def listed(element: str | list[str]) -> list[str]:
    """An element of a statement, which may be one text or several."""
    return [element] if isinstance(element, str) else element


def _matches(pattern: str, text: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


@dataclass
class Aws:
    """One address for all services (`url`), in front of SeaweedFS (`s3_url`)."""

    policies: Mapping[str, Mapping[str, Any]]
    websocket_api: str
    s3_url: str
    url: str = ""
    moto: Any = field(default_factory=lambda: DomainDispatcherApplication(create_backend_app))
    # moto is not thread-safe.
    turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def bucket_url(self) -> str:
        return f"{self.url}/{BUCKET}"

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        signed = environ.get("HTTP_AUTHORIZATION", "") + unquote(
            environ["QUERY_STRING"].replace("X-Amz-Credential=", "Credential=")
        )
        who = _CREDENTIAL.search(signed)
        assert who is not None, environ["REQUEST_URI"]
        policy = None if who["key"] == ACCESS_KEY else self.policies[who["key"]]
        service = who["service"]
        if service == "s3":
            answer = self._s3(environ, body, policy)
        else:
            request = _Request(service, environ, body, self.websocket_api)
            if policy is not None and (refused := request.refused(policy)):
                answer = request.denied(*refused[:2])
            elif service == "execute-api":
                answer = request.connection()
            elif service == "lambda":
                answer = 202, {}, b""  # an asynchronous invocation
            elif policy is not None and request.parameters.get("Endpoint", "").startswith(IN_USE):
                answer = 400, {}, _xml("InvalidParameter", _ALREADY)
            else:
                environ["wsgi.input"] = io.BytesIO(body)
                with self.turn:
                    return list(self.moto(environ, start_response))
        status, headers, content = answer
        start_response(f"{status} {http.client.responses[status]}", list(headers.items()))
        return [content]

    def _s3(self, environ: Mapping[str, Any], body: bytes, policy: Any) -> Answer:
        """SeaweedFS's answer, or a refusal that only S3 has."""
        headers = {
            name.removeprefix("HTTP_").replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or (name == "CONTENT_TYPE" and value)
        }
        connection = http.client.HTTPConnection(urlsplit(self.s3_url).netloc, timeout=30)
        method = environ["REQUEST_METHOD"]
        try:
            connection.request(method, environ["REQUEST_URI"], body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        needed = _stricter(method, environ["REQUEST_URI"], answer.status)
        if policy is not None and needed is not None and not allows(policy, *needed):
            return 403, {}, b"" if method == "HEAD" else _s3_error("AccessDenied")
        of_connection = ("connection", "date")
        answered = {n: v for n, v in answer.headers.items() if n.lower() not in of_connection}
        return answer.status, answered, content


@dataclass(frozen=True)
class _Request:
    """A request to a service other than S3."""

    service: str
    environ: Mapping[str, Any]
    body: bytes
    websocket_api: str

    @property
    def parameters(self) -> dict[str, Any]:
        if self.service in ("sns", "sts"):
            return dict(parse_qsl(self.body.decode()))
        return dict(json.loads(self.body)) if "HTTP_X_AMZ_TARGET" in self.environ else {}

    @property
    def operation(self) -> str:
        target = self.environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        untold = "InvokeFunction" if self.service == "lambda" else "ManageConnections"
        return str(target or self.parameters.get("Action", untold))

    def refused(self, policy: Mapping[str, Any]) -> Call | None:
        """The first action, with its resource, that the policy does not allow."""
        return next((call for call in self.calls() if not allows(policy, *call)), None)

    def calls(self) -> list[Call]:
        """Each action with its resource, as the Service Authorization Reference has them.

        https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
        """
        if self.operation == "TransactWriteItems":
            writes = [write for item in self.parameters["TransactItems"] for write in item.items()]
            return [self._item(_WRITES[kind], request) for kind, request in writes]
        if self.operation == "BatchGetItem":
            requests = self.parameters["RequestItems"].items()
            return [
                self._item(self.operation, {"TableName": table, "Key": key})
                for table, request in requests
                for key in request["Keys"]
            ]
        if self.service == "dynamodb":
            return [self._item(self.operation, self.parameters)]
        resources: dict[str, Callable[[], str]] = {
            "sns": self._topic,
            "sts": lambda: self.parameters["RoleArn"],
            "sqs": self._queue,
            "logs": self._log,
            "execute-api": self._connection,
            "lambda": self._function,
        }
        context = (
            {"sns:Protocol": [self.parameters["Protocol"]]} if "Protocol" in self.parameters else {}
        )
        return [(f"{self.service}:{self.operation}", resources[self.service](), context)]

    def denied(self, action: str, resource: str) -> Answer:
        """AccessDenied in the form of the service."""
        text = f"User is not authorized to perform: {action} on resource: {resource}"
        if self.service in ("sns", "sts"):
            code = "AuthorizationError" if self.service == "sns" else "AccessDenied"
            return 403, {"Content-Type": "text/xml"}, _xml(code, text)
        if self.service in ("execute-api", "lambda"):
            kind = {"x-amzn-ErrorType": "ForbiddenException"}
            return 403, kind, json.dumps({"message": text}).encode()
        kind = {"__type": "com.amazon.coral.service#AccessDeniedException", "Message": text}
        headers = {"Content-Type": self.environ["CONTENT_TYPE"]}
        return 400, headers, json.dumps(kind).encode()

    def connection(self) -> Answer:
        """API Gateway's answer to a message for a page."""
        if self._connection().rpartition("/")[2].startswith(DELETED):
            return 410, {"x-amzn-ErrorType": "GoneException"}, b"{}"
        return 200, {}, b"{}"

    def _item(self, operation: str, request: Mapping[str, Any]) -> Call:
        """A call of a table or its index; its leading keys are partition keys."""
        action, table = f"dynamodb:{operation}", self._table(request)
        if operation == "Query":
            name = request["KeyConditionExpression"].partition("=")[2].split()[0]
            (key,) = request["ExpressionAttributeValues"][name].values()
        else:
            key = (request.get("Key") or request["Item"])["pk"]["S"]
        return action, table, {"dynamodb:LeadingKeys": [key]}

    def _table(self, request: Mapping[str, Any]) -> str:
        arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{request['TableName']}"
        return f"{arn}/index/{request['IndexName']}" if "IndexName" in request else arn

    def _topic(self) -> str:
        """SNS's only resources are topics: a call for a subscription is one for its topic."""
        subscription = self.parameters.get("SubscriptionArn", "")
        return str(self.parameters.get("TopicArn") or subscription.rpartition(":")[0])

    def _queue(self) -> str:
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.parameters['QueueUrl'].rpartition('/')[2]}"

    def _log(self) -> str:
        group, stream = self.parameters["logGroupName"], self.parameters.get("logStreamName", "")
        return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:{stream}"

    def _function(self) -> str:
        name = unquote(self.environ["PATH_INFO"]).split("/")[3]
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"

    def _connection(self) -> str:
        _, stage, _, connection = self.environ["PATH_INFO"].split("/", 3)
        method = self.environ["REQUEST_METHOD"]
        api = f"{self.websocket_api}/{stage}"
        return f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{method}/@connections/{connection}"


@contextmanager
def aws(
    folder: Path, policies: Mapping[str, Mapping[str, Any]], *, websocket_api: str
) -> Iterator[Aws]:
    """Start it on a free port, S3's data in `folder`."""
    with mock_aws():
        pass  # removes the state of other tests from moto
    with seaweedfs(folder, policies=policies) as s3:
        front = Aws(policies, websocket_api, s3.url)
        server = make_server("127.0.0.1", 0, front, threaded=True, request_handler=_Quiet)
        front.url = f"http://127.0.0.1:{server.port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield front
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _stricter(method: str, uri: str, status: int) -> Call | None:
    """The action and resource that S3 requires, but SeaweedFS does not.

    In SeaweedFS s3:PutObject includes the actions of multipart uploads. And S3 answers 404 for a
    missing object only to callers that may list the bucket.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    url = urlsplit(uri)
    if any(name == "uploadId" for name, _ in parse_qsl(url.query)):
        actions = {"GET": "s3:ListMultipartUploadParts", "DELETE": "s3:AbortMultipartUpload"}
        resource = f"arn:aws:s3:::{unquote(url.path)[1:]}"
        return (actions[method], resource, {}) if method in actions else None
    if status == http.HTTPStatus.NOT_FOUND and method in ("HEAD", "GET"):
        return "s3:ListBucket", f"arn:aws:s3:::{BUCKET}", {}
    return None


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """Say nothing."""


def _xml(code: str, text: str) -> bytes:
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>"
    return f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>".encode()


def _s3_error(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()
