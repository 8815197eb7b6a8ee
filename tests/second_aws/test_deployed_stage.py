"""A stage in the second AWS: deployed with the printed permissions, used, changed and destroyed.

The tests share the stage, in this order. Every command runs as an IAM user with exactly the
permissions that `make permissions` prints. Every function runs as its own role.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from playwright.sync_api import ConsoleMessage, Page, expect

from deploy.permissions import actions
from tests.deploy.iam_actions import actions as iam_actions
from tests.second_aws.aws import Aws, Keys, needs_ministack
from tests.second_aws.faults import broken, dead_letters, is_notified
from tests.second_aws.team import PASSWORD, Team
from tests.support.environment import REGION
from tests.support.payloads import event
from tests.support.posting import FORM_TYPE, form_of
from tests.support.running import Client, call, crc64nvme, eventually, part_url
from tests.support.stands import Stands, remaining

pytestmark = [pytest.mark.system, pytest.mark.browser, needs_ministack]

MIB = 1024 * 1024
PERSON = "person@example.com"
# The page opens connections to S3 before an upload, by requests that it aborts after ten
# milliseconds. On one machine S3 may answer earlier, with a refusal.
CONNECTING = re.compile(r"https://[^/]+\.amazonaws\.com/\?\d+")
# MiniStack sends everybody the same code.
SIGN_UP_CODE = "123456"
# `process_upload` may start before the API has reported the last part.
STATES = re.compile("uploading (uploaded )?processing accepted")
PROGRAM = b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0"


@pytest.fixture(scope="module")
def deployed(team: Team) -> str:
    """The output of the deployment of the stage."""
    return team.deploy("--email", "ops@example.com")


@pytest.fixture(scope="module")
def stands(aws: Aws) -> Stands:
    return Stands(aws)


@pytest.fixture(scope="module")
def client(team: Team, deployed: str) -> Client:  # noqa: ARG001 - the stage must exist
    return team.sign_in("program@example.com")


def test_a_deployer_with_the_printed_permissions_deploys(team: Team, deployed: str) -> None:
    assert "simulator" not in deployed
    for name in ("hoist-smoke.txt", "hoist-smoke-in-parts.txt"):
        assert f"{name:<32} sent, accepted, downloaded, deleted" in deployed
    assert f"Hoist is at {team.page_origin()}" in deployed
    assert "none: all is as declared" in team.status()


def test_the_page_comes_from_cloudfront_with_its_headers(team: Team) -> None:
    answer = call("GET", f"{team.page_origin()}/")

    assert answer.status == 200
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Frame-Options"] == "DENY"
    bucket = Stands(team.aws).outputs()["PageBucket"]
    assert call("GET", f"https://{bucket}.s3.{REGION}.amazonaws.com/index.html").status == 403


# --- A person, in Chromium -----------------------------------------------------------------------


def row(page: Page, filename: str) -> Any:
    return page.locator(f"[data-testid=upload][data-filename='{filename}']")


def pick(page: Page, path: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(path)


def submit(page: Page, **fields: str) -> None:
    for name, text in fields.items():
        page.get_by_test_id(name).fill(text)
    page.get_by_test_id("submit").click()


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@pytest.fixture(scope="module")
def console(page: Page) -> list[str]:
    """The errors in the page's console during a test, each with its address."""
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        url = message.location["url"]
        if message.type == "error" and not CONNECTING.fullmatch(url):
            # Without the query, which may have a signature.
            errors.append(f"{message.text} {url.partition('?')[0]}")

    page.on("console", note)
    return errors


def test_a_person_creates_an_account_with_the_code_in_an_email(
    page: Page, console: list[str]
) -> None:
    page.get_by_test_id("to-sign-up").click()
    submit(page, email=PERSON, password=PASSWORD)
    submit(page, code="000000")
    expect(page.get_by_test_id("problem")).not_to_be_empty()
    console.clear()  # Chromium prints the refusal of the wrong code
    submit(page, code=SIGN_UP_CODE)

    expect(page.get_by_test_id("account")).to_have_text(PERSON)
    page.locator("[data-live=true]").wait_for()


def test_a_file_is_uploaded_and_its_download_is_identical(page: Page, tmp_path: Path) -> None:
    original = tmp_path / "random.bin"
    original.write_bytes(os.urandom(24 * MIB))

    pick(page, original)
    expect(row(page, "random.bin")).to_have_attribute("data-state", "accepted", timeout=60_000)

    assert STATES.fullmatch(row(page, "random.bin").get_attribute("data-states"))
    with page.expect_download() as download:
        row(page, "random.bin").get_by_test_id("download").click()
    assert sha256(download.value.path()) == sha256(original)


