"""The account, the region and the names of the local stage, and the keys that open its servers."""

REGION = "eu-west-1"
ACCOUNT = "123456789012"
PREFIX = "hoist-local"  # starts the name of everything that the stage has
BUCKET = PREFIX
TABLE = f"{PREFIX}-uploads"
DEAD_LETTERS = f"{PREFIX}-dead-letters"
ACCESS_KEY = PREFIX
SECRET_KEY = f"{PREFIX}-secret"  # opens nothing but the servers on this machine


def arn(service: str, resource: str) -> str:
    """The ARN of a resource of the stage."""
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"
