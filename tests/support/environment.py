"""The environment of the tests, and the clean one of the processes that they start.

`conftest.py` sets the environment of the stage `test` before `app` is imported. Tests start their
processes with `CLEAN_ENVIRONMENT`, which names no stage and no AWS account.
"""

import os

REGION = "eu-west-1"
BUCKET = "hoist-test"
TABLE = "hoist-test"
RESULTS_TOPIC = f"arn:aws:sns:{REGION}:123456789012:hoist-test-results"
NOTIFICATIONS_TOPIC = f"arn:aws:sns:{REGION}:123456789012:hoist-test-notifications"
UPLOADER_ROLE = "arn:aws:iam::123456789012:role/hoist-test-uploader"
PAGE_ORIGIN = "https://files.example.com"

CLEAN_ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("HOIST_", "AWS_", "MAKE"))
}
HOIST_ENVIRONMENT = {
    "HOIST_STAGE": "test",
    "AWS_REGION": REGION,
    "HOIST_BUCKET": BUCKET,
    "HOIST_TABLE": TABLE,
    "HOIST_RESULTS_TOPIC_ARN": RESULTS_TOPIC,
    "HOIST_NOTIFICATIONS_TOPIC_ARN": NOTIFICATIONS_TOPIC,
    "HOIST_USER_POOL_ARN": f"arn:aws:cognito-idp:{REGION}:123456789012:userpool/{REGION}_Test",
    "HOIST_UPLOADER_ROLE_ARN": UPLOADER_ROLE,
    "HOIST_PAGE_ORIGIN": PAGE_ORIGIN,
    "HOIST_WEBSOCKET_URL": f"wss://socket.execute-api.{REGION}.amazonaws.com/api",
}
# Keep the developer's own AWS account out of a test.
AWS_ENVIRONMENT = {
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def enter() -> None:
    """Make this process's environment that of the stage `test`."""
    for name in os.environ.keys() - CLEAN_ENVIRONMENT.keys():
        del os.environ[name]
    os.environ.update(HOIST_ENVIRONMENT | AWS_ENVIRONMENT)
