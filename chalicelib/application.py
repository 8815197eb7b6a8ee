"""Composes the application from its settings: one cached factory, clients made when first used.

The only place, beside the adapters, that knows boto3. Nothing connects at import.
"""

from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any

import boto3
from botocore.config import Config

from chalicelib.browser import Browser
from chalicelib.config import Settings, load_settings
from chalicelib.notifier import Notifier
from chalicelib.processing import Processing
from chalicelib.signing import Credentials, Signer
from chalicelib.storage import S3Storage
from chalicelib.table import UploadTable
from chalicelib.uploads import Uploads

_RETRIES: Any = {"mode": "standard", "max_attempts": 4}


class Application:
    """The use cases of one stage, each made when a handler first asks for it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._session: Any = boto3.Session(region_name=settings.region)

    @cached_property
    def uploads(self) -> Uploads:
        """What the API's routes do."""
        return Uploads(
            self.settings, self._storage, self._table, self.browser, self._signer, _utc_now
        )

    @cached_property
    def processing(self) -> Processing:
        """What `process_upload` does."""
        # Imported here: the API never sniffs, and its first request should not wait for it.
        from chalicelib.sniffing import sniff

        return Processing(
            self._storage, self._table, self.browser, sniff, self.settings.allowed_types
        )

    @cached_property
    def notifier(self) -> Notifier:
        """What `notify` does."""
        sns = self._client("sns")
        return Notifier(
            self._table, self.browser, sns.publish, self.settings.notifications_topic_arn
        )

    @cached_property
    def browser(self) -> Browser:
        """The owners' open pages."""
        return Browser(
            self._dynamodb,
            self.settings.table,
            self._gateway,
            self.settings.websocket_url,
            _utc_now,
        )

    @cached_property
    def _storage(self) -> S3Storage:
        # Where the endpoint is an address (at home), path style; else virtual-hosted, regional.
        style = "auto" if self.settings.stage == "local" else "virtual"
        return S3Storage(self._client("s3", s3={"addressing_style": style}), self.settings.bucket)

    @cached_property
    def _table(self) -> UploadTable:
        return UploadTable(self._dynamodb, self.settings.table, _utc_now)

    @cached_property
    def _dynamodb(self) -> Any:
        return self._client("dynamodb")

    @cached_property
    def _management(self) -> Any:
        # wss://… is what pages open; the same address over https manages their connections.
        endpoint = self.settings.websocket_url.replace("ws", "http", 1)
        return self._client("apigatewaymanagementapi", endpoint_url=endpoint)

    def _gateway(self) -> Any:
        return self._management

    def _signer(self) -> Signer:
        credentials = self._session.get_credentials()
        if credentials is None:
            raise RuntimeError("no AWS credentials to sign with")
        frozen = credentials.get_frozen_credentials()
        return Signer(
            Credentials(frozen.access_key, frozen.secret_key, frozen.token),
            self.settings.region,
            _utc_now(),
            self.settings.url_lifetime,
        )

    def _client(self, service: str, *, endpoint_url: str | None = None, **config: Any) -> Any:
        return self._session.client(
            service, endpoint_url=endpoint_url, config=Config(retries=_RETRIES, **config)
        )


@cache
def application() -> Application:
    """The application of this process's environment."""
    return Application(load_settings())


def _utc_now() -> datetime:
    return datetime.now(UTC)
