import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import keys, records
from chalicelib.records import Failure, Outcome
from chalicelib.upload import State
from tests.support.payloads import MULTIPART_ID, OWNER, PUT_ID, event, put_upload


def message(name: str) -> str:
    """The invocation record in an SNS event."""
    return str(event(name)["Records"][0]["Sns"]["Message"])


def test_a_put_is_a_new_object_with_its_key_decoded() -> None:
    (created,) = records.objects_created(event("s3_put"))

    assert (created.key, created.size) == (put_upload().key, 11)
    assert created.event == event("s3_put")


@pytest.mark.parametrize(
    ("older", "newer"),
    [("0067C2", "0067C3"), ("0067C2", "0067C21"), ("FF", "ff1"), ("", "1")],
    ids=["same length", "longer", "letters", "absent"],
)
def test_sequencers_compare_as_texts_when_the_shorter_is_padded(older: str, newer: str) -> None:
    def padded(sequencer: str) -> str:
        payload = event("s3_put")
        payload["Records"][0]["s3"]["object"]["sequencer"] = sequencer
        (created,) = records.objects_created(payload)
        return created.sequencer

    assert padded(older) < padded(newer)
    assert padded("A") == padded("A0")


def test_a_completed_multipart_upload_is_a_new_object() -> None:
    (created,) = records.objects_created(event("s3_complete_multipart_upload"))

    assert created.key == f"uploads/{OWNER}/{MULTIPART_ID}/holiday film.mp4"
    assert created.size == 2_621_440


def test_a_test_event_has_no_object() -> None:
    assert list(records.objects_created(event("s3_test_event"))) == []


@pytest.mark.parametrize(
    "name", ["ObjectRemoved:Delete", "ObjectTagging:Put", "ObjectCreatedX", ""]
)
def test_another_event_has_no_object(name: str) -> None:
    other = event("s3_put")
    other["Records"][0]["eventName"] = name

    assert list(records.objects_created(other)) == []


def test_every_record_of_an_event_counts() -> None:
    both = event("s3_put")
    both["Records"] += event("s3_complete_multipart_upload")["Records"]

    assert len(list(records.objects_created(both))) == 2


@given(st.text(max_size=100))
def test_any_key_of_ours_survives_the_encoding_of_events(filename: str) -> None:
    key = keys.object_key(owner=OWNER, upload_id=PUT_ID, filename=filename)
    encoded = event("s3_put")
    encoded["Records"][0]["s3"]["object"]["key"] = quote_plus(key, safe="/")

    (created,) = records.objects_created(encoded)

    assert created.key == key


def test_a_success_record_has_the_result_of_processing() -> None:
    assert records.outcomes(message("sns_success")) == [Outcome(OWNER, PUT_ID, State.ACCEPTED)]


@pytest.mark.parametrize(
    ("name", "error"),
    [("sns_retries_exhausted", "ClientError"), ("sns_event_age_exceeded", "EventAgeExceeded")],
)
def test_a_failure_record_has_the_failed_event(name: str, error: str) -> None:
    reason = f"Processing failed ({error}); request e4b46cbf-b738-xmpl-8880-a18cdf61200e"

    (failure,) = records.outcomes(message(name))

    assert isinstance(failure, Failure)
    assert str(failure.name) == failure.created.key == put_upload().key
    assert (failure.name.owner, failure.name.upload_id) == (OWNER, PUT_ID)
    assert failure.reason == reason
    assert failure.request_id == "e4b46cbf-b738-xmpl-8880-a18cdf61200e"
    assert list(records.objects_created(failure.created.event)) == [failure.created]


@pytest.mark.parametrize("payload", [None, "cut sho", {}, {"Records": []}, {"Records": [1]}])
def test_a_failure_that_names_no_upload_is_refused_with_its_reason(payload: object) -> None:
    record = json.loads(message("sns_retries_exhausted"))
    record["requestPayload"] = payload

    with pytest.raises(ValueError, match=r"\(ClientError\); request e4b46cbf-b738"):
        records.outcomes(json.dumps(record))


@pytest.mark.parametrize("key", ["elsewhere/a.txt", "uploads/bob//"])
def test_a_failure_of_an_invalid_key_is_ignored(key: str) -> None:
    record = json.loads(message("sns_retries_exhausted"))
    record["requestPayload"]["Records"][0]["s3"]["object"]["key"] = key

    assert records.outcomes(json.dumps(record)) == []


@pytest.mark.parametrize(
    "text",
    ["", "hello", "[]", "null", "3", '"text"', "{}", '{"requestPayload": {}}'],
    ids=["empty", "words", "list", "null", "number", "text", "object", "no context"],
)
def test_an_invalid_invocation_record_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - JSON's own error is one as well
        records.outcomes(text)


@pytest.mark.parametrize(
    "payload",
    [None, "cut sho", {}, {"uploads": None}, {"uploads": [{"id": PUT_ID}]}, {"uploads": ["?"]}],
    ids=["none", "cut short", "empty", "no list", "no owner", "no upload"],
)
def test_a_success_without_a_result_is_a_failure_of_its_uploads(payload: object) -> None:
    record = json.loads(message("sns_success"))
    record["responsePayload"] = payload

    (failure,) = records.outcomes(json.dumps(record))

    assert isinstance(failure, Failure)
    assert (failure.name.owner, failure.name.upload_id) == (OWNER, PUT_ID)


def test_a_success_without_uploads_has_no_outcome() -> None:
    record = json.loads(message("sns_success"))
    record["responsePayload"] = {"uploads": []}

    assert records.outcomes(json.dumps(record)) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Records",
                    "s3",
                    "object",
                    "key",
                    "eventName",
                    "requestContext",
                    "condition",
                    "uploads",
                ]
            ),
            inner,
            max_size=3,
        )
    ),
)


@given(JSON, JSON)
def test_no_malformed_record_makes_a_crash_loop(requested: object, returned: object) -> None:
    record = {
        "requestContext": {"condition": "Success"},
        "requestPayload": requested,
        "responsePayload": returned,
    }

    try:
        outcomes = records.outcomes(json.dumps(record))
    except ValueError:
        return  # operators are notified
    assert isinstance(outcomes, list)


def test_every_result_of_a_success_counts() -> None:
    record: Any = json.loads(message("sns_success"))
    uploads = record["responsePayload"]["uploads"]
    uploads.append(uploads[0] | {"id": MULTIPART_ID, "state": "rejected", "duplicate": True})

    assert records.outcomes(json.dumps(record))[1] == Outcome(OWNER, MULTIPART_ID, State.REJECTED)
