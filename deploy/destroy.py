"""`make destroy`: a stage out of AWS, with nothing left that costs.

Shows what goes and asks. Refuses while there is anything but rejected and aborted uploads, unless
told to delete that too: at the beginning, when the application is gone, and before the bucket is
emptied. The data goes last; interrupted anywhere, the same command again goes on. What an operator
chose stays in config.json, so that the stage could be made again.
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
from chalicelib.table import table_of
from chalicelib.upload import Upload
from deploy import bucket, holdings, migration, permissions, preflight
from deploy.command import run_command
from deploy.holdings import Holdings
from deploy.permissions import simulator
from deploy.steps import application, config, policies, resources
from deploy.terminal import readable
from stage import names
from stage.stage import ROOT, StageError, check_name, declared, note_path

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

    def __init__(
        self,
        session: boto3.Session,
        stage: str,
        *,
        delete_uploads: bool = False,
        root: Path = ROOT,
    ) -> None:
        self._session, self._stage, self._root = session, stage, root
        self._delete_uploads = delete_uploads

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

    def holdings(self, remains: Remains) -> Holdings:
        """What people would miss; without the table every object counts."""
        if not self._has_bucket(remains.bucket):
            return Holdings()
        return holdings.look(self._uploads(remains), self._client("s3"), remains.bucket)

    def check(self, remains: Remains, consequence: str) -> None:
        """Raise StageError while there is anything that people would miss."""
        if not self._delete_uploads:
            self.refuse(self.holdings(remains), consequence)

    def refuse(self, held: Holdings, consequence: str) -> None:
        """Raise StageError when people would miss something and nobody said to delete it."""
        if held and not self._delete_uploads:
            raise StageError(
                f"{self._stage} holds {held}: {consequence}; DELETE_UPLOADS=1 deletes them too"
            )

    def show(self, remains: Remains, held: Holdings) -> None:
        """Print what goes."""
        account, caller = preflight.identity(self._session)
        print(f"This goes, of stage {self._stage} in {self._session.region_name}, {account}:")
        print(f"  application  {', '.join(self._functions())}; their roles, logs and APIs")
        print(f"  stack        {resources.stack_name(self._stage)}")
        if remains.bucket:
            print(f"  bucket       {remains.bucket}: {held}")
            print(f"  table        {remains.table}")
            print(f"  user pool    {remains.user_pool}, with its accounts")
        region = str(self._session.region_name)
        if warning := simulator.warning(
            self._client("iam"), caller, "destroy", self._stage, region
        ):
            print(warning)

    def run(self, remains: Remains) -> None:
        """Delete all of it; what arrived meanwhile is a reason to stop."""
        print("application", flush=True)
        self._delete_application()
        self.check(
            remains, "the application is gone, the data is kept; `make deploy` brings it back"
        )
        print("page", flush=True)
        self._empty(remains.page_bucket)
        print("stack", flush=True)
        if resources.delete(self._client("cloudformation"), self._stage):
            print(f"  {resources.stack_name(self._stage):<32} deleted")
        print("data", flush=True)
        self._delete_bucket(remains)
        self._delete_table(remains.table)
        for former in migration.former_tables(self._client("dynamodb"), self._stage):
            self._delete_table(former.name)
        self._delete_user_pool(remains.user_pool)
        print("notes", flush=True)
        note_path(self._stage, self._root).unlink(missing_ok=True)
        rendered = self._root / ".chalice" / "policies" / self._stage
        shutil.rmtree(rendered, ignore_errors=True)
        config.forget(self._stage, root=self._root)

    def _uploads(self, remains: Remains) -> Iterator[Upload]:
        """The uploads of the table; none where it is gone."""
        if not remains.table or not self._found(
            "dynamodb", "describe_table", TableName=remains.table
        ):
            return
        settings = load_settings(
            {**remains.environment, "AWS_REGION": str(self._session.region_name)}
        )
        yield from table_of(settings, self._client("dynamodb"), lambda: datetime.now(UTC)).scan()

    def _delete_application(self) -> None:
        """By Chalice as far as it knows; what an interrupted run left, by its names."""
        if note_path(self._stage, self._root).exists():
            try:
                application.delete(self._session, self._stage, root=self._root)
            except StageError as error:
                # Chalice fails over what an interrupted run of it has deleted already.
                print(f"  {readable(error)}: going by names", flush=True)
        for api in application.rest_apis(self._session, self._stage):
            self._delete("apigateway", "delete_rest_api", restApiId=api)
        for api in application.websocket_apis(self._session, self._stage):
            self._delete("apigatewayv2", "delete_api", ApiId=api)
        self._delete_schedule()
        for function in self._functions():
            self._delete("lambda", "delete_function", FunctionName=function)
        for name in policies.templates(self._root):
            role = names.role_name(self._stage, name)
            self._delete("iam", "delete_role_policy", RoleName=role, PolicyName=role)
            self._delete("iam", "delete_role", RoleName=role)
        # Last: a function at work would make its log anew.
        # Chalice names one after the API's handler, which nobody writes.
        for function in (*self._functions(), names.role_name(self._stage, "api_handler")):
            group = names.log_group(function)
            self._delete("logs", "delete_log_group", logGroupName=group)

    def _delete_schedule(self) -> None:
        """The rule that Chalice makes for the sweep; EventBridge keeps a rule that has targets."""
        rule = names.schedule_name(self._stage, "sweep")
        if self._found("events", "describe_rule", Name=rule):
            events = self._client("events")
            targets = events.list_targets_by_rule(Rule=rule)["Targets"]
            # An interrupted run may have removed them; EventBridge refuses an empty list.
            if targets:
                events.remove_targets(Rule=rule, Ids=[target["Id"] for target in targets])
            self._delete("events", "delete_rule", Name=rule)

    def _functions(self) -> list[str]:
        """What AWS calls the functions that Chalice makes."""
        return [names.function_name(self._stage, name) for name in policies.templates(self._root)]

    def _delete_bucket(self, remains: Remains) -> None:
        for left in reversed(range(_TRIES)):
            self.check(remains, "application and stack are gone, bucket and table are kept")
            self._empty(remains.bucket)
            try:
                if self._has_bucket(remains.bucket):
                    self._delete("s3", "delete_bucket", Bucket=remains.bucket)
            except ClientError as error:
                if not left or _code(error) != "BucketNotEmpty":
                    raise
            else:
                return

    def _empty(self, name: str) -> None:
        if self._has_bucket(name):
            bucket.empty(self._client("s3"), name)

    def _delete_table(self, table: str) -> None:
        if table:
            self._delete("dynamodb", "delete_table", TableName=table)

    def _delete_user_pool(self, pool: str) -> None:
        if pool and self._found("cognito-idp", "describe_user_pool", UserPoolId=pool):
            cognito = self._client("cognito-idp")
            cognito.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE")
            self._delete("cognito-idp", "delete_user_pool", UserPoolId=pool)

    def _has_bucket(self, name: str) -> bool:
        return bool(name) and self._found("s3", "head_bucket", Bucket=name)

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
    parser = argparse.ArgumentParser(
        prog="make destroy", description=__doc__, epilog=permissions.epilog("destroy")
    )
    parser.add_argument("--stage", required=True, help="STAGE: a stage of .chalice/config.json")
    parser.add_argument("--yes", action="store_true", help="YES=1: do not ask")
    parser.add_argument(
        "--delete-uploads", action="store_true", help="DELETE_UPLOADS=1: all uploads as well"
    )
    options = parser.parse_args()

    def work() -> None:
        check_name(options.stage)
        declared(options.stage)
        session = preflight.session("", config.recorded_region(options.stage))
        destruction = Destruction(session, options.stage, delete_uploads=options.delete_uploads)
        remains = destruction.remains()
        held = destruction.holdings(remains)
        destruction.show(remains, held)
        destruction.refuse(held, "nothing was deleted")
        if not options.yes:
            _ask(options.stage)
        destruction.run(remains)
        print(f"{options.stage} is gone; what you chose is still in .chalice/config.json")

    return run_command(work)


if __name__ == "__main__":
    sys.exit(main())
