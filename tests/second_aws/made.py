"""What the tests of the emulator make in the account: users, buckets, functions, queues.

Each has a name of its own, because the account is one for all tests.
"""

import io
import json
import secrets
import time
import zipfile
from typing import Any

from tests.second_aws.aws import ACCOUNT, Aws, Keys
from tests.support.environment import REGION

PATIENCE_SECONDS = 30.0


def name() -> str:
    return f"t-{secrets.token_hex(4)}"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str = "*", **members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **members}


def user(aws: Aws, *statements: dict[str, Any]) -> Keys:
    """A user who may do what the statements allow."""
    iam = aws.client("iam")
    user_name = iam.create_user(UserName=name())["User"]["UserName"]
    if statements:
        iam.put_user_policy(
            UserName=user_name, PolicyName="all", PolicyDocument=policy(*statements)
        )
    key = iam.create_access_key(UserName=user_name)["AccessKey"]
    return Keys(key["AccessKeyId"], key["SecretAccessKey"])


def role(aws: Aws, *statements: dict[str, Any], trusted: dict[str, str] | None = None) -> str:
    """A role with the statements, for functions or for who is trusted; its ARN."""
    iam = aws.client("iam")
    trust = allow("sts:AssumeRole", Principal=trusted or {"Service": "lambda.amazonaws.com"})
    del trust["Resource"]
    role_name = name()
    created = iam.create_role(
        RoleName=role_name, Path="/of/", AssumeRolePolicyDocument=policy(trust)
    )
    if statements:
        iam.put_role_policy(
            RoleName=role_name, PolicyName="all", PolicyDocument=policy(*statements)
        )
    return str(created["Role"]["Arn"])


def bucket(aws: Aws) -> str:
    bucket_name = name()
    aws.client("s3").create_bucket(
        Bucket=bucket_name, CreateBucketConfiguration={"LocationConstraint": REGION}
    )
    return bucket_name


def presigning(aws: Aws, keys: Keys | None = None, region: str = REGION) -> Any:
    """A client that signs URLs by signature version 4, under the host name of a bucket's region."""
    return aws.client(
        "s3",
        keys,
        region=region,
        signature_version="s3v4",
        s3={"addressing_style": "virtual"},
    )


def function(
    aws: Aws,
    role_arn: str,
    body: str,
    *,
    function_name: str | None = None,
    keys: Keys | None = None,
    **settings: Any,
) -> str:
    """A function whose handler has this body; its name."""
    function_name = function_name or name()
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as code:
        code.writestr("main.py", f"import time\n\ndef handler(event, context):\n    {body}\n")
    aws.client("lambda", keys).create_function(
        FunctionName=function_name,
        Runtime="python3.13",
        Role=role_arn,
        Handler="main.handler",
        Code={"ZipFile": file.getvalue()},
        **settings,
    )
    return function_name


def topic(aws: Aws) -> str:
    return str(aws.client("sns").create_topic(Name=name())["TopicArn"])


def queue(aws: Aws) -> tuple[str, str]:
    """A queue that SNS may send to; its URL and its ARN."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name())["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"
    sending = allow("sqs:SendMessage", arn, Principal={"Service": "sns.amazonaws.com"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(sending)})
    return url, arn


def receive(aws: Aws, url: str) -> Any:
    """The next message of a queue, which is JSON."""
    sqs = aws.client("sqs")
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends:
        for message in sqs.receive_message(QueueUrl=url).get("Messages", ()):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return json.loads(message["Body"])
        time.sleep(0.05)
    raise AssertionError(f"nothing came into {url}:\n{aws.log.read_text()[-2000:]}")


def wait_for_log(aws: Aws, text: str) -> None:
    """Wait until the emulator logs a text: of what it does not send there is no other sign."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while text not in aws.log.read_text():
        assert time.monotonic() < ends, f"{text!r} is not in the log"
        time.sleep(0.05)
