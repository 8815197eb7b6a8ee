"""The uploads of a stage that an earlier version deployed, copied into its table of today.

That version's table has a local index, which CloudFormation cannot take away: so the stage has a
new table, and the former one is kept. Its uploads are copied before the new functions come, so that
these find them, and once more afterwards, for what the old functions wrote meanwhile. What is done
with each of them is in `copying.py`. IAM: dynamodb:ListTables, DescribeTable, ListTagsOfResource
and TagResource, and those of `copying.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from chalicelib.config import Settings
from chalicelib.upload import iso_time
from deploy.migration import former_items
from deploy.migration.copying import Copying
from deploy.steps.resources import stack_name

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Says on a former table when all of it was copied.
TAG = "hoist:copied"


@dataclass(frozen=True, slots=True)
class Former:
    """A table that an earlier version made; `copied` is when all of it was copied, if it was."""

    name: str
    arn: str
    item_count: int
    copied: str | None


def former_tables(client: DynamoDBClient, stage: str) -> list[Former]:
    """The tables that earlier versions made for a stage: by name, index and tag."""
    prefix = f"{stack_name(stage)}-Table-"
    pages = client.get_paginator("list_tables").paginate()
    names = [name for page in pages for name in page["TableNames"] if name.startswith(prefix)]
    formers = (_former(client, name, stage) for name in names)
    return [former for former in formers if former is not None]


def migrate(client: DynamoDBClient, settings: Settings, *, is_last: bool) -> None:
    """Copy what former tables of the stage have that its table lacks, or has older.

    After the last time (`is_last`) a former table is marked, and left alone from then on.
    """
    formers = former_tables(client, settings.stage)
    if not formers:
        print("  nothing to copy: no earlier version deployed this stage")
    for former in formers:
        if former.copied is not None:
            print(f"  {former.name} was copied on {former.copied[:10]}")
        else:
            Copying(client, settings, former.name, former.item_count).run()
            if is_last:
                copied = iso_time(datetime.now(UTC))
                client.tag_resource(ResourceArn=former.arn, Tags=[{"Key": TAG, "Value": copied}])
        if is_last:
            print(
                "  It is kept. When all is well, delete it: aws dynamodb delete-table"
                f" --region {settings.region} --table-name {former.name}"
            )


def _former(client: DynamoDBClient, name: str, stage: str) -> Former | None:
    table: Any = client.describe_table(TableName=name)["Table"]
    indexes = [each["IndexName"] for each in table.get("LocalSecondaryIndexes", [])]
    if former_items.INDEX not in indexes:
        return None
    listed = client.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
    tags = {tag["Key"]: tag["Value"] for tag in listed}
    if tags.get("hoist:stage") != stage:
        return None
    return Former(name, table["TableArn"], table.get("ItemCount", 0), tags.get(TAG))
