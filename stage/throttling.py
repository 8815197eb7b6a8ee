"""The request limits of a stage: the part `throttling` of `.chalice/api-gateway.json`.

API Gateway applies each limit to every method or route separately, not to the stage as a whole.
So the number of requests that can reach Lambda is the sum over all methods.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Limit:
    """A token bucket: `burst` requests at once, and `rate` more every second."""

    rate: float
    burst: int

    def __str__(self) -> str:
        return f"{self.rate:.15g} a second, {self.burst} at once"


@dataclass(frozen=True, slots=True)
class Throttling:
    """The limits of a stage.

    `methods` are the methods of the REST API that have limits of their own, such as
    `POST /uploads`. `routes` are those of the WebSocket API, such as `$connect`. All other methods
    have the limit `rest`, all other routes the limit `websocket`.
    """

    rest: Limit
    methods: Mapping[str, Limit]
    websocket: Limit
    routes: Mapping[str, Limit]

    def method(self, name: str) -> Limit:
        """The limit of a method of the REST API, such as `POST /uploads`."""
        return self.methods.get(name, self.rest)

    def requests_a_second(self, methods: Iterable[str]) -> float:
        """How many requests a second these methods of the REST API accept together."""
        return sum(self.method(name).rate for name in methods)


def read(declared: Mapping[str, Any]) -> Throttling:
    """Read the part `throttling` of `.chalice/api-gateway.json`.

    Raises KeyError, TypeError or ValueError when it is not valid.
    """
    websocket = declared["websocket"]
    return Throttling(
        _limit(declared),
        {name: _limit(limit) for name, limit in declared.get("methods", {}).items()},
        _limit(websocket),
        {name: _limit(limit) for name, limit in websocket.get("routes", {}).items()},
    )


def _limit(declared: Mapping[str, Any]) -> Limit:
    limit = Limit(float(declared["rate"]), int(declared["burst"]))
    if limit.rate <= 0 or limit.burst < 1:
        raise ValueError("rate and burst let nothing through")
    return limit
