"""`make destroy`: a stage out of AWS, with nothing left that costs.

Shows what goes and asks; refuses while there are accepted uploads, unless told to delete them. The
data goes last; interrupted anywhere, the same command again goes on. What an operator chose stays
in config.json, so that the stage could be made again.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from chalicelib.config import load_settings
from chalicelib.keys import PREFIX
from chalicelib.table import table_of
from chalicelib.upload import State
from deploy import application, config, migration, policies, preflight, resources
from deploy.stage import ROOT, StageError, check_name, declared, note_path, succeeds

_GONE = frozenset({
    "404", "NoSuchBucket", "NoSuchEntity", "NotFound", "NotFoundException",
    "ResourceNotFoundException",
})  # fmt: skip
# Tries to delete a bucket that somebody with a URL still sends to.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Remains:
    """What a stage holds: names in AWS, empty where there is none."""

    bucket: str
    table: str
    user_pool: str
    page_bucket: str
    environment: Mapping[str, str]


class Destruction:
    """A stage, the clients to look at it and to delete it."""

    def __init__(self, session: boto3.Session, stage: str, *, root: Path = ROOT) -> None:
        self._session, self._stage, self._root = session, stage, root

    def remains(self) -> Remains:
        """What is there, as the stack tells it, or config.json once the stack is gone."""
        stack = resources.find(self._client("cloudformation"), self._stage)
        outputs = stack.get("Outputs", []) if stack else []
        environment = dict(
            declared(self._stage, root=self._root).get("environment_variables", {})
        ) | config.variables(outputs)
        pages = [each["OutputValue"] for each in outputs if each["OutputKey"] == "PageBucket"]
        return Remains(
            environment.get("HOIST_BUCKET", ""),
            environment.get("HOIST_TABLE", ""),
            environment.get("HOIST_USER_POOL_ARN", "").rpartition("/")[2],
            pages[0] if pages else "",
            environment,
        )

    def accepted(self, remains: Remains) -> int:
        """How many accepted uploads there are; without the table every object counts as one."""
        if remains.table and self._found("dynamodb", "describe_table", TableName=remains.table):
            settings = load_settings(
                {**remains.environment, "AWS_REGION": str(self._session.region_name)}
            )
            table = table_of(settings, self._client("dynamodb"), lambda: datetime.now(UTC))
            return sum(upload.state is State.ACCEPTED for upload in table.scan())
        if not self._has_bucket(remains.bucket):
            return 0
        pages = self._client("s3").get_paginator("list_objects_v2")
        return sum(
            page["KeyCount"] for page in pages.paginate(Bucket=remains.bucket, Prefix=PREFIX)
        )

    def show(self, remains: Remains, accepted: int) -> None:
        """Print what goes."""
        account, _ = preflight.identity(self._session)
        print(f"This goes, of stage {self._stage} in {self._session.region_name}, {account}:")
        print(f"  application  {', '.join(self._functions())}; their roles, logs and APIs")
        print(f"  stack        {resources.stack_name(self._stage)}")
        if remains.bucket:
            print(f"  bucket       {remains.bucket}: {accepted} accepted uploads")
            print(f"  table        {remains.table}")
            print(f"  user pool    {remains.user_pool}, with its accounts")

    def run(self, remains: Remains) -> None:
        """Delete all of it."""
        print("application", flush=True)
        self._delete_application()
        print("page", flush=True)
        self._empty(remains.page_bucket)
        print("stack", flush=True)
        if resources.delete(self._client("cloudformation"), self._stage):
            print(f"  {resources.stack_name(self._stage):<32} deleted")
        print("data", flush=True)
        self._delete_bucket(remains.bucket)
        self._delete_table(remains.table)
        for former in migration.former_tables(self._client("dynamodb"), self._stage):
            self._delete_table(former.name)
        self._delete_user_pool(remains.user_pool)
        print("notes", flush=True)
        note_path(self._stage, self._root).unlink(missing_ok=True)
        rendered = self._root / ".chalice" / "policies" / self._stage
        shutil.rmtree(rendered, ignore_errors=True)
        config.forget(self._stage, root=self._root)

    def _delete_application(self) -> None:
        """By Chalice as far as it knows; what an interrupted run left, by its names."""
        if note_path(self._stage, self._root).exists():
            application.delete(self._session, self._stage, root=self._root)
        for api in application.rest_apis(self._session, self._stage):
            self._delete("apigateway", "delete_rest_api", restApiId=api)
        for api in application.websocket_apis(self._session, self._stage):
            self._delete("apigatewayv2", "delete_api", ApiId=api)
        self._delete_schedule()
        for function in self._functions():
            self._delete("lambda", "delete_function", FunctionName=function)
        for name in policies.templates(self._root):
            role = application.role_name(self._stage, name)
            self._delete("iam", "delete_role_policy", RoleName=role, PolicyName=role)
            self._delete("iam", "delete_role", RoleName=role)
        # Last: a function at work would make its log anew.
        # Chalice names one after the API's handler, which nobody writes.
        for function in (*self._functions(), application.role_name(self._stage, "api_handler")):
            group = application.log_group(function)
            self._delete("logs", "delete_log_group", logGroupName=group)

    def _delete_schedule(self) -> None:
        """The rule that Chalice makes for the sweep; EventBridge keeps a rule that has targets."""
        rule = application.schedule_name(self._stage, "sweep")
        if self._found("events", "describe_rule", Name=rule):
            events = self._client("events")
            targets = events.list_targets_by_rule(Rule=rule)["Targets"]
            events.remove_targets(Rule=rule, Ids=[target["Id"] for target in targets])
            self._delete("events", "delete_rule", Name=rule)

    def _functions(self) -> list[str]:
        """What AWS calls the functions that Chalice makes."""
        return [
            application.function_name(self._stage, name) for name in policies.templates(self._root)
        ]

    def _delete_bucket(self, bucket: str) -> None:
        for left in reversed(range(_TRIES)):
            self._empty(bucket)
            try:
                if self._has_bucket(bucket):
                    self._delete("s3", "delete_bucket", Bucket=bucket)
            except ClientError as error:
                if not left or _code(error) != "BucketNotEmpty":
                    raise
            else:
                return

    def _empty(self, bucket: str) -> None:
        """Delete all versions of all objects, and the parts of what is under way."""
        if not self._has_bucket(bucket):
            return
        s3, count = self._client("s3"), 0
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
            for upload in page.get("Uploads", []):
                s3.abort_multipart_upload(
                    Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )
        for objects in _versions(s3, bucket):
            told = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
            if errors := told.get("Errors"):
                raise StageError(f"S3 keeps {errors[0]['Key']}: {errors[0]['Message']}")
            count += len(objects)
            print(f"  {bucket:<32} {count} objects deleted", flush=True)

    def _delete_table(self, table: str) -> None:
        if table:
            self._delete("dynamodb", "delete_table", TableName=table)

    def _delete_user_pool(self, pool: str) -> None:
        if pool and self._found("cognito-idp", "describe_user_pool", UserPoolId=pool):
            cognito = self._client("cognito-idp")
            cognito.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE")
            self._delete("cognito-idp", "delete_user_pool", UserPoolId=pool)

    def _has_bucket(self, bucket: str) -> bool:
        return bool(bucket) and self._found("s3", "head_bucket", Bucket=bucket)

    def _found(self, service: str, operation: str, **names: str) -> bool:
        """Call AWS; whether there was what it was called for."""
        try:
            getattr(self._client(service), operation)(**names)
        except ClientError as error:
            if _code(error) in _GONE:
                return False
            raise
        return True

    def _delete(self, service: str, operation: str, **names: str) -> None:
        """Delete one thing; that it is gone already is as well."""
        if self._found(service, operation, **names):
            print(f"  {next(iter(names.values())):<32} deleted", flush=True)

    def _client(self, service: str) -> Any:
        make: Any = self._session.client
        return make(service)


def _versions(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


def _ask(stage: str) -> None:
    try:
        answer = input(f"Type {stage} to delete it: ")
    except EOFError:
        answer = ""
    if answer.strip() != stage:
        raise StageError("Nothing was deleted; YES=1 answers for you")


def main() -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="make destroy", description=__doc__)
    parser.add_argument("--stage", required=True, help="STAGE: a stage of .chalice/config.json")
    parser.add_argument("--yes", action="store_true", help="YES=1: do not ask")
    parser.add_argument(
        "--delete-uploads", action="store_true", help="DELETE_UPLOADS=1: accepted ones as well"
    )
    options = parser.parse_args()

    def work() -> None:
        check_name(options.stage)
        declared(options.stage)
        session = preflight.session("", config.recorded_region(options.stage))
        destruction = Destruction(session, options.stage)
        remains = destruction.remains()
        accepted = destruction.accepted(remains)
        destruction.show(remains, accepted)
        if accepted and not options.delete_uploads:
            raise StageError(
                f"{options.stage} holds {accepted} accepted uploads: nothing was deleted;"
                " DELETE_UPLOADS=1 deletes them too"
            )
        if not options.yes:
            _ask(options.stage)
        destruction.run(remains)
        print(f"{options.stage} is gone; what you chose is still in .chalice/config.json")

    return succeeds(work)


if __name__ == "__main__":
    sys.exit(main())
