"""The names in AWS of the resources that Chalice creates; local functions have the same names."""

APP = "hoist"


def function_name(stage: str, name: str) -> str:
    """The name of a function in AWS; the API's function has no suffix."""
    return f"{APP}-{stage}" if name == "api_handler" else role_name(stage, name)


def role_name(stage: str, name: str) -> str:
    """The name of a function's role, and of the policy in it."""
    return f"{APP}-{stage}-{name}"


def schedule_name(stage: str, name: str) -> str:
    """The name of the EventBridge rule that invokes a function."""
    return f"{APP}-{stage}-{name}-event"


def log_group(function: str) -> str:
    """The log group of a function."""
    return f"/aws/lambda/{function}"
