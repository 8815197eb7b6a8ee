"""Reserved concurrency: written into a stage's configuration where the account has room for it."""

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
    """A stage's configuration, in which an operator chose what is named."""
    return {"lambda_functions": {**{name: {} for name in config.RESERVED}, **functions}}


def room(unreserved: int, limit: int = 1000, **reserved: int) -> Room:
    return Room(limit, unreserved, reserved)


def reservations(configuration: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: settings["reserved_concurrency"]
        for name, settings in configuration["lambda_functions"].items()
        if "reserved_concurrency" in settings
    }


def test_the_usual_account_has_room_for_all_of_them() -> None:
    wanted = stage()

    assert concurrency.reserve(wanted, room(1000)) == config.RESERVED

    assert reservations(wanted) == config.RESERVED
    assert concurrency.check("dev", REGION, stage(), room(1000)) == ""


def test_to_reserve_again_changes_nothing() -> None:
    wanted = stage()
    concurrency.reserve(wanted, room(1000))
    reserved = room(1000 - ALL, **config.RESERVED)

    assert concurrency.reserve(wanted, reserved) == {}
    assert reservations(wanted) == config.RESERVED
    assert concurrency.check("dev", REGION, wanted, reserved) == ""


@pytest.mark.parametrize(
    ("unreserved", "fits"),
    [(ALL + 99, False), (ALL + 100, True), (ALL + 101, True), (10, False), (0, False)],
)
def test_a_hundred_are_left_for_functions_without_a_reservation(
    unreserved: int,
    fits: bool,  # noqa: FBT001
) -> None:
    wanted = stage()

    assert bool(concurrency.reserve(wanted, room(unreserved))) is fits

    assert reservations(wanted) == (config.RESERVED if fits else {})
    assert bool(concurrency.check("dev", REGION, stage(), room(unreserved))) is not fits


def test_a_new_account_is_told_what_to_ask_for() -> None:
    told = concurrency.check("dev", REGION, stage(), room(10, limit=10))

    assert told.startswith("Lambda runs 10 invocations at once in this account")
    assert "one owner's files can take all of Lambda" in told
    assert f"--quota-code L-B99A9384 --desired-value 1000 --region {REGION}" in told


def test_a_second_stage_is_told_how_many_both_need() -> None:
    taken = room(1000 - ALL)

    told = concurrency.check("prod", REGION, stage(), taken)

    assert f"--desired-value {2 * ALL + 100} " in told


def test_after_the_increase_they_are_reserved() -> None:
    wanted = stage()
    concurrency.reserve(wanted, room(10, limit=10))

    assert concurrency.reserve(wanted, room(1000)) == config.RESERVED


def test_a_run_that_was_killed_half_way_is_gone_on_with() -> None:
    """What the functions have already takes no room again."""
    half = {"process_upload": 300, "notify": 100}

    assert concurrency.reserve(stage(), room(1000 - 400, **half)) == config.RESERVED
    assert concurrency.reserve(stage(), room(ALL + 100 - 400, **half)) == config.RESERVED
    assert concurrency.reserve(stage(), room(ALL + 99 - 400, **half)) == {}


@pytest.mark.parametrize("chosen", [5, 700, None])
def test_what_an_operator_chose_is_kept(chosen: int | None) -> None:
    wanted = stage(process_upload={"reserved_concurrency": chosen})

    concurrency.reserve(wanted, room(3000))

    assert reservations(wanted) == {**config.RESERVED, "process_upload": chosen}


def test_what_an_operator_chose_takes_room_as_well() -> None:
    wanted = stage(process_upload={"reserved_concurrency": 800})

    assert concurrency.reserve(wanted, room(1000)) == {}
    assert reservations(wanted) == {"process_upload": 800}


def test_what_is_written_and_has_no_room_is_refused_with_what_to_do() -> None:
    """A stage that is deployed into another account brings its reservations along."""
    wanted = stage()
    concurrency.reserve(wanted, room(1000))

    with pytest.raises(StageError, match=f"too few to reserve {ALL} for the functions of dev") as e:
        concurrency.check("dev", REGION, wanted, room(10, limit=10))

    assert "Take reserved_concurrency out of the lambda_functions" in str(e.value)
    assert "--desired-value 1000 " in str(e.value)


@pytest.mark.parametrize("unreserved", [10, 99, 100])
def test_who_reserves_nothing_needs_no_room(unreserved: int) -> None:
    nothing = {name: {"reserved_concurrency": None} for name in config.RESERVED}

    assert concurrency.check("dev", REGION, stage(**nothing), room(unreserved)) == ""


def test_an_operators_word_for_all_functions_holds() -> None:
    wanted = {**stage(), "reserved_concurrency": 20}

    assert concurrency.reserve(wanted, room(1000)) == {}
    assert concurrency.check("dev", REGION, wanted, room(10)) == ""
    assert reservations(wanted) == {}


def test_a_function_that_there_is_not_gets_none() -> None:
    wanted: dict[str, Any] = {"lambda_functions": {"notify": {}}}

    assert concurrency.reserve(wanted, room(1000)) == {"notify": config.RESERVED["notify"]}


def test_the_function_of_the_api_has_what_remains() -> None:
    assert "api_handler" not in config.RESERVED
    assert concurrency.USUAL_LIMIT - ALL >= concurrency.UNRESERVED_LEAST


def test_chalice_takes_what_is_written() -> None:
    wanted = stage(websocket_message={"reserved_concurrency": None})
    concurrency.reserve(wanted, room(1000))
    chalice = Config(config_from_disk={"stages": {"dev": wanted}}, chalice_stage="dev")

    def reserved(name: str) -> int | None:
        return chalice.scope("dev", name).reserved_concurrency

    assert reserved("process_upload") == config.RESERVED["process_upload"]
    assert reserved("websocket_message") is None
    assert reserved("api_handler") is None


class Lambda:
    """Lambda in an account in which two functions stand."""

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


def test_lambda_is_asked_for_the_account_and_each_function() -> None:
    names = dict.fromkeys(("api_handler", "notify", "sweep"))

    found = concurrency.look(Lambda(), "dev", names)

    assert found == Room(1000, 900, {"api_handler": 0, "notify": 100, "sweep": 0})
