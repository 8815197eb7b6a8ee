from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import ClientError

from chalicelib.application import Application, application
from chalicelib.config import Settings, SettingsError
from chalicelib.errors import TryAgain
from chalicelib.transitions import Claim
from chalicelib.upload import NewUpload, Part, State
from tests.support.environment import AWS_ENVIRONMENT, BUCKET, REGION
from tests.support.payloads import CREATED_AT, OWNER, PUT_ID, put_upload
from tests.support.scripted import Scripted, scripted_server
from tests.support.tables import put_in


@pytest.fixture(autouse=True)
def fresh_application() -> Iterator[None]:
    application.cache_clear()
    yield
    application.cache_clear()


def test_there_is_one_application() -> None:
    assert application() is application()


def test_composing_makes_no_client() -> None:
    assert vars(application()).keys() == {"settings", "_clients"}


@pytest.mark.parametrize(("stage", "style"), [("test", "virtual"), ("local", "auto")])
def test_s3_is_addressed_by_its_bucket_except_locally(
    settings: Settings, stage: str, style: str
) -> None:
    storage = Application(replace(settings, stage=stage))._storage

    assert storage.bucket == BUCKET
    assert storage.client.meta.config.s3["addressing_style"] == style  # type: ignore[attr-defined]


def test_clients_work_in_the_region_of_the_stage(settings: Settings) -> None:
    composed = Application(replace(settings, region="ap-southeast-2"))

    assert composed._dynamodb.meta.region_name == "ap-southeast-2"


@pytest.mark.parametrize(
    ("websocket_url", "endpoint"),
    [
        ("wss://socket.example.com/api", "https://socket.example.com/api"),
        ("ws://127.0.0.1:8001", "http://127.0.0.1:8001"),
    ],
)
def test_connections_are_managed_where_pages_connect(
    settings: Settings, websocket_url: str, endpoint: str
) -> None:
    composed = Application(replace(settings, websocket_url=websocket_url))

    assert composed._gateway().meta.endpoint_url == endpoint


def test_the_signer_signs_with_the_credentials_of_the_environment(settings: Settings) -> None:
    signer = Application(settings)._signer()

    assert signer.credentials.access_key_id == AWS_ENVIRONMENT["AWS_ACCESS_KEY_ID"]
    assert signer.credentials.secret_access_key == AWS_ENVIRONMENT["AWS_SECRET_ACCESS_KEY"]
    assert (signer.region, signer.lifetime) == (REGION, settings.url_lifetime)


def test_the_signer_knows_when_renewed_credentials_expire(settings: Settings) -> None:
    composed = Application(settings)
    end = datetime(2100, 1, 1, tzinfo=UTC)
    composed._clients.session._credentials = RefreshableCredentials(
        "AKIDEXAMPLE", "secret", "token", end, dict, "test"
    )

    assert composed._signer().credentials.expires_at == end


def test_the_expiry_of_other_credentials_is_unknown(settings: Settings) -> None:
    assert Application(settings)._signer().credentials.expires_at is None


# --- A service that is busy, broken or away -------------------------------------------------------


def xml(code: str) -> str:
    """An error of S3's."""
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>No</Message></Error>"


def json_error(code: str) -> str:
    """An error of DynamoDB's."""
    return f'{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"No"}}'


Ask = Callable[[Application], object]
PART = Part(1, 5, '"e"')
CALLS: dict[str, Ask] = {
    "create": lambda a: a._storage.create_multipart("k", content_type="a/b"),
    "list parts": lambda a: a._storage.list_parts("k", "m"),
    "complete": lambda a: a._storage.complete("k", "m", parts=[PART], size=5, crc64nvme=None),
    "abort": lambda a: a._storage.abort("k", "m"),
    "head": lambda a: a._storage.head("k"),
    "read": lambda a: a._storage.read_range("k", 0, 10, etag="e"),
    "tag": lambda a: a._storage.tag("k", state="accepted"),
    "delete": lambda a: a._storage.delete("k"),
    "put": lambda a: put_in(a._table, put_upload()),
    "put under a key": lambda a: put_in(a._table, put_upload(), idempotency_key="k"),
    "forget": lambda a: a._table.forget(OWNER, [NewUpload(put_upload())]),
    "get": lambda a: a._table.get(OWNER, PUT_ID),
    "change": lambda a: a._table.change(put_upload(), to=State.FAILED, allowed=set(State)),
    "adopt": lambda a: a._table.adopt(put_upload()),
    "claim": lambda a: a._table.claim(
        put_upload(), Claim(sequencer="1", holder="h", until=CREATED_AT, charged=11)
    ),
    "begin notifying": lambda a: a._table.begin_notifying(
        put_upload(state=State.ACCEPTED, outcome="1"), holder="h", until=CREATED_AT
    ),
    "to check": lambda a: list(a._table.to_check()),
    "newest": lambda a: a._table.newest(OWNER, state=None, cursor=None, limit=5),
    "in progress": lambda a: a._table.in_progress(OWNER, most=1),
    "used": lambda a: a._table.usage.used(OWNER),
    "state tag": lambda a: a._storage.state_tag("k"),
    "list objects": lambda a: list(a._storage.list_objects("uploads/", after="")),
    "invite": lambda a: a.browser.invite(OWNER),
}


