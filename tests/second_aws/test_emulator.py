"""What the bridges of the second emulator add to MiniStack, one service after the other.

Each test says what AWS does. The bridge's own file in `emulator/` names AWS's document.
"""

import json
import secrets
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.environment import REGION
from tests.payloads import event
from tests.running import call, crc64nvme
from tests.second_aws.aws import ACCOUNT, Aws, needs_ministack
from tests.second_aws.made import (
    allow,
    bucket,
    function,
    name,
    presigning,
    queue,
    receive,
    role,
    topic,
    wait_for_log,
)

pytestmark = [pytest.mark.system, needs_ministack]

MIB = 1024 * 1024
# Says in its error which try it is of: all tries of an event have one request id.
RAISE = "raise ValueError(context.aws_request_id)"


@pytest.fixture(scope="session")
def sender(aws: Aws) -> str:
    """The ARN of a role of functions that may send to every destination."""
    return role(aws, allow(["sns:Publish", "sqs:SendMessage"]))


def test_the_checksum_of_a_multipart_upload_is_that_of_the_full_object(aws: Aws) -> None:
    s3 = aws.client("s3")
    target = {"Bucket": bucket(aws), "Key": "a.bin"}
    bodies = [secrets.token_bytes(5 * MIB), b"the rest"]
    upload = s3.create_multipart_upload(**target, ChecksumAlgorithm="CRC64NVME")
    assert upload["ChecksumType"] == "FULL_OBJECT"
    target["UploadId"] = upload["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(
                **target, PartNumber=number, Body=body, ChecksumAlgorithm="CRC64NVME"
            )["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]

    def complete(checksum: str) -> Any:
        return s3.complete_multipart_upload(
            **target, MultipartUpload={"Parts": parts}, ChecksumCRC64NVME=checksum
        )

    with pytest.raises(ClientError, match="BadDigest"):
        complete(crc64nvme(b"other"))
    whole = crc64nvme(b"".join(bodies))
    complete(whole)
    del target["UploadId"]
    head = s3.head_object(**target, ChecksumMode="ENABLED")
    assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == (whole, "FULL_OBJECT")


def test_a_succeeded_event_makes_the_record_of_lambda(aws: Aws, sender: str) -> None:
    url, arn = queue(aws)
    new = function(aws, sender, 'return {"answer": event["question"] * 2}')
    set_destinations(aws.client("lambda"), new, arn)
    invoke(aws, new, {"question": 21})
    record = receive(aws, url)
    assert names(record) == names(invocation_record("sns_success"))
    assert record["requestContext"] | {"requestId": "", "functionArn": ""} == {
        "requestId": "",
        "functionArn": "",
        "condition": "Success",
        "approximateInvokeCount": 1,
    }
    assert (record["requestPayload"], record["responsePayload"]) == (
        {"question": 21},
        {"answer": 42},
    )


def test_a_failed_event_is_tried_three_times_under_one_request_id(aws: Aws, sender: str) -> None:
    url, queue_arn = queue(aws)
    results = topic(aws)
    aws.client("sns").subscribe(TopicArn=results, Protocol="sqs", Endpoint=queue_arn)
    new = function(aws, sender, RAISE)
    set_destinations(aws.client("lambda"), new, results)
    invoke(aws, new, {})
    record = json.loads(receive(aws, url)["Message"])
    assert names(record) == names(invocation_record("sns_retries_exhausted"))
    context = record["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("RetriesExhausted", 3)
    assert record["responsePayload"]["errorMessage"] == context["requestId"]
    assert record["responseContext"]["functionError"] == "Unhandled"


def test_a_throttled_event_waits_and_counts_no_try(aws: Aws, sender: str) -> None:
    url, arn = queue(aws)
    new = function(aws, sender, "time.sleep(0.3)")
    set_destinations(aws.client("lambda"), new, arn, MaximumRetryAttempts=0)
    aws.client("lambda").put_function_concurrency(FunctionName=new, ReservedConcurrentExecutions=1)
    for _ in range(3):
        invoke(aws, new, {})
    contexts = [receive(aws, url)["requestContext"] for _ in range(3)]
    assert [context["condition"] for context in contexts] == ["Success"] * 3
    assert [context["approximateInvokeCount"] for context in contexts] == [1] * 3
    assert len({context["requestId"] for context in contexts}) == 3


def test_an_event_that_waits_too_long_is_not_tried(aws: Aws, sender: str) -> None:
    url, arn = queue(aws)
    new = function(aws, sender, "time.sleep(2.5)")
    # AWS takes no less than 60 seconds.
    client = aws.client("lambda", parameter_validation=False)
    set_destinations(client, new, arn, MaximumEventAgeInSeconds=1)
    client.put_function_concurrency(FunctionName=new, ReservedConcurrentExecutions=1)
    for number in range(2):
        invoke(aws, new, {"number": number})
    record = receive(aws, url)
    assert names(record) == names(invocation_record("sns_event_age_exceeded"))
    context = record["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 0)


@pytest.mark.parametrize("reason", ["may not send to", "there is no"])
def test_a_record_goes_nowhere_where_it_may_not_or_cannot(aws: Aws, reason: str) -> None:
    results = topic(aws)
    new = function(aws, role(aws, *([] if "may" in reason else [allow("sns:Publish")])), "pass")
    set_destinations(aws.client("lambda"), new, results)
    if "may" not in reason:
        aws.client("sns").delete_topic(TopicArn=results)
    invoke(aws, new, {})
    wait_for_log(aws, f"{new}: {reason} {results}")


def test_a_function_hears_of_sns_as_in_aws(aws: Aws, sender: str) -> None:
    url, arn = queue(aws)
    new = function(aws, sender, "return None")
    set_destinations(aws.client("lambda"), new, arn)
    source = topic(aws)
    permit(aws, new, "sns.amazonaws.com", source)
    subscribe(aws, new, source)
    aws.client("sns").publish(TopicArn=source, Message="hello")
    sent = receive(aws, url)["requestPayload"]
    documented = event("sns_success")
    assert names(sent) == names(documented)
    assert (sent["Records"][0]["Sns"]["Subject"], sent["Records"][0]["Sns"]["Message"]) == (
        None,
        "hello",
    )


@pytest.mark.parametrize("lacks", ["function", "permission"])
def test_what_sns_cannot_deliver_is_a_dead_letter_in_the_form_of_sqs(
    aws: Aws, sender: str, lacks: str
) -> None:
    url, arn = queue(aws)
    source, new = topic(aws), function(aws, sender, "return None")
    subscription = subscribe(aws, new, source)
    aws.client("sns").set_subscription_attributes(
        SubscriptionArn=subscription,
        AttributeName="RedrivePolicy",
        AttributeValue=json.dumps({"deadLetterTargetArn": arn}),
    )
    if lacks == "function":
        permit(aws, new, "sns.amazonaws.com", source)
        aws.client("lambda").delete_function(FunctionName=new)
    aws.client("sns").publish(TopicArn=source, Message="hello")
    letter = receive(aws, url)
    assert letter["Message"] == "hello"
    # No Subject and no MessageAttributes, as there were none.
    assert set(letter) == {
        *("Type", "MessageId", "TopicArn", "Message", "Timestamp"),
        *("SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL"),
    }


@pytest.mark.parametrize("is_permitted", [True, False])
def test_s3_invokes_a_function_whose_policy_lets_it(
    aws: Aws,
    sender: str,
    is_permitted: bool,  # noqa: FBT001 - a parameter of pytest's
) -> None:
    url, arn = queue(aws)
    new, source = function(aws, sender, "return None"), bucket(aws)
    set_destinations(aws.client("lambda"), new, arn)
    if is_permitted:
        permit(aws, new, "s3.amazonaws.com", f"arn:aws:s3:::{source}")
    s3 = aws.client("s3")
    to = {"LambdaFunctionArn": function_arn(new), "Events": ["s3:ObjectCreated:*"]}
    s3.put_bucket_notification_configuration(
        Bucket=source, NotificationConfiguration={"LambdaFunctionConfigurations": [to]}
    )
    s3.put_object(Bucket=source, Key="a.txt", Body=b"x")
    if is_permitted:
        record = receive(aws, url)["requestPayload"]["Records"][0]
        assert record["s3"]["object"]["key"] == "a.txt"
    else:
        wait_for_log(aws, f"{source} may not invoke {function_arn(new)}")


# --- CloudFormation, API Gateway, CloudFront, Cognito


TEMPLATE = """
Parameters:
  Domains: {Type: CommaDelimitedList, Default: ""}
  Length: {Type: Number, Default: 12}
  AdminOnly: {Type: String, Default: "true"}
Conditions:
  HasDomains: !Not [!Equals [!Join ["", !Ref Domains], ""]]
Resources:
  Conditional:
    Type: AWS::SNS::Topic
    Condition: HasDomains
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      ComparisonOperator: GreaterThanThreshold
      EvaluationPeriods: 1
      Threshold: 0
      Metrics:
        - {Id: both, Expression: a + 1}
        - Id: a
          ReturnData: false
          MetricStat:
            Metric: {Namespace: AWS/Lambda, MetricName: Errors}
            Period: 60
            Stat: Sum
  Pool:
    Type: AWS::Cognito::UserPool
    Properties:
      Policies: {PasswordPolicy: {MinimumLength: !Ref Length}}
      AdminCreateUserConfig: {AllowAdminCreateUserOnly: !Ref AdminOnly}
"""


@pytest.mark.parametrize("domains", ["", "example.com,example.org"])
def test_a_stack_has_joined_conditions_expressions_and_typed_parameters(
    aws: Aws, domains: str
) -> None:
    cloudformation, stack = aws.client("cloudformation"), name()
    parameters = [{"ParameterKey": "Domains", "ParameterValue": domains}]
    cloudformation.create_stack(StackName=stack, TemplateBody=TEMPLATE, Parameters=parameters)
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 0.1}
    )
    ids = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    }
    assert ("Conditional" in ids) == bool(domains)
    cloudwatch = aws.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[ids["Alarm"]])["MetricAlarms"]
    assert [metric["Id"] for metric in alarm["Metrics"]] == ["both", "a"]
    assert "MetricName" not in alarm
    pool = aws.client("cognito-idp").describe_user_pool(UserPoolId=ids["Pool"])["UserPool"]
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 12
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True


