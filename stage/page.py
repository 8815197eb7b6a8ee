"""What a server of the page has to know: its files, its configuration, how long they are cached."""

from chalicelib.config import aws_domain
from stage.stage import Stage

CONFIG, PAGE = "config.json", "index.html"
_YEAR = 31_536_000  # seconds


def cache_control(path: str) -> str:
    """The Cache-Control of a path: a file whose name contains a hash never changes."""
    return f"public, max-age={_YEAR}, immutable" if path.startswith("assets/") else "no-cache"


def cognito_endpoint(region: str) -> str:
    """The endpoint of Cognito where the page signs in."""
    return f"https://cognito-idp.{region}.{aws_domain(region)}"


def page_config(stage: Stage, api_url: str) -> dict[str, str]:
    """The content of `/config.json`."""
    settings = stage.settings
    return {
        "api_url": api_url,
        "region": settings.region,
        "user_pool_id": settings.user_pool_arn.rpartition("/")[2],
        "user_pool_client_id": stage.arn("HOIST_USER_POOL_CLIENT_ID"),
        "cognito_endpoint": cognito_endpoint(settings.region),
    }
