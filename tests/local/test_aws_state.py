"""moto's server over real HTTP: the state that it keeps or moves aside, one request at a time."""

import itertools
import pickle
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local.aws.moto_server import serialized
from local.aws.resources import DEMO, Resources
from local.aws.state import State
from local.home import free_ports
from local.names import ACCOUNT, DEAD_LETTERS, REGION, TABLE
from tests.local.serving import aws_server, resources_at
from tests.support.running import eventually

ITEM = {"pk": {"S": "owner"}, "sk": {"S": "upload"}, "data": {"B": b"\0\xff"}, "n": {"N": "1"}}
KEY = {"pk": ITEM["pk"], "sk": ITEM["sk"]}
RESULTS = f"arn:aws:sns:{REGION}:{ACCOUNT}:hoist-local-results"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "aws.state"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resources]:
    """A server with all resources, for tests that do not stop it."""
    (port,) = free_ports(1)
    with aws_server(tmp_path_factory.mktemp("aws") / "aws.state", port):
        resources = resources_at(port)
        resources.make()
        yield resources


def sign_in(resources: Resources, password: str = DEMO["password"]) -> Any:
    """Cognito's answer to the demo account."""
    cognito = resources.client("cognito-idp")
    (pool,) = cognito.list_user_pools(MaxResults=10)["UserPools"]
    (client,) = cognito.list_user_pool_clients(UserPoolId=pool["Id"])["UserPoolClients"]
    return cognito.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=client["ClientId"],
        AuthParameters={"USERNAME": DEMO["username"], "PASSWORD": password},
    )


class Writer:
    """Writes numbered items until the server is killed, and reads them afterwards."""

    def __init__(self, resources: Resources, confirmed: dict[str, list[int]]) -> None:
        environment = resources.make()
        self.pool = environment["HOIST_USER_POOL_ARN"].rpartition("/")[2]
        self.numbers = itertools.count()
        self.confirmed = confirmed
        self.dynamodb, self.cognito, self.sqs = (
            resources.client(service) for service in ("dynamodb", "cognito-idp", "sqs")
        )
        self.queue = self.sqs.get_queue_url(QueueName=DEAD_LETTERS)["QueueUrl"]

    def write(self, kind: str) -> None:
        """Write until the server ends; records the confirmed numbers."""
        while True:
            number = next(self.numbers)
            getattr(self, f"_{kind}")(number)
            self.confirmed[kind].append(number)

    def _pair(self, number: int) -> None:
        """Write two items in one transaction."""
        keys = [{"pk": {"S": f"pair#{number}"}, "sk": {"S": half}} for half in ("a", "b")]
        put, update = keys
        self.dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": TABLE, "Item": put}},
                {
                    "Update": {
                        "TableName": TABLE,
                        "Key": update,
                        "UpdateExpression": "SET n = :n",
                        "ExpressionAttributeValues": {":n": {"N": str(number)}},
                    }
                },
            ]
        )

    def _account(self, number: int) -> None:
        self.cognito.admin_create_user(
            UserPoolId=self.pool, Username=f"{number}@example.com", MessageAction="SUPPRESS"
        )

    def _letter(self, number: int) -> None:
        self.sqs.send_message(QueueUrl=self.queue, MessageBody=str(number))

    def pairs(self) -> Counter[int]:
        """The number of items of each pair."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=TABLE)
        keys = [item["pk"]["S"] for page in pages for item in page["Items"]]
        return Counter(int(key.partition("#")[2]) for key in keys)

    def accounts(self) -> set[int]:
        """The numbers of all accounts."""
        pages = self.cognito.get_paginator("list_users").paginate(UserPoolId=self.pool)
        emails = [
            attribute["Value"]
            for page in pages
            for user in page["Users"]
            for attribute in user["Attributes"]
            if attribute["Name"] == "email"
        ]
        return {
            int(number)
            for number in (email.partition("@")[0] for email in emails)
            if number.isdigit()
        }

    def letters(self) -> set[int]:
        """The numbers of all dead letters."""
        numbers: set[int] = set()
        while letters := self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            numbers |= {int(letter["Body"]) for letter in letters}
        return numbers


def sub(resources: Resources) -> str:
    """The demo account's id, which is the owner of its uploads."""
    cognito = resources.client("cognito-idp")
    (pool,) = cognito.list_user_pools(MaxResults=10)["UserPools"]
    user = cognito.admin_get_user(UserPoolId=pool["Id"], Username=DEMO["username"])
    attributes = {a["Name"]: a["Value"] for a in user["UserAttributes"]}
    return str(attributes["sub"])


def endpoints(resources: Resources, topic: str = RESULTS) -> list[str]:
    """The endpoints that are subscribed to a topic."""
    listed = resources.client("sns").list_subscriptions_by_topic(TopicArn=topic)
    return [subscription["Endpoint"] for subscription in listed["Subscriptions"]]


