import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib import parts
from chalicelib.parts import MAX_OBJECT_SIZE, MAX_PART_SIZE, MAX_PARTS, MIB, MIN_PART_SIZE

GIB = 1024 * MIB
PUT_MAX = 16 * MIB
# The largest file of 10,000 parts of 16 MiB.
FULL = MAX_PARTS * 16 * MIB


def plan(size: int) -> parts.PartPlan:
    return parts.plan(size, put_max_size=PUT_MAX, part_size=16 * MIB)


@pytest.mark.parametrize(
    ("size", "strategy", "part_size", "part_count"),
    [
        pytest.param(0, "put", 0, 1, id="empty"),
        pytest.param(1, "put", 1, 1, id="one byte"),
        pytest.param(PUT_MAX - 1, "put", PUT_MAX - 1, 1, id="put limit -1"),
        pytest.param(PUT_MAX, "put", PUT_MAX, 1, id="put limit"),
        pytest.param(PUT_MAX + 1, "multipart", 5 * MIB, 4, id="put limit +1"),
        pytest.param(20 * MIB - 1, "multipart", 5 * MIB, 4, id="four parts -1"),
        pytest.param(20 * MIB, "multipart", 5 * MIB, 4, id="four parts"),
        pytest.param(20 * MIB + 1, "multipart", 5 * MIB, 5, id="four parts +1"),
        pytest.param(128 * 5 * MIB - 1, "multipart", 5 * MIB, 128, id="128 parts -1"),
        pytest.param(128 * 5 * MIB, "multipart", 5 * MIB, 128, id="128 parts"),
        pytest.param(128 * 5 * MIB + 1, "multipart", 6 * MIB, 107, id="128 parts +1"),
        pytest.param(128 * 15 * MIB, "multipart", 15 * MIB, 128, id="128 larger parts"),
        pytest.param(128 * 15 * MIB + 1, "multipart", 16 * MIB, 121, id="128 larger parts +1"),
        pytest.param(128 * 16 * MIB + 1, "multipart", 16 * MIB, 129, id="128 of the largest +1"),
        pytest.param(FULL - 1, "multipart", 16 * MIB, 10_000, id="10,000 parts -1"),
        pytest.param(FULL, "multipart", 16 * MIB, 10_000, id="10,000 parts"),
        pytest.param(FULL + 1, "multipart", 17 * MIB, 9_412, id="10,000 parts +1"),
        pytest.param(5 * 1024 * GIB, "multipart", 525 * MIB, 9_987, id="5 TiB"),
        pytest.param(MAX_OBJECT_SIZE - 1, "multipart", MAX_PART_SIZE, 10_000, id="48.8 TiB -1"),
        pytest.param(MAX_OBJECT_SIZE, "multipart", MAX_PART_SIZE, 10_000, id="48.8 TiB"),
    ],
)
def test_a_size_has_its_plan(size: int, strategy: str, part_size: int, part_count: int) -> None:
    planned = plan(size)

    assert (planned.strategy, planned.part_size, planned.part_count) == (
        strategy,
        part_size,
        part_count,
    )


@pytest.mark.parametrize("size", [-1, MAX_OBJECT_SIZE + 1], ids=["below", "above"])
def test_a_size_above_the_limit_of_s3_has_no_plan(size: int) -> None:
    with pytest.raises(ValueError, match="S3 takes objects of 0 to"):
        plan(size)


@pytest.mark.parametrize("part_size", [MIN_PART_SIZE, 7 * MIB], ids=["least", "more"])
def test_the_setting_is_the_largest_part_size(part_size: int) -> None:
    assert parts.plan(GIB, put_max_size=0, part_size=part_size).part_size == part_size


SIZES = st.integers(0, MAX_OBJECT_SIZE) | st.integers(0, 50 * MIB)


@given(
    size=SIZES,
    put_max_size=st.integers(0, 5 * GIB),
    part_size=st.integers(MIN_PART_SIZE, MAX_PART_SIZE),
)
@example(size=MAX_OBJECT_SIZE, put_max_size=0, part_size=MIN_PART_SIZE)
@example(size=1, put_max_size=0, part_size=MIN_PART_SIZE + 1)
def test_parts_cover_a_file_exactly_within_the_limits(
    size: int, put_max_size: int, part_size: int
) -> None:
    planned = parts.plan(size, put_max_size=put_max_size, part_size=part_size)
    lengths = [planned.length(number) for number in range(1, planned.part_count + 1)]

    assert sum(lengths) == size
    assert 1 <= len(lengths) <= MAX_PARTS
    assert set(lengths[:-1]) <= {planned.part_size}
    assert 0 < lengths[-1] <= planned.part_size or size == lengths[-1] == 0
    if planned.strategy == "multipart":
        assert MIN_PART_SIZE <= planned.part_size <= MAX_PART_SIZE
        assert planned.part_size % MIB == 0
    else:
        assert size <= put_max_size
        assert planned.part_count == 1


THREE_PARTS = parts.plan(10 * MIB + 1, put_max_size=0, part_size=16 * MIB)


@pytest.mark.parametrize(
    ("number", "length"), [(1, 5 * MIB), (2, 5 * MIB), (3, 1)], ids=["first", "middle", "last"]
)
def test_a_part_has_its_exact_length(number: int, length: int) -> None:
    assert THREE_PARTS.length(number) == length


@pytest.mark.parametrize("number", [-1, 0, 4], ids=["-1", "0", "one too many"])
def test_a_part_outside_the_plan_has_no_length(number: int) -> None:
    with pytest.raises(ValueError, match="is not one of 1 to 3"):
        THREE_PARTS.length(number)


@pytest.mark.parametrize(
    ("sizes", "missing"),
    [
        pytest.param({1: 5 * MIB, 2: 5 * MIB, 3: 1}, [], id="all there"),
        pytest.param({}, [1, 2, 3], id="none"),
        pytest.param({1: 5 * MIB, 3: 1}, [2], id="gap"),
        pytest.param({1: 5 * MIB, 2: 5 * MIB}, [3], id="last"),
        pytest.param({1: 5 * MIB, 2: 5 * MIB - 1, 3: 1}, [2], id="one byte short"),
        pytest.param({1: 5 * MIB, 2: 5 * MIB, 3: 2}, [3], id="one byte long"),
        pytest.param({1: 5 * MIB, 2: 5 * MIB, 3: 1, 4: 9}, [], id="a part too many"),
    ],
)
def test_missing_parts_are_named(sizes: dict[int, int], missing: list[int]) -> None:
    assert parts.missing(THREE_PARTS, sizes) == missing


@given(
    count=st.integers(1, 50),
    data=st.data(),
)
def test_exactly_the_parts_that_s3_lacks_are_missing(count: int, data: st.DataObject) -> None:
    planned = plan(PUT_MAX * count + 1)
    numbers = list(range(1, planned.part_count + 1))
    in_s3 = data.draw(st.sets(st.sampled_from(numbers)))

    missing = parts.missing(planned, {number: planned.length(number) for number in in_s3})

    assert missing == [number for number in numbers if number not in in_s3]
