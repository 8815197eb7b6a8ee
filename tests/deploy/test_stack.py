"""Two stacks of the template in one account, created by moto's CloudFormation."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from chalice.config import Config
from chalice.deploy.appgraph import ApplicationGraphBuilder
from moto import mock_aws

from chalicelib.config import load_settings
from chalicelib.items import SCHEMA
from chalicelib.keys import PREFIX
from chalicelib.upload import State
from tests.deploy.cloudformation import ACCOUNT, client
from tests.deploy.template import OUTPUTS, PARAMETERS, RESOURCES, TEXT, listed
from tests.support.environment import HOIST_ENVIRONMENT, REGION

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/4ad1f3c2-0000-4000-8000-000000000000"
WEB_ACL = "arn:aws:wafv2:us-east-1:123456789012:global/webacl"
OTHERS = {
    "Stage": "prod",
    "PageDomain": "files.example.com",
    "PageCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/4ad1f3c2-0000",
    "PageWebAclArn": f"{WEB_ACL}/page/4ad1f3c2-0000",
    "DownloadDomain": "get.example.com",
    "DownloadCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/4ad1f3c2-0001",
    "DownloadsWebAclArn": f"{WEB_ACL}/downloads/4ad1f3c2-0001",
    "PageAddresses": "https://api.example.com wss://api.example.com",
    "Alarms": "false",
    "KmsKeyArn": KEY,
    "Versioning": "Enabled",
    "UrlLifetime": "900",
    "UploadDays": "5",
    "RejectedDays": "3",
    "AdminOnlySignUp": "true",
    "SignUpDomains": "example.com,example.org",
    "SesIdentityArn": f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/example.com",
    "SesFrom": "uploads@example.com",
    "MonthlyBudget": "200",
    "OperationsEmail": "ops@example.com",
}


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack of moto with its outputs by name."""

    name: str
    outputs: Mapping[str, str]

    def bucket(self, operation: str) -> Any:
        return getattr(client("s3"), operation)(Bucket=self.outputs["Bucket"])

    def bucket_policy(self) -> list[Any]:
        statements: list[Any] = json.loads(self.bucket("get_bucket_policy")["Policy"])["Statement"]
        return statements

    def topic(self, output: str) -> Any:
        return client("sns").get_topic_attributes(TopicArn=self.outputs[output])["Attributes"]

    def subscriptions(self, output: str) -> Any:
        arn = self.outputs[output]
        return client("sns").list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]

    def user_pool(self) -> Any:
        pool = self.outputs["UserPoolArn"].rpartition("/")[2]
        return client("cognito-idp").describe_user_pool(UserPoolId=pool)["UserPool"]

    def user_pool_client(self) -> Any:
        return client("cognito-idp").describe_user_pool_client(
            UserPoolId=self.user_pool()["Id"], ClientId=self.outputs["UserPoolClientId"]
        )["UserPoolClient"]

    def uploader(self) -> Any:
        role = self.outputs["UploaderRoleArn"].rpartition("/")[2]
        return client("iam").get_role(RoleName=role)["Role"]

    def policies(self, role: str) -> dict[str, list[Any]]:
        iam = client("iam")
        names = iam.list_role_policies(RoleName=role)["PolicyNames"]
        documents = {n: iam.get_role_policy(RoleName=role, PolicyName=n) for n in names}
        return {n: result["PolicyDocument"]["Statement"] for n, result in documents.items()}

    def distribution(self, comment: str) -> Any:
        result = client("cloudfront").list_distributions()["DistributionList"]["Items"]
        stage = self.name.removeprefix("hoist-")
        (created,) = [each for each in result if each["Comment"] == f"Hoist {stage}, {comment}"]
        return client("cloudfront").get_distribution_config(Id=created["Id"])["DistributionConfig"]

    def functions(self) -> list[Any]:
        result = client("lambda").list_functions()["Functions"]
        return [function for function in result if function["FunctionName"].startswith(self.name)]