def document(title: str, pool_arn: str) -> dict[str, Any]:
    """An API of one route, as Chalice describes it: signed in, with a preflight."""
    mock = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "passthroughBehavior": "when_no_match",
    }
    header = "method.response.header.Access-Control-Allow-Origin"
    preflight = {"statusCode": "200", "responseParameters": {header: "'*'"}}
    origin = {"Access-Control-Allow-Origin": {"type": "string"}}
    return {
        "swagger": "2.0",
        "info": {"title": title, "version": "1.0"},
        "paths": {
            "/files": {
                "get": {
                    "responses": {"200": {}},
                    "security": [{"people": []}],
                    "x-amazon-apigateway-integration": mock
                    | {"responses": {"default": {"statusCode": "200"}}},
                },
                "options": {
                    "responses": {"200": {"headers": origin}},
                    "x-amazon-apigateway-integration": mock | {"responses": {"default": preflight}},
                },
            }
        },
        "securityDefinitions": {
            "people": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "cognito_user_pools",
                "x-amazon-apigateway-authorizer": {
                    "type": "cognito_user_pools",
                    "providerARNs": [pool_arn],
                },
            }
        },
    }


def token(aws: Aws) -> tuple[str, str]:
    """A user pool's ARN and the id token of somebody in it."""
    cognito = aws.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName=name())["UserPool"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool["Id"], ClientName="page", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    somebody = {"UserPoolId": pool["Id"], "Username": "ann"}
    cognito.admin_create_user(**somebody, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**somebody, Password="Upload-me-1!", Permanent=True)
    answer = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ann", "PASSWORD": "Upload-me-1!"},
    )
    return pool["Arn"], answer["AuthenticationResult"]["IdToken"]


