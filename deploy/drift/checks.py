"""All checks, by the piece that each looks at, in the order that `make status` tells them in.

docs/operations.md says of each piece who makes it and what breaks without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from deploy.drift import apis, delivery, functions, invocations, storage
from deploy.drift.deployed_stage import BY_HAND, DeployedStage, Drift
from deploy.errors import explained
from deploy.steps import application, config, destinations, resources
from stage.destinations import read as read_destinations
from stage.stage import StageError

Check = Callable[[DeployedStage], Iterator[Drift]]


def stack(stage: DeployedStage) -> Iterator[Drift]:
    """The stack has the template and the parameters that are declared."""
    begun = config.begin(stage.name, stage.settings.region, {})
    expected = config.parameters(stage.name, begun, application.addresses(stage.name, begun))
    different = resources.differences(stage.client("cloudformation"), stage.name, expected)
    if different:
        yield Drift("resources", ", ".join(different))


def outcomes(stage: DeployedStage) -> Iterator[Drift]:
    """Lambda sends the records of asynchronous invocations where `destinations.json` says."""
    client = stage.client("lambda")
    for name in destinations.differences(client, stage.stage, read_destinations()):
        yield Drift("destinations", name)


CHECKS: Mapping[str, Check] = {
    "stack": stack,
    "bucket": storage.bucket,
    "bucket's rule": invocations.bucket_rule,
    "table": storage.table,
    "functions": functions.configurations,
    "functions' rights": functions.rights,
    "functions' logs": functions.log_groups,
    "permissions to invoke": invocations.permissions,
    "destinations": outcomes,
    "topics": delivery.topics,
    "subscription of notify": invocations.subscription,
    "queue of dead letters": delivery.queue,
    "schedule of sweep": invocations.schedule,
    "REST API": apis.rest_api,
    "WebSocket API": apis.websocket_api,
    "gateway responses": apis.gateway_responses,
    "limits": apis.limits,
    "accounts": delivery.accounts,
    "uploader role": delivery.uploader_role,
    "page": storage.page,
    "distributions": delivery.distributions,
}


def lines(stage: DeployedStage, checks: Mapping[str, Check] = CHECKS) -> Iterator[str]:
    """What differs, a line each; a check that AWS refuses says so and hides no other."""
    by_hand = False
    for piece, check in checks.items():
        try:
            for drift in check(stage):
                by_hand = by_hand or drift.step == BY_HAND
                yield str(drift)
        except (BotoCoreError, ClientError) as error:
            yield f"not known: {piece}: {explained(error)}"
        except StageError as error:
            yield f"not known: {piece}: {error}"
    if by_hand:
        yield (
            f"{BY_HAND}: make deploy leaves these as they are; docs/operations.md tells how"
            " CloudFormation puts them back"
        )