def made_with(name: str, parameters: Mapping[str, str]) -> Stack:
    cloudformation_client = client("cloudformation")
    cloudformation_client.create_stack(
        StackName=name,
        TemplateBody=TEXT,
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
    )
    (stack,) = cloudformation_client.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    return Stack(
        name, {created["OutputKey"]: created["OutputValue"] for created in stack["Outputs"]}
    )


@pytest.fixture(scope="module")
def stacks() -> Iterator[tuple[Stack, Stack]]:
    """The stage `dev` with the defaults, and `prod` with other parameters. No test changes them."""
    with mock_aws():
        yield made_with("hoist-dev", {}), made_with("hoist-prod", OTHERS)


@pytest.fixture
def dev(stacks: tuple[Stack, Stack]) -> Stack:
    return stacks[0]


@pytest.fixture
def prod(stacks: tuple[Stack, Stack]) -> Stack:
    return stacks[1]


def test_prod_differs_from_the_defaults_in_every_parameter() -> None:
    assert {name for name in PARAMETERS if str(PARAMETERS[name]["Default"]) != OTHERS[name]} == {
        *OTHERS
    }


def test_two_stages_share_an_account_and_nothing_else(dev: Stack, prod: Stack) -> None:
    assert dev.outputs.keys() == prod.outputs.keys() == OUTPUTS.keys()
    assert [name for name in OUTPUTS if dev.outputs[name] == prod.outputs[name]] == ["Region"]


def test_the_outputs_are_valid_settings(dev: Stack) -> None:
    variables = {
        OUTPUTS[name]["Description"].partition(":")[0]: value
        for name, value in dev.outputs.items()
        if OUTPUTS[name]["Description"].startswith("HOIST_")
    }

    settings = load_settings({**HOIST_ENVIRONMENT, **variables})

    assert settings.bucket == dev.outputs["Bucket"]
    assert settings.user_pool_arn == dev.outputs["UserPoolArn"]


def test_the_bucket_has_no_public_access(dev: Stack) -> None:
    blocked = dev.bucket("get_public_access_block")["PublicAccessBlockConfiguration"]
    owned = dev.bucket("get_bucket_ownership_controls")["OwnershipControls"]["Rules"]

    assert len(blocked) == 4
    assert all(blocked.values())
    assert owned == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def encryption(stack: Stack) -> Any:
    (rule,) = stack.bucket("get_bucket_encryption")["ServerSideEncryptionConfiguration"]["Rules"]
    return rule


def test_objects_are_encrypted_by_s3_or_with_the_stages_key(dev: Stack, prod: Stack) -> None:
    assert encryption(dev)["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert encryption(prod) == {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY},
        "BucketKeyEnabled": True,
    }


def test_versions_are_kept_if_a_parameter_says_so(dev: Stack, prod: Stack) -> None:
    assert dev.bucket("get_bucket_versioning")["Status"] == "Suspended"
    assert prod.bucket("get_bucket_versioning")["Status"] == "Enabled"


@pytest.mark.parametrize(
    ("stage", "origin"), [(0, r"https://\w+\.cloudfront\.net"), (1, r"https://files\.example\.com")]
)
def test_browsers_may_upload_only_from_the_page(
    stacks: tuple[Stack, Stack], stage: int, origin: str
) -> None:
    page = stacks[stage].outputs["PageOrigin"]
    (rule,) = stacks[stage].bucket("get_bucket_cors")["CORSRules"]

    assert re.fullmatch(origin, page)
    assert rule["AllowedOrigins"] == [page]
    assert rule["AllowedMethods"] == ["PUT", "POST", "GET", "HEAD"]
    assert rule["AllowedHeaders"] == ["*"]
    assert rule["ExposeHeaders"] == ["ETag", "Retry-After", "x-amz-checksum-crc64nvme"]


