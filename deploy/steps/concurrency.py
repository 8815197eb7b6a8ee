"""Reserves concurrent invocations for each function, if the account has enough of them.

AWS keeps 100 invocations for the functions without a reservation, such as the API's. New accounts
have 10 in all: there nothing is reserved. A reservation that an operator wrote into
`.chalice/config.json` stays. Chalice applies the reservations.
IAM: lambda:GetAccountSettings, lambda:GetFunctionConcurrency.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from deploy.steps.config import RESERVED
from stage.names import function_name
from stage.stage import StageError

# Invocations that AWS keeps for functions without a reservation.
UNRESERVED_LEAST = 100
# The limit of an account, unless it is new or AWS has raised it.
USUAL_LIMIT = 1000
_SETTING = "reserved_concurrency"


@dataclass(frozen=True, slots=True)
class Room:
    """How many invocations may run at once in a region of the account.

    `unreserved` of the `limit` are free for all functions; `reserved` are the reservations of the
    stage's functions, by their names in Chalice.
    """

    limit: int
    unreserved: int
    reserved: Mapping[str, int]


def look(client: Any, stage: str, names: Mapping[str, Any]) -> Room:
    """Read the limits and the reservations from Lambda."""
    limits = client.get_account_settings()["AccountLimit"]
    reserved = {name: _reserved(client, function_name(stage, name)) for name in names}
    return Room(
        int(limits["ConcurrentExecutions"]), int(limits["UnreservedConcurrentExecutions"]), reserved
    )


def missing(config: Mapping[str, Any]) -> dict[str, int]:
    """The reservations that a stage's configuration does not have yet."""
    if _SETTING in config:  # an operator has set it for all functions
        return {}
    functions = config["lambda_functions"]
    return {
        name: number
        for name, number in RESERVED.items()
        if name in functions and _SETTING not in functions[name]
    }


def reserve(config: dict[str, Any], room: Room) -> dict[str, int]:
    """Write the missing reservations into a configuration, if there is room; returns them."""
    added = missing(config)
    if not added or _shortage({**_chosen(config), **added}, room) > 0:
        return {}
    for name, number in added.items():
        config["lambda_functions"][name][_SETTING] = number
    return added


def check(stage: str, region: str, config: Mapping[str, Any], room: Room) -> str:
    """The warning for an account that is too small for the reservations; else an empty text.

    Raises StageError if it is too small for those that the configuration has already: AWS would
    refuse them.
    """
    chosen, added = _chosen(config), missing(config)
    if (lacking := _shortage(chosen, room)) > 0:
        raise StageError(
            f"{_too_few(room, sum(chosen.values()), stage)}\nTake reserved_concurrency out of the"
            " lambda_functions in .chalice/config.json, or ask AWS for more:\n"
            f"{_request(room, lacking, region)}"
        )
    if not added or (lacking := _shortage({**chosen, **added}, room)) <= 0:
        return ""
    return (
        f"{_too_few(room, sum(added.values()), stage)}\nWithout reservations one owner's files can"
        " take all of Lambda from everybody else. Ask AWS for more, then run make deploy again:\n"
        f"{_request(room, lacking, region)}"
    )


def _chosen(config: Mapping[str, Any]) -> dict[str, int]:
    """The reservations that are written in a stage's configuration."""
    functions: Mapping[str, Mapping[str, Any]] = config["lambda_functions"]
    return {name: int(each[_SETTING]) for name, each in functions.items() if each.get(_SETTING)}


def _shortage(reservations: Mapping[str, int], room: Room) -> int:
    """How many invocations the account lacks for these reservations; 0 or less is none."""
    growth = sum(number - room.reserved.get(name, 0) for name, number in reservations.items())
    return growth + UNRESERVED_LEAST - room.unreserved if growth > 0 else 0


def _too_few(room: Room, number: int, stage: str) -> str:
    return (
        f"Lambda runs {room.limit} invocations at once in this account, {room.unreserved} of them"
        f" unreserved: too few to reserve {number} for the functions of {stage}."
    )


def _request(room: Room, lacking: int, region: str) -> str:
    """The command that asks AWS for a limit that is high enough."""
    return (
        "  aws service-quotas request-service-quota-increase --service-code lambda --quota-code"
        f" L-B99A9384 --desired-value {max(USUAL_LIMIT, room.limit + lacking)} --region {region}"
    )


def _reserved(client: Any, function: str) -> int:
    try:
        response = client.get_function_concurrency(FunctionName=function)
    except client.exceptions.ResourceNotFoundException:
        return 0
    return int(response.get("ReservedConcurrentExecutions", 0))
