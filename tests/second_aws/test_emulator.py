"""The bridges of the second emulator for S3, CloudFormation, API Gateway and CloudFront.

Each test describes AWS's behaviour. The bridge in `emulator/` that adds it names AWS's document.
"""

import json
import re
import secrets
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from tests.second_aws.aws import Aws, needs_ministack
from tests.second_aws.new_resources import bucket, name, presigning
from tests.support.environment import REGION
from tests.support.running import call, crc64nvme

pytestmark = [pytest.mark.system, needs_ministack]

MIB = 1024 * 1024


def test_the_checksum_of_a_multipart_upload_is_that_of_the_full_object(aws: Aws) -> None:
    s3 = aws.client("s3")
    target = {"Bucket": bucket(aws), "Key": "a.bin"}
    bodies = [secrets.token_bytes(5 * MIB), b"the rest"]
    upload = s3.create_multipart_upload(**target, ChecksumAlgorithm="CRC64NVME")
    assert upload["ChecksumType"] == "FULL_OBJECT"
    target["UploadId"] = upload["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(
                **target, PartNumber=number, Body=body, ChecksumAlgorithm="CRC64NVME"
            )["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]

    def complete(checksum: str) -> Any:
        return s3.complete_multipart_upload(
            **target, MultipartUpload={"Parts": parts}, ChecksumCRC64NVME=checksum
        )

    with pytest.raises(ClientError, match="BadDigest"):
        complete(crc64nvme(b"other"))
    whole = crc64nvme(b"".join(bodies))
    complete(whole)
    del target["UploadId"]
    head = s3.head_object(**target, ChecksumMode="ENABLED")
    assert (head["ChecksumCRC64NVME"], head["ChecksumType"]) == (whole, "FULL_OBJECT")


TEMPLATE = """
Parameters:
  Domains: {Type: CommaDelimitedList, Default: ""}
  Length: {Type: Number, Default: 12}
  AdminOnly: {Type: String, Default: "true"}
Conditions:
  HasDomains: !Not [!Equals [!Join ["", !Ref Domains], ""]]
Resources:
  Conditional:
    Type: AWS::SNS::Topic
    Condition: HasDomains
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      ComparisonOperator: GreaterThanThreshold
      EvaluationPeriods: 1
      Threshold: 0
      Metrics:
        - {Id: both, Expression: a + 1}
        - Id: a
          ReturnData: false
          MetricStat:
            Metric: {Namespace: AWS/Lambda, MetricName: Errors}
            Period: 60
            Stat: Sum
  Pool:
    Type: AWS::Cognito::UserPool
    Properties:
      Policies: {PasswordPolicy: {MinimumLength: !Ref Length}}
      AdminCreateUserConfig: {AllowAdminCreateUserOnly: !Ref AdminOnly}
"""


@pytest.mark.parametrize("domains", ["", "example.com,example.org"])
def test_a_stack_has_joined_conditions_expressions_and_typed_parameters(
    aws: Aws, domains: str
) -> None:
    cloudformation, stack = aws.client("cloudformation"), name()
    parameters = [{"ParameterKey": "Domains", "ParameterValue": domains}]
    cloudformation.create_stack(StackName=stack, TemplateBody=TEMPLATE, Parameters=parameters)
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 0.1}
    )
    ids = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    }
    assert ("Conditional" in ids) == bool(domains)
    cloudwatch = aws.client("cloudwatch")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[ids["Alarm"]])["MetricAlarms"]
    assert [metric["Id"] for metric in alarm["Metrics"]] == ["both", "a"]
    assert "MetricName" not in alarm
    pool = aws.client("cognito-idp").describe_user_pool(UserPoolId=ids["Pool"])["UserPool"]
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 12
    assert pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] is True


def document(title: str, pool_arn: str) -> dict[str, Any]:
    """An API of one route in Chalice's form: with an authorizer and a preflight."""
    mock = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "passthroughBehavior": "when_no_match",
    }
    header = "method.response.header.Access-Control-Allow-Origin"
    preflight = {"statusCode": "200", "responseParameters": {header: "'*'"}}
    origin = {"Access-Control-Allow-Origin": {"type": "string"}}
    return {
        "swagger": "2.0",
        "info": {"title": title, "version": "1.0"},
        "paths": {
            "/files": {
                "get": {
                    "responses": {"200": {}},
                    "security": [{"people": []}],
                    "x-amazon-apigateway-integration": mock
                    | {"responses": {"default": {"statusCode": "200"}}},
                },
                "options": {
                    "responses": {"200": {"headers": origin}},
                    "x-amazon-apigateway-integration": mock | {"responses": {"default": preflight}},
                },
            }
        },
        "securityDefinitions": {
            "people": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "cognito_user_pools",
                "x-amazon-apigateway-authorizer": {
                    "type": "cognito_user_pools",
                    "providerARNs": [pool_arn],
                },
            }
        },
    }


