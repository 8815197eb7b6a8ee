"""Signing 10,000 part URLs: our sheet beside botocore's `generate_presigned_url`.

`.venv/bin/python bench/signing.py` prints microseconds a URL (medians of turns) and their ratio.
Both sign UploadPart with SigV4 and temporary credentials, virtual-hosted, including the content
length. Before the measurement, our URLs are compared with botocore's.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import boto3
from botocore.config import Config

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, report
from bench.rounds import medians, seconds
from chalicelib import parts, signing

REGION = "eu-west-1"
ACCESS_KEY, SECRET_KEY, TOKEN = "AKIDEXAMPLE", "secret" * 7, "t" * 900
KEY = "uploads/0c5d3c1e-6f0a-4a6e-9a53-2b8f0f6f9d11/01977a3e-5c00-7b1e-8d4f-6a1c2e3d4f50/film.mp4"
MULTIPART_ID = "m" * 120
HOSTS = [f"https://bucket.{name}.{REGION}.amazonaws.com" for name in ("s3", "s3.dualstack")]


def sheet(plan: parts.PartPlan, hosts: list[str], now: datetime) -> signing.Sheet:
    """All parts, signed by our code."""
    signer = signing.Signer(signing.Credentials(ACCESS_KEY, SECRET_KEY, TOKEN), REGION, now, 3600)
    urls = [signing.object_url(host, KEY) for host in hosts]
    return signer.part_sheet(
        urls, multipart_id=MULTIPART_ID, plan=plan, first=1, count=plan.part_count
    )


def presigned(client: Any, plan: parts.PartPlan, number: int) -> str:
    """One part, signed by botocore."""
    upload = {"Bucket": "bucket", "Key": KEY, "UploadId": MULTIPART_ID}
    length = {"PartNumber": number, "ContentLength": plan.length(number)}
    url: str = client.generate_presigned_url("upload_part", {**upload, **length}, 3600)
    return url


def check(client: Any, plan: parts.PartPlan) -> None:
    """Check that our URLs of the first and last part equal botocore's, including the signature."""
    for number in (1, plan.part_count):
        address, _, query = presigned(client, plan, number).partition("?")
        theirs = parse_qs(query, strict_parsing=True)
        now = datetime.strptime(theirs["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        ours = sheet(plan, HOSTS[:1], now)
        signature = ours.signatures[number - 1]
        url = f"{ours.urls[0]}&partNumber={number}&X-Amz-Signature={signature}"
        expected, _, query = url.partition("?")
        if (address, theirs) != (expected, parse_qs(query, strict_parsing=True)):
            raise SystemExit(f"part {number} is not signed as botocore signs it:\n{url}")


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--theirs", type=int, default=1000, help="URLs that botocore signs a round")
    options = parser.parse_args()
    plan = parts.plan(160_000 * parts.MIB, put_max_size=0, part_size=16 * parts.MIB)
    client = boto3.client(
        "s3",
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        aws_session_token=TOKEN,
        config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}),
    )

    def ours() -> signing.Sheet:
        return sheet(plan, HOSTS, datetime.now(UTC))

    def theirs(count: int) -> list[str]:
        return [presigned(client, plan, number) for number in range(1, count + 1)]

    check(client, plan)
    assert len(set(ours().signatures)) == plan.part_count == parts.MAX_PARTS
    micro = medians(
        {
            "hoist_us": lambda: seconds(ours) / parts.MAX_PARTS * 1e6,
            "botocore_us": lambda: seconds(lambda: theirs(options.theirs)) / options.theirs * 1e6,
        },
        rounds=options.rounds,
    )
    report(
        __file__,
        options,
        {
            "urls": plan.part_count,
            **{name: round(value, 2) for name, value in micro.items()},
            "ratio": round(micro["botocore_us"] / micro["hoist_us"], 1),
        },
    )


if __name__ == "__main__":
    main()
