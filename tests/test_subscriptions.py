"""Email subscriptions on moto's SNS, which confirms them at once unless a test prevents it."""

from typing import Any

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from chalicelib.errors import EmailUnavailable, WrongState
from chalicelib.subscriptions import Subscriptions
from tests.support.environment import NOTIFICATIONS_TOPIC, REGION, TABLE
from tests.support.payloads import OTHER_OWNER, OWNER

# Recorded from AWS in https://github.com/localstack/localstack/issues/8816.
DIFFERENT = (
    "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
)
ADA, BOB = "ada@example.com", "bob@example.com"


@pytest.fixture
def sns(dynamodb: Any) -> Any:
    assert dynamodb, "moto is at work"
    client = boto3.client("sns", region_name=REGION)
    client.create_topic(Name=NOTIFICATIONS_TOPIC.rpartition(":")[2])
    return client


@pytest.fixture
def subscriptions(sns: Any, dynamodb: Any) -> Subscriptions:
    return Subscriptions(sns, dynamodb, TABLE, NOTIFICATIONS_TOPIC)


def subscribed(sns: Any) -> dict[str, Any]:
    """Addresses and their filter policies."""
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=NOTIFICATIONS_TOPIC)["Subscriptions"]
    return {
        s["Endpoint"]: sns.get_subscription_attributes(SubscriptionArn=s["SubscriptionArn"])[
            "Attributes"
        ]["FilterPolicy"]
        for s in subscriptions
    }


def pending(address: str) -> None:
    """Make all subscriptions pending, as before somebody opens the link."""
    for subscription in sns_backends[DEFAULT_ACCOUNT_ID][REGION].subscriptions.values():
        if subscription.endpoint == address:
            subscription.attributes["PendingConfirmation"] = True


def test_an_owner_gets_messages_about_their_uploads_only(
    subscriptions: Subscriptions, sns: Any
) -> None:
    assert subscriptions.state(OWNER) == "off"

    assert subscriptions.subscribe(OWNER, ADA) == "on"

    assert subscribed(sns) == {ADA: f'{{"owner": ["{OWNER}"]}}'}
    assert subscriptions.state(OTHER_OWNER) == "off"


def test_it_is_pending_until_the_link_is_opened(subscriptions: Subscriptions) -> None:
    subscriptions.subscribe(OWNER, ADA)
    pending(ADA)

    assert subscriptions.state(OWNER) == "pending"
    assert subscriptions.subscribe(OWNER, ADA) == "pending", "the link was sent again"


def test_to_unsubscribe_leaves_others_alone(subscriptions: Subscriptions, sns: Any) -> None:
    subscriptions.subscribe(OWNER, ADA)
    subscriptions.subscribe(OTHER_OWNER, BOB)

    assert subscriptions.unsubscribe(OWNER) == "off"

    assert list(subscribed(sns)) == [BOB]
    assert (subscriptions.state(OWNER), subscriptions.state(OTHER_OWNER)) == ("off", "on")


def test_every_call_can_be_repeated(subscriptions: Subscriptions, sns: Any) -> None:
    assert [subscriptions.subscribe(OWNER, ADA) for _ in range(3)] == ["on"] * 3
    assert list(subscribed(sns)) == [ADA]
    assert [subscriptions.unsubscribe(OWNER) for _ in range(3)] == ["off"] * 3
    assert subscribed(sns) == {}


def test_another_address_replaces_the_first(subscriptions: Subscriptions, sns: Any) -> None:
    subscriptions.subscribe(OWNER, ADA)

    assert subscriptions.subscribe(OWNER, BOB) == "on"
    assert list(subscribed(sns)) == [BOB]


def open_the_link_to_unsubscribe(sns: Any) -> None:
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=NOTIFICATIONS_TOPIC)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])


def test_a_subscription_stopped_by_a_link_is_reported_until_the_owner_ends_it(
    subscriptions: Subscriptions, sns: Any
) -> None:
    subscriptions.subscribe(OWNER, ADA)
    open_the_link_to_unsubscribe(sns)

    assert [subscriptions.state(OWNER) for _ in range(2)] == ["stopped"] * 2
    assert subscriptions.unsubscribe(OWNER) == "off"
    assert subscriptions.state(OWNER) == "off"


@pytest.mark.parametrize("address", [ADA, BOB])
def test_a_subscription_stopped_by_a_link_can_be_started_again(
    subscriptions: Subscriptions, sns: Any, address: str
) -> None:
    subscriptions.subscribe(OWNER, ADA)
    open_the_link_to_unsubscribe(sns)

    assert subscriptions.subscribe(OWNER, address) == "on"
    assert subscriptions.state(OWNER) == "on"
    assert list(subscribed(sns)) == [address]


class Refusing:
    """SNS with refusals that moto does not have: those of the methods in `refused`."""

    def __init__(
        self,
        sns: Any,
        refused: str,
        because: str = DIFFERENT,
        *,
        error: str = "InvalidParameterException",
    ) -> None:
        self._sns, self._refused, self._because, self._error = sns, refused, because, error

    def __getattr__(self, name: str) -> Any:
        if name != self._refused:
            return getattr(self._sns, name)
        error = getattr(self._sns.exceptions, self._error)
        code = self._error.removesuffix("Exception")

        def refuse(**_: Any) -> None:
            raise error({"Error": {"Code": code, "Message": self._because}}, self._refused)

        return refuse