def test_an_account_is_confirmed_with_the_code_in_an_email(aws: Aws) -> None:
    cognito = aws.client("cognito-idp", signature_version=UNSIGNED)
    pool = aws.client("cognito-idp").create_user_pool(
        PoolName=name(), UsernameAttributes=["email"], AutoVerifiedAttributes=["email"]
    )["UserPool"]["Id"]
    client = aws.client("cognito-idp").create_user_pool_client(UserPoolId=pool, ClientName="page")
    person = {
        "ClientId": client["UserPoolClient"]["ClientId"],
        "Username": f"{name()}@example.com",
    }
    cognito.sign_up(**person, Password="Upload-me-1!")
    with pytest.raises(ClientError, match="CodeMismatchException"):
        cognito.confirm_sign_up(**person, ConfirmationCode="000000")
    (mail,) = aws.mails(person["Username"])
    cognito.confirm_sign_up(**person, ConfirmationCode=re.findall(r"\d{6}", mail)[0])


def token(aws: Aws) -> tuple[str, str]:
    """A user pool's ARN and the id token of a user in it."""
    cognito = aws.client("cognito-idp")
    pool = cognito.create_user_pool(PoolName=name())["UserPool"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool["Id"], ClientName="page", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    user = {"UserPoolId": pool["Id"], "Username": "ann"}
    cognito.admin_create_user(**user, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(**user, Password="Upload-me-1!", Permanent=True)
    answer = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "ann", "PASSWORD": "Upload-me-1!"},
    )
    return pool["Arn"], answer["AuthenticationResult"]["IdToken"]


def test_an_imported_api_answers_under_its_host_name(aws: Aws) -> None:
    pool_arn, id_token = token(aws)
    gateway = aws.client("apigateway")
    api = gateway.import_rest_api(body=json.dumps(document("first", pool_arn)))
    assert api["name"] == "first"
    gateway.create_deployment(restApiId=api["id"], stageName="dev")
    url = f"https://{api['id']}.execute-api.{REGION}.amazonaws.com/dev/files"
    preflight = call("OPTIONS", url, headers={"Origin": "https://example.com"})
    assert preflight.headers["Access-Control-Allow-Origin"] == "*"
    assert call("GET", url).status == 401
    assert call("GET", url, headers={"Authorization": f"Bearer {id_token}"}).status == 200


def test_an_api_is_overwritten_with_its_authorizers(aws: Aws) -> None:
    pool_arn, _ = token(aws)
    gateway = aws.client("apigateway")
    api = gateway.import_rest_api(body=json.dumps(document("first", pool_arn)))["id"]
    body = document("second", pool_arn)
    body["paths"]["/others"] = body["paths"].pop("/files")
    assert gateway.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(body))["id"] == api
    assert gateway.get_rest_api(restApiId=api)["name"] == "second"
    paths = {each["path"] for each in gateway.get_resources(restApiId=api)["items"]}
    assert paths == {"/", "/others"}
    assert len(gateway.get_authorizers(restApiId=api)["items"]) == 1
    with pytest.raises(ClientError, match="NotFound"):
        gateway.put_rest_api(restApiId="none", mode="overwrite", body=json.dumps(body))


def test_cloudfront_requests_a_bucket_as_a_custom_origin(aws: Aws) -> None:
    source = bucket(aws)
    target = {"Bucket": source, "Key": "a.txt"}
    aws.client("s3").put_object(**target, Body=b"hello")
    signed = presigning(aws).generate_presigned_url("get_object", target)
    host = f"{source}.s3.{REGION}.amazonaws.com"
    origin = {
        "Id": "bucket",
        "DomainName": host,
        "CustomOriginConfig": {
            "HTTPPort": 80,
            "HTTPSPort": 443,
            "OriginProtocolPolicy": "https-only",
        },
    }
    distribution = aws.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": name(),
            "Comment": "",
            "Enabled": True,
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": {
                "TargetOriginId": "bucket",
                "ViewerProtocolPolicy": "https-only",
                # AWS's own: CachingDisabled, and AllViewerExceptHostHeader.
                "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
                "OriginRequestPolicyId": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
            },
        }
    )["Distribution"]
    answer = call("GET", signed.replace(host, distribution["DomainName"]))
    assert (answer.status, answer.body) == (200, b"hello")
