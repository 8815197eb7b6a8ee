"""The forms of what AWS sends, written from its documents. `test_event_forms.py` names these."""

import re

from tests.support.forms import ANY, Json, Of, Shape

UUID = re.compile(r"[0-9a-z]{8}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{4}-[0-9a-z]{12}")
MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
SECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
COMMON_LOG_TIME = re.compile(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
ACCOUNT = re.compile(r"\d{12}")
TOPIC = re.compile(r"arn:aws:sns:[a-z0-9-]+:\d{12}:[\w-]+")
SUBSCRIPTION = re.compile(rf"{TOPIC.pattern}:{UUID.pattern}")
FUNCTION = re.compile(r"arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[\w-]+:\$LATEST")

S3_EVENT = {
    "Records": [
        {
            # 2.1 until 2026. Since 2.4 all events have one version; only its minor number grows.
            "eventVersion": re.compile(r"2\.\d"),
            "eventSource": "aws:s3",
            "awsRegion": REGION,
            "eventTime": MILLISECONDS,
            "eventName": re.compile("ObjectCreated:(Put|Post|Copy|CompleteMultipartUpload)"),
            "userIdentity": {"principalId": str},
            "requestParameters": {"sourceIPAddress": str},
            "responseElements": {"x-amz-request-id": str, "x-amz-id-2": str},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": str,
                "bucket": {
                    "name": str,
                    "ownerIdentity": {"principalId": str},
                    "arn": re.compile("arn:aws:s3:::.+"),
                    # Those of CloudFormation, which makes Hoist's bucket; since 2.5.
                    "awsGeneratedTags?": Of(str),
                },
                "object": {
                    # Encoded as in forms: a space is a plus sign.
                    "key": re.compile(r"([\w.*/+~-]|%[0-9A-F]{2})+", re.ASCII),
                    "size": int,
                    "eTag": re.compile(r"[0-9a-f]{32}(-\d+)?"),
                    # The document has null for a bucket without versions; S3 leaves it out.
                    "versionId?": (str, None),
                    "sequencer": re.compile("[0-9A-F]{16,64}"),
                },
            },
        }
    ]
}
S3_TEST_EVENT = {
    "Service": "Amazon S3",
    "Event": "s3:TestEvent",
    "Time": MILLISECONDS,
    "Bucket": str,
    "RequestId": str,
    "HostId": str,
}
# The event that the sweep and `make redrive` send in place of a lost one of S3.
S3_EVENT_AGAIN = {
    "Records": [S3_EVENT["Records"][0] | {"eventName": "ObjectCreated:Redrive"}],
}

_CONTEXT = {"requestId": UUID, "functionArn": FUNCTION, "approximateInvokeCount": int}
_RAN = {"statusCode": 200, "executedVersion": "$LATEST"}
ERROR = {
    # A timeout comes with a type or, in the older form, without one; neither has the rest.
    "errorMessage": str,
    "errorType?": str,
    "requestId?": str,
    "stackTrace?": [str],
}
_RECORD = {"version": "1.0", "timestamp": MILLISECONDS}


def success(payload: Shape) -> Shape:
    """The record of a successful invocation, with an event of a shape."""
    return _RECORD | {
        "requestContext": _CONTEXT | {"condition": "Success"},
        "requestPayload": payload,
        "responseContext": _RAN,
        "responsePayload": {"uploads": [ANY]},
    }


def failure(payload: Shape) -> Shape:
    """The record of a failed invocation, with an event of a shape."""
    return _RECORD | {
        "requestContext": _CONTEXT | {"condition": re.compile("RetriesExhausted|EventAgeExceeded")},
        "requestPayload": payload,
        # An event that is too old before its first invocation has no response.
        "responseContext?": _RAN | {"functionError": "Unhandled"},
        "responsePayload?": ERROR,
    }


PROCESSING_RECORD = (success(S3_EVENT), failure(S3_EVENT))
_ATTRIBUTES = Of({"Type": str, "Value": str})
_MESSAGE = {
    "Type": "Notification",
    "MessageId": UUID,
    "TopicArn": TOPIC,
    "Message": Json(PROCESSING_RECORD),
    "Timestamp": MILLISECONDS,
    "SignatureVersion": re.compile("[12]"),
    "Signature": str,
}
# To a function: every member, and `Url`.
SNS_EVENT = {
    "Records": [
        {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": SUBSCRIPTION,
            "Sns": _MESSAGE
            | {
                "Subject": (str, None),
                "SigningCertUrl": str,
                "UnsubscribeUrl": str,
                "MessageAttributes": _ATTRIBUTES,
            },
        }
    ]
}
# To a queue or over HTTP: without the members that the message lacks, and `URL`.
SNS_MESSAGE = _MESSAGE | {
    "Subject?": str,
    "SigningCertURL": str,
    "UnsubscribeURL": str,
    "MessageAttributes?": _ATTRIBUTES,
}
NOTIFYING_RECORD = failure(SNS_EVENT)