@pytest.mark.parametrize(("stage", "upload_days", "rejected_days"), [(0, 7, 7), (1, 5, 3)])
def test_abandoned_rejected_and_overwritten_objects_expire(
    stacks: tuple[Stack, Stack], stage: int, upload_days: int, rejected_days: int
) -> None:
    parts, rejected, old = stacks[stage].bucket("get_bucket_lifecycle_configuration")["Rules"]

    assert parts["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": upload_days}
    assert rejected["Filter"] == {"Tag": {"Key": "state", "Value": State.REJECTED.value}}
    assert rejected["Expiration"] == {"Days": rejected_days}
    assert old["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert old["Expiration"] == {"ExpiredObjectDeleteMarker": True}
    assert {rule["Status"] for rule in (parts, rejected, old)} == {"Enabled"}


OTHER_SIGNATURES = "RefuseOtherSignatures"
LONG_AGO = "RefuseWhatWasPresignedLongAgo"
SIGNED = {
    "aws:SecureTransport": "true",
    "s3:TlsVersion": "1.3",
    "s3:signatureversion": "AWS4-HMAC-SHA256",
    "s3:authType": "REST-HEADER",
    "aws:PrincipalIsAWSService": "false",
}
PRESIGNED = SIGNED | {"s3:authType": "REST-QUERY-STRING"}
FORM = SIGNED | {"s3:authType": "POST"}
ANONYMOUS = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}


@pytest.mark.parametrize(
    ("request_context", "refused_by"),
    [
        pytest.param(SIGNED, None, id="signed"),
        pytest.param(SIGNED | {"s3:TlsVersion": "1.2"}, None, id="tls-1.2"),
        pytest.param(SIGNED | {"s3:TlsVersion": "1.1"}, "RefuseOldTls", id="tls-1.1"),
        pytest.param(SIGNED | {"aws:SecureTransport": "false"}, "RefusePlainHttp", id="http"),
        pytest.param(SIGNED | {"s3:signatureAge": "900001"}, None, id="signed-in-the-header"),
        pytest.param(PRESIGNED | {"s3:signatureAge": "0"}, None, id="presigned"),
        pytest.param(PRESIGNED | {"s3:signatureAge": "900000"}, None, id="presigned-900-s-ago"),
        pytest.param(PRESIGNED | {"s3:signatureAge": "900001"}, LONG_AGO, id="presigned-before"),
        pytest.param(FORM | {"s3:signatureAge": "900001"}, LONG_AGO, id="form-of-before"),
        pytest.param(PRESIGNED | {"s3:signatureversion": "AWS"}, OTHER_SIGNATURES, id="version-2"),
        pytest.param(ANONYMOUS, OTHER_SIGNATURES, id="anonymous"),
        pytest.param(ANONYMOUS | {"aws:PrincipalIsAWSService": "true"}, None, id="aws-itself"),
    ],
)
def test_the_bucket_refuses_insecure_requests(
    prod: Stack, request_context: Mapping[str, str], refused_by: str | None
) -> None:
    refusing = [
        statement["Sid"]
        for statement in prod.bucket_policy()
        if holds(statement["Condition"], request_context)
    ]

    assert refusing == ([refused_by] if refused_by else [])


def test_the_bucket_refuses_them_for_every_caller_and_key(dev: Stack) -> None:
    arn = f"arn:aws:s3:::{dev.outputs['Bucket']}"

    for statement in dev.bucket_policy():
        assert statement["Effect"] == "Deny"
        assert statement["Principal"] == "*"
        assert statement["Action"] == "s3:*"
        assert statement["Resource"] == [arn, f"{arn}/*"]


