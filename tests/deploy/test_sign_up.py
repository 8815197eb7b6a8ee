"""The function that Cognito asks before an account is made, as the template holds it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.template import RESOURCES

CODE = RESOURCES["SignUpFunction"]["Properties"]["Code"]["ZipFile"]
Handler = Callable[[dict[str, Any], None], dict[str, Any]]


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Handler:
    monkeypatch.setenv("DOMAINS", "example.com,Example.ORG,k.example,")
    function: dict[str, Any] = {}
    exec(CODE, function)  # noqa: S102 - it is ours
    made: Handler = function["handler"]
    return made


def event(**attributes: str) -> dict[str, Any]:
    """What Cognito sends, as far as it matters.

    https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-lambda-pre-sign-up.html
    """
    return {
        "triggerSource": "PreSignUp_SignUp",
        "userName": "7c5fc4e6-e164-42c9-bfc0-9a815ef3c5f5",
        "request": {"userAttributes": attributes, "validationData": None},
        "response": {"autoConfirmUser": False, "autoVerifyEmail": False},
    }


@pytest.mark.parametrize(
    "address",
    ["ann@example.com", "Ann@EXAMPLE.com", "ann@example.org", "a.n+n@example.com", "ñ@example.com"],
)
def test_an_address_at_a_domain_of_the_list_has_its_account(handler: Handler, address: str) -> None:
    asked = event(email=address)

    assert handler(asked, None) == event(email=address)


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.net",
        "ann@mail.example.com",
        "ann@notexample.com",
        "ann@example.com.evil.net",
        "ann@example.com@evil.net",
        "ann@evil.net@example.com",
        '"ann@example.com"@evil.net',
        "ann@example.com.",
        "ann@example.com ",
        "ann@example.com\n",
        "ann@example.com,evil.net",
        "ann@\N{KELVIN SIGN}.example",  # which becomes a plain k in small letters
        "ann@",
        "@example.com",
        "example.com",
        "@",
        "",
    ],
)
def test_any_other_address_is_refused(handler: Handler, address: str) -> None:
    with pytest.raises(ValueError, match="example"):
        handler(event(email=address), None)


def test_an_account_without_an_address_is_refused(handler: Handler) -> None:
    with pytest.raises(ValueError, match="can have an account"):
        handler(event(), None)


def test_the_refusal_says_which_addresses_would_do(handler: Handler) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole message is compared
        handler(event(email="ann@example.net"), None)

    known = "example.com, example.org, k.example"
    assert str(refused.value) == f"Only addresses at {known} can have an account here"
