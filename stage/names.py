"""What AWS calls the pieces of a stage that Chalice makes; `local` calls its functions alike."""

APP = "hoist"


def function_name(stage: str, name: str) -> str:
    """What AWS calls one of Chalice's functions; the API's is called like the stage."""
    return f"{APP}-{stage}" if name == "api_handler" else role_name(stage, name)


def role_name(stage: str, name: str) -> str:
    """What AWS calls the role of one of Chalice's functions, and the policy in it."""
    return f"{APP}-{stage}-{name}"


def schedule_name(stage: str, name: str) -> str:
    """What AWS calls the EventBridge rule that invokes one of Chalice's functions."""
    return f"{APP}-{stage}-{name}-event"


def log_group(function: str) -> str:
    """Where Lambda keeps what a function writes."""
    return f"/aws/lambda/{function}"
