"""A team that deploys into the second AWS, with an IAM user for each command.

Each user has exactly the policies that `make permissions` prints for the command and the stage.
"""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.permissions.policy import documents
from tests.second_aws.aws import ACCOUNT, Aws, Keys
from tests.support.deploying import DEPLOY, OFFLINE, Project, copy
from tests.support.environment import REGION
from tests.support.running import ROOT, Client, call

PASSWORD = "Upload-me-1"


@dataclass
class Team(Project):
    """A copy of this project, and the users of its commands; `calls` has their AWS calls."""

    aws: Aws
    calls: Path
    users: dict[tuple[str, str], Keys] = field(default_factory=dict)

    def start(
        self, module: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start a command as the user with exactly its permissions."""
        command = module.removeprefix("deploy.").replace("_", "-")
        stage = arguments[arguments.index("--stage") + 1]
        return super().start(
            module,
            *arguments,
            environment={
                **self.aws.environment(self.user(command, stage)),
                "AWS_CALLS": str(self.calls / command),
                **(environment or {}),
            },
        )

    def user(self, command: str, stage: str) -> Keys:
        """The credentials of a command's user; creates the user if it is missing."""
        if (command, stage) not in self.users:
            iam = self.aws.client("iam")
            name = f"{command}-{stage}"
            iam.create_user(UserName=name)
            for number, document in enumerate(documents(command, stage, REGION)):
                policy = f"{name}-{number}"
                iam.create_policy(PolicyName=policy, PolicyDocument=json.dumps(document))
                arn = f"arn:aws:iam::{ACCOUNT}:policy/{policy}"
                iam.attach_user_policy(UserName=name, PolicyArn=arn)
            key = iam.create_access_key(UserName=name)["AccessKey"]
            self.users[command, stage] = Keys(key["AccessKeyId"], key["SecretAccessKey"])
        return self.users[command, stage]

    def deploy(self, *arguments: str, stage: str = "dev", status: int = 0) -> str:
        return self.run("deploy", *DEPLOY, "--stage", stage, *arguments, status=status)

    def environment_of(self, stage: str = "dev") -> dict[str, str]:
        """The environment of a stage's functions."""
        variables: dict[str, str] = self.config(stage)["environment_variables"]
        return variables

    def page_origin(self, stage: str = "dev") -> str:
        return self.environment_of(stage)["HOIST_PAGE_ORIGIN"]

    def sign_in(self, email: str, stage: str = "dev") -> Client:
        """A client of a stage's API for an account; creates the account if it is missing."""
        config = call("GET", f"{self.page_origin(stage)}/config.json").json
        cognito = self.aws.client("cognito-idp")
        account = {"UserPoolId": config["user_pool_id"], "Username": email}
        try:
            cognito.admin_create_user(**account, MessageAction="SUPPRESS")
        except cognito.exceptions.UsernameExistsException:
            pass
        else:
            cognito.admin_set_user_password(**account, Password=PASSWORD, Permanent=True)
        tokens = cognito.initiate_auth(
            AuthFlow="USER_PASSWORD_AUTH",
            ClientId=config["user_pool_client_id"],
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
        )["AuthenticationResult"]
        return Client(config["api_url"], tokens["IdToken"])


def team_in(folder: Path, aws: Aws) -> Team:
    """A new copy of this project for an emulator, with the built page."""
    copy(folder / "project", page=ROOT / "frontend" / "dist")
    (folder / "calls").mkdir()
    return Team(folder / "project", OFFLINE, aws, folder / "calls")
