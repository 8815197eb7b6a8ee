"""Which requests the second emulator allows: signatures, policies, presigned URLs.

Each test describes AWS's behaviour. The file in `emulator/` that adds it names AWS's document.
"""

from collections.abc import Callable
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.second_aws.aws import ACCOUNT, Aws, Keys, needs_ministack
from tests.second_aws.new_resources import (
    allow,
    bucket,
    function,
    name,
    policy,
    presigning,
    role,
    user,
)
from tests.support.environment import REGION
from tests.support.running import call

pytestmark = [pytest.mark.system, needs_ministack]


def refusal(call_aws: Callable[[], Any]) -> str:
    """The code of AWS's error."""
    with pytest.raises(ClientError) as error:
        call_aws()
    return str(error.value.response["Error"]["Code"])


def test_a_request_is_refused_without_a_signature_and_with_a_wrong_one(aws: Aws) -> None:
    keys = user(aws, allow("s3:*"))
    assert aws.client("s3", keys).list_buckets()["Buckets"] is not None
    forged = Keys(keys.id, "wrong")
    assert refusal(aws.client("s3", forged).list_buckets) == "SignatureDoesNotMatch"
    unsigned = aws.client("sqs", signature_version=UNSIGNED)
    assert refusal(unsigned.list_queues) in {"MissingAuthenticationToken", "AccessDenied"}


