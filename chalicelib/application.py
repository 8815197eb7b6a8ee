"""Composes the application from its settings: one cached factory, clients made when first used.

The only place, beside the adapters, that knows botocore, which makes boto3's clients: a cold start
need not wait for the rest of boto3. Nothing connects at import.
"""

import json
import time
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import botocore
from botocore.config import Config
from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError
from botocore.session import get_session

from chalicelib.browser import Browser
from chalicelib.config import Settings, SettingsError, load_settings
from chalicelib.errors import TryAgain
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

# Tries and seconds. Two calls that nobody answers (and what botocore waits between) end before API
# Gateway's 29 seconds do.
_TRIES = 4
_TIMEOUT = 3
# Seconds that S3 may be silent over CompleteMultipartUpload; nobody waits that long.
_COMPLETE_TIMEOUT = 60
# What botocore itself tries again: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_BUSY_STATUSES = frozenset({429, 500, 502, 503, 504})
_BUSY_CODES = frozenset({
    "BandwidthLimitExceeded", "LimitExceededException", "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled",
    "RequestThrottledException", "RequestTimeout", "RequestTimeoutException", "SlowDown",
    "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
    "TransactionConflictException", "TransactionInProgressException",
})  # fmt: skip


# Lambda's runtime brings botocore along; which version depends on the runtime and the region.
# CompleteMultipartUpload takes checksums of whole objects since 1.36.
OLDEST_BOTOCORE = (1, 36)
BOTOCORE = tuple(int(number) for number in botocore.__version__.split(".")[:2])


class Application:
    """The use cases of one stage, each made when a handler first asks for it.

    `tries` is how often a call to AWS is made until the client is told to try again.
    """

    def __init__(self, settings: Settings, *, tries: int = _TRIES) -> None:
        if BOTOCORE < OLDEST_BOTOCORE:
            raise SettingsError(
                f"botocore {botocore.__version__} of this runtime is too old: S3's checksums of"
                " whole objects need 1.36. Deploy with a newer Python"
            )
        self.settings = settings
        # Not adaptive: after one owner's throttle that mode holds back whoever comes next.
        self._retries: Any = {"mode": "standard", "total_max_attempts": tries}
        session: Any = get_session()
        session.register("after-call", _refuse_busy)
        session.register("after-call-error", _refuse_unreachable)
        self._session = session

    @cached_property
    def uploads(self) -> Uploads:
        """What the API's routes do."""
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
        """What `process_upload` does."""
        # Imported here, as the notifier is: the API's first request should not wait for them.
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
        """What `notify` does."""
        from chalicelib.notifier import Notifier

        sns = self._client("sns")
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
        """What the scheduled sweep does."""
        from chalicelib.sweep import Sweep

        functions = self._client("lambda")
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
        """What "email me" does."""
        from chalicelib.subscriptions import Subscriptions

        return Subscriptions(
            self._client("sns"),
            self._dynamodb,
            self.settings.table,
            self.settings.notifications_topic_arn,
        )

    @cached_property
    def credentials(self) -> "TemporaryCredentials":
        """Temporary credentials, which take the place of presigned URLs."""
        from chalicelib.credentials import TemporaryCredentials

        return TemporaryCredentials(self._client("sts"), self.settings)

    @cached_property
    def browser(self) -> Browser:
        """The owners' open pages."""
        return Browser(
            self._dynamodb,
            self.settings.table,
            self._gateway,
            self.settings.websocket_url,
            _utc_now,
            self.settings.max_pages,
        )

    @cached_property
    def _storage(self) -> S3Storage:
        return S3Storage(lambda: self._prompt_s3, self.settings.bucket, lambda: self._patient_s3)

    @cached_property
    def _prompt_s3(self) -> Any:
        return self._s3(_TIMEOUT)

    @cached_property
    def _patient_s3(self) -> Any:
        return self._s3(_COMPLETE_TIMEOUT)

    def _s3(self, read_timeout: int) -> Any:
        # Where the endpoint is an address (at home), path style; else virtual-hosted, regional.
        style = "auto" if self.settings.stage == "local" else "virtual"
        return self._client("s3", read_timeout=read_timeout, s3={"addressing_style": style})

    @cached_property
    def _table(self) -> UploadTable:
        return table_of(self.settings, self._dynamodb, _utc_now)

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
            Credentials(
                frozen.access_key,
                frozen.secret_key,
                frozen.token,
                # botocore keeps the end of credentials that it renews to itself.
                getattr(credentials, "_expiry_time", None),
            ),
            self.settings.region,
            _utc_now(),
            self.settings.url_lifetime,
        )

    def _new_signer(self, owner: str) -> Signer:
        """Signs with credentials that STS makes for it, limited to the owner's own prefix."""
        lent = self.credentials.lend(owner)
        credentials = Credentials(
            lent["access_key_id"],
            lent["secret_access_key"],
            lent["session_token"],
            datetime.fromisoformat(lent["expiration"]),
        )
        return Signer(credentials, self.settings.region, _utc_now(), self.settings.url_lifetime)

    def _client(
        self,
        service: str,
        *,
        endpoint_url: str | None = None,
        read_timeout: int = _TIMEOUT,
        **config: Any,
    ) -> Any:
        return self._session.create_client(
            service,
            region_name=self.settings.region,
            endpoint_url=endpoint_url,
            config=Config(
                retries=self._retries,
                connect_timeout=_TIMEOUT,
                read_timeout=read_timeout,
                **config,
            ),
        )


@cache
def application() -> Application:
    """The application of this process's environment."""
    return Application(load_settings())


def _refuse_busy(http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
    """What still throttles or fails after all tries is for the client to try again."""
    code = parsed.get("Error", {}).get("Code")
    if http_response.status_code in _BUSY_STATUSES or code in _BUSY_CODES:
        raise TryAgain(f"{model.service_model.service_id} is busy, try again")


def _refuse_unreachable(exception: Exception, **_: Any) -> None:
    if isinstance(exception, (HTTPClientError, NoConnection)):
        raise TryAgain("A service does not answer, try again") from exception


def _utc_now() -> datetime:
    return datetime.now(UTC)