def test_an_imported_api_answers_under_its_host_name(aws: Aws) -> None:
    pool_arn, id_token = token(aws)
    gateway = aws.client("apigateway")
    api = gateway.import_rest_api(body=json.dumps(document("first", pool_arn)))
    assert api["name"] == "first"
    gateway.create_deployment(restApiId=api["id"], stageName="dev")
    url = f"https://{api['id']}.execute-api.{REGION}.amazonaws.com/dev/files"
    preflight = call("OPTIONS", url, headers={"Origin": "https://example.com"})
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert call("GET", url).status == 401
    assert call("GET", url, headers={"Authorization": f"Bearer {id_token}"}).status == 200


def test_an_api_is_overwritten_with_its_authorizers(aws: Aws) -> None:
    pool_arn, _ = token(aws)
    gateway = aws.client("apigateway")
    api = gateway.import_rest_api(body=json.dumps(document("first", pool_arn)))["id"]
    body = document("second", pool_arn)
    body["paths"]["/others"] = body["paths"].pop("/files")
    assert gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(body))["id"] == api
    assert gateway.get_rest_api(restApiId=api)["name"] == "second"
    paths = {each["path"] for each in gateway.get_resources(restApiId=api)["items"]}
    assert paths == {"/", "/others"}
    assert len(gateway.get_authorizers(restApiId=api)["items"]) == 1
    with pytest.raises(ClientError, match="NotFound"):
        gateway.put_rest_api(restApiId="none", mode="overwrite", body=json.dumps(body))