def test_the_table_expires_items_and_can_be_restored(dev: Stack) -> None:
    dynamodb, table = client("dynamodb"), dev.outputs["Table"]
    keys = dynamodb.describe_table(TableName=table)["Table"]
    due = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]

    assert keys["KeySchema"] == SCHEMA["KeySchema"]
    for index, declared in zip(
        keys["GlobalSecondaryIndexes"], SCHEMA["GlobalSecondaryIndexes"], strict=True
    ):
        assert {name: index[name] for name in declared} == declared
    assert not keys.get("LocalSecondaryIndexes")
    assert due == {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    recovery = backups["PointInTimeRecoveryDescription"]
    assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


@pytest.mark.parametrize(
    ("output", "key"),
    [
        ("ResultsTopicArn", "alias/aws/sns"),
        ("NotificationsTopicArn", "alias/aws/sns"),
        ("OperationsTopicArn", None),  # alarms could not be sent
    ],
)
def test_topics_are_encrypted_if_their_publishers_can_use_the_key(
    dev: Stack, output: str, key: str | None
) -> None:
    assert dev.topic(output).get("KmsMasterKeyId") == key


def test_only_alarms_of_the_account_reach_the_operations_topic(dev: Stack) -> None:
    _, allowed = json.loads(dev.topic("OperationsTopicArn")["Policy"])["Statement"]

    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Action"] == "sns:Publish"
    assert allowed["Resource"] == dev.outputs["OperationsTopicArn"]
    assert allowed["Condition"] == {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:*"},
    }


def test_the_operators_address_is_subscribed_if_there_is_one(dev: Stack, prod: Stack) -> None:
    assert dev.subscriptions("OperationsTopicArn") == []
    (subscription,) = prod.subscriptions("OperationsTopicArn")
    assert subscription["Protocol"] == "email"
    assert subscription["Endpoint"] == OTHERS["OperationsEmail"]


def test_dead_letters_are_kept_for_fourteen_days_and_encrypted(dev: Stack) -> None:
    queue = dev.outputs["DeadLettersArn"].rpartition(":")[2]
    url = client("sqs").get_queue_url(QueueName=queue)["QueueUrl"]
    result = client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    assert result["MessageRetentionPeriod"] == str(14 * 24 * 3600)
    assert result["SqsManagedSseEnabled"] == "true"


def test_an_account_has_a_verified_address(dev: Stack) -> None:
    pool = dev.user_pool()

    assert pool["UsernameAttributes"] == pool["AutoVerifiedAttributes"] == ["email"]
    assert pool["UsernameConfiguration"] == {"CaseSensitive": False}
    assert pool["UserAttributeUpdateSettings"] == {
        "AttributesRequireVerificationBeforeUpdate": ["email"]
    }
    assert pool["AccountRecoverySetting"]["RecoveryMechanisms"] == [
        {"Name": "verified_email", "Priority": 1}
    ]
    assert pool["DeletionProtection"] == "ACTIVE"


@pytest.mark.parametrize(("stage", "admin_only"), [(0, False), (1, True)])
def test_a_stage_chooses_who_creates_accounts_and_passwords_have_ten_characters(
    stacks: tuple[Stack, Stack],
    stage: int,
    admin_only: bool,  # noqa: FBT001
) -> None:
    pool = stacks[stage].user_pool()

    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 10
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is admin_only


def test_the_pages_client_allows_only_the_flows_of_its_code(dev: Stack) -> None:
    page = (ROOT / "frontend" / "src" / "page" / "account" / "cognito.ts").read_text(
        encoding="utf-8"
    )
    flows = set(re.findall(r'initiateAuth\(cognito, "(\w+)"', page))
    result = dev.user_pool_client()

    assert {f"ALLOW_{flow.removesuffix('_AUTH')}_AUTH" for flow in flows} == {
        *result["ExplicitAuthFlows"]
    }
    assert "ClientSecret" not in result
    assert result["EnableTokenRevocation"] is True
    assert result["PreventUserExistenceErrors"] == "ENABLED"
    assert result["WriteAttributes"] == ["email"]
    assert (result["IdTokenValidity"], result["AccessTokenValidity"]) == (1, 1)
    assert result["RefreshTokenValidity"] == 30
    assert result["TokenValidityUnits"] == {
        "IdToken": "hours",
        "AccessToken": "hours",
        "RefreshToken": "days",
    }


def test_without_domains_there_is_no_sign_up_function(dev: Stack) -> None:
    assert dev.functions() == []
    assert not dev.user_pool().get("LambdaConfig")


def test_with_domains_only_this_pool_may_call_the_sign_up_function(
    prod: Stack,
) -> None:
    (function,) = prod.functions()
    name, role = function["FunctionName"], function["Role"].rpartition("/")[2]
    (permission,) = json.loads(client("lambda").get_policy(FunctionName=name)["Policy"])[
        "Statement"
    ]
    (logs,) = client("logs").describe_log_groups()["logGroups"]

    triggers = ("PreSignUp", "CustomMessage", "PreTokenGeneration")
    assert prod.user_pool()["LambdaConfig"] == dict.fromkeys(triggers, function["FunctionArn"])
    assert function["Environment"]["Variables"] == {"DOMAINS": OTHERS["SignUpDomains"]}
    assert permission["Principal"] == {"Service": "cognito-idp.amazonaws.com"}
    conditions = {
        key: value for kind in permission["Condition"].values() for key, value in kind.items()
    }
    assert conditions["AWS:SourceArn"] == prod.outputs["UserPoolArn"]
    ((statement,),) = prod.policies(role).values()
    assert statement["Action"] == ["logs:CreateLogStream", "logs:PutLogEvents"]
    assert logs["retentionInDays"] == 30


def test_only_the_api_function_can_assume_the_uploader_role(prod: Stack) -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text(encoding="utf-8"))
    chalice = ApplicationGraphBuilder()._create_role_reference(
        Config.create(
            project_dir=str(ROOT),
            app_name=config["app_name"],
            autogen_policy=config["autogen_policy"],
        ),
        "prod",
        "api_handler",
    )
    (trusted,) = prod.uploader()["AssumeRolePolicyDocument"]["Statement"]

    assert trusted["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert trusted["Action"] == "sts:AssumeRole"
    role = f"arn:aws:iam::{ACCOUNT}:role/{chalice.role_name}"  # type: ignore[attr-defined]
    assert trusted["Condition"] == {"ArnLike": {"aws:PrincipalArn": role}}
    assert prod.uploader()["MaxSessionDuration"] == 3600


def test_the_uploader_reaches_only_objects_under_the_prefix(dev: Stack) -> None:
    bucket = f"arn:aws:s3:::{dev.outputs['Bucket']}"
    ((*statements,),) = dev.policies(dev.uploader()["RoleName"]).values()

    allowed = {
        action: statement
        for statement in statements
        if statement["Effect"] == "Allow"
        for action in listed(statement["Action"])
    }
    of_objects = {
        "s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
    }  # fmt: skip
    listing = {"s3:ListBucket", "s3:ListBucketMultipartUploads"}
    assert allowed.keys() == of_objects | listing | {"s3:GetBucketLocation"}
    assert {allowed[action]["Resource"] for action in of_objects} == {f"{bucket}/{PREFIX}*"}
    for action in listing:
        assert allowed[action]["Resource"] == bucket
        assert allowed[action]["Condition"] == {"StringLike": {"s3:prefix": f"{PREFIX}*"}}
    assert allowed["s3:GetBucketLocation"]["Resource"] == bucket


@pytest.mark.parametrize(
    ("path", "is_sent"),
    [
        ("o/a", True),
        ("o/2026/a.txt", True),
        ("o/a//b", True),
        ("o/..a/b../.../.hidden", True),
        ("o/../b", False),
        ("o/a/../b", False),
        ("o/a/..", False),
        ("o/./a", False),
        ("o/.", False),
        ("o/a/./../b", False),
    ],
)
def test_the_uploader_puts_no_key_that_http_clients_cannot_request(
    dev: Stack,
    path: str,
    is_sent: bool,  # noqa: FBT001
) -> None:
    ((*statements,),) = dev.policies(dev.uploader()["RoleName"]).values()
    put = "s3:PutObject", f"arn:aws:s3:::{dev.outputs['Bucket']}/{PREFIX}{path}"

    assert decision(statements, *put, {}) is is_sent


TAG, AUTH = "s3:ExistingObjectTag/state", "s3:authType"
GETS = {
    "what is not checked yet": ({AUTH: "REST-HEADER"}, True),
    "what was accepted": ({AUTH: "REST-HEADER", TAG: "accepted"}, True),
    "what was rejected": ({AUTH: "REST-HEADER", TAG: "rejected"}, False),
    "what failed": ({AUTH: "REST-HEADER", TAG: "failed"}, False),
    "by a presigned URL": ({AUTH: "REST-QUERY-STRING"}, False),
    "by a presigned URL what was accepted": ({AUTH: "REST-QUERY-STRING", TAG: "accepted"}, False),
    "by a form": ({AUTH: "POST"}, False),
    "without a signature": ({}, False),
}


@pytest.mark.parametrize(("context", "read"), GETS.values(), ids=GETS)
def test_the_uploader_reads_accepted_objects_and_presigns_nothing(
    dev: Stack,
    context: dict[str, str],
    read: bool,  # noqa: FBT001
) -> None:
    """S3 requires s3:GetObject for GetObject and for HeadObject.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html
    """
    ((*statements,),) = dev.policies(dev.uploader()["RoleName"]).values()
    get = "s3:GetObject", f"arn:aws:s3:::{dev.outputs['Bucket']}/{PREFIX}o/a"

    assert decision(statements, *get, context) is read


STORAGE_CLASS = "s3:x-amz-storage-class"
OWN_KEY = "s3:x-amz-server-side-encryption-customer-algorithm"
PUTS = {
    "neither header": ({}, True),
    "the class STANDARD": ({STORAGE_CLASS: "STANDARD"}, True),
    "encryption by S3": ({"s3:x-amz-server-side-encryption": "AES256"}, True),
    **{
        f"the class {name}": ({STORAGE_CLASS: name}, False)
        for name in (
            "DEEP_ARCHIVE",
            "EXPRESS_ONEZONE",
            "GLACIER",
            "GLACIER_IR",
            "INTELLIGENT_TIERING",
            "ONEZONE_IA",
            "REDUCED_REDUNDANCY",
            "STANDARD_IA",
            "standard",
            "",
        )
    },
    "a copy of another object": ({"s3:x-amz-copy-source": "bucket/uploads/o/a"}, False),
    "a key of the sender's": ({OWN_KEY: "AES256"}, False),
    "a key of the sender's and STANDARD": ({OWN_KEY: "AES256", STORAGE_CLASS: "STANDARD"}, False),
}


@pytest.mark.parametrize(("context", "is_sent"), PUTS.values(), ids=PUTS)
def test_the_uploader_uploads_only_objects_that_the_functions_can_read(
    dev: Stack,
    context: dict[str, str],
    is_sent: bool,  # noqa: FBT001
) -> None:
    """S3 requires s3:PutObject for PutObject, CreateMultipartUpload and UploadPart.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
    """
    ((*statements,),) = dev.policies(dev.uploader()["RoleName"]).values()
    put = "s3:PutObject", f"arn:aws:s3:::{dev.outputs['Bucket']}/{PREFIX}o/a"

    assert decision(statements, *put, context) is is_sent


def test_the_uploader_sets_no_acl_no_tag_and_no_lock(dev: Stack) -> None:
    ((*statements,),) = dev.policies(dev.uploader()["RoleName"]).values()
    actions = {action for statement in statements for action in listed(statement["Action"])}

    needed = {"s3:PutObjectAcl", "s3:PutObjectTagging", "s3:PutObjectRetention"}
    assert actions.isdisjoint(needed)
    assert not any("*" in action for action in actions)


def test_the_uploader_may_use_the_stages_key_through_s3(prod: Stack) -> None:
    policies = prod.policies(prod.uploader()["RoleName"])
    (statement,) = policies["key"]

    assert statement["Action"] == ["kms:GenerateDataKey", "kms:Decrypt"]
    assert statement["Resource"] == KEY
    assert statement["Condition"] == {
        "StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}
    }


@pytest.mark.parametrize(("comment", "domain"), [("page", "Page"), ("downloads", "Download")])
def test_a_domain_of_your_own_has_its_certificate_and_tls_1_2(
    dev: Stack, prod: Stack, comment: str, domain: str
) -> None:
    ours, theirs = dev.distribution(comment), prod.distribution(comment)

    assert ours["Aliases"]["Quantity"] == 0
    assert ours["ViewerCertificate"]["CloudFrontDefaultCertificate"] is True
    assert theirs["Aliases"]["Items"] == [OTHERS[f"{domain}Domain"]]
    certificate = theirs["ViewerCertificate"]
    assert certificate["ACMCertificateArn"] == OTHERS[f"{domain}CertificateArn"]
    assert certificate["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert theirs["WebACLId"] == OTHERS[f"{domain}{'s' * (comment == 'downloads')}WebAclArn"]
    assert ours["WebACLId"] == ""


def test_the_download_address_is_the_downloads_domain(dev: Stack, prod: Stack) -> None:
    assert dev.outputs["DownloadUrl"] == f"https://{dev.outputs['DownloadDistributionDomain']}"
    assert prod.outputs["DownloadUrl"] == "https://get.example.com"


def test_cognito_sends_mails_by_ses_if_there_is_an_identity(dev: Stack, prod: Stack) -> None:
    cognito_itself = {"EmailSendingAccount": "COGNITO_DEFAULT"}
    assert dev.user_pool()["EmailConfiguration"] == cognito_itself
    assert prod.user_pool()["EmailConfiguration"] == {
        "EmailSendingAccount": "DEVELOPER",
        "SourceArn": OTHERS["SesIdentityArn"],
        "From": OTHERS["SesFrom"],
    }


@pytest.mark.usefixtures("stacks")
def test_a_budget_notifies_operators_before_and_after_it_is_spent() -> None:
    (budget,) = client("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"]
    notifications = client("budgets").describe_notifications_for_budget(
        AccountId=ACCOUNT, BudgetName=budget["BudgetName"]
    )["Notifications"]

    assert budget["BudgetLimit"] == {"Amount": OTHERS["MonthlyBudget"], "Unit": "USD"}
    assert "CostFilters" not in budget
    assert {(each["NotificationType"], each["Threshold"]) for each in notifications} == {
        ("ACTUAL", 80),
        ("FORECASTED", 100),
    }
    declared = RESOURCES["Budget"]["Properties"]["NotificationsWithSubscribers"]
    subscriber = {"SubscriptionType": "EMAIL", "Address": {"Ref": "OperationsEmail"}}
    assert [each["Subscribers"] for each in declared] == [[subscriber]] * 2


# --- IAM's rules ----------------------------------------------------------------------------------


def decision(statements: list[Any], action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a request is allowed: a statement allows it, and none denies it.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
    """
    effects = {
        statement["Effect"]
        for statement in statements
        if action in listed(statement["Action"])
        and any(fnmatchcase(resource, each) for each in listed(statement["Resource"]))
        and holds(statement.get("Condition", {}), context)
    }
    return effects == {"Allow"}


def holds(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Whether a request meets a condition, by IAM's rules for keys that it lacks.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
    """
    return all(
        compared(operator, context.get(key), listed(expected))
        for operator, keys in condition.items()
        for key, expected in keys.items()
    )


def compared(operator: str, result: str | None, expected: list[str]) -> bool:
    if operator == "Null":
        return [str(result is None).lower()] == expected
    if result is None:
        return operator.endswith("IfExists") or operator == "StringNotEquals"
    match operator.removesuffix("IfExists"):
        case "Bool" | "StringEquals":
            return result in expected
        case "StringNotEquals":
            return result not in expected
        case "NumericLessThan":
            return float(result) < float(expected[0])
        case "NumericGreaterThan":
            return float(result) > float(expected[0])
    raise NotImplementedError(operator)
