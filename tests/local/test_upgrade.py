"""The data folder of an earlier version of Hoist: the new version keeps its accounts and files."""

import copyreg
import io
import pickle
import sys
from pathlib import Path
from typing import Any

import boto3
import moto
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from moto import mock_aws

from chalicelib.items import SCHEMA
from local.aws.dynamodb_tables import StoredTable
from local.aws.state import SERVICES, Unpickler, backends, load_key
from local.home import free_ports
from local.names import REGION, TABLE
from local.system import OUTDATED
from tests.deploy import former
from tests.local.serving import aws_server, resources_at
from tests.support.running import RunningSystem, end, eventually, running_system

ITEM = {"pk": {"S": "owner"}, "sk": {"S": "upload"}, "data": {"B": b"\0\xff"}, "n": {"N": "1"}}


class EarlierPickler(pickle.Pickler):
    """Pickles keys like the first version of the server, which was one module run as `__main__`."""

    dispatch_table = copyreg.dispatch_table.copy()


@pytest.fixture
def earlier_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a server that pickled its items as well; it has an account and an item."""

    def load(_: bytes) -> Any:
        raise AssertionError("only the server loads it")

    def reduce_key(key: rsa.RSAPrivateKey) -> Any:
        return load, copyreg.dispatch_table[type(key)](key)[1]

    load.__module__, load.__qualname__ = "__main__", "_load_key"
    monkeypatch.setattr(sys.modules["__main__"], "_load_key", load, raising=False)
    key_type = type(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    monkeypatch.setitem(EarlierPickler.dispatch_table, key_type, reduce_key)
    with mock_aws():
        dynamodb: Any = boto3.client("dynamodb", region_name=REGION)
        dynamodb.create_table(TableName=TABLE, **SCHEMA)
        dynamodb.put_item(TableName=TABLE, Item=ITEM)
        cognito = boto3.client("cognito-idp", region_name=REGION)
        pool = cognito.create_user_pool(PoolName="hoist-local")["UserPool"]["Id"]
        cognito.admin_create_user(UserPoolId=pool, Username="me@example.com")
        saved: dict[str, Any] = {"moto": moto.__version__}
        for service in SERVICES:
            saved[service] = {
                account: dict(regions) for account, regions in backends(service).items()
            }
        pickled = io.BytesIO()
        EarlierPickler(pickled).dump(saved)
    state = tmp_path / "aws.state"
    state.write_bytes(pickled.getvalue())
    return state


@pytest.mark.parametrize(
    ("module", "name", "meaning"),
    [
        ("__main__", "_load_key", load_key),
        ("local.aws", "_load_key", load_key),
        ("local.state", "load_key", load_key),
        ("local.tables", "StoredTable", StoredTable),
        ("local.aws.dynamodb_tables", "StoredTable", StoredTable),
    ],
)
def test_names_in_the_pickle_of_an_earlier_version_are_understood(
    module: str, name: str, meaning: object
) -> None:
    pickled = f"c{module}\n{name}\n.".encode()  # the opcode GLOBAL

    assert Unpickler(io.BytesIO(pickled)).load() is meaning


@pytest.mark.system
def test_items_and_accounts_of_an_earlier_server_are_kept(earlier_state: Path) -> None:
    newer = {**ITEM, "n": {"N": "2"}}
    for item, replacement in ((ITEM, newer), (newer, newer)):
        (port,) = free_ports(1)
        with aws_server(earlier_state, port) as process:
            resources = resources_at(port)
            dynamodb, cognito = resources.client("dynamodb"), resources.client("cognito-idp")
            (pool,) = cognito.list_user_pools(MaxResults=10)["UserPools"]
            (user,) = cognito.list_users(UserPoolId=pool["Id"])["Users"]
            key = {name: ITEM[name] for name in ("pk", "sk")}
            assert dynamodb.get_item(TableName=TABLE, Key=key)["Item"] == item
            assert user["Username"] == "me@example.com"
            dynamodb.put_item(TableName=TABLE, Item=replacement)
            process.kill()
            process.wait()


@pytest.mark.system
def test_a_table_with_another_schema_is_created_again(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with aws_server(tmp_path / "aws.state", port):
        resources = resources_at(port)
        dynamodb = resources.client("dynamodb")
        assert not resources.table_is_outdated()
        dynamodb.create_table(TableName=TABLE, **former.SCHEMA)
        dynamodb.put_item(TableName=TABLE, Item=ITEM)
        assert resources.table_is_outdated()

        resources.make()

        assert not resources.table_is_outdated()
        assert dynamodb.scan(TableName=TABLE)["Items"] == []
        dynamodb.put_item(TableName=TABLE, Item=ITEM)
        resources.make()
        assert dynamodb.scan(TableName=TABLE)["Items"] == [ITEM]


@pytest.mark.system
def test_files_and_accounts_survive_a_table_with_another_schema(tmp_path: Path) -> None:
    with running_system(tmp_path) as first:
        owner = first.sign_in().owner
        client = first.sign_in("somebody@example.com")
        client.outcome(client.upload(b"kept", "kept.txt"))
        dynamodb = dynamodb_of(first)
        dynamodb.delete_table(TableName=TABLE)
        dynamodb.create_table(TableName=TABLE, **former.SCHEMA)
    assert OUTDATED not in first.output

    second = RunningSystem(tmp_path)
    try:
        second.start()
        assert OUTDATED in second.output
        assert second.sign_in().owner == owner
        again = second.sign_in("somebody@example.com")
        uploads = eventually(
            lambda: again.request("GET", "/uploads").json["uploads"],
            lambda listed: [upload["state"] for upload in listed] == ["accepted"],
        )
        assert again.download(uploads[0]["id"]).body == b"kept"
    finally:
        end(second)


def dynamodb_of(system: RunningSystem) -> Any:
    return resources_at(system.ports.aws).client("dynamodb")
