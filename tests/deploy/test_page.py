"""The page, published to moto's S3 and CloudFront."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.config import Settings
from deploy.steps import page
from stage.page import page_config
from stage.stage import Stage, StageError
from tests.deploy.names import names
from tests.support.environment import HOIST_ENVIRONMENT, REGION

pytestmark = pytest.mark.slow

BUCKET = "page"
CONFIG = {"api_url": "https://api.example.com/dev"}


class Published:
    """A built page, its bucket and its distribution."""

    def __init__(self, built: Path) -> None:
        self.s3: Any = boto3.client("s3", region_name=REGION)
        self.cloudfront: Any = boto3.client("cloudfront", region_name=REGION)
        self.s3.create_bucket(
            Bucket=BUCKET,
            CreateBucketConfiguration={"LocationConstraint": REGION},  # type: ignore[typeddict-item]
        )
        origin = {"Id": "page", "DomainName": f"{BUCKET}.s3.{REGION}.amazonaws.com"}
        self.distribution = self.cloudfront.create_distribution(
            DistributionConfig={  # type: ignore[arg-type, misc]
                "CallerReference": "1",
                "Comment": "",
                "Enabled": True,
                "Origins": {"Quantity": 1, "Items": [origin]},
                "DefaultCacheBehavior": {
                    "TargetOriginId": "page",
                    "ViewerProtocolPolicy": "https-only",
                },
            }
        )["Distribution"]["Id"]
        self.built = built
        self.write("index.html", "<title>Hoist</title>")
        self.write("favicon.svg", "<svg/>")
        self.write("assets/index-1.js", "one()")
        self.write("assets/hash-1.wasm", "\0asm")
        # In the order of the uploads.
        self.put: list[str] = []
        self.s3.meta.events.register(
            "before-parameter-build.s3.PutObject",
            lambda params, **_: self.put.append(params["Key"]),
        )

    def write(self, name: str, text: str) -> None:
        path = self.built / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def publish(self, config: dict[str, str] = CONFIG) -> list[str]:
        changes = page.publish(
            self.s3, self.cloudfront, BUCKET, self.distribution, config, built=self.built
        )
        return names(changes)

    def head(self, key: str) -> Any:
        return self.s3.head_object(Bucket=BUCKET, Key=key)

    def object_keys(self) -> set[str]:
        return {item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET)["Contents"]}

    def invalidations(self) -> int:
        listed = self.cloudfront.list_invalidations(DistributionId=self.distribution)
        return int(listed["InvalidationList"]["Quantity"])


@pytest.fixture
def published(tmp_path: Path) -> Iterator[Published]:
    with mock_aws():
        yield Published(tmp_path / "dist")


def test_every_file_is_uploaded_with_its_type_and_caching(
    published: Published,
) -> None:
    published.publish()

    headers = {
        key: (published.head(key)["ContentType"], published.head(key)["CacheControl"])
        for key in published.object_keys()
    }
    for_ever = "public, max-age=31536000, immutable"
    assert headers == {
        "index.html": ("text/html; charset=utf-8", "no-cache"),
        "config.json": ("application/json; charset=utf-8", "no-cache"),
        "favicon.svg": ("image/svg+xml; charset=utf-8", "no-cache"),
        "assets/index-1.js": ("text/javascript; charset=utf-8", for_ever),
        "assets/hash-1.wasm": ("application/wasm", for_ever),
    }


def test_the_page_is_uploaded_after_the_files_that_it_names(published: Published) -> None:
    published.publish()

    assert published.put[-1] == "index.html"
    assert {*published.put[:2]} == {"assets/index-1.js", "assets/hash-1.wasm"}


def test_the_page_gets_the_addresses_of_its_stage(published: Published) -> None:
    published.publish()

    body = published.s3.get_object(Bucket=BUCKET, Key="config.json")["Body"].read()
    assert json.loads(body) == CONFIG


def test_publishing_it_again_changes_nothing(published: Published) -> None:
    published.publish()

    assert published.publish() == []
    assert published.invalidations() == 1


def test_only_changed_files_are_uploaded(published: Published) -> None:
    published.publish()
    published.write("index.html", "<title>Hoist 2</title>")
    published.write("assets/index-2.js", "two()")

    assert published.publish() == ["assets/index-2.js", "index.html"]
    assert published.invalidations() == 2


def test_a_new_asset_needs_no_invalidation(published: Published) -> None:
    published.publish()
    published.write("assets/index-2.js", "two()")

    published.publish()

    assert published.invalidations() == 1


def test_files_of_an_older_page_stay_for_open_browsers(published: Published) -> None:
    published.publish()
    (published.built / "assets" / "index-1.js").unlink()

    published.publish()

    assert "assets/index-1.js" in published.object_keys()


def test_files_of_an_older_page_are_deleted_later(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    published.publish()
    (published.built / "assets" / "index-1.js").unlink()
    monkeypatch.setattr(page, "RETENTION", timedelta(seconds=-1))

    assert published.publish() == ["assets/index-1.js"]
    assert published.object_keys() == {
        "index.html",
        "config.json",
        "favicon.svg",
        "assets/hash-1.wasm",
    }


def test_files_that_an_interrupted_run_left_out_are_uploaded(published: Published) -> None:
    published.s3.put_object(Bucket=BUCKET, Key="assets/index-1.js", Body=b"one()")

    changed = published.publish()

    assert "assets/index-1.js" not in changed
    assert changed[-1] == "index.html"


def test_a_page_that_is_not_built_is_refused(published: Published) -> None:
    (published.built / "index.html").unlink()

    with pytest.raises(StageError, match="run `make page`"):
        published.publish()


def test_the_configuration_has_the_addresses_of_the_stage(settings: Settings) -> None:
    stage = Stage("dev", settings, {**HOIST_ENVIRONMENT, "HOIST_USER_POOL_CLIENT_ID": "client"})

    assert page_config(stage, "https://api.example.com/dev") == {
        "api_url": "https://api.example.com/dev",
        "region": REGION,
        "user_pool_id": f"{REGION}_Test",
        "user_pool_client_id": "client",
        "cognito_endpoint": f"https://cognito-idp.{REGION}.amazonaws.com",
    }
    china = Stage(
        "dev",
        replace(settings, region="cn-north-1"),
        {**HOIST_ENVIRONMENT, "HOIST_USER_POOL_CLIENT_ID": "client"},
    )
    assert page_config(china, "")["cognito_endpoint"].endswith("cn-north-1.amazonaws.com.cn")