@pytest.mark.system
def test_items_accounts_and_subscriptions_survive_a_restart(state: Path) -> None:
    first_port, second_port = free_ports(2)
    with aws_server(state, first_port) as process:
        first = resources_at(first_port)
        environment = first.make()
        first.client("dynamodb").put_item(TableName=TABLE, Item=ITEM)
        owner = sub(first)
        sign_in(first)
        queue = first.client("sqs").get_queue_url(QueueName=DEAD_LETTERS)["QueueUrl"]
        first.client("sqs").send_message(QueueUrl=queue, MessageBody="a dead letter")
        process.terminate()
        assert process.wait(timeout=30) == 0

    with aws_server(state, second_port):
        second = resources_at(second_port)
        assert second.client("dynamodb").get_item(TableName=TABLE, Key=KEY)["Item"] == ITEM
        assert sub(second) == owner
        assert sign_in(second)["AuthenticationResult"]["IdToken"]
        with pytest.raises(ClientError, match="NotAuthorizedException"):
            sign_in(second, "guessed")
        assert endpoints(second) == ["http://127.0.0.1:1/sns"]
        queue = second.client("sqs").get_queue_url(QueueName=DEAD_LETTERS)["QueueUrl"]
        (letter,) = second.client("sqs").receive_message(QueueUrl=queue)["Messages"]
        assert letter["Body"] == "a dead letter"
        again = second.make()

    ids = [name for name in environment if name.endswith(("_ARN", "_CLIENT_ID", "_TABLE"))]
    assert {name: again[name] for name in ids} == {name: environment[name] for name in ids}
    assert len(ids) == 7


@pytest.mark.system
def test_confirmed_writes_survive_a_kill(state: Path) -> None:
    first_port, second_port = free_ports(2)
    confirmed: dict[str, list[int]] = {"pair": [], "account": [], "letter": []}
    with aws_server(state, first_port) as process:
        writer = Writer(resources_at(first_port), confirmed)
        with ThreadPoolExecutor(6) as pool:
            writing = [pool.submit(writer.write, kind) for kind in confirmed for _ in "12"]
            eventually(lambda: min(map(len, confirmed.values())) > 20, bool)
            process.kill()
            for each in writing:
                with pytest.raises((BotoCoreError, ClientError)):
                    each.result()
        process.wait()

    with aws_server(state, second_port):
        reader = Writer(resources_at(second_port), confirmed)
        pairs = reader.pairs()
        assert {number for number, size in pairs.items() if size == 1} == set()
        assert set(confirmed["pair"]) <= pairs.keys()
        assert set(confirmed["account"]) <= reader.accounts()
        assert set(confirmed["letter"]) <= reader.letters()


