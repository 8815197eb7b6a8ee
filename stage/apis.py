"""The APIs of a deployed stage, as Chalice's note in `.chalice/deployed` names them."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from stage.stage import ROOT, StageError, deployed


@dataclass(frozen=True, slots=True)
class RestApi:
    """The id of a REST API, and its stage in API Gateway."""

    id: str
    stage: str


@dataclass(frozen=True, slots=True)
class WebSocketApi:
    """The id of a WebSocket API, and its stage in API Gateway."""

    id: str
    stage: str


def rest_api(stage: str, *, root: Path = ROOT) -> RestApi:
    """The REST API that `chalice deploy` noted."""
    return RestApi(*_noted(stage, "rest_api", "REST", root))


def websocket_api(stage: str, *, root: Path = ROOT) -> WebSocketApi:
    """The WebSocket API that `chalice deploy` noted."""
    return WebSocketApi(*_noted(stage, "websocket_api", "WebSocket", root))


def _noted(stage: str, kind: str, title: str, root: Path) -> tuple[str, str]:
    for resource in deployed(stage, root=root):
        if resource["resource_type"] == kind:
            return resource[f"{kind}_id"], urlsplit(resource[f"{kind}_url"]).path.strip("/")
    raise StageError(f"{stage} has no {title} API: run `make deploy STAGE={stage}`")