def test_cloudfront_asks_a_bucket_as_a_custom_origin(aws: Aws) -> None:
    source = bucket(aws)
    target = {"Bucket": source, "Key": "a.txt"}
    aws.client("s3").put_object(**target, Body=b"hello")
    signed = presigning(aws).generate_presigned_url("get_object", target)
    host = f"{source}.s3.{REGION}.amazonaws.com"
    origin = {
        "Id": "bucket",
        "DomainName": host,
        "CustomOriginConfig": {
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only",
        },
    }
    distribution = aws.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": name(),
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "bucket",
                "ViewerProtocolPolicy": "https-only",
                # AWS's own: CachingDisabled, and AllViewerExceptHostHeader.
                "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
                "OriginRequestPolicyId": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
            },
        }
    )["Distribution"]
    answer = call("GET", signed.replace(host, distribution["DomainName"]))
    assert (answer.status, answer.body) == (200, b"hello")


# --- What the tests above say in short


def set_destinations(client: Any, function_name: str, arn: str, **settings: Any) -> None:
    client.put_function_event_invoke_config(
        FunctionName=function_name,
        DestinationConfig={"OnSuccess": {"Destination": arn}, "OnFailure": {"Destination": arn}},
        **settings,
    )


def invoke(aws: Aws, function_name: str, payload: Any) -> None:
    aws.client("lambda").invoke(
        FunctionName=function_name, InvocationType="Event", Payload=json.dumps(payload)
    )


def function_arn(function_name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function_name}"


def permit(aws: Aws, function_name: str, service: str, source_arn: str) -> None:
    aws.client("lambda").add_permission(
        FunctionName=function_name,
        StatementId="it",
        Action="lambda:InvokeFunction",
        Principal=service,
        SourceArn=source_arn,
    )


def subscribe(aws: Aws, function_name: str, topic_arn: str) -> str:
    answer = aws.client("sns").subscribe(
        TopicArn=topic_arn,
        Protocol="lambda",
        Endpoint=function_arn(function_name),
        ReturnSubscriptionArn=True,
    )
    return str(answer["SubscriptionArn"])


def invocation_record(file: str) -> Any:
    """The record in one of the events of `tests/events`."""
    return json.loads(event(file)["Records"][0]["Sns"]["Message"])


def names(value: Any) -> Any:
    """The names in a JSON document, without what Hoist's own payloads hold."""
    if isinstance(value, list):
        return [names(each) for each in value]
    if isinstance(value, dict):
        return {
            key: names(each) if not key.endswith("Payload") else None for key, each in value.items()
        }
    return None
