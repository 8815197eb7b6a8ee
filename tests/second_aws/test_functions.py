"""How functions of the second emulator receive events, and where the results go.

Each test describes AWS's behaviour. The bridge in `emulator/` that adds it names AWS's document.
"""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.second_aws.aws import ACCOUNT, Aws, needs_ministack
from tests.second_aws.new_resources import (
    allow,
    bucket,
    function,
    queue,
    receive,
    role,
    topic,
    wait_for_log,
)
from tests.support.environment import REGION
from tests.support.payloads import event

pytestmark = [pytest.mark.system, needs_ministack]

# The error has the request id: all attempts for an event have the same one.
RAISE = "raise ValueError(context.aws_request_id)"


@pytest.fixture
def sender(aws: Aws) -> str:
    """The ARN of a role for functions that may send to every destination."""
    return role(aws, allow(["sns:Publish", "sqs:SendMessage"]))


def test_a_success_has_lambda_s_invocation_record(aws: Aws, sender: str) -> None:
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


def test_a_failed_event_has_three_attempts_with_one_request_id(aws: Aws, sender: str) -> None:
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


def test_a_throttled_event_waits_without_an_attempt(aws: Aws, sender: str) -> None:
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


def test_an_event_that_waits_too_long_has_no_attempt(aws: Aws, sender: str) -> None:
    url, arn = queue(aws)
    new = function(aws, sender, "time.sleep(2.5)")
    # AWS's minimum is 60 seconds.
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
def test_a_record_without_permission_or_destination_is_dropped(aws: Aws, reason: str) -> None:
    results, role_arn = topic(aws), role(aws, allow("sns:Publish"))
    new = function(aws, role_arn, "pass")
    set_destinations(aws.client("lambda"), new, results)
    if reason == "there is no":
        aws.client("sns").delete_topic(TopicArn=results)
    else:
        aws.client("iam").delete_role_policy(RoleName=role_arn.rpartition("/")[2], PolicyName="all")
    invoke(aws, new, {})
    wait_for_log(aws, f"{new}: {reason} {results}")


def test_a_destination_without_permission_of_the_role_is_refused(aws: Aws) -> None:
    results = topic(aws)
    new = function(aws, role(aws, allow("sns:Publish", f"{results}-other")), "pass")
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        set_destinations(aws.client("lambda"), new, results)


def test_a_function_receives_messages_of_sns_as_in_aws(aws: Aws, sender: str) -> None:
    url, arn = queue(aws)
    new = function(aws, sender, "return None")
    set_destinations(aws.client("lambda"), new, arn)
    source = topic(aws)
    permit(aws, new, "sns.amazonaws.com", source)
    subscribe(aws, new, source)
    aws.client("sns").publish(TopicArn=source, Message="hello")
    sns_event = receive(aws, url)["requestPayload"]
    documented = event("sns_success")
    assert names(sns_event) == names(documented)
    assert (
        sns_event["Records"][0]["Sns"]["Subject"],
        sns_event["Records"][0]["Sns"]["Message"],
    ) == (
        None,
        "hello",
    )


@pytest.mark.parametrize("lacks", ["function", "permission"])
def test_an_undeliverable_message_of_sns_is_a_dead_letter_in_sqs_s_form(
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
    # The message had no Subject and no MessageAttributes.
    assert set(letter) == {
        *("Type", "MessageId", "TopicArn", "Message", "Timestamp"),
        *("SignatureVersion", "Signature", "SigningCertURL", "UnsubscribeURL"),
    }


@pytest.mark.parametrize("is_permitted", [True, False])
def test_s3_invokes_a_function_only_with_permission(
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
    """The names in a JSON document, without those in Hoist's own payloads."""
    if isinstance(value, list):
        return [names(each) for each in value]
    if isinstance(value, dict):
        return {
            key: names(each) if not key.endswith("Payload") else None for key, each in value.items()
        }
    return None
