"""moto's server over real HTTP: what it keeps, what it puts aside, and that requests take turns."""

import pickle
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.aws import State, taking_turns
from local.home import free_ports
from local.resources import ACCOUNT, DEAD_LETTERS, DEMO, REGION, TABLE, Resources
from tests.local.serving import aws_server, resources_at
from tests.running import eventually

ITEM = {"pk": {"S": "owner"}, "sk": {"S": "upload"}, "data": {"B": b"\0\xff"}, "n": {"N": "1"}}
KEY = {"pk": ITEM["pk"], "sk": ITEM["sk"]}
RESULTS = f"arn:aws:sns:{REGION}:{ACCOUNT}:hoist-local-results"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "aws.state"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Resources]:
    """A server for tests that do not stop it, with everything made."""
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


def sub(resources: Resources) -> str:
    """The demo account's id, which is the owner of its uploads."""
    cognito = resources.client("cognito-idp")
    (pool,) = cognito.list_user_pools(MaxResults=10)["UserPools"]
    user = cognito.admin_get_user(UserPoolId=pool["Id"], Username=DEMO["username"])
    attributes = {a["Name"]: a["Value"] for a in user["UserAttributes"]}
    return str(attributes["sub"])


def endpoints(resources: Resources, topic: str = RESULTS) -> list[str]:
    """Who is subscribed to a topic."""
    listed = resources.client("sns").list_subscriptions_by_topic(TopicArn=topic)
    return [subscription["Endpoint"] for subscription in listed["Subscriptions"]]


@pytest.mark.system
def test_items_accounts_and_subscriptions_outlive_the_server(state: Path) -> None:
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
def test_a_change_is_on_disk_before_long_even_if_the_server_is_killed(state: Path) -> None:
    first_port, second_port = free_ports(2)
    with aws_server(state, first_port) as process:
        first = resources_at(first_port)
        first.make()
        marked = {**ITEM, "note": {"S": "find me on disk"}}
        first.client("dynamodb").put_item(TableName=TABLE, Item=marked)
        eventually(lambda: b"find me on disk" in state.read_bytes(), bool)
        process.kill()
        process.wait()

    with aws_server(state, second_port):
        kept = resources_at(second_port).client("dynamodb").get_item(TableName=TABLE, Key=KEY)

    assert kept["Item"] == marked


@pytest.mark.system
def test_after_another_version_it_starts_anew_and_keeps_the_old_file(state: Path) -> None:
    old = pickle.dumps({"moto": "0.0.1", "dynamodb": {}})
    state.write_bytes(old)
    (port,) = free_ports(1)

    with aws_server(state, port) as process:
        assert resources_at(port).client("dynamodb").list_tables()["TableNames"] == []
        process.terminate()
        assert process.wait(timeout=30) == 0

    assert state.with_suffix(".old").read_bytes() == old
    assert state.read_bytes() != old
    assert "state of moto 0.0.1 put aside" in (state.parent / "aws.log").read_text()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a pickle at all\n", id="text"),
        pytest.param(pickle.dumps({"moto": "5"})[:-4], id="cut short"),
        pytest.param(b"cno_such_module\nThing\n.", id="of a class that is gone"),
    ],
)
def test_an_unreadable_file_is_put_aside(
    state: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    state.write_bytes(content)

    State(state).load()

    assert not state.exists()
    assert state.with_suffix(".old").read_bytes() == content
    assert f"put aside as {state.with_suffix('.old')}" in capsys.readouterr().out


def test_another_version_s_state_is_put_aside_once_more(state: Path) -> None:
    for version in ("0.0.1", "0.0.2"):
        state.write_bytes(pickle.dumps({"moto": version}))
        State(state).load()

    assert not state.exists()
    assert pickle.loads(state.with_suffix(".old").read_bytes()) == {"moto": "0.0.2"}  # noqa: S301 - ours


def test_without_a_file_it_starts_empty(state: Path) -> None:
    State(state).load()

    assert not state.exists()


def test_writes_at_the_same_time_leave_one_whole_file(state: Path) -> None:
    kept = State(state)

    with ThreadPoolExecutor(8) as pool:
        for written in [pool.submit(kept.write) for _ in range(200)]:
            written.result()

    written = pickle.loads(state.read_bytes())  # noqa: S301 - ours
    assert written.keys() == {"moto", "dynamodb", "cognito-idp", "sns", "sqs"}
    assert [path.name for path in state.parent.iterdir()] == ["aws.state"]


def test_requests_take_turns(state: Path) -> None:
    inside = threading.Semaphore(1)
    overlapped = []

    def application(_: dict[str, Any], __: Any) -> Iterable[bytes]:
        overlapped.append(not inside.acquire(blocking=False))
        time.sleep(0.01)  # so that another would come, if it could
        yield b"answered"
        inside.release()

    answer = taking_turns(application, State(state))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: answer({"REQUEST_METHOD": "POST"}, None), range(16)))

    assert answers == [[b"answered"]] * 16
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
        answers = list(pool.map(put, range(50)))

    (winner,) = [answer for answer in answers if answer != "refused"]
    once = {"pk": {"S": "ticket"}, "sk": {"S": "once"}}
    assert dynamodb.get_item(TableName=TABLE, Key=once)["Item"]["n"] == {"N": winner}


@pytest.mark.system
def test_everything_can_be_made_again_and_stays_one_of_each(server: Resources) -> None:
    before, owner = server.make(), sub(server)

    assert server.make() == before

    assert sub(server) == owner
    assert len(server.client("sns").list_topics()["Topics"]) == 2
    assert len(server.client("sns").list_subscriptions()["Subscriptions"]) == 2
    assert server.client("dynamodb").list_tables()["TableNames"] == [TABLE]
    assert len(server.client("s3").list_buckets()["Buckets"]) == 1


@pytest.mark.system
def test_a_topic_has_one_subscription_that_moves_with_the_bridge(server: Resources) -> None:
    Resources(server.ports, "http://127.0.0.1:2").make()
    moved = endpoints(server)
    server.make()

    assert moved == ["http://127.0.0.1:2/sns"]
    assert endpoints(server) == ["http://127.0.0.1:1/sns"]


@pytest.mark.system
def test_tickets_in_the_table_run_out(server: Resources) -> None:
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


def test_a_server_that_is_not_there_does_not_answer() -> None:
    (nobody,) = free_ports(1)

    assert not resources_at(nobody).answers("aws")
    assert not resources_at(nobody).answers("s3")


@pytest.mark.system
def test_a_refresh_token_that_was_revoked_opens_nothing(state: Path) -> None:
    (port,) = free_ports(1)
    with aws_server(state, port):
        resources = resources_at(port)
        client = resources.make()["HOIST_USER_POOL_CLIENT_ID"]
        cognito = resources.client("cognito-idp")
        kept, revoked = (sign_in(resources)["AuthenticationResult"]["RefreshToken"] for _ in "12")

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
        assert renew(kept)


@pytest.mark.system
@pytest.mark.parametrize("password", ["Upload-1", "upload-me-1", "UPLOAD-ME-1", "Upload-me-x"])
def test_a_weak_password_makes_no_account(state: Path, password: str) -> None:
    (port,) = free_ports(1)
    with aws_server(state, port):
        resources = resources_at(port)
        client = resources.make()["HOIST_USER_POOL_CLIENT_ID"]

        with pytest.raises(ClientError, match="InvalidPasswordException"):
            resources.client("cognito-idp").sign_up(
                ClientId=client, Username="new@example.com", Password=password
            )
