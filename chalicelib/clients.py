"""Makes clients of AWS services: how long and how often each tries, and which errors become ours.

Knows botocore, which makes boto3's clients: a cold start need not wait for the rest of boto3. Must
not know what the clients are for. Nothing connects before a client's first call.
"""

from typing import Any

import botocore
from botocore.config import Config
from botocore.exceptions import ConnectionError as NoConnection
from botocore.exceptions import HTTPClientError
from botocore.session import get_session

from chalicelib.config import SettingsError
from chalicelib.errors import TryAgain
from chalicelib.signing import Credentials

# Tries and seconds. Two calls without an answer, and the pauses between their tries, end before the
# 29 seconds that API Gateway gives a request.
TRIES = 4
TIMEOUT = 3
# What botocore itself retries: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
_BUSY_STATUSES = frozenset({429, 500, 502, 503, 504})
_BUSY_CODES = frozenset({
    "BandwidthLimitExceeded", "LimitExceededException", "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled",
    "RequestThrottledException", "RequestTimeout", "RequestTimeoutException", "SlowDown",
    "ThrottledException", "Throttling", "ThrottlingException", "TooManyRequestsException",
    "TransactionConflictException", "TransactionInProgressException",
})  # fmt: skip
# Lambda's runtime includes a botocore; its version depends on the runtime and the region.
# CompleteMultipartUpload takes checksums of whole objects since 1.36.
OLDEST_BOTOCORE = (1, 36)
BOTOCORE = tuple(int(number) for number in botocore.__version__.split(".")[:2])


class Clients:
    """Makes clients for one region; each tries a call `tries` times, then raises TryAgain."""

    def __init__(self, region: str, *, tries: int = TRIES) -> None:
        if BOTOCORE < OLDEST_BOTOCORE:
            raise SettingsError(
                f"botocore {botocore.__version__} of this runtime is too old: S3's checksums of"
                " whole objects need 1.36. Deploy with a newer Python"
            )
        self.region = region
        # Not adaptive: after a throttle of one owner, that mode delays the requests of others.
        self._retries: Any = {"mode": "standard", "total_max_attempts": tries}
        session: Any = get_session()
        session.register("after-call", _refuse_busy)
        session.register("after-call-error", _refuse_unreachable)
        self.session = session

    def make(
        self,
        service: str,
        *,
        endpoint_url: str | None = None,
        read_timeout: int = TIMEOUT,
        **config: Any,
    ) -> Any:
        """A new client; `read_timeout` is in seconds, `config` further members of its Config."""
        return self.session.create_client(
            service,
            region_name=self.region,
            endpoint_url=endpoint_url,
            config=Config(
                retries=self._retries,
                connect_timeout=TIMEOUT,
                read_timeout=read_timeout,
                **config,
            ),
        )

    def credentials(self) -> Credentials:
        """The credentials that the clients sign with today."""
        current = self.session.get_credentials()
        if current is None:
            raise RuntimeError("no AWS credentials to sign with")
        frozen = current.get_frozen_credentials()
        # botocore has no public name for the expiry of credentials that it renews.
        expires_at = getattr(current, "_expiry_time", None)
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token, expires_at)


def _refuse_busy(http_response: Any, parsed: Any, model: Any, **_: Any) -> None:
    """Raise TryAgain where the service still throttles or fails after all tries."""
    code = parsed.get("Error", {}).get("Code")
    if http_response.status_code in _BUSY_STATUSES or code in _BUSY_CODES:
        raise TryAgain(f"{model.service_model.service_id} is busy, try again")


def _refuse_unreachable(exception: Exception, **_: Any) -> None:
    """Raise TryAgain where no connection or no answer came after all tries."""
    if isinstance(exception, (HTTPClientError, NoConnection)):
        raise TryAgain("A service does not answer, try again") from exception