@pytest.mark.system
def test_a_state_of_another_version_is_moved_aside(state: Path) -> None:
    old = pickle.dumps({"moto": "0.0.1", "dynamodb": {}})
    state.write_bytes(old)
    (port,) = free_ports(1)

    with aws_server(state, port) as process:
        assert resources_at(port).client("dynamodb").list_tables()["TableNames"] == []
        process.terminate()
        assert process.wait(timeout=30) == 0

    assert state.with_suffix(".old").read_bytes() == old
    assert state.read_bytes() != old
    assert "moved the state of moto 0.0.1" in (state.parent / "aws.log").read_text()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a pickle at all\n", id="text"),
        pytest.param(pickle.dumps({"moto": "5"})[:-4], id="cut short"),
        pytest.param(b"cno_such_module\nThing\n.", id="of a class that no longer exists"),
    ],
)
def test_an_unreadable_file_is_moved_aside(
    state: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    state.write_bytes(content)

    state.with_suffix(".items").write_bytes(b"its items")

    State(state)

    assert not state.exists()
    assert state.with_suffix(".old").read_bytes() == content
    assert state.with_suffix(".items.old").read_bytes() == b"its items"
    assert f" to {state.with_suffix('.old')}" in capsys.readouterr().out


def test_moving_a_state_aside_replaces_an_older_one(state: Path) -> None:
    for version in ("0.0.1", "0.0.2"):
        state.write_bytes(pickle.dumps({"moto": version}))
        State(state)

    assert not state.exists()
    assert pickle.loads(state.with_suffix(".old").read_bytes()) == {"moto": "0.0.2"}  # noqa: S301 - ours


def test_the_pickle_is_replaced_atomically(state: Path) -> None:
    saved = State(state)

    saved.load()
    saved.begin()
    saved.end(succeeded=True, writes=True)

    content = pickle.loads(state.read_bytes())  # noqa: S301 - ours
    assert content.keys() == {"moto", "dynamodb", "cognito-idp", "sns", "sqs"}
    assert not state.with_suffix(".partial").exists()


def test_requests_run_one_at_a_time(state: Path) -> None:
    inside = threading.Semaphore(1)
    overlapped = []

    def application(_: dict[str, Any], __: Any) -> Iterable[bytes]:
        overlapped.append(not inside.acquire(blocking=False))
        time.sleep(0.01)  # so that another request would start, if it could
        yield b"confirmed"
        inside.release()

    answer = serialized(application, State(state))
    request = {"REQUEST_METHOD": "POST", "PATH_INFO": "/"}
    with ThreadPoolExecutor(8) as pool:
        confirmed_writes = list(pool.map(lambda _: answer(request, None), range(16)))

    assert confirmed_writes == [[b"confirmed"]] * 16
    assert overlapped == [False] * 16


@pytest.mark.system
def test_of_fifty_conditional_writes_at_once_exactly_one_wins(server: Resources) -> None:
    dynamodb = server.client("dynamodb")

    def put(number: int) -> str:
        item = {"pk": {"S": "ticket"}, "sk": {"S": "once"}, "n": {"N": str(number)}}
        try:
            dynamodb.put_item(
                TableName=TABLE, Item=item, ConditionExpression="attribute_not_exists(pk)"
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return "refused"
        return str(number)

    with ThreadPoolExecutor(50) as pool:
        confirmed_writes = list(pool.map(put, range(50)))

    (winner,) = [answer for answer in confirmed_writes if answer != "refused"]
    once = {"pk": {"S": "ticket"}, "sk": {"S": "once"}}
    assert dynamodb.get_item(TableName=TABLE, Key=once)["Item"]["n"] == {"N": winner}


@pytest.mark.system
def test_making_the_resources_again_changes_nothing(server: Resources) -> None:
    before, owner = server.make(), sub(server)

    assert server.make() == before

    assert sub(server) == owner
    assert len(server.client("sns").list_topics()["Topics"]) == 2
    assert len(server.client("sns").list_subscriptions()["Subscriptions"]) == 2
    assert server.client("dynamodb").list_tables()["TableNames"] == [TABLE]
    assert len(server.client("s3").list_buckets()["Buckets"]) == 1


@pytest.mark.system
def test_a_topic_has_one_subscription_that_follows_the_bridge(server: Resources) -> None:
    Resources(server.ports, "http://127.0.0.1:2").make()
    moved = endpoints(server)
    server.make()

    assert moved == ["http://127.0.0.1:2/sns"]
    assert endpoints(server) == ["http://127.0.0.1:1/sns"]


@pytest.mark.system
def test_the_table_has_a_time_to_live(server: Resources) -> None:
    described = server.client("dynamodb").describe_time_to_live(TableName=TABLE)

    assert described["TimeToLiveDescription"]["AttributeName"] == "expires"
    assert described["TimeToLiveDescription"]["TimeToLiveStatus"] in ("ENABLED", "ENABLING")


@pytest.mark.system
def test_a_forgotten_demo_password_is_set_again(server: Resources) -> None:
    cognito = server.client("cognito-idp")
    (pool,) = cognito.list_user_pools(MaxResults=10)["UserPools"]
    cognito.admin_set_user_password(
        UserPoolId=pool["Id"], Username=DEMO["username"], Password="Another-one-1", Permanent=True
    )
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        sign_in(server)

    server.make()

    assert sign_in(server)["AuthenticationResult"]["IdToken"]


@pytest.mark.system
def test_the_server_logs_no_requests(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with aws_server(tmp_path / "aws.state", port) as process:
        resources_at(port).make()
        process.terminate()
        process.wait(timeout=30)

    log = (tmp_path / "aws.log").read_text()
    assert "POST" not in log
    assert DEMO["password"] not in log


def test_a_server_that_does_not_run_does_not_answer() -> None:
    (nobody,) = free_ports(1)

    assert not resources_at(nobody).answers("aws")
    assert not resources_at(nobody).answers("s3")


@pytest.mark.system
def test_a_revoked_refresh_token_is_refused(state: Path) -> None:
    (port,) = free_ports(1)
    with aws_server(state, port):
        resources = resources_at(port)
        client = resources.make()["HOIST_USER_POOL_CLIENT_ID"]
        cognito = resources.client("cognito-idp")
        valid, revoked = (sign_in(resources)["AuthenticationResult"]["RefreshToken"] for _ in "12")

        def renew(token: str) -> Any:
            return cognito.initiate_auth(
                AuthFlow="REFRESH_TOKEN_AUTH",
                ClientId=client,
                AuthParameters={"REFRESH_TOKEN": token},
            )["AuthenticationResult"]["IdToken"]

        assert renew(revoked)
        cognito.revoke_token(Token=revoked, ClientId=client)
        cognito.revoke_token(Token="nobody's", ClientId=client)

        with pytest.raises(ClientError, match="NotAuthorizedException"):
            renew(revoked)
        assert renew(valid)


@pytest.mark.system
@pytest.mark.parametrize("password", ["Upload-1", "upload-me-1", "UPLOAD-ME-1", "Upload-me-x"])
def test_a_weak_password_is_refused(state: Path, password: str) -> None:
    (port,) = free_ports(1)
    with aws_server(state, port):
        resources = resources_at(port)
        client = resources.make()["HOIST_USER_POOL_CLIENT_ID"]

        with pytest.raises(ClientError, match="InvalidPasswordException"):
            resources.client("cognito-idp").sign_up(
                ClientId=client, Username="new@example.com", Password=password
            )
