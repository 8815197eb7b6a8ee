from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib.application import Application, application
from chalicelib.config import Settings
from tests.environment import AWS_ENVIRONMENT, BUCKET, REGION


@pytest.fixture(autouse=True)
def composed_anew() -> Iterator[None]:
    application.cache_clear()
    yield
    application.cache_clear()


def test_there_is_one_application() -> None:
    assert application() is application()


def test_composing_makes_no_client() -> None:
    assert vars(application()).keys() == {"settings", "_session"}


@pytest.mark.parametrize(("stage", "style"), [("test", "virtual"), ("local", "auto")])
def test_s3_is_addressed_by_its_bucket_but_at_home(
    settings: Settings, stage: str, style: str
) -> None:
    storage = Application(replace(settings, stage=stage))._storage

    assert storage.bucket == BUCKET
    assert storage.client.meta.config.s3["addressing_style"] == style


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
