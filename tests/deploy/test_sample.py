"""The files of the smoke test: any range of them, and their checksum."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.smoke.sample import BLOCK, SAMPLES, Sample, sample_of
from tests.support.running import crc64nvme

IDS = [sample.content_type for sample in SAMPLES]


def whole(sample: Sample) -> bytes:
    return b"".join(sample.blocks())


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
@pytest.mark.parametrize("size", [0, 200, 1000, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17])
def test_a_sample_has_the_requested_size(sample: Sample, size: int) -> None:
    large = sample.of_size(size)

    assert len(whole(large)) == large.size
    assert large.size == max(size, sample.size)
    assert whole(large).startswith(sample.beginning)
    assert whole(large).endswith(sample.end)


@given(size=st.integers(0, 300), start=st.integers(0, 320), length=st.integers(0, 320))
def test_any_range_is_a_slice_of_the_whole(size: int, start: int, length: int) -> None:
    for sample in SAMPLES:
        large = sample.of_size(size)
        expected = whole(large)[start : start + length]
        assert large.read(start, start + length) == expected


@pytest.mark.parametrize("sample", SAMPLES, ids=IDS)
@pytest.mark.parametrize("size", [0, BLOCK + 5])
def test_the_checksum_is_that_of_the_bytes(sample: Sample, size: int) -> None:
    large = sample.of_size(size)

    assert large.crc64nvme() == crc64nvme(whole(large))


def test_no_two_parts_are_equal() -> None:
    large = SAMPLES[0].of_size(8 * BLOCK)
    parts = [large.read(start, start + BLOCK) for start in range(0, large.size, BLOCK)]

    assert len(set(parts)) == len(parts)


def test_the_json_sample_is_valid_json() -> None:
    (sample,) = (each for each in SAMPLES if each.content_type == "application/json")

    assert json.loads(whole(sample))["hoist"] == "smoke"
    assert json.loads(whole(sample.of_size(5000)))["numbers"].startswith("000000000000000 0000")


@pytest.mark.parametrize(
    ("types", "filename"),
    [
        ([], "hoist-smoke.txt"),
        (["image/*"], "hoist-smoke.png"),
        (["text/csv"], "hoist-smoke.csv"),
        (["application/*"], "hoist-smoke.json"),
    ],
)
def test_a_sample_has_a_type_that_the_stage_accepts(types: list[str], filename: str) -> None:
    sample = sample_of(types)

    assert sample is not None
    assert sample.filename == filename


def test_a_stage_may_accept_no_sample() -> None:
    assert sample_of(["video/mp4"]) is None
