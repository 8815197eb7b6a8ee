"""`make cost` computes correct sums, refuses invalid arguments, and matches docs/cost.md."""

import re
from dataclasses import fields, replace
from pathlib import Path

import pytest

from chalicelib.config import Settings
from chalicelib.parts import MAX_OBJECT_SIZE
from chalicelib.uploads import CLOUDFRONT_MAX_SIZE
from deploy.cost import __main__ as cost
from deploy.cost import bill, consumption
from deploy.cost.bill import Fixed, Month
from deploy.cost.prices import US_EAST_1, Price
from deploy.steps.config import planned_settings
from tests.deploy.template import RESOURCES, TEXT, mappings

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "docs" / "cost.md").read_text(encoding="utf-8")
NOTHING = Fixed(alarms=0, metrics=0, dashboards=0, keys=0)
TEMPLATE = """\
Resources:
  # An alarm on one metric, and one on two.
  Failed:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: Hoist
      MetricName: UploadsFailed
  Errors:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Metrics:
        - Id: a
          MetricStat:
            Metric: {Namespace: AWS/Lambda, MetricName: Errors}
        - Id: b
          MetricStat:
            Metric: {Namespace: AWS/Lambda, MetricName: Errors}

  Dashboard:
    Type: AWS::CloudWatch::Dashboard
    Properties:
      DashboardBody: '[["Hoist","UploadsFailed"],["Hoist","Bytes"],["AWS/Lambda","Errors"]]'
Outputs:
  MetricName: {Value: none}
"""


@pytest.fixture
def defaults() -> Settings:
    """The settings of a stage that sets nothing."""
    return planned_settings({"HOIST_STAGE": "cost"})


def lines(month: Month, settings: Settings, fixed: Fixed = NOTHING) -> dict[str, bill.Line]:
    return {line.service: line for line in bill.costs(month, settings, fixed, US_EAST_1)}


# --- The sum --------------------------------------------------------------------------------------


def test_each_line_is_its_counts_times_their_prices(defaults: Settings) -> None:
    counted = consumption.consumption(100_000_000, defaults)
    result = lines(Month(files=1000, size=100_000_000), defaults)

    # 20 parts, create, 4 lists, complete, tag.
    # 20 preflights, 4 HEADs, the tags, the first bytes, 12 blocks.
    assert (counted.s3_puts, counted.s3_gets) == (27, 38)
    assert result["S3 requests"].hoist == pytest.approx(1000 * (27 * 0.005 + 38 * 0.0004) / 1000)
    assert result["S3 storage"].hoist == pytest.approx(1e11 / 2**30 * 0.023 + 1000 * 0.0065 / 1e4)
    assert result["SNS"].hoist == pytest.approx(1000 * 2 * 0.5 / 1e6)
    assert result["DynamoDB"].hoist == pytest.approx(
        1000 * (counted.writes * 0.625 + counted.reads * 0.125) / 1e6
    )
    assert result["Lambda"].hoist == pytest.approx(
        1000 * (counted.invocations * 0.2 / 1e6 + counted.gb_seconds * 0.0000133334)
    )


def test_a_sum_grows_with_the_files(defaults: Settings) -> None:
    one, many = (bill.costs(Month(n, 10**9), defaults, NOTHING, US_EAST_1) for n in (1, 1000))

    assert bill.total(many, "use", "storage")[0] == pytest.approx(
        1000 * bill.total(one, "use", "storage")[0]
    )


def test_storage_grows_with_the_days(defaults: Settings) -> None:
    month = Month(files=10, size=10**9)
    short, long = (lines(replace(month, days=days), defaults) for days in (30, 90))

    assert long["S3 storage"].hoist == pytest.approx(3 * short["S3 storage"].hoist)
    assert long["S3 requests"] == short["S3 requests"]


@pytest.mark.parametrize("size", [1, 10**8, 10**12, MAX_OBJECT_SIZE])
def test_hoist_never_costs_more_than_a_call_for_each_part(defaults: Settings, size: int) -> None:
    for line in lines(Month(files=1, size=size, downloads=1), defaults).values():
        assert line.hoist <= line.per_part


@pytest.mark.parametrize(
    ("size", "price"),
    [
        (CLOUDFRONT_MAX_SIZE, US_EAST_1.cloudfront_byte),
        (CLOUDFRONT_MAX_SIZE + 1, US_EAST_1.internet_byte),
    ],
    ids=["by CloudFront", "by S3"],
)
def test_downloads_have_the_price_of_their_source(
    defaults: Settings, size: int, price: Price
) -> None:
    result = lines(Month(files=1, size=size, downloads=2), defaults)

    assert result["Downloads"].hoist == pytest.approx(price.of(2 * size), abs=1e-5)


def test_emails_are_billed_for_each_file(defaults: Settings) -> None:
    none, one = (lines(Month(100_000, 1000, emails=n), defaults)["SNS"].hoist for n in (0, 1))

    assert one - none == pytest.approx(2)


def test_small_files_of_one_visit_cost_less_than_half(defaults: Settings) -> None:
    alone, together = (
        bill.costs(Month(files, 10**5), defaults, NOTHING, US_EAST_1) for files in (1, 10**6)
    )

    assert bill.total(together, "use")[0] < 10**6 * bill.total(alone, "use")[0] / 2