SCHEDULED = {
    "version": "0",
    "id": UUID,
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": ACCOUNT,
    "time": SECONDS,
    "region": REGION,
    "resources": [re.compile(r"arn:aws:events:[a-z0-9-]+:\d{12}:rule/[\w-]+")],
    "detail": {},
}


def websocket(route: str, kind: str, context: dict[str, Shape], **members: Shape) -> Shape:
    """An event of a WebSocket API."""
    return members | {
        "isBase64Encoded": False,
        "requestContext": {
            "routeKey": route,
            "eventType": kind,
            "extendedRequestId": str,
            "requestTime": COMMON_LOG_TIME,
            "messageDirection": "IN",
            "stage": str,
            "connectedAt": int,
            "requestTimeEpoch": int,
            "identity": {"sourceIp": str, "userAgent?": str},
            "requestId": str,
            "domainName": str,
            "connectionId": str,
            "apiId": str,
            **context,
        },
    }


_HEADERS = {"headers": Of(str), "multiValueHeaders": Of([str])}
CONNECT = websocket("$connect", "CONNECT", {}, **_HEADERS) | {
    "queryStringParameters?": Of(str),
    "multiValueQueryStringParameters?": Of([str]),
}
MESSAGE = websocket("$default", "MESSAGE", {"messageId": str}, body=str)
DISCONNECT = websocket(
    "$disconnect",
    "DISCONNECT",
    {"disconnectStatusCode": int, "disconnectReason": (str, None)},
    **_HEADERS,
)

REQUEST = {
    "resource": str,
    "path": str,
    "httpMethod": str,
    # The console's test sends null where a request has none.
    "headers": (Of(str), None),
    "multiValueHeaders": (Of([str]), None),
    "queryStringParameters": (Of(str), None),
    "multiValueQueryStringParameters": (Of([str]), None),
    "pathParameters": (Of(str), None),
    "stageVariables": (Of(str), None),
    "requestContext": {
        "accountId": ACCOUNT,
        "apiId": str,
        # Only of a method with an authorizer; Cognito's claims are all texts.
        "authorizer?": {"claims": Of(str)},
        "deploymentId?": str,
        "domainName": str,
        "domainPrefix": str,
        "extendedRequestId": str,
        "httpMethod": str,
        "identity": Of((str, None)),
        "path": str,
        "protocol": "HTTP/1.1",
        "requestId": UUID,
        "requestTime": COMMON_LOG_TIME,
        "requestTimeEpoch": int,
        "resourceId": str,
        "resourcePath": str,
        "stage": str,
    },
    "body": (str, None),
    "isBase64Encoded": bool,
}

_TRIGGER = {
    "version": "1",
    "region": REGION,
    "userPoolId": str,
    "userName": str,
    "callerContext": {"awsSdkVersion": str, "clientId": str},
}
_METADATA = {"clientMetadata?": (Of(str), None)}
SIGN_UP = _TRIGGER | {
    "triggerSource": re.compile("PreSignUp_(SignUp|AdminCreateUser|ExternalProvider)"),
    "request": {"userAttributes": Of(str), "validationData?": (Of(str), None)} | _METADATA,
    "response": dict.fromkeys(("autoConfirmUser", "autoVerifyEmail", "autoVerifyPhone"), False),
}
CUSTOM_MESSAGE = _TRIGGER | {
    "triggerSource": re.compile(r"CustomMessage_\w+"),
    "request": {
        "userAttributes": Of(str),
        "codeParameter": "{####}",
        "linkParameter?": "{##Click Here##}",
        "usernameParameter": ("{username}", None),
    }
    | _METADATA,
    "response": dict.fromkeys(("smsMessage", "emailMessage", "emailSubject")),
}
# Version 1 of the trigger, which the template names by `PreTokenGeneration`.
TOKEN_GENERATION = _TRIGGER | {
    "triggerSource": re.compile(r"TokenGeneration_\w+"),
    "request": {
        "userAttributes": Of(str),
        "groupConfiguration": {
            "groupsToOverride": [str],
            "iamRolesToOverride": [str],
            "preferredRole": (str, None),
        },
    }
    | _METADATA,
    "response": {"claimsOverrideDetails": None},
}
