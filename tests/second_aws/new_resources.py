"""Creates resources for the tests of the emulator: users, buckets, functions and queues.

Each has a unique name, because all tests share one account.
"""

import io
import json
import secrets
import time
import zipfile
from typing import Any

from tests.second_aws.aws import ACCOUNT, Aws, Keys
from tests.support.environment import REGION

TIMEOUT_SECONDS = 30.0


def name() -> str:
    return f"t-{secrets.token_hex(4)}"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str = "*", **members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **members}


def user(aws: Aws, *statements: dict[str, Any]) -> Keys:
    """The keys of a new user with these statements."""
    iam = aws.client("iam")
    user_name = iam.create_user(UserName=name())["User"]["UserName"]
    if statements:
        iam.put_user_policy(
            UserName=user_name, PolicyName="all", PolicyDocument=policy(*statements)
        )
    key = iam.create_access_key(UserName=user_name)["AccessKey"]
    return Keys(key["AccessKeyId"], key["SecretAccessKey"])


def role(aws: Aws, *statements: dict[str, Any], trusted: dict[str, str] | None = None) -> str:
    """The ARN of a new role with these statements, for functions or for a trusted principal."""
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
    """A client that presigns URLs with signature version 4, under a region's host names."""
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
    """The name of a new function whose handler has this body."""
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
    """The URL and ARN of a new queue that SNS may send to."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=name())["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rpartition('/')[2]}"
    sending = allow("sqs:SendMessage", arn, Principal={"Service": "sns.amazonaws.com"})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(sending)})
    return url, arn


def receive(aws: Aws, url: str) -> Any:
    """The next message of a queue, parsed as JSON."""
    sqs = aws.client("sqs")
    ends = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < ends:
        for message in sqs.receive_message(QueueUrl=url).get("Messages", ()):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return json.loads(message["Body"])
        time.sleep(0.05)
    raise AssertionError(f"no message arrived in {url}:\n{aws.log.read_text()[-2000:]}")


def wait_for_log(aws: Aws, text: str) -> None:
    """Wait until the emulator logs a text, for example about a message that it does not send."""
    ends = time.monotonic() + TIMEOUT_SECONDS
    while text not in aws.log.read_text():
        assert time.monotonic() < ends, f"{text!r} is not in the log"
        time.sleep(0.05)