def test_the_output_says_how_many_files_one_visit_uploads(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for arguments, message in [
        (["--files=1", "--size=1KB"], "sent whole\n"),
        (["--files=7", "--size=1KB"], "sent whole, 7 in one visit\n"),
        (["--files=5000", "--size=1KB"], "sent whole, 100 in one visit\n"),
        (["--files=7", "--size=100MB"], "20 parts each\n"),
    ]:
        assert cost.main(arguments, {}) == 0
        assert message in capsys.readouterr().out


def test_fixed_costs_are_counted_in_the_template(defaults: Settings) -> None:
    assert bill.fixed_of(TEMPLATE, defaults) == Fixed(
        alarms=3, metrics=2, dashboards=1, keys=0, sweeps=consumption.SWEEPS_OF_A_MONTH
    )

    with_key = replace(defaults, kms_key_arn="arn:aws:kms:eu-west-1:123456789012:key/1")
    result = lines(Month(1, 1), defaults, bill.fixed_of(TEMPLATE, with_key))

    assert result["CloudWatch, alarms"].hoist == pytest.approx(0.30)
    assert result["CloudWatch, metrics"].hoist == pytest.approx(0.60)
    assert result["CloudWatch, dashboard"].hoist == pytest.approx(3)
    assert result["KMS"].hoist == pytest.approx(1)


def test_the_template_is_read_like_a_yaml_parser_reads_it(defaults: Settings) -> None:
    kinds = [resource["Type"] for resource in RESOURCES.values()]
    alarms = [r for r in RESOURCES.values() if r["Type"] == "AWS::CloudWatch::Alarm"]

    result = bill.fixed_of(TEXT, defaults)

    assert result.dashboards == kinds.count("AWS::CloudWatch::Dashboard")
    assert result.alarms == sum("MetricName" in part for part in mappings(alarms))


# --- Arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("4096B", 4096),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("1MB", 10**6),
        ("1.5MiB", 1572864),
        ("10 GB", 10**10),
        ("1TB", 10**12),
        ("48TiB", 48 * 1024**4),
        ("1PB", 10**15),
    ],
)
def test_sizes_are_read_with_their_units(text: str, size: int) -> None:
    assert cost.parse_size(text) == size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--files=0"], "FILES is 1 to"),
        (["--files=-1"], "FILES is 1 to"),
        (["--files=many"], "FILES is a number, not 'many'"),
        (["--files=1.5"], "FILES is a number, not '1.5'"),
        (["--files=1000000000001"], "FILES is 1 to"),
        (["--size=0"], "SIZE is 1 byte or more"),
        (["--size=0.1B"], "SIZE is 1 byte or more"),
        (["--size=-5MB"], "'-5MB' is no size"),
        (["--size=big"], "'big' is no size"),
        (["--size=1mb"], "'1mb' is no size"),
        (["--size=5iB"], "'5iB' is no size"),
        (["--size="], "'' is no size"),
        ([f"--size={MAX_OBJECT_SIZE + 1}"], "more than S3 accepts in one object"),
        (["--days=-1"], "--days is 0 or more"),
        (["--days=nan"], "--days is 0 or more"),
        (["--downloads=-1"], "--downloads is 0 or more"),
        (["--downloads=inf"], "--downloads is 0 or more"),
        (["--emails=x"], "--emails is a number, not 'x'"),
    ],
)
def test_an_invalid_argument_is_reported_in_one_line(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cost.main(arguments, {}) == 2

    output = capsys.readouterr()
    assert output.out == ""
    assert message in output.err
    assert len(output.err.splitlines()) == 1


def test_a_file_above_the_limit_of_the_stage_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    limit = {"HOIST_MAX_SIZE": "1000"}

    assert cost.main(["--size=1000"], limit) == 0
    assert cost.main(["--size=1001"], limit) == 2
    assert "more than HOIST_MAX_SIZE allows: 1,000" in capsys.readouterr().err


def test_an_invalid_setting_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost.main([], {"HOIST_PART_SIZE": "x"}) == 2

    assert "HOIST_PART_SIZE is not a whole number" in capsys.readouterr().err


def test_settings_change_the_parts(capsys: pytest.CaptureFixture[str]) -> None:
    cost.main(["--size=1GiB"], {"HOIST_PART_SIZE": str(8 * 1024**2), "HOIST_STAGE": "local"})

    assert "128 parts each" in capsys.readouterr().out


# --- Output ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "output"),
    [
        (0, "0.00"),
        (0.0000123, "0.000012"),
        (0.058, "0.058"),
        (0.5, "0.50"),
        (1, "1.00"),
        (999.99, "999.99"),
        (1000, "1,000"),
        (2142044.4, "2,142,044"),
    ],
)
def test_dollars_have_two_significant_digits(amount: float, output: str) -> None:
    assert cost.dollars(amount) == output


@pytest.mark.parametrize("name", [f.name for f in fields(US_EAST_1) if f.type is Price])
def test_every_price_names_its_page(name: str) -> None:
    price: Price = getattr(US_EAST_1, name)

    assert price.page.startswith("https://aws.amazon.com/")
    assert price.page.endswith("/")
    assert price.dollars > 0


def test_the_tables_of_the_document_are_what_the_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cost.main(["--table"], {}) == 0

    tables = capsys.readouterr().out.strip().split("\n\n")
    assert len(tables) == 2
    for message in tables:
        assert message in DOCUMENT, "print it again: .venv/bin/python -m deploy.cost --table"


def test_examples_in_the_document_match_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(r"```console\n\$ make cost ([^\n]*)\n(.*?)```", DOCUMENT, re.DOTALL)
    assert len(examples) == 2
    for variables, output in examples:
        pairs = (variable.split("=") for variable in variables.split())
        cost.main([f"--{name.lower()}={value}" for name, value in pairs], {})
        message = capsys.readouterr().out
        # Fixed costs may change with the template.
        fixed_lines = [
            line for line in message.splitlines() if not re.match(r"CloudWatch, [amd]|Total", line)
        ]
        assert [line for line in fixed_lines if line not in output.splitlines()] == []


def test_the_document_names_date_and_region_of_its_prices() -> None:
    assert "24 November 2026" in DOCUMENT
    assert US_EAST_1.region in DOCUMENT