@pytest.fixture
def composed(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Application]:
    """Makes an application whose AWS has an address of this machine."""

    def compose(url: str, tries: int = 1) -> Application:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        return Application(replace(settings, stage="local"), tries=tries)

    return compose


@pytest.mark.parametrize("ask", CALLS.values(), ids=CALLS)
def test_a_broken_service_raises_try_again(composed: Callable[..., Application], ask: Ask) -> None:
    with scripted_server([Scripted(500)]) as service, pytest.raises(TryAgain):
        ask(composed(service.url))


@pytest.mark.parametrize("code", ["SlowDown", "RequestTimeout", "BandwidthLimitExceeded"])
def test_a_busy_s3_raises_try_again(composed: Callable[..., Application], code: str) -> None:
    with scripted_server([Scripted(400, xml(code))]) as s3, pytest.raises(TryAgain):
        composed(s3.url)._storage.delete("k")


@pytest.mark.parametrize(
    "code",
    ["ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"],
)
def test_a_busy_table_raises_try_again(composed: Callable[..., Application], code: str) -> None:
    with scripted_server([Scripted(400, json_error(code))]) as table, pytest.raises(TryAgain):
        composed(table.url)._table.get(OWNER, PUT_ID)


@pytest.mark.parametrize("ask", CALLS.values(), ids=CALLS)
def test_an_unreachable_service_raises_try_again(
    composed: Callable[..., Application], ask: Ask
) -> None:
    with scripted_server([Scripted(200)]) as stopped:
        pass

    with pytest.raises(TryAgain):
        ask(composed(stopped.url))


def test_a_busy_service_is_retried_before_the_client_receives_an_error(
    composed: Callable[..., Application],
) -> None:
    answers = [Scripted(503, xml("SlowDown")), Scripted(204)]
    with scripted_server(answers) as s3:
        composed(s3.url, tries=2)._storage.delete("k")

    assert len(s3.requests) == 2


def test_a_refusal_is_not_an_outage(composed: Callable[..., Application]) -> None:
    with (
        scripted_server([Scripted(403, xml("AccessDenied"))]) as s3,
        pytest.raises(ClientError, match="AccessDenied"),
    ):
        composed(s3.url)._storage.delete("k")


def test_a_complete_that_fails_with_status_200_has_failed(
    composed: Callable[..., Application],
) -> None:
    """S3 sends the status before it has finished.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
    """
    with scripted_server([Scripted(200, xml("InternalError"))]) as s3, pytest.raises(TryAgain):
        complete(composed(s3.url))


@pytest.mark.parametrize("code", ["ConditionalRequestConflict", "InvalidPart"])
def test_a_conflicting_complete_raises_try_again(
    composed: Callable[..., Application], code: str
) -> None:
    with scripted_server([Scripted(409, xml(code))]) as s3, pytest.raises(TryAgain):
        complete(composed(s3.url))


def complete(composed: Application) -> bool:
    return composed._storage.complete("k", "m", parts=[PART], size=5, crc64nvme=None)


def test_a_silent_service_times_out_before_api_gateway(settings: Settings) -> None:
    composed = Application(settings)
    for client in (composed._dynamodb, composed._storage.client):
        config = client.meta.config
        tries = config.retries["total_max_attempts"]  # type: ignore[union-attr]
        assert 2 * tries * max(config.read_timeout, config.connect_timeout) < 29  # type: ignore[union-attr]


def test_only_complete_has_a_long_timeout(settings: Settings) -> None:
    composed = Application(settings)

    assert composed._storage.completing().meta.config.read_timeout > composed._storage.patience  # type: ignore[attr-defined]
    assert composed._storage.completing() is composed._storage.completing()


def test_a_throttle_of_one_owner_does_not_delay_another(settings: Settings) -> None:
    for client in (Application(settings)._dynamodb, Application(settings)._storage.client):
        assert client.meta.config.retries["mode"] == "standard"  # type: ignore[union-attr]


@pytest.mark.parametrize(("version", "works"), [((1, 35), False), ((1, 36), True), ((2, 0), True)])
def test_a_runtime_whose_botocore_is_too_old_says_so_at_its_start(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, *, version: tuple[int, int], works: bool
) -> None:
    monkeypatch.setattr("chalicelib.clients.BOTOCORE", version)

    if works:
        Application(settings)
        return
    with pytest.raises(SettingsError, match="Deploy with a newer Python"):
        Application(settings)
