"""`make destroy`: removes a stage from AWS, so that nothing of it costs money any more.

Prints what it will delete and asks. Refuses while the stage has other uploads than rejected and
aborted ones, unless `DELETE_UPLOADS=1` is set. It checks that at the beginning, after the
application is deleted, and before it empties the bucket. The data is deleted last. After an
interruption the same command continues. The values of an operator stay in config.json, so that the
stage can be created again.
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
from deploy import bucket, holdings, migration, preflight
from deploy.changes import STEP, show
from deploy.command import arguments, client, run
from deploy.holdings import Holdings
from deploy.permissions import simulator
from deploy.steps import application, config, policies, recovery, resources
from deploy.terminal import readable
from stage import names
from stage.stage import ROOT, StageError, check_name, declared, note_path

_NOT_FOUND = frozenset({
    "404", "NoSuchBucket", "NoSuchEntity", "NotFound", "NotFoundException",
    "ResourceNotFoundException",
})  # fmt: skip
# Tries to delete a bucket to which somebody with a presigned URL still uploads.
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Remains:
    """The resources that a stage still has: their names in AWS, empty without one."""

    bucket: str
    table: str
    user_pool: str
    page_bucket: str
    environment: Mapping[str, str]


class Destruction:
    """Deletes one stage."""

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
        """The resources in the stack's outputs, or in config.json once the stack is deleted."""
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
        """The uploads that people would miss; without the table every object counts."""
        if not self._has_bucket(remains.bucket):
            return Holdings()
        return holdings.look(self._uploads(remains), self._client("s3"), remains.bucket)

    def check(self, remains: Remains, consequence: str) -> None:
        """Raise StageError while the stage has uploads that people would miss."""
        if not self._delete_uploads:
            self.refuse(self.holdings(remains), consequence)

    def refuse(self, contents: Holdings, consequence: str) -> None:
        """Raise StageError for uploads that people would miss, unless they are to be deleted."""
        if contents and not self._delete_uploads:
            raise StageError(
                f"{self._stage} holds {contents}: {consequence}; DELETE_UPLOADS=1 deletes them too"
            )

    def show_plan(self, remains: Remains, contents: Holdings) -> None:
        """Print what will be deleted."""
        account, caller = preflight.identity(self._session)
        region = str(self._session.region_name)
        print(f"To be deleted, of stage {self._stage} in {region}, {account}:")
        functions = ", ".join(self._functions())
        show("application", f"{functions}; their roles, logs and APIs", STEP)
        show("stack", resources.stack_name(self._stage), STEP)
        if remains.bucket:
            show("bucket", f"{remains.bucket}: {contents}", STEP)
            show("table", remains.table, STEP)
            show("user pool", f"{remains.user_pool}, with its accounts", STEP)
        if warning := simulator.warning(
            self._client("iam"), caller, "destroy", self._stage, region
        ):
            print(warning)

    def run(self, remains: Remains) -> None:
        """Delete the stage; stops if an upload has arrived meanwhile."""
        print("application", flush=True)
        self._delete_application()
        self.check(
            remains,
            "the application is deleted, the data is kept; `make deploy` restores the application",
        )
        print("page", flush=True)
        self._empty(remains.page_bucket)
        print("stack", flush=True)
        if resources.delete(self._client("cloudformation"), self._stage):
            show(resources.stack_name(self._stage), "deleted")
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
        """The uploads of the table; none if it is deleted."""
        table = remains.table
        if not table or not self._exists("dynamodb", "describe_table", TableName=table):
            return
        settings = load_settings(
            {**remains.environment, "AWS_REGION": str(self._session.region_name)}
        )
        yield from table_of(settings, self._client("dynamodb"), lambda: datetime.now(UTC)).scan()

    def _delete_application(self) -> None:
        """Let Chalice delete what its note names, then delete the rest by its names."""
        if note_path(self._stage, self._root).exists():
            try:
                application.delete(self._session, self._stage, root=self._root)
            except StageError as error:
                # Chalice fails if an interrupted run has deleted a resource already.
                print(f"  {readable(error)}: deleting by name", flush=True)
        for api in recovery.rest_apis(self._session, self._stage):
            self._delete("apigateway", "delete_rest_api", restApiId=api)
        for api in recovery.websocket_apis(self._session, self._stage):
            self._delete("apigatewayv2", "delete_api", ApiId=api)
        self._delete_schedule()
        for function in self._functions():
            self._delete("lambda", "delete_function", FunctionName=function)
        for name in policies.templates(self._root):
            role = names.role_name(self._stage, name)
            self._delete("iam", "delete_role_policy", RoleName=role, PolicyName=role)
            self._delete("iam", "delete_role", RoleName=role)
        # Last: a running function would create its log again.
        # Chalice creates an unused one, which has the name of the API's handler.
        for function in (*self._functions(), names.role_name(self._stage, "api_handler")):
            group = names.log_group(function)
            self._delete("logs", "delete_log_group", logGroupName=group)

    def _delete_schedule(self) -> None:
        """Delete the sweep's rule; EventBridge refuses to delete a rule that has targets."""
        rule = names.schedule_name(self._stage, "sweep")
        if self._exists("events", "describe_rule", Name=rule):
            events = self._client("events")
            targets = events.list_targets_by_rule(Rule=rule)["Targets"]
            # An interrupted run may have removed them; EventBridge refuses an empty list.
            if targets:
                events.remove_targets(Rule=rule, Ids=[target["Id"] for target in targets])
            self._delete("events", "delete_rule", Name=rule)

    def _functions(self) -> list[str]:
        """The names in AWS of the functions that Chalice creates."""
        return [names.function_name(self._stage, name) for name in policies.templates(self._root)]

    def _delete_bucket(self, remains: Remains) -> None:
        for remaining in reversed(range(_TRIES)):
            self.check(remains, "application and stack are deleted, bucket and table are kept")
            self._empty(remains.bucket)
            try:
                if self._has_bucket(remains.bucket):
                    self._delete("s3", "delete_bucket", Bucket=remains.bucket)
            except ClientError as error:
                if not remaining or _code(error) != "BucketNotEmpty":
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
        if pool and self._exists("cognito-idp", "describe_user_pool", UserPoolId=pool):
            cognito = self._client("cognito-idp")
            cognito.update_user_pool(UserPoolId=pool, DeletionProtection="INACTIVE")
            self._delete("cognito-idp", "delete_user_pool", UserPoolId=pool)

    def _has_bucket(self, name: str) -> bool:
        return bool(name) and self._exists("s3", "head_bucket", Bucket=name)

    def _exists(self, service: str, operation: str, **names: str) -> bool:
        """Call an operation on a resource; returns whether the resource exists."""
        try:
            getattr(self._client(service), operation)(**names)
        except ClientError as error:
            if _code(error) in _NOT_FOUND:
                return False
            raise
        return True

    def _delete(self, service: str, operation: str, **names: str) -> None:
        """Delete a resource; one that is deleted already is no error."""
        if self._exists(service, operation, **names):
            show(next(iter(names.values())), "deleted")

    def _client(self, service: str) -> Any:
        return client(self._session, service)


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code"))


def _ask(stage: str) -> None:
    try:
        answer = input(f"Type {stage} to delete it: ")
    except EOFError:
        answer = ""
    if answer.strip() != stage:
        raise StageError("Nothing was deleted; YES=1 skips the question")


def main() -> int:
    """Run the command; returns the exit status."""
    parser = arguments("destroy", __doc__, stage="STAGE: a stage of .chalice/config.json")
    parser.add_argument("--yes", action="store_true", help="YES=1: do not ask")
    parser.add_argument(
        "--delete-uploads", action="store_true", help="DELETE_UPLOADS=1: delete all uploads too"
    )

    def work(options: argparse.Namespace) -> None:
        check_name(options.stage)
        declared(options.stage)
        session = preflight.session("", config.recorded_region(options.stage))
        destruction = Destruction(session, options.stage, delete_uploads=options.delete_uploads)
        remains = destruction.remains()
        contents = destruction.holdings(remains)
        destruction.show_plan(remains, contents)
        destruction.refuse(contents, "nothing was deleted")
        if not options.yes:
            _ask(options.stage)
        destruction.run(remains)
        print(f"{options.stage} is deleted; .chalice/config.json still has your settings")

    return run(parser, work)


if __name__ == "__main__":
    sys.exit(main())
