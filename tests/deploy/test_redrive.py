"""What a dead letter says: whom it was for, and what they would have been given."""

import json

from deploy.redrive import dead_letter
from tests.payloads import event


def test_what_lambda_gave_up_on_is_the_event_it_had() -> None:
    given = event("sns_success")
    letter = {"requestContext": {"requestId": "r-1"}, "requestPayload": given}

    assert dead_letter(letter) == ("r-1", given)


def test_what_sns_could_not_hand_on_is_made_an_event_again() -> None:
    given = event("sns_success")
    (record,) = given["Records"]

    name, made = dead_letter(json.loads(json.dumps(record["Sns"])))

    assert name == record["Sns"]["MessageId"]
    (again,) = made["Records"]
    assert again["Sns"] == record["Sns"]
    assert again["EventSource"] == "aws:sns"
