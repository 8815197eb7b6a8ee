"""Reserved concurrency: written into a stage's configuration if the account has room for it."""

from collections.abc import Mapping
from typing import Any

import pytest
from chalice.config import Config

from deploy.steps import concurrency, config
from deploy.steps.concurrency import Room
from stage.stage import StageError
from tests.support.environment import REGION

ALL = sum(config.RESERVED.values())


def stage(**functions: Any) -> dict[str, Any]:
    """A stage's configuration with these reservations of an operator."""
    return {"lambda_functions": {**{name: {} for name in config.RESERVED}, **functions}}


def room(unreserved: int, limit: int = 1000, **reserved: int) -> Room:
    return Room(limit, unreserved, reserved)


def reservations(configuration: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: settings["reserved_concurrency"]
        for name, settings in configuration["lambda_functions"].items()
        if "reserved_concurrency" in settings
    }


def test_the_usual_account_has_room_for_all_reservations() -> None:
    expected = stage()

    assert concurrency.reserve(expected, room(1000)) == config.RESERVED

    assert reservations(expected) == config.RESERVED
    assert concurrency.check("dev", REGION, stage(), room(1000)) == ""


def test_reserving_again_changes_nothing() -> None:
    expected = stage()
    concurrency.reserve(expected, room(1000))
    reserved = room(1000 - ALL, **config.RESERVED)

    assert concurrency.reserve(expected, reserved) == {}
    assert reservations(expected) == config.RESERVED
    assert concurrency.check("dev", REGION, expected, reserved) == ""


@pytest.mark.parametrize(
    ("unreserved", "fits"),
    [(ALL + 99, False), (ALL + 100, True), (ALL + 101, True), (10, False), (0, False)],
)
def test_a_hundred_invocations_remain_without_a_reservation(
    unreserved: int,
    fits: bool,  # noqa: FBT001
) -> None:
    expected = stage()

    assert bool(concurrency.reserve(expected, room(unreserved))) is fits

    assert reservations(expected) == (config.RESERVED if fits else {})
    assert bool(concurrency.check("dev", REGION, stage(), room(unreserved))) is not fits


def test_a_new_account_gets_a_warning_with_the_quota_request() -> None:
    warning = concurrency.check("dev", REGION, stage(), room(10, limit=10))

    assert warning.startswith("Lambda runs 10 invocations at once in this account")
    assert "one owner's files can take all of Lambda" in warning
    assert f"--quota-code L-B99A9384 --desired-value 1000 --region {REGION}" in warning


def test_the_warning_for_a_second_stage_counts_both_stages() -> None:
    reserved_there = room(1000 - ALL)

    warning = concurrency.check("prod", REGION, stage(), reserved_there)

    assert f"--desired-value {2 * ALL + 100} " in warning


def test_the_next_run_reserves_after_the_quota_increase() -> None:
    expected = stage()
    concurrency.reserve(expected, room(10, limit=10))

    assert concurrency.reserve(expected, room(1000)) == config.RESERVED


def test_an_interrupted_run_is_continued() -> None:
    """Existing reservations need no room again."""
    half = {"process_upload": 300, "notify": 100}

    assert concurrency.reserve(stage(), room(1000 - 400, **half)) == config.RESERVED
    assert concurrency.reserve(stage(), room(ALL + 100 - 400, **half)) == config.RESERVED
    assert concurrency.reserve(stage(), room(ALL + 99 - 400, **half)) == {}


@pytest.mark.parametrize("chosen", [5, 700, None])
def test_reservations_of_an_operator_stay(chosen: int | None) -> None:
    expected = stage(process_upload={"reserved_concurrency": chosen})

    concurrency.reserve(expected, room(3000))

    assert reservations(expected) == {**config.RESERVED, "process_upload": chosen}


def test_reservations_of_an_operator_count() -> None:
    expected = stage(process_upload={"reserved_concurrency": 800})

    assert concurrency.reserve(expected, room(1000)) == {}
    assert reservations(expected) == {"process_upload": 800}


def test_reservations_without_room_are_refused_with_a_remedy() -> None:
    """A stage takes its reservations along into another account."""
    expected = stage()
    concurrency.reserve(expected, room(1000))

    with pytest.raises(StageError, match=f"too few to reserve {ALL} for the functions of dev") as e:
        concurrency.check("dev", REGION, expected, room(10, limit=10))

    assert "Take reserved_concurrency out of the lambda_functions" in str(e.value)
    assert "--desired-value 1000 " in str(e.value)


@pytest.mark.parametrize("unreserved", [10, 99, 100])
def test_a_configuration_without_reservations_needs_no_room(unreserved: int) -> None:
    nothing = {name: {"reserved_concurrency": None} for name in config.RESERVED}

    assert concurrency.check("dev", REGION, stage(**nothing), room(unreserved)) == ""


def test_a_setting_for_all_functions_stays() -> None:
    expected = {**stage(), "reserved_concurrency": 20}

    assert concurrency.reserve(expected, room(1000)) == {}
    assert concurrency.check("dev", REGION, expected, room(10)) == ""
    assert reservations(expected) == {}


def test_a_missing_function_gets_no_reservation() -> None:
    expected: dict[str, Any] = {"lambda_functions": {"notify": {}}}

    assert concurrency.reserve(expected, room(1000)) == {"notify": config.RESERVED["notify"]}


def test_the_function_of_the_api_has_what_remains() -> None:
    assert "api_handler" not in config.RESERVED
    assert concurrency.USUAL_LIMIT - ALL >= concurrency.UNRESERVED_LEAST


def test_chalice_reads_the_reservations() -> None:
    expected = stage(websocket_message={"reserved_concurrency": None})
    concurrency.reserve(expected, room(1000))
    chalice = Config(config_from_disk={"stages": {"dev": expected}}, chalice_stage="dev")

    def reserved(name: str) -> int | None:
        return chalice.scope("dev", name).reserved_concurrency

    assert reserved("process_upload") == config.RESERVED["process_upload"]
    assert reserved("websocket_message") is None
    assert reserved("api_handler") is None


class Lambda:
    """Lambda in an account with two functions."""

    class exceptions:  # noqa: N801 - as boto3 calls it
        class ResourceNotFoundException(Exception):
            pass

    def get_account_settings(self) -> Any:
        limits = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900}
        return {"AccountLimit": limits}

    def get_function_concurrency(self, FunctionName: str) -> Any:  # noqa: N803
        stand = {"hoist-dev": {}, "hoist-dev-notify": {"ReservedConcurrentExecutions": 100}}
        if FunctionName not in stand:
            raise self.exceptions.ResourceNotFoundException
        return stand[FunctionName]


def test_account_and_function_limits_come_from_lambda() -> None:
    names = dict.fromkeys(("api_handler", "notify", "sweep"))

    settings_of = concurrency.look(Lambda(), "dev", names)

    assert settings_of == Room(1000, 900, {"api_handler": 0, "notify": 100, "sweep": 0})
