"""Makes locally what CloudFormation makes in AWS: bucket, table, topics, user pool, demo account.

Every step can be repeated. Returns the environment that the functions of the stage run in.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.items import SCHEMA
from local.aws.seaweedfs import UPLOADER_ROLE, bucket_policy
from local.home import HOST, Ports
from local.names import ACCESS_KEY, BUCKET, DEAD_LETTERS, PREFIX, REGION, SECRET_KEY, TABLE, arn

# The template's policy; moto refuses other passwords, as Cognito does.
PASSWORD_POLICY = {
    "MinimumLength": 10,
    "RequireLowercase": True,
    "RequireUppercase": True,
    "RequireNumbers": True,
    "RequireSymbols": True,
    "TemporaryPasswordValidityDays": 7,
}
DEMO = {"username": "demo@example.com", "password": "Upload-me-1"}


@dataclass(frozen=True, slots=True)
class Resources:
    """Makes the resources, and the clients to make them with."""

    ports: Ports
    # SNS delivers here: results for the functions, notifications for people.
    bridge_url: str

    def make(self) -> dict[str, str]:
        """Make the resources that are missing; returns the functions' environment."""
        self._bucket()
        self._table()
        results = self._topic(f"{PREFIX}-results", f"{self.bridge_url}/sns")
        notifications = self._topic(f"{PREFIX}-notifications", f"{self.bridge_url}/mail")
        pool, client = self._user_pool()
        return {
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_ENDPOINT_URL": self.ports.url("aws"),
            "AWS_ENDPOINT_URL_S3": self.ports.url("s3"),
            # SeaweedFS enforces role sessions, so it issues them as well.
            "AWS_ENDPOINT_URL_STS": self.ports.url("s3"),
            "AWS_ENDPOINT_URL_LAMBDA": self.bridge_url,
            "HOIST_BUCKET": BUCKET,
            "HOIST_BUCKET_URLS": ",".join(
                f"http://{host}:{self.ports.s3}/{BUCKET}" for host in ("127.0.0.1", "localhost")
            ),
            "HOIST_DOWNLOAD_URL": f"{self.ports.url('downloads')}/{BUCKET}",
            "HOIST_TABLE": TABLE,
            "HOIST_RESULTS_TOPIC_ARN": results,
            "HOIST_NOTIFICATIONS_TOPIC_ARN": notifications,
            "HOIST_DEAD_LETTERS_ARN": self._queue(),
            "HOIST_USER_POOL_ARN": arn("cognito-idp", f"userpool/{pool}"),
            "HOIST_USER_POOL_CLIENT_ID": client,
            "HOIST_UPLOADER_ROLE_ARN": UPLOADER_ROLE,
            "HOIST_PAGE_ORIGIN": self.ports.page_origin,
            "HOIST_WEBSOCKET_URL": self.ports.url("gateway", "ws"),
        }

    def table_is_outdated(self) -> bool:
        """Whether there is a table with another schema, which `make` replaces by an empty one."""
        dynamodb = self.client("dynamodb")
        if TABLE not in dynamodb.list_tables()["TableNames"]:
            return False
        return _orders(dynamodb.describe_table(TableName=TABLE)["Table"]) != _orders(SCHEMA)

    def client(self, service: str) -> Any:
        """A client of the local S3 server or of the AWS stand-in."""
        session: Any = boto3.Session()
        return session.client(
            service,
            endpoint_url=self.ports.url("s3" if service == "s3" else "aws"),
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"mode": "standard", "max_attempts": 2}, connect_timeout=5),
        )

    def answers(self, server: str) -> bool:
        """Whether a server, `s3` or `aws`, answers a signed request."""
        with socket.socket() as probe:
            if probe.connect_ex((HOST, getattr(self.ports, server))):
                return False
        try:
            if server == "s3":
                self.client("s3").list_buckets()
            else:
                self.client("sns").list_topics()
        except (BotoCoreError, ClientError):
            return False
        return True

    def _bucket(self) -> None:
        s3 = self.client("s3")
        names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
        if BUCKET not in names:
            s3.create_bucket(
                Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        rule = {
            "AllowedOrigins": [self.ports.page_origin],
            "AllowedMethods": ["PUT", "POST", "GET", "HEAD"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag", "Retry-After", "x-amz-checksum-crc64nvme"],
            "MaxAgeSeconds": 3600,
        }
        s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
        s3.put_bucket_policy(Bucket=BUCKET, Policy=bucket_policy(BUCKET))

    def _table(self) -> None:
        dynamodb = self.client("dynamodb")
        if self.table_is_outdated():
            dynamodb.delete_table(TableName=TABLE)
        if TABLE in dynamodb.list_tables()["TableNames"]:
            return
        dynamodb.create_table(TableName=TABLE, **SCHEMA)
        dynamodb.update_time_to_live(
            TableName=TABLE,
            TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"},
        )

    def _topic(self, name: str, endpoint: str) -> str:
        """The ARN of a topic; replaces an HTTP subscription with the ports of an earlier start."""
        sns = self.client("sns")
        topic = str(sns.create_topic(Name=name)["TopicArn"])
        for subscription in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
            if subscription["Protocol"] == "http" and subscription["Endpoint"] != endpoint:
                sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint)
        return topic

    def _queue(self) -> str:
        """The ARN of the queue for notifications that failed."""
        self.client("sqs").create_queue(QueueName=DEAD_LETTERS)
        return arn("sqs", DEAD_LETTERS)

    def _user_pool(self) -> tuple[str, str]:
        """The ids of the user pool and of the page's client; the demo account is in it."""
        cognito = self.client("cognito-idp")
        pools = cognito.list_user_pools(MaxResults=60)["UserPools"] or [
            cognito.create_user_pool(
                PoolName=PREFIX,
                UsernameAttributes=["email"],
                AutoVerifiedAttributes=["email"],
                Policies={"PasswordPolicy": PASSWORD_POLICY},
            )["UserPool"]
        ]
        pool = pools[0]["Id"]
        clients = cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=60)[
            "UserPoolClients"
        ] or [
            cognito.create_user_pool_client(
                UserPoolId=pool,
                ClientName="page",
                ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            )["UserPoolClient"]
        ]
        self._demo_account(cognito, pool)
        return pool, clients[0]["ClientId"]

    def _demo_account(self, cognito: Any, pool: str) -> None:
        """Create the demo account unless it exists, and set its password."""
        username, password = DEMO["username"], DEMO["password"]
        with contextlib.suppress(cognito.exceptions.UsernameExistsException):
            cognito.admin_create_user(
                UserPoolId=pool,
                Username=username,
                UserAttributes=[
                    {"Name": "email", "Value": username},
                    {"Name": "email_verified", "Value": "true"},
                ],
                MessageAction="SUPPRESS",
            )
        cognito.admin_set_user_password(
            UserPoolId=pool, Username=username, Password=password, Permanent=True
        )


def _orders(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The key of a table, and the key and projection of each of its indexes."""
    indexes = [
        *(schema.get("LocalSecondaryIndexes") or []),
        *(schema.get("GlobalSecondaryIndexes") or []),
    ]
    keys = {index["IndexName"]: (_names(index), index["Projection"]) for index in indexes}
    return {"": _names(schema), **keys}


def _names(schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key["KeyType"], key["AttributeName"]) for key in schema["KeySchema"]]
