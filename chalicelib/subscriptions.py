"""Who is emailed: owners' verified addresses, subscribed to the notifications topic.

A filter policy on the owner keeps everybody's messages to themselves. One item an owner remembers
the subscription (`pk` `owner#{owner}`, `sk` `email`); what became of it only SNS knows: people
confirm and unsubscribe by links in their mail. IAM: sns:Subscribe, Unsubscribe,
GetSubscriptionAttributes, SetSubscriptionAttributes and ListSubscriptionsByTopic;
dynamodb:GetItem, PutItem, DeleteItem.
https://docs.aws.amazon.com/sns/latest/dg/sns-email-notifications.html
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from chalicelib.errors import EmailUnavailable, WrongState

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_sns import SNSClient

log = logging.getLogger(__name__)

Mailing = Literal["off", "pending", "on", "stopped"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What was asked for: an address, and what SNS calls its subscription."""

    address: str
    arn: str


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The subscriptions of one notifications topic, remembered in the table."""

    sns: SNSClient
    dynamodb: DynamoDBClient
    table: str
    topic_arn: str

    def state(self, owner: str) -> Mailing:
        """`pending` until the link in SNS's mail is opened, `on` until one to unsubscribe is.

        `stopped` from then on, or where nobody confirmed within SNS's three days, until the owner
        says what they want: a mail program that looks at links may have opened this one.
        """
        found = self._get(owner)
        if found is None:
            return "off"
        try:
            told = self._attributes(found.arn)
        except self.sns.exceptions.NotFoundException:
            return "stopped"
        return "pending" if told["PendingConfirmation"] == "true" else "on"

    def subscribe(self, owner: str, address: str) -> Mailing:
        """Email an owner under an address from now on; while it is pending, SNS asks again.

        Raises WrongState when the address is subscribed for somebody else, EmailUnavailable when
        SNS takes no more subscriptions.
        """
        found = self._get(owner)
        if found is not None and found.address != address:
            self.unsubscribe(owner)
        elif self.state(owner) == "on":
            return "on"
        policy = json.dumps({"owner": [owner]})
        with self._quota_explained(owner):
            arn = self._subscribe(address, policy)
        self._put(owner, Subscription(address, arn))
        log.info("email on", extra={"owner": owner})
        return self.state(owner)

    def unsubscribe(self, owner: str) -> Mailing:
        """Email an owner no more; nothing happens when nobody did."""
        found = self._get(owner)
        if found is None:
            return "off"
        try:
            self.sns.unsubscribe(SubscriptionArn=found.arn)
        except self.sns.exceptions.NotFoundException:
            pass
        except self.sns.exceptions.InvalidParameterException:
            # One that is pending cannot be taken back: SNS forgets it in three days.
            log.info("pending subscription left to itself", extra={"owner": owner})
        self._forget(owner, found)
        log.info("email off", extra={"owner": owner})
        return "off"

    def _subscribe(self, address: str, policy: str) -> str:
        """The ARN of the subscription of an address, made or taken over from an earlier account."""
        try:
            return self.sns.subscribe(
                TopicArn=self.topic_arn,
                Protocol="email",
                Endpoint=address,
                Attributes={"FilterPolicy": policy},
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]
        except self.sns.exceptions.InvalidParameterException as error:
            if "already exists with different attributes" not in str(error):
                raise
            return self._take_over(address, policy)

    @contextmanager
    def _quota_explained(self, owner: str) -> Iterator[None]:
        """Raise EmailUnavailable where SNS takes no more subscriptions or filter policies.

        A topic has 200 filter policies and an account 10,000, unless AWS raised the quota.
        https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
        """
        exceptions = self.sns.exceptions
        try:
            yield
        except (
            exceptions.FilterPolicyLimitExceededException,
            exceptions.SubscriptionLimitExceededException,
        ) as error:
            log.warning("email quota reached", extra={"owner": owner, "error": str(error)})
            raise EmailUnavailable(
                "No more people can be emailed: your uploads go on as before, and the page shows"
                " their outcome; tell the operator"
            ) from error

    def _take_over(self, address: str, policy: str) -> str:
        """Give the subscription of an earlier account with the address another filter policy.

        Raises WrongState when it is pending, or has none: an operator's, who is told of everything.
        """
        arn = self._find(address)
        if arn is None:
            raise WrongState(
                "This address was asked to confirm for another account; wait three days"
            )
        if "FilterPolicy" not in self._attributes(arn):
            raise WrongState("This address is emailed about everybody's uploads already")
        self.sns.set_subscription_attributes(
            SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue=policy
        )
        return arn

    def _attributes(self, arn: str) -> dict[str, str]:
        return self.sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]

    def _find(self, address: str) -> str | None:
        """The confirmed subscription of an address."""
        pages = self.sns.get_paginator("list_subscriptions_by_topic").paginate(
            TopicArn=self.topic_arn
        )
        for page in pages:
            for found in page["Subscriptions"]:
                arn = found["SubscriptionArn"]
                if (found["Protocol"], found["Endpoint"]) == ("email", address) and ":" in arn:
                    return arn
        return None

    def _get(self, owner: str) -> Subscription | None:
        item: Any = self.dynamodb.get_item(
            TableName=self.table, Key=_key(owner), ConsistentRead=True
        ).get("Item")
        return Subscription(item["address"]["S"], item["arn"]["S"]) if item else None

    def _put(self, owner: str, made: Subscription) -> None:
        values = {"address": {"S": made.address}, "arn": {"S": made.arn}}
        self.dynamodb.put_item(TableName=self.table, Item={**_key(owner), **values})

    def _forget(self, owner: str, gone: Subscription) -> None:
        """Unless another request has subscribed anew meanwhile."""
        try:
            self.dynamodb.delete_item(
                TableName=self.table,
                Key=_key(owner),
                ConditionExpression="arn = :arn",
                ExpressionAttributeValues={":arn": {"S": gone.arn}},
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            log.info("forgotten or subscribed anew already", extra={"owner": owner})


def _key(owner: str) -> dict[str, Any]:
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": "email"}}
