"""The function that Cognito invokes before it creates an account, mails a code or issues tokens.

It runs as it stands in the template, with events in the form of each of its triggers.
https://docs.aws.amazon.com/cognito/latest/developerguide/cognito-user-pools-working-with-lambda-triggers.html
"""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy.template import RESOURCES
from tests.support.environment import REGION

CODE = RESOURCES["SignUpFunction"]["Properties"]["Code"]["ZipFile"]
Handler = Callable[[dict[str, Any], None], dict[str, Any]]
OWNER = "7c5fc4e6-e164-42c9-bfc0-9a815ef3c5f5"
CLIENT_ID = "5ttpe0m6j5ou8f0h3lbo3m1f2g"

SIGN_UPS = ("PreSignUp_SignUp", "PreSignUp_AdminCreateUser")
MESSAGES = (
    "CustomMessage_SignUp",
    "CustomMessage_AdminCreateUser",
    "CustomMessage_ResendCode",
    "CustomMessage_ForgotPassword",
    "CustomMessage_UpdateUserAttribute",
    "CustomMessage_VerifyUserAttribute",
)
TOKENS = (
    "TokenGeneration_HostedAuth",
    "TokenGeneration_Authentication",
    "TokenGeneration_NewPasswordChallenge",
    "TokenGeneration_AuthenticateDevice",
    "TokenGeneration_RefreshTokens",
)
SOURCES = (*SIGN_UPS, *MESSAGES, *TOKENS)


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Handler:
    monkeypatch.setenv("DOMAINS", "example.com,Example.ORG,k.example,xn--mnchen-3ya.example,")
    function: dict[str, Any] = {}
    exec(CODE, function)  # noqa: S102 - it is ours
    created: Handler = function["handler"]
    return created


def request(source: str, attributes: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The members of a trigger's event that others lack, and the response that it expects."""
    if source in SIGN_UPS:
        answer = {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False}
        return {"userAttributes": attributes, "validationData": None}, answer
    if source in MESSAGES:
        output: dict[str, Any] = {
            "userAttributes": attributes,
            "codeParameter": "{####}",
            "linkParameter": "{##Click Here##}",
            "usernameParameter": "{username}" if source.endswith("AdminCreateUser") else None,
        }
        return output, dict.fromkeys(("smsMessage", "emailMessage", "emailSubject"))
    groups: dict[str, Any] = {
        "groupsToOverride": [],
        "iamRolesToOverride": [],
        "preferredRole": None,
    }
    return {"userAttributes": attributes, "groupConfiguration": groups}, {
        "claimsOverrideDetails": None
    }


def event(source: str = "PreSignUp_SignUp", /, **attributes: str) -> dict[str, Any]:
    """An event of Cognito: the members that all triggers share, and those of this one."""
    status = {} if source in SIGN_UPS else {"sub": OWNER, "cognito:user_status": "CONFIRMED"}
    events, answer = request(source, {**status, **attributes})
    return {
        "version": "1",
        "region": REGION,
        "userPoolId": f"{REGION}_2kX9Ab3Cd",
        "userName": OWNER,
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": CLIENT_ID},
        "triggerSource": source,
        "request": events,
        "response": answer,
    }


@pytest.mark.parametrize("source", SOURCES)
def test_every_trigger_accepts_an_address_at_a_listed_domain(handler: Handler, source: str) -> None:
    events = event(source, email="ann@example.com", email_verified="true")
    emails = copy.deepcopy(events)

    assert handler(events, None) == emails


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("verified", ["true", "false"])
def test_every_trigger_refuses_other_addresses_verified_or_not(
    handler: Handler, source: str, verified: str
) -> None:
    with pytest.raises(ValueError, match="can have an account"):
        handler(event(source, email="ann@example.net", email_verified=verified), None)


@pytest.mark.parametrize("source", SOURCES)
def test_every_trigger_refuses_an_account_without_an_address(handler: Handler, source: str) -> None:
    with pytest.raises(ValueError, match="can have an account"):
        handler(event(source), None)


@pytest.mark.parametrize("prefix", ["PreSignUp", "CustomMessage", "TokenGeneration"])
def test_every_kind_of_event_has_its_trigger(prefix: str) -> None:
    """A new source of events belongs to a trigger that the user pool has."""
    triggers = RESOURCES["UserPool"]["Properties"]["LambdaConfig"]["Fn::If"][1]
    names = {"TokenGeneration": "PreTokenGeneration"}

    assert triggers[names.get(prefix, prefix)] == {"Fn::GetAtt": ["SignUpFunction", "Arn"]}
    assert any(source.startswith(f"{prefix}_") for source in SOURCES)


@pytest.mark.parametrize(
    "address",
    [
        "ann@example.com",
        "Ann@EXAMPLE.com",
        "ann@example.org",
        "a.n+n@example.com",
        "ñ@example.com",
        "ann@xn--mnchen-3ya.example",
        "ann@XN--MNCHEN-3YA.example",
    ],
)
@pytest.mark.parametrize("source", ["PreSignUp_SignUp", "TokenGeneration_RefreshTokens"])
def test_an_address_at_a_listed_domain_gets_an_account(
    handler: Handler, address: str, source: str
) -> None:
    events = event(source, email=address)

    assert handler(events, None) == event(source, email=address)


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
        "ann@\N{FULLWIDTH LATIN SMALL LETTER E}xample.com",
        "ann@münchen.example",
        "ann@",
        "@example.com",
        "example.com",
        "@",
        "",
    ],
)
@pytest.mark.parametrize("source", ["PreSignUp_SignUp", "TokenGeneration_RefreshTokens"])
def test_any_other_address_is_refused(handler: Handler, address: str, source: str) -> None:
    with pytest.raises(ValueError, match="example"):
        handler(event(source, email=address), None)


def test_the_refusal_names_the_accepted_domains(handler: Handler) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole message is compared
        handler(event(email="ann@example.net"), None)

    domains = "example.com, example.org, k.example, xn--mnchen-3ya.example"
    assert str(refused.value) == f"Only addresses at {domains} can have an account here"