def test_a_file_with_a_wrong_extension_is_rejected(page: Page, tmp_path: Path) -> None:
    program = tmp_path / "letter.pdf"
    program.write_bytes(PROGRAM)

    pick(page, program)

    expect(row(page, "letter.pdf")).to_have_attribute("data-state", "rejected", timeout=30_000)
    expect(row(page, "letter.pdf")).to_contain_text("not what its name and type say")


def test_a_person_switches_emails_on_and_off(page: Page, aws: Aws, stands: Stands) -> None:
    """The emulator sends no email, and an address is confirmed at once."""
    topic = stands.environment()["HOIST_NOTIFICATIONS_TOPIC_ARN"]

    def subscribed() -> list[str]:
        subscriptions = aws.client("sns").list_subscriptions_by_topic(TopicArn=topic)[
            "Subscriptions"
        ]
        return [each["Endpoint"] for each in subscriptions]

    switch = page.get_by_test_id("email")
    expect(switch).to_have_attribute("aria-checked", "false")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "true")
    assert subscribed() == [PERSON]

    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    eventually(subscribed, lambda endpoints: endpoints == [])


def test_a_person_deletes_a_file_with_its_object(
    page: Page, aws: Aws, stands: Stands, console: list[str]
) -> None:
    row(page, "random.bin").get_by_test_id("delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row(page, "random.bin")).to_have_count(0)

    listed = aws.client("s3").list_objects_v2(Bucket=stands.outputs()["Bucket"])
    assert [each["Key"] for each in listed.get("Contents", []) if "random" in each["Key"]] == []
    page.reload()
    expect(page.get_by_test_id("account")).to_have_text(PERSON)
    expect(row(page, "letter.pdf")).to_have_attribute("data-state", "rejected")
    assert console == []


# --- A program -----------------------------------------------------------------------------------


def test_a_program_sends_parts_and_downloads_through_cloudfront(client: Client) -> None:
    data = os.urandom(20 * MIB)
    upload = client.outcome(client.upload(data, "grüße +%.bin"))

    assert (upload["state"], upload["report"]["crc64nvme"]) == ("accepted", crc64nvme(data))
    url = client.request("GET", f"/uploads/{upload['id']}/download").json["url"]
    assert ".cloudfront.net/" in url
    answer = call("GET", url)
    assert answer.body == data
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "filename*=UTF-8''gr%C3%BC%C3%9Fe%20%2B%25.bin" in answer.headers["Content-Disposition"]
    part = call("GET", url, headers={"Range": "bytes=5-9"})
    assert (part.status, part.body) == (206, data[5:10])


def test_api_gateways_own_answers_are_problem_documents(team: Team, client: Client) -> None:
    for path, token, status, code in [
        ("/uploads", "", 401, "not_signed_in"),
        ("/uploads", "Bearer none", 401, "not_signed_in"),
        ("/nothing", f"Bearer {client.id_token}", 404, "route_not_found"),
    ]:
        headers = {"Authorization": token} if token else {}
        answer = call("GET", f"{client.api_url}{path}", headers=headers)

        assert (answer.status, answer.json["code"]) == (status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.headers["Access-Control-Allow-Origin"] == team.page_origin()


def test_the_page_alone_may_send_to_the_bucket_from_a_browser(team: Team, client: Client) -> None:
    created = client.create(b"12345", "cors.txt", crc64nvme=crc64nvme(b"12345"))
    url = part_url(created, 1)

    def allowed(origin: str) -> str | None:
        answers = {
            call(
                "OPTIONS", url, headers={"Origin": origin, "Access-Control-Request-Method": method}
            ).headers.get("Access-Control-Allow-Origin")
            for method in ("PUT", "POST")
        }
        assert len(answers) == 1
        return answers.pop()

    assert allowed(team.page_origin()) == team.page_origin()
    assert allowed("https://evil.example") is None


def test_a_presigned_url_is_valid_for_the_signed_request_only(
    client: Client, stands: Stands
) -> None:
    created = client.create(b"12345", "exact.txt", crc64nvme=crc64nvme(b"12345"))
    url, headers = part_url(created, 1), {"Content-Type": "", **created["sheet"]["headers"]}
    headers["x-amz-checksum-crc64nvme"] = crc64nvme(b"12345")
    forged = url[:-1] + ("0" if url[-1] != "0" else "1")
    other_key = url.replace("exact.txt", "other.txt")

    assert other_key != url
    assert call("PUT", forged, b"12345", headers).status == 403
    assert call("PUT", other_key, b"12345", headers).status == 403
    assert call("PUT", url, b"123456", headers).status == 403
    assert call("PUT", url, b"12345", headers).status == 200
    bucket = stands.outputs()["Bucket"]
    plain = f"https://{bucket}.s3.{REGION}.amazonaws.com/{created['key']}"
    assert call("GET", plain).status == 403


def test_a_program_sends_many_files_by_forms_and_completes_none(client: Client) -> None:
    contents = {f"grüße {number}.txt": os.urandom(1000) for number in range(5)}
    members = [
        {"filename": name, "size": len(data), "crc64nvme": crc64nvme(data)}
        for name, data in contents.items()
    ]

    answer = client.request("POST", "/uploads/batch", {"uploads": members})
    created = [each["upload"] for each in answer.json["uploads"]]
    for upload, data in zip(created, contents.values(), strict=True):
        sheet = upload["sheet"]
        body = form_of(sheet["fields"], data)
        assert call("POST", sheet["url"], body, {"Content-Type": FORM_TYPE}).status == 204

    hosts = {upload["sheet"]["url"] for upload in created}
    assert len(hosts) == 2
    for upload, data in zip(created, contents.values(), strict=True):
        outcome = client.outcome(upload["id"])
        assert (outcome["state"], outcome["report"]["checksum_verified"]) == ("accepted", True)
        assert client.download(upload["id"]).body == data
    completed = client.request("POST", "/uploads/complete", {"ids": [u["id"] for u in created]})
    states = {each["upload"]["state"] for each in completed.json["uploads"]}
    assert states == {"accepted"}


def test_a_form_accepts_only_the_signed_fields(client: Client) -> None:
    data = b"12345"
    created = client.create(data, "form.txt", crc64nvme=crc64nvme(data), strategy="post")
    sheet = created["sheet"]
    signature = sheet["fields"]["x-amz-signature"]
    forged = signature[:-1] + ("0" if signature[-1] != "0" else "1")

    def post_form(content: bytes, **fields: str) -> int:
        changes = {name.replace("_", "-"): value for name, value in fields.items()}
        body = form_of({**sheet["fields"], **changes}, content)
        return call("POST", sheet["url"], body, {"Content-Type": FORM_TYPE}).status

    assert post_form(data, x_amz_signature=forged) == 403
    assert post_form(data, key=created["key"] + "x") == 403
    assert post_form(data, x_amz_checksum_crc64nvme=crc64nvme(b"54321")) in (400, 403)
    assert [post_form(other) for other in (b"54321", b"1234", b"123456")] == [400, 400, 400]
    # AWS refuses fields that the policy does not name; SeaweedFS accepts some.
    for name in ("tagging", "acl", "Content-Encoding", "success_action_redirect", "If-None-Match"):
        body = form_of({**sheet["fields"], name: "x"}, data)
        assert call("POST", sheet["url"], body, {"Content-Type": FORM_TYPE}).status == 403, name
    assert post_form(data) == 204


def credentials_of(client: Client) -> tuple[Keys, str, str]:
    """Temporary credentials with their bucket and prefix."""
    answer = client.request("POST", "/credentials")
    assert answer.status == 200, answer.body
    document = answer.json
    keys = Keys(document["access_key_id"], document["secret_access_key"], document["session_token"])
    return keys, document["bucket"], document["prefix"]


def arrived(client: Client, name: str) -> Any:
    """An upload that no API call created, after it has an outcome."""

    def matches() -> list[Any]:
        uploads = client.request("GET", "/uploads").json["uploads"]
        return [each for each in uploads if each["filename"] == name]

    (upload,) = eventually(
        matches, lambda uploads: bool(uploads) and uploads[0]["state"] in ("accepted", "rejected")
    )
    return upload


def test_a_program_sends_with_temporary_credentials(
    client: Client, aws: Aws, tmp_path: Path
) -> None:
    keys, bucket, prefix = credentials_of(client)
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(20 * MIB))
    s3 = aws.client("s3", keys)

    s3.upload_file(str(large), bucket, f"{prefix}large.bin")  # boto3 sends it in parts
    s3.put_object(Bucket=bucket, Key=f"{prefix}small.csv", Body=b"a,b\n1,2\n")

    assert arrived(client, "small.csv")["state"] == "accepted"
    upload = arrived(client, "large.bin")
    assert upload["state"] == "accepted"
    assert client.download(upload["id"]).body == large.read_bytes()


Refused = Callable[[Any, str, str], object]
REFUSED: dict[str, Refused] = {
    "read a rejected file": lambda s3, bucket, own: s3.get_object(
        Bucket=bucket, Key=f"{own}letter.pdf"
    ),
    "write under another's prefix": lambda s3, bucket, _: s3.put_object(
        Bucket=bucket, Key="uploads/somebody/new.txt", Body=b""
    ),
    "write beside the prefixes": lambda s3, bucket, _: s3.put_object(
        Bucket=bucket, Key="new.txt", Body=b""
    ),
    "begin parts under another's prefix": lambda s3, bucket, _: s3.create_multipart_upload(
        Bucket=bucket, Key="uploads/somebody/new.bin"
    ),
    "read another's": lambda s3, bucket, _: s3.get_object(
        Bucket=bucket, Key="uploads/somebody/there.txt"
    ),
    "list another's": lambda s3, bucket, _: s3.list_objects_v2(
        Bucket=bucket, Prefix="uploads/somebody/"
    ),
    "list all": lambda s3, bucket, _: s3.list_objects_v2(Bucket=bucket),
    "delete": lambda s3, bucket, own: s3.delete_object(Bucket=bucket, Key=f"{own}small.csv"),
    "tag": lambda s3, bucket, own: s3.put_object_tagging(
        Bucket=bucket,
        Key=f"{own}small.csv",
        Tagging={"TagSet": [{"Key": "state", "Value": "accepted"}]},
    ),
    "copy": lambda s3, bucket, own: s3.copy_object(
        Bucket=bucket, Key=f"{own}copy.csv", CopySource=f"{bucket}/{own}small.csv"
    ),
    "read the bucket's policy": lambda s3, bucket, _: s3.get_bucket_policy(Bucket=bucket),
    "write the bucket's CORS": lambda s3, bucket, _: s3.put_bucket_cors(
        Bucket=bucket, CORSConfiguration={"CORSRules": []}
    ),
}


def test_temporary_credentials_allow_nothing_else(client: Client, aws: Aws) -> None:
    keys, bucket, prefix = credentials_of(client)
    aws.client("s3").put_object(Bucket=bucket, Key="uploads/somebody/there.txt", Body=b"x")
    s3 = aws.client("s3", keys)
    s3.put_object(Bucket=bucket, Key=f"{prefix}letter.pdf", Body=PROGRAM)
    assert arrived(client, "letter.pdf")["state"] == "rejected"
    codes = {}
    for name, refused in REFUSED.items():
        codes[name] = "done"
        try:
            refused(s3, bucket, prefix)
        except ClientError as error:
            codes[name] = error.response["Error"]["Code"]

    assert codes == dict.fromkeys(REFUSED, "AccessDenied")
    sts = aws.client("sts", keys)
    role = Stands(aws).environment()["HOIST_UPLOADER_ROLE_ARN"]
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role(RoleArn=role, RoleSessionName="again")


# --- Failures ------------------------------------------------------------------------------------


def test_a_failure_is_reported_and_retried(team: Team, aws: Aws, client: Client) -> None:
    with broken(aws, "hoist-dev-process_upload"):
        upload = client.outcome(client.upload(b"unlucky", "unlucky.txt"))

        assert upload["state"] == "failed"
        assert re.search(r"[0-9a-f-]{36}", upload["reason"]), "it names the request"

    printed = team.run("deploy.redrive", "--stage", "dev", "--upload", upload["id"])
    assert f"sent again: {upload['id']}" in printed
    again = eventually(lambda: client.get(upload["id"]), lambda got: got["state"] == "accepted")
    assert again["id"] == upload["id"]
    refused = team.run("deploy.redrive", "--stage", "dev", "--upload", upload["id"], status=1)
    assert "nothing to send again" in refused


def test_a_dead_letter_of_notify_waits_and_is_sent_again(
    team: Team, aws: Aws, client: Client
) -> None:
    with broken(aws, "hoist-dev-notify"):
        upload = client.outcome(client.upload(b"unheard", "unheard.txt"))
        eventually(lambda: dead_letters(team), lambda count: count == 1)

    printed = team.run("deploy.redrive", "--stage", "dev", "--dead-letters")

    assert "1 sent again" in printed
    eventually(lambda: is_notified(team, upload["id"]), bool)
    assert dead_letters(team) == 0


def test_a_dead_letter_of_sns_is_sent_again(team: Team, aws: Aws, client: Client) -> None:
    """A dead letter of SNS has neither Subject nor MessageAttributes."""
    aws.client("lambda").delete_function(FunctionName="hoist-dev-notify")
    upload = client.outcome(client.upload(b"undelivered", "undelivered.txt"))
    eventually(lambda: dead_letters(team), lambda count: count == 1)
    assert "hoist-dev-notify is missing" in team.status()

    team.deploy("--only", "application")
    printed = team.run("deploy.redrive", "--stage", "dev", "--dead-letters")

    assert "1 sent again" in printed
    eventually(lambda: is_notified(team, upload["id"]), bool)
    assert dead_letters(team) == 0
    assert "none: all is as declared" in team.status()


def test_a_rule_that_another_tool_removed_is_reported_and_restored(
    team: Team, aws: Aws, client: Client, stands: Stands
) -> None:
    """A tool that sets a bucket's notification configuration replaces all rules."""
    aws.client("s3").put_bucket_notification_configuration(
        Bucket=stands.outputs()["Bucket"], NotificationConfiguration={}
    )
    assert "the bucket has no rule: S3 invokes process_upload for no file" in team.status()

    team.deploy("--only", "application")

    assert client.outcome(client.upload(b"heard", "heard.txt"))["state"] == "accepted"


def test_the_sweep_runs_under_its_own_role(team: Team, aws: Aws) -> None:
    answer = aws.client("lambda").invoke(
        FunctionName="hoist-dev-sweep", Payload=json.dumps(event("scheduled"))
    )

    assert "FunctionError" not in answer, answer["Payload"].read()
    assert "ended at" in team.status()


# --- Deploying again -----------------------------------------------------------------------------


def test_deploying_again_changes_nothing(team: Team, stands: Stands) -> None:
    before, config = stands.everything(), team.config()

    printed = team.deploy("--email", "ops@example.com", "--no-smoke")

    assert stands.everything() == before
    assert team.config() == config
    assert "hoist-dev                        as declared" in printed


def test_a_setting_and_a_parameter_are_changed(team: Team, client: Client) -> None:
    variables = {**team.environment_of(), "HOIST_OWNER_MAX_FILES": "1"}
    team.configure(environment_variables=variables)
    assert "HOIST_OWNER_MAX_FILES" in team.status()

    printed = team.deploy("--set", "SignUpDomains=example.com", "--no-smoke")

    assert "The stack hoist-dev: SignUpDomains" in printed
    assert "none: all is as declared" in team.status()
    over = client.request("POST", "/uploads", {"filename": "more.txt", "size": 1})
    assert (over.status, over.json["code"]) == (403, "quota_exceeded")
    config = call("GET", f"{team.page_origin()}/config.json").json
    cognito = team.aws.client("cognito-idp")
    account = {"ClientId": config["user_pool_client_id"], "Password": PASSWORD}
    with pytest.raises(ClientError, match=r"Only addresses at example\.com can have an account"):
        cognito.sign_up(**account, Username="somebody@evil.example")
    cognito.sign_up(**account, Username="somebody@EXAMPLE.com")


def test_two_stages_share_nothing(team: Team) -> None:
    team.deploy(stage="prod")

    first, second = team.environment_of("dev"), team.environment_of("prod")
    assert [name for name in first if first[name] == second.get(name)] == []
    assert "none: all is as declared" in team.status("prod")
    assert "none: all is as declared" in team.status("dev")
    other = team.sign_in("program@example.com", "prod")
    assert other.request("GET", "/uploads").json["uploads"] == []

    team.destroy("--yes", "--delete-uploads", stage="prod")

    assert "none: all is as declared" in team.status("dev")


def test_permissions_to_destroy_one_stage_do_not_destroy_another(team: Team) -> None:
    """Under a policy that names a stage, AWS refuses the same command for another stage."""
    team.users["destroy", "prod"] = team.user("destroy", "dev")
    team.configure("prod", region=REGION)

    refused = team.destroy("--yes", stage="prod", status=1)

    assert "A permission is missing for DescribeStacks" in refused
    assert "make permissions COMMAND=…" in refused
    del team.users["destroy", "prod"]


def test_destroy_refuses_first_and_then_deletes_everything(team: Team, aws: Aws) -> None:
    assert "accepted uploads" in team.destroy("--yes", status=1)

    team.destroy("--yes", "--delete-uploads")

    assert remaining(aws) == {}


def test_every_call_is_in_the_permissions_of_its_command(team: Team) -> None:
    """This includes calls for which the emulator checks no permission, like those for tags."""
    missing = {}
    for path in team.calls.iterdir():
        calls = {tuple(line.split(":")) for line in path.read_text().splitlines()}
        needed = {action for call in calls for action in iam_actions(*call)}
        missing[path.name] = needed - set(actions(path.name))

    assert {"deploy", "destroy", "status", "logs", "redrive"} <= missing.keys()
    assert {command: lacking for command, lacking in missing.items() if lacking} == {}