def test_a_presigned_url_is_valid_for_its_key_and_region_only(aws: Aws) -> None:
    keys = user(aws, allow("s3:PutObject"))
    target = {"Bucket": bucket(aws), "Key": "a.txt"}
    url = presigning(aws, keys).generate_presigned_url("put_object", target)
    assert call("PUT", url, b"x").status == 200
    assert call("PUT", url.replace("a.txt", "b.txt"), b"x").status == 403
    # The same host name, signed for another region.
    request = AWSRequest("PUT", url.partition("?")[0])
    S3SigV4QueryAuth(Credentials(keys.id, keys.secret), "s3", "us-west-2").add_auth(request)
    answer = call("PUT", str(request.url), b"x")
    assert answer.status == 400, answer.body


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ({"StringEquals": {"s3:authType": "REST-QUERY-STRING"}}, 403),
        ({"StringEquals": {"s3:authType": "REST-HEADER"}}, 200),
        ({"StringNotEquals": {"s3:signatureversion": "AWS4-HMAC-SHA256"}}, 200),
        ({"NumericGreaterThan": {"s3:signatureAge": "-1"}}, 403),
        ({"NumericGreaterThan": {"s3:signatureAge": "3600000"}}, 200),
        ({"NumericLessThan": {"s3:TlsVersion": "1.2"}}, 200),
        ({"Bool": {"aws:SecureTransport": "false"}}, 200),
    ],
    ids=str,
)
def test_a_bucket_policy_may_have_conditions_about_the_signature(
    aws: Aws, condition: dict[str, Any], status: int
) -> None:
    target = {"Bucket": bucket(aws), "Key": "a.txt"}
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{target['Bucket']}/*",
        "Condition": condition,
    }
    aws.client("s3").put_bucket_policy(Bucket=target["Bucket"], Policy=policy(deny))
    client = presigning(aws, user(aws, allow("s3:PutObject")))
    assert call("PUT", client.generate_presigned_url("put_object", target), b"x").status == status


FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:only"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:only"
# The permissions for a call, from the Service Authorization Reference.
NEEDS: dict[str, tuple[str, str, Callable[[Callable[..., Any]], Any]]] = {
    "alias": (
        "lambda:GetAlias",
        FUNCTION,
        lambda client: client("lambda").get_alias(FunctionName="only", Name="live"),
    ),
    "concurrency": (
        "lambda:DeleteFunctionConcurrency",
        FUNCTION,
        lambda client: client("lambda").delete_function_concurrency(FunctionName="only"),
    ),
    "destinations": (
        "lambda:GetFunctionEventInvokeConfig",
        FUNCTION,
        lambda client: client("lambda").get_function_event_invoke_config(FunctionName="only"),
    ),
    "subscription": (
        "sns:GetSubscriptionAttributes",
        TOPIC,
        lambda client: client("sns").get_subscription_attributes(SubscriptionArn=f"{TOPIC}:1"),
    ),
    "stack": (
        "cloudformation:DescribeStacks",
        f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/only/*",
        lambda client: client("cloudformation").describe_stacks(StackName="only"),
    ),
    "REST API": (
        "apigateway:GET",
        f"arn:aws:apigateway:{REGION}::/restapis/only/*",
        lambda client: client("apigateway").get_stages(restApiId="only"),
    ),
    "WebSocket API": (
        "apigateway:GET",
        f"arn:aws:apigateway:{REGION}::/apis/only",
        lambda client: client("apigatewayv2").get_api(ApiId="only"),
    ),
    "rule": (
        "events:DescribeRule",
        f"arn:aws:events:{REGION}:{ACCOUNT}:rule/only",
        lambda client: client("events").describe_rule(Name="only"),
    ),
    "user pool": (
        "cognito-idp:DescribeUserPool",
        f"arn:aws:cognito-idp:{REGION}:{ACCOUNT}:userpool/{REGION}_only",
        lambda client: client("cognito-idp").describe_user_pool(UserPoolId=f"{REGION}_only"),
    ),
}


@pytest.mark.parametrize("need", NEEDS)
def test_a_call_needs_its_action_on_its_resource(aws: Aws, need: str) -> None:
    action, resource, call_aws = NEEDS[need]
    denied = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}

    def code(*statements: dict[str, Any]) -> str:
        keys = user(aws, *statements)
        return refusal(lambda: call_aws(lambda service: aws.client(service, keys)))

    assert code(allow(action, resource.replace("only", "other"))) in denied
    assert code(allow(f"{action}s", resource)) in denied
    # The call is allowed; its resource does not exist.
    assert code(allow(action, resource)) not in denied


@pytest.mark.parametrize("missing", ["lambda:CreateFunction", "iam:PassRole", "lambda:TagResource"])
def test_creating_a_function_needs_permission_to_pass_its_role_and_to_tag(
    aws: Aws, missing: str
) -> None:
    new, role_arn = name(), role(aws)
    needs = {
        "lambda:CreateFunction": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{new}",
        "lambda:TagResource": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{new}",
        "iam:PassRole": role_arn,
    }
    everything = [allow(action, resource) for action, resource in needs.items()]
    keys = user(aws, *(each for each in everything if each["Action"] != missing))
    settings: dict[str, Any] = {"function_name": new, "Tags": {"a": "b"}}
    with pytest.raises(ClientError, match=missing):
        function(aws, role_arn, "pass", keys=keys, **settings)
    function(aws, role_arn, "pass", keys=user(aws, *everything), **settings)


@pytest.mark.parametrize("is_itself", [True, False])
def test_an_assumed_role_has_the_arn_of_the_role_in_conditions(
    aws: Aws,
    is_itself: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    arn = role(aws, trusted={"AWS": ACCOUNT})
    principal = arn if is_itself else f"{arn}-other"
    statement = allow(
        "s3:ListAllMyBuckets", Condition={"ArnEquals": {"aws:PrincipalArn": principal}}
    )
    aws.client("iam").put_role_policy(
        RoleName=arn.rpartition("/")[2], PolicyName="all", PolicyDocument=policy(statement)
    )
    sts = aws.client("sts", user(aws, allow("sts:AssumeRole")))
    session = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    s3 = aws.client(
        "s3", Keys(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    )
    if is_itself:
        assert "Buckets" in s3.list_buckets()
    else:
        assert refusal(s3.list_buckets) == "AccessDenied"