def test_an_address_of_an_earlier_account_is_taken_over(
    subscriptions: Subscriptions, sns: Any, dynamodb: Any
) -> None:
    subscriptions.subscribe(OTHER_OWNER, ADA)
    strict: Any = Refusing(sns, "subscribe")

    now = Subscriptions(strict, dynamodb, TABLE, NOTIFICATIONS_TOPIC)

    assert now.subscribe(OWNER, ADA) == "on"
    assert subscribed(sns) == {ADA: f'{{"owner": ["{OWNER}"]}}'}


def test_an_operators_subscription_is_not_taken_over(sns: Any, dynamodb: Any) -> None:
    arn = sns.subscribe(TopicArn=NOTIFICATIONS_TOPIC, Protocol="email", Endpoint=ADA)
    strict: Any = Refusing(sns, "subscribe")

    with pytest.raises(WrongState, match="everybody's"):
        Subscriptions(strict, dynamodb, TABLE, NOTIFICATIONS_TOPIC).subscribe(OWNER, ADA)

    attributes = sns.get_subscription_attributes(SubscriptionArn=arn["SubscriptionArn"])[
        "Attributes"
    ]
    assert "FilterPolicy" not in attributes


def test_other_refusals_of_sns_are_raised(sns: Any, dynamodb: Any) -> None:
    strict: Any = Refusing(sns, "subscribe", "Invalid parameter: Email address")

    with pytest.raises(sns.exceptions.InvalidParameterException, match="Email address"):
        Subscriptions(strict, dynamodb, TABLE, NOTIFICATIONS_TOPIC).subscribe(OWNER, ADA)


def test_a_simultaneous_new_subscription_is_kept(
    subscriptions: Subscriptions, sns: Any, dynamodb: Any
) -> None:
    subscriptions.subscribe(OWNER, ADA)
    (old,) = sns.list_subscriptions_by_topic(TopicArn=NOTIFICATIONS_TOPIC)["Subscriptions"]
    sns.unsubscribe(SubscriptionArn=old["SubscriptionArn"])

    class Slow:
        """Ends the old one when another request has subscribed."""

        exceptions = sns.exceptions

        def unsubscribe(self, **request: Any) -> None:
            subscriptions.subscribe(OWNER, ADA)
            sns.unsubscribe(**request)

    slow: Any = Slow()

    assert Subscriptions(slow, dynamodb, TABLE, NOTIFICATIONS_TOPIC).unsubscribe(OWNER) == "off"
    assert subscriptions.state(OWNER) == "on"


def test_an_address_that_waits_for_another_accounts_confirmation_is_refused(
    sns: Any, dynamodb: Any
) -> None:
    strict: Any = Refusing(sns, "subscribe")

    with pytest.raises(WrongState, match="wait three days"):
        Subscriptions(strict, dynamodb, TABLE, NOTIFICATIONS_TOPIC).subscribe(OWNER, ADA)


def test_a_pending_subscription_that_sns_cannot_remove_is_forgotten(
    subscriptions: Subscriptions, sns: Any, dynamodb: Any
) -> None:
    subscriptions.subscribe(OWNER, ADA)
    pending(ADA)
    strict: Any = Refusing(sns, "unsubscribe")

    assert Subscriptions(strict, dynamodb, TABLE, NOTIFICATIONS_TOPIC).unsubscribe(OWNER) == "off"
    assert subscriptions.state(OWNER) == "off"


@pytest.mark.parametrize(
    "error", ["FilterPolicyLimitExceededException", "SubscriptionLimitExceededException"]
)
def test_an_owner_above_the_quota_of_sns_receives_an_error(
    subscriptions: Subscriptions, sns: Any, dynamodb: Any, error: str
) -> None:
    full: Any = Refusing(sns, "subscribe", "Filter policy limit exceeded", error=error)

    with pytest.raises(EmailUnavailable) as raised:
        Subscriptions(full, dynamodb, TABLE, NOTIFICATIONS_TOPIC).subscribe(OWNER, ADA)

    assert (raised.value.status, raised.value.code) == (409, "email_unavailable")
    assert "Ask the operator" in raised.value.detail
    assert subscriptions.state(OWNER) == "off", "nothing is remembered of a subscription not made"
    assert subscriptions.subscribe(OWNER, ADA) == "on", "once there is room"


def test_an_address_that_is_taken_over_can_exceed_the_quota_too(sns: Any, dynamodb: Any) -> None:
    """A filter policy that is set later counts as one that comes with the subscription."""
    Subscriptions(sns, dynamodb, TABLE, NOTIFICATIONS_TOPIC).subscribe(OTHER_OWNER, ADA)
    full = Refusing(
        Refusing(sns, "subscribe"),
        "set_subscription_attributes",
        "Filter policy limit exceeded",
        error="FilterPolicyLimitExceededException",
    )
    strict: Any = full

    with pytest.raises(EmailUnavailable):
        Subscriptions(strict, dynamodb, TABLE, NOTIFICATIONS_TOPIC).subscribe(OWNER, ADA)

    assert subscribed(sns) == {ADA: f'{{"owner": ["{OTHER_OWNER}"]}}'}


def test_the_warning_names_the_owner_and_no_address(
    sns: Any, dynamodb: Any, caplog: pytest.LogCaptureFixture
) -> None:
    full: Any = Refusing(sns, "subscribe", "limit", error="FilterPolicyLimitExceededException")

    with caplog.at_level("WARNING"), pytest.raises(EmailUnavailable):
        Subscriptions(full, dynamodb, TABLE, NOTIFICATIONS_TOPIC).subscribe(OWNER, ADA)

    (record,) = [each for each in caplog.records if each.message == "email quota reached"]
    assert vars(record)["owner"] == OWNER
    assert ADA not in str(vars(record))
