"""A cold start: process start to the first answered `POST /uploads`, beside boto3 alone.

`.venv/bin/python bench/cold_start.py` starts fresh processes in turns. Ours imports `app` and
answers one request: a single PUT, or a multipart upload of 10,000 parts. A server on 127.0.0.1
stands in for S3 and DynamoDB, without TLS. Theirs runs `import boto3` and makes one S3 client,
without a call. It prints medians in milliseconds, and ratios.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from bench.results import bench_parser, report
from bench.rounds import medians, seconds
from bench.stub_server import stub_server
from tests.support.environment import AWS_ENVIRONMENT, CLEAN_ENVIRONMENT, HOIST_ENVIRONMENT, REGION
from tests.support.running import ROOT

# Tests need awscrt, which is not deployed. botocore would import it on both sides, and a larger
# common part makes a ratio look better.
DEPLOYED = "import sys; sys.modules['awscrt'] = None\n"
BOTO3 = f"{DEPLOYED}import boto3; boto3.client('s3', region_name={REGION!r})"
HOIST = f"""{DEPLOYED}
import app

event = {{
    "resource": "/uploads", "path": "/uploads", "httpMethod": "POST",
    "headers": {{"Content-Type": "application/json"}}, "multiValueQueryStringParameters": None,
    "pathParameters": None, "stageVariables": None, "isBase64Encoded": False,
    "requestContext": {{"httpMethod": "POST", "resourcePath": "/uploads",
                       "authorizer": {{"claims": {{"sub": "0c5d3c1e"}}}}}},
    "body": '{{"filename":"film.mp4","size":%d}}',
}}
answered = app.app(event, None)
if answered["statusCode"] != 201:
    raise SystemExit(answered["body"])
"""


def main() -> None:
    """Parse, measure, print."""
    parser = bench_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hoist-bench-") as compiled, stub_server() as url:
        environment = {
            **CLEAN_ENVIRONMENT,
            **HOIST_ENVIRONMENT,
            **AWS_ENVIRONMENT,
            "AWS_ENDPOINT_URL": url,
            "PYTHONPATH": str(ROOT),
            # Compiled modules are kept, as in a deployed package.
            "PYTHONPYCACHEPREFIX": compiled,
            "PYTHONDONTWRITEBYTECODE": "",
        }

        def start(code: str) -> float:
            def run() -> None:
                subprocess.run(
                    [sys.executable, "-c", code], env=environment, check=True, capture_output=True
                )

            return seconds(run)

        times = medians(
            {
                "boto3": lambda: start(BOTO3),
                "hoist_put": lambda: start(HOIST % 1000),
                "hoist_multipart": lambda: start(HOIST % (10_000 * 16 * 2**20)),
            },
            rounds=options.rounds,
            warm=2,
        )
    report(
        __file__,
        options,
        {
            **{f"{name}_ms": round(value * 1e3) for name, value in times.items()},
            **{
                f"{name}_ratio": round(times[name] / times["boto3"], 2)
                for name in ("hoist_put", "hoist_multipart")
            },
        },
    )


if __name__ == "__main__":
    main()
