import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib.config import Settings, SettingsError, load_settings
from chalicelib.parts import MAX_OBJECT_SIZE, MAX_PART_SIZE, MIB, MIN_PART_SIZE
from tests.support.environment import HOIST_ENVIRONMENT

GIB = 1024 * MIB
NEEDED = [name for name in HOIST_ENVIRONMENT if name != "HOIST_STAGE"]


def load(**variables: str) -> Settings:
    return load_settings({**HOIST_ENVIRONMENT, **variables})


def test_the_defaults_are_those_of_the_documentation() -> None:
    settings = load()

    assert settings.max_size == MAX_OBJECT_SIZE
    assert settings.allowed_types == ()
    assert settings.url_lifetime == 3600
    assert (settings.owner_max_bytes, settings.owner_max_files) == (2**40, 1_000_000)
    assert (settings.upload_days, settings.rejected_days) == (7, 7)
    assert settings.part_size == 16 * MIB
    assert settings.put_max_size == 16 * MIB


def test_a_bucket_has_its_regional_and_its_dual_stack_host() -> None:
    assert load().bucket_urls == (
        "https://hoist-test.s3.eu-west-1.amazonaws.com",
        "https://hoist-test.s3.dualstack.eu-west-1.amazonaws.com",
    )


def test_bucket_urls_can_be_named() -> None:
    urls = load(HOIST_BUCKET_URLS="http://127.0.0.1:1/b, http://localhost:1/b").bucket_urls

    assert urls == ("http://127.0.0.1:1/b", "http://localhost:1/b")


@pytest.mark.parametrize(
    ("settings", "hosts"),
    [
        (
            {"HOIST_ACCELERATE": "true"},
            ["s3-accelerate.amazonaws.com", "s3-accelerate.dualstack.amazonaws.com"],
        ),
        (
            {"AWS_REGION": "cn-north-1"},
            ["s3.cn-north-1.amazonaws.com.cn", "s3.dualstack.cn-north-1.amazonaws.com.cn"],
        ),
    ],
    ids=["accelerated", "China"],
)
def test_the_hosts_of_the_bucket_follow_the_settings(
    settings: dict[str, str], hosts: list[str]
) -> None:
    assert load(**settings).bucket_urls == tuple(f"https://hoist-test.{host}" for host in hosts)


def test_a_switch_that_is_neither_true_nor_false_is_named() -> None:
    with pytest.raises(SettingsError, match="HOIST_ACCELERATE is true or false, not 'yes'"):
        load(HOIST_ACCELERATE="yes")


@pytest.mark.parametrize(
    "name", ["HOIST_CREDENTIALS_LIFETIME", "HOIST_DUAL_STACK", "HOIST_MAX_PAGES", "HOIST_OTHER"]
)
def test_a_setting_that_was_removed_is_ignored_like_an_unknown_one(name: str) -> None:
    assert load(**{name: "7"}) == load()


def test_a_bucket_whose_name_has_a_dot_is_refused() -> None:
    with pytest.raises(SettingsError, match="HOIST_BUCKET holds a dot"):
        load(HOIST_BUCKET="files.example.com")


def test_allowed_types_are_a_list_with_commas() -> None:
    assert load(HOIST_ALLOWED_TYPES=" image/*, ,video/mp4,").allowed_types == (
        "image/*",
        "video/mp4",
    )


@pytest.mark.parametrize("name", ["HOIST_STAGE", *NEEDED])
@pytest.mark.parametrize("value", ["", "  "], ids=["empty", "spaces"])
def test_a_needed_variable_that_is_empty_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is not set"):
        load(**{name: value})


@pytest.mark.parametrize("name", ["HOIST_STAGE", *NEEDED])
def test_a_needed_variable_that_is_missing_is_named(name: str) -> None:
    environment = {n: value for n, value in HOIST_ENVIRONMENT.items() if n != name}

    with pytest.raises(SettingsError, match=f"{name} is not set"):
        load_settings(environment)


LIMITS: list[tuple[str, Callable[[Settings], int], int, int]] = [
    ("HOIST_MAX_SIZE", lambda settings: settings.max_size, 0, MAX_OBJECT_SIZE),
    ("HOIST_URL_LIFETIME", lambda settings: settings.url_lifetime, 1, 3600),
    ("HOIST_PART_SIZE", lambda settings: settings.part_size, MIN_PART_SIZE, MAX_PART_SIZE),
    ("HOIST_PUT_MAX_SIZE", lambda settings: settings.put_max_size, 0, 5 * GIB),
    ("HOIST_MAX_IN_PROGRESS", lambda settings: settings.max_in_progress, 1, 1_000_000),
    ("HOIST_OWNER_MAX_BYTES", lambda settings: settings.owner_max_bytes, 0, 2**60),
    ("HOIST_OWNER_MAX_FILES", lambda settings: settings.owner_max_files, 0, 10**9),
    ("HOIST_UPLOAD_DAYS", lambda settings: settings.upload_days, 1, 365),
    ("HOIST_REJECTED_DAYS", lambda settings: settings.rejected_days, 1, 3650),
]


@pytest.mark.parametrize(
    ("name", "read", "least", "most"), LIMITS, ids=[limit[0] for limit in LIMITS]
)
def test_a_number_outside_its_limits_is_refused(
    name: str, read: Callable[[Settings], int], least: int, most: int
) -> None:
    assert [read(load(**{name: str(value)})) for value in (least, least + 1, most - 1, most)] == [
        least,
        least + 1,
        most - 1,
        most,
    ]
    for value in (least - 1, most + 1):
        with pytest.raises(SettingsError, match=f"{name} takes {least} to {most}, not {value}"):
            load(**{name: str(value)})


@pytest.mark.parametrize("text", ["a", "1.5", "1e6", "16 MiB", "NaN", "9" * 5000])
def test_a_text_that_is_no_integer_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="HOIST_PART_SIZE"):
        load(HOIST_PART_SIZE=text)


def test_locally_the_environment_is_that_of_the_running_system(tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_text(json.dumps(HOIST_ENVIRONMENT | {"HOIST_TABLE": "t"}))
    environment = {"HOIST_STAGE": "local", "HOIST_HOME": str(tmp_path)}

    settings = load_settings(environment)

    assert settings.table == "t"
    assert environment["HOIST_BUCKET"] == "hoist-test", "boto3 reads the environment as well"


def test_locally_without_a_running_system_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="start the system with `make run`"):
        load_settings({"HOIST_STAGE": "local", "HOIST_HOME": str(tmp_path)})


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load().stage = "other"  # type: ignore[misc]


def test_locally_a_developers_own_aws_account_is_removed(tmp_path: Path) -> None:
    (tmp_path / "environment.json").write_text(json.dumps(HOIST_ENVIRONMENT))
    environment = {
        "HOIST_STAGE": "local",
        "HOIST_HOME": str(tmp_path),
        "AWS_PROFILE": "my-own",
        "AWS_SESSION_TOKEN": "my-own",
        "AWS_CHALICE_CLI_MODE": "true",
    }

    load_settings(environment)

    remaining = {name for name in environment if name.startswith("AWS_")}
    assert remaining == {"AWS_REGION", "AWS_CHALICE_CLI_MODE"}
