"""SNS: how it passes a message to a function, and what it does without the function.

The event: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
Its delivery: https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
Dead letters: https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
"""

import json
from typing import Any

from ministack.services import lambda_svc, sns

from emulator.bridging import replace
from emulator.lambda_ import may_invoke


def bridge() -> None:
    replace(sns, "_deliver_to_lambda", lambda _: deliver)


def deliver(
    function_arn: str,
    envelope: str,
    topic_arn: str,
    subscription_arn: str,
    _message_id: str,
    message: str,
    _attributes: dict[str, Any],
) -> None:
    """Invoke a function asynchronously, with Lambda's retries and destinations.

    A message is undeliverable when the function does not exist or its policy forbids the call.
    """
    function, config, _name = lambda_svc._get_func_record_for_ref(function_arn)
    if function and config and may_invoke(function_arn, "sns.amazonaws.com", topic_arn):
        record = lambda_svc._execution_record_for_config(function, config)
        lambda_svc.invoke_async_with_retry(record, _event(subscription_arn, json.loads(envelope)))
        return
    queue_arn = _dead_letter_queue(topic_arn, subscription_arn)
    if queue_arn:
        sns._deliver_to_sqs(queue_arn, envelope, False, message, topic_arn=topic_arn)  # noqa: FBT003


def _event(subscription_arn: str, notification: dict[str, Any]) -> dict[str, Any]:
    """The event of a function: unlike a queue's message, it has all members, two renamed."""
    notification |= {
        "Subject": notification.get("Subject"),
        "MessageAttributes": notification.get("MessageAttributes", {}),
        "SigningCertUrl": notification.pop("SigningCertURL"),
        "UnsubscribeUrl": notification.pop("UnsubscribeURL"),
    }
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription_arn,
        "Sns": notification,
    }
    return {"Records": [record]}


def _dead_letter_queue(topic_arn: str, subscription_arn: str) -> str | None:
    topic = sns._topic_by_arn_any_scope(topic_arn)
    for subscription in topic["subscriptions"] if topic else ():
        if subscription["arn"] == subscription_arn:
            policy = json.loads(subscription.get("attributes", {}).get("RedrivePolicy") or "{}")
            target: str | None = policy.get("deadLetterTargetArn")
            return target
    return None
