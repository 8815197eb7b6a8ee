"""All checks, by the resource that each compares, in the order of `make status`.

docs/operations.md says for each resource what creates it and what fails without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from botocore.exceptions import BotoCoreError, ClientError

from deploy.changes import STEP, Change, row
from deploy.drift import apis, delivery, functions, invocations, storage
from deploy.drift.deployed_stage import BY_HAND, DeployedStage
from deploy.errors import explained
from deploy.steps import application, config, destinations, resources
from stage.destinations import read as read_destinations
from stage.stage import StageError

Check = Callable[[DeployedStage], Iterator[Change]]


def stack(stage: DeployedStage) -> Iterator[Change]:
    """The stack has the template and the parameters that are declared."""
    own = config.stage_config(stage.name, stage.settings.region, {})
    expected = config.parameters(stage.name, own, application.addresses(stage.name, own))
    yield from resources.differences(stage.client("cloudformation"), stage.name, expected)


def outcomes(stage: DeployedStage) -> Iterator[Change]:
    """Lambda sends the records of asynchronous invocations where `destinations.json` says."""
    client = stage.client("lambda")
    yield from destinations.differences(client, stage.stage, read_destinations())


CHECKS: Mapping[str, Check] = {
    "stack": stack,
    "bucket": storage.bucket,
    "bucket's rule": invocations.bucket_rule,
    "table": storage.table,
    "functions": functions.configurations,
    "functions' rights": functions.permissions,
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
    """The differences, a line each; a check that AWS refuses yields a line that says so."""
    by_hand = False
    for resource, check in checks.items():
        try:
            for change in check(stage):
                by_hand = by_hand or change.step == BY_HAND
                yield row(change.step, change.difference, STEP)
        except (BotoCoreError, ClientError) as error:
            yield f"not known: {resource}: {explained(error)}"
        except StageError as error:
            yield f"not known: {resource}: {error}"
    if by_hand:
        yield (
            f"{BY_HAND}: make deploy leaves these as they are; docs/operations.md says how"
            " CloudFormation restores them"
        )
