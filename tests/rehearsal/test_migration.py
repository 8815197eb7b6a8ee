"""The upgrade of a stage that an earlier version deployed: killed on the way, without data loss."""

import json
import re
import signal
from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.items import SCHEMA
from chalicelib.upload import State
from chalicelib.usage import Amount
from tests.deploy import former
from tests.rehearsal.conftest import DEPLOY, Project
from tests.support.payloads import OWNER, put_upload
from tests.support.stands import Stands
from tests.support.tables import real_table

pytestmark = pytest.mark.system

UPLOADS = 70
# The lines of `make deploy` at which it is killed: in the first copy, and in the second.
KILLED_AT = ("migration", "migration-rest")
INDEX = """\
      LocalSecondaryIndexes:
        - IndexName: by_state
          KeySchema:
            - {AttributeName: pk, KeyType: HASH}
            - {AttributeName: state_id, KeyType: RANGE}
          Projection:
            ProjectionType: ALL
"""


def test_an_interrupted_upgrade_of_an_earlier_version_continues(project: Project) -> None:
    old = deploy_earlier_version(project)
    fill(project, old)

    for line in KILLED_AT:
        project.interrupt(line, signal.SIGKILL, "deploy", *DEPLOY, "--stage", "dev")
    printed = project.deploy()

    dynamodb = project.account.client("dynamodb")
    new = Stands(project.account).outputs()["Table"]
    assert new != old
    assert {old, new} <= {*dynamodb.list_tables()["TableNames"]}
    assert f"delete it: aws dynamodb delete-table --region eu-west-1 --table-name {old}" in printed
    check_copied(dynamodb, new)

    # Later deployments ignore the old table; `make destroy` deletes it.
    again = project.deploy("--only", "migration-rest")
    assert f"{old} was copied on" in again
    project.destroy("--yes", "--delete-uploads")
    assert dynamodb.list_tables()["TableNames"] == []


def deploy_earlier_version(project: Project) -> str:
    """Deploy the stack of that version; returns the name of its table."""
    path = project.root / ".chalice" / "resources.yaml"
    today = path.read_text(encoding="utf-8")
    renamed = today.replace("\n  Uploads:\n", "\n  Table:\n").replace("!Ref Uploads", "!Ref Table")
    names = "owner|id|check_shard|check_at"
    without = re.sub(rf"        - {{AttributeName: ({names}), AttributeType: S}}\n", "", renamed)
    state_id = "        - {AttributeName: state_id, AttributeType: S}\n"
    earlier = re.sub(
        r"(?<=\n)      KeySchema:\n(.*\n.*\n)      GlobalSecondaryIndexes:\n(        .*\n)+",
        lambda match: f"{state_id}      KeySchema:\n{match[1]}{INDEX}",
        without,
        count=1,
    )
    path.write_text(earlier, encoding="utf-8")
    project.deploy("--only", "resources")
    path.write_text(today, encoding="utf-8")
    return Stands(project.account).outputs()["Table"]


def fill(project: Project, table: str) -> None:
    """Write uploads in all states, as the functions of that version did."""
    dynamodb = project.account.client("dynamodb")
    states = list(State)
    for number in range(UPLOADS):
        state = states[number % len(states)]
        upload = put_upload(
            id=f"01977a3e-5c00-7b1e-8d4f-{number:012x}",
            key=f"uploads/{OWNER}/{number}.txt",
            state=state,
            charged=11 if state is State.ACCEPTED else None,
        )
        notified = state.value if state in (State.ACCEPTED, State.REJECTED) else None
        for item in (former.item(upload, state_notified=notified), former.name_item(upload)):
            dynamodb.put_item(TableName=table, Item=item)
    for item in former.other_items(OWNER, upload.id, datetime.now(UTC)):
        dynamodb.put_item(TableName=table, Item=item)


def check_copied(dynamodb: Any, name: str) -> None:
    """Check that every upload exists once, with its charge and with the time of its next check."""
    described = dynamodb.describe_table(TableName=name)["Table"]
    indexes = {index["IndexName"] for index in described["GlobalSecondaryIndexes"]}
    assert indexes == {index["IndexName"] for index in SCHEMA["GlobalSecondaryIndexes"]}
    items = dynamodb.scan(TableName=name)["Items"]
    uploads = [item for item in items if item["sk"]["S"] == "upload"]
    assert len(uploads) == UPLOADS, json.dumps(items)
    free = {State.REJECTED, State.ABORTED}
    for item in uploads:
        assert ("charged" in item) is (item["state"]["S"] not in free)
        at_rest = {State.ACCEPTED, State.REJECTED, State.ABORTED}
        assert ("check_at" in item) is (item["state"]["S"] not in at_rest)
    table = real_table(dynamodb, lambda: datetime.now(UTC))
    charged = UPLOADS - UPLOADS // len(State) * len(free)
    usage = type(table.usage)(dynamodb, name, table.usage.quota)
    assert usage.used(OWNER) == Amount(11 * charged, charged)
