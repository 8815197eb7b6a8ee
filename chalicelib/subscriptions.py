"""Subscriptions by email: owners' verified addresses, subscribed to the notifications topic.

A filter policy sends each owner only their own messages. One item an owner names the subscription
(`pk` `owner#{owner}`, `sk` `email`). Only SNS knows its state, because people confirm and
unsubscribe by links in their mail. IAM: sns:Subscribe, Unsubscribe,
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
    """An address, and the ARN of its subscription."""

    address: str
    arn: str


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """The subscriptions to one notifications topic, and their items in the table."""

    sns: SNSClient
    dynamodb: DynamoDBClient
    table: str
    topic_arn: str

    def state(self, owner: str) -> Mailing:
        """`pending` until the owner confirms, then `on` until they unsubscribe by a link.

        `stopped` after that, or without a confirmation within SNS's three days. It stays until the
        owner chooses again, because a mail program that opens links may have unsubscribed them.
        """
        subscription = self._get(owner)
        if subscription is None:
            return "off"
        try:
            attributes = self._attributes(subscription.arn)
        except self.sns.exceptions.NotFoundException:
            return "stopped"
        return "pending" if attributes["PendingConfirmation"] == "true" else "on"

    def subscribe(self, owner: str, address: str) -> Mailing:
        """Email an owner at an address from now on; a pending subscription gets a new request.

        Raises WrongState when the address is subscribed for another owner, EmailUnavailable when
        SNS refuses more subscriptions.
        """
        subscription = self._get(owner)
        if subscription is not None and subscription.address != address:
            self.unsubscribe(owner)
        elif self.state(owner) == "on":
            return "on"
        policy = json.dumps({"owner": [owner]})
        with self._explain_quota(owner):
            arn = self._subscribe(address, policy)
        self._put(owner, Subscription(address, arn))
        log.info("email on", extra={"owner": owner})
        return self.state(owner)

    def unsubscribe(self, owner: str) -> Mailing:
        """Stop to email an owner; nothing happens without a subscription."""
        subscription = self._get(owner)
        if subscription is None:
            return "off"
        try:
            self.sns.unsubscribe(SubscriptionArn=subscription.arn)
        except self.sns.exceptions.NotFoundException:
            pass
        except self.sns.exceptions.InvalidParameterException:
            # SNS cannot remove a pending subscription; it deletes it after three days.
            log.info("pending subscription not removed", extra={"owner": owner})
        self._forget(owner, subscription)
        log.info("email off", extra={"owner": owner})
        return "off"

    def _subscribe(self, address: str, policy: str) -> str:
        """The ARN of an address's subscription: a new one, or that of an earlier account."""
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
    def _explain_quota(self, owner: str) -> Iterator[None]:
        """Raise EmailUnavailable where SNS refuses more subscriptions or filter policies.

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
                "No more people can be emailed. Your uploads are not affected, and the page shows"
                " their outcomes. Ask the operator"
            ) from error

    def _take_over(self, address: str, policy: str) -> str:
        """Give the subscription of an earlier account a new filter policy.

        Raises WrongState when it is pending, or has no filter policy: an operator's, who receives
        all messages.
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
            for each in page["Subscriptions"]:
                arn = each["SubscriptionArn"]
                if (each["Protocol"], each["Endpoint"]) == ("email", address) and ":" in arn:
                    return arn
        return None

    def _get(self, owner: str) -> Subscription | None:
        item: Any = self.dynamodb.get_item(
            TableName=self.table, Key=_key(owner), ConsistentRead=True
        ).get("Item")
        return Subscription(item["address"]["S"], item["arn"]["S"]) if item else None

    def _put(self, owner: str, new: Subscription) -> None:
        values = {"address": {"S": new.address}, "arn": {"S": new.arn}}
        self.dynamodb.put_item(TableName=self.table, Item={**_key(owner), **values})

    def _forget(self, owner: str, old: Subscription) -> None:
        """Delete the item, unless another request has subscribed again meanwhile."""
        try:
            self.dynamodb.delete_item(
                TableName=self.table,
                Key=_key(owner),
                ConditionExpression="arn = :arn",
                ExpressionAttributeValues={":arn": {"S": old.arn}},
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException:
            log.info("subscription changed meanwhile", extra={"owner": owner})


def _key(owner: str) -> dict[str, Any]:
    return {"pk": {"S": f"owner#{owner}"}, "sk": {"S": "email"}}
