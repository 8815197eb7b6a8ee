"""Composes the application from its settings: one cached factory; clients are made on first use."""

import json
import time
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from chalicelib.browser import Browser
from chalicelib.clients import TIMEOUT, TRIES, Clients
from chalicelib.config import Settings, load_settings
from chalicelib.signing import Credentials, Signer
from chalicelib.storage import S3Storage
from chalicelib.table import UploadTable, table_of
from chalicelib.uploads import Uploads

if TYPE_CHECKING:
    from chalicelib.credentials import TemporaryCredentials
    from chalicelib.notifier import Notifier
    from chalicelib.processing import Processing
    from chalicelib.subscriptions import Subscriptions
    from chalicelib.sweep import Sweep

# Seconds that S3 may take for CompleteMultipartUpload; callers wait less (`COMPLETE_PATIENCE`).
_COMPLETE_TIMEOUT = 60


class Application:
    """The use cases of one stage, each created on first use; `tries` as in `Clients`."""

    def __init__(self, settings: Settings, *, tries: int = TRIES) -> None:
        self.settings = settings
        self._clients = Clients(settings.region, tries=tries)

    @cached_property
    def uploads(self) -> Uploads:
        """The use cases of the API."""
        return Uploads(
            self.settings,
            self._storage,
            self._table,
            self.browser,
            self._signer,
            self._new_signer,
            _utc_now,
            time.sleep,
        )

    @cached_property
    def processing(self) -> "Processing":
        """The use case of `process_upload`."""
        # Imported here, like the notifier: the API's first request should not wait for them.
        from chalicelib.media_types import decide
        from chalicelib.processing import Processing
        from chalicelib.processors import PROCESSORS, Processors

        processors = Processors(PROCESSORS, self.settings.whole_max_size, time.monotonic)
        return Processing(
            self.settings,
            self._storage,
            self._table,
            self.browser,
            decide,
            processors.run,
            _utc_now,
            time.sleep,
        )

    @cached_property
    def notifier(self) -> "Notifier":
        """The use case of `notify`."""
        from chalicelib.notifier import Notifier

        sns = self._clients.make("sns")
        return Notifier(
            self._table,
            self.browser,
            sns.publish,
            self.settings.notifications_topic_arn,
            self.settings.page_origin,
            _utc_now,
            time.sleep,
        )

    @cached_property
    def sweep(self) -> "Sweep":
        """The use case of `sweep`."""
        from chalicelib.sweep import Sweep

        functions = self._clients.make("lambda")
        return Sweep(
            self.settings,
            self._storage,
            self._table,
            self.notifier,
            lambda event: functions.invoke(
                FunctionName=f"hoist-{self.settings.stage}-process_upload",
                InvocationType="Event",
                Payload=json.dumps(event).encode(),
            ),
            _utc_now,
            time.sleep,
        )

    @cached_property
    def subscriptions(self) -> "Subscriptions":
        """The use cases of the switch "email me"."""
        from chalicelib.subscriptions import Subscriptions

        return Subscriptions(
            self._clients.make("sns"),
            self._dynamodb,
            self.settings.table,
            self.settings.notifications_topic_arn,
        )

    @cached_property
    def credentials(self) -> "TemporaryCredentials":
        """Temporary credentials, an alternative to presigned URLs."""
        from chalicelib.credentials import TemporaryCredentials

        return TemporaryCredentials(self._clients.make("sts"), self.settings)

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
        return S3Storage(lambda: self._prompt_s3, self.settings.bucket, lambda: self._patient_s3)

    @cached_property
    def _prompt_s3(self) -> Any:
        return self._s3(TIMEOUT)

    @cached_property
    def _patient_s3(self) -> Any:
        return self._s3(_COMPLETE_TIMEOUT)

    def _s3(self, read_timeout: int) -> Any:
        # Path style where the endpoint is an address (locally); else virtual-hosted and regional.
        style = "auto" if self.settings.stage == "local" else "virtual"
        return self._clients.make("s3", read_timeout=read_timeout, s3={"addressing_style": style})

    @cached_property
    def _table(self) -> UploadTable:
        return table_of(self.settings, self._dynamodb, _utc_now)

    @cached_property
    def _dynamodb(self) -> Any:
        return self._clients.make("dynamodb")

    @cached_property
    def _management(self) -> Any:
        # Pages open wss://…; the same address over https manages their connections.
        endpoint = self.settings.websocket_url.replace("ws", "http", 1)
        return self._clients.make("apigatewaymanagementapi", endpoint_url=endpoint)

    def _gateway(self) -> Any:
        return self._management

    def _signer(self) -> Signer:
        credentials = self._clients.credentials()
        return Signer(credentials, self.settings.region, _utc_now(), self.settings.url_lifetime)

    def _new_signer(self, owner: str) -> Signer:
        """A signer with new credentials from STS, limited to the owner's own prefix."""
        created = self.credentials.create(owner)
        credentials = Credentials(
            created["access_key_id"],
            created["secret_access_key"],
            created["session_token"],
            datetime.fromisoformat(created["expiration"]),
        )
        return Signer(credentials, self.settings.region, _utc_now(), self.settings.url_lifetime)


@cache
def application() -> Application:
    """The application of this process's environment."""
    return Application(load_settings())


def _utc_now() -> datetime:
    return datetime.now(UTC)
