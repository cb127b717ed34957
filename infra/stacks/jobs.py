"""Work that no caller waits for: the sweep that puts into the ledger what the log knows and the ledger does not."""

from __future__ import annotations

from aws_cdk import Duration, Environment, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.constructs.gateway_function import GatewayFunction
from infra.constructs.layers import Layers, Platform
from infra.constructs.names import log_group_name
from infra.constructs.permissions import Permissions
from infra.settings import Stage

RECONCILE_EVERY = Duration.minutes(5)
RECONCILE_TIMEOUT = Duration.minutes(4)
"""Shorter than the interval, so that two sweeps never overlap."""

LOGGED_REQUESTS = ("streaming", "completion")
"""The functions whose log lines tell of requests that must stand in the ledger."""

SWEEP = Permissions(tables={"ledger": ("BatchGetItem", "PutItem")}, logs_of=LOGGED_REQUESTS)


class JobsStack(Stack):
    """One region's scheduled functions."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, region: str, platform: Platform) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(account=stage.account, region=region),
            description=f"Sluice {stage.name}: scheduled jobs",
        )
        self.reconcile = GatewayFunction(
            self,
            "Reconcile",
            stage=stage,
            folder="reconcile",
            layers=Layers(self, "Layers", platform=platform),
            permissions=SWEEP,
            timeout=RECONCILE_TIMEOUT,
            description="Puts missing entries into the ledger",
            dependencies=True,
            variables={"SLUICE_LOG_GROUPS": ",".join(log_group_name(stage, name) for name in LOGGED_REQUESTS)},
        )
        # No retry and no dead-letter queue: the next sweep finds whatever a failed one has left.
        sweep = targets.LambdaFunction(self.reconcile.alias, retry_attempts=0)
        schedule = events.Schedule.rate(RECONCILE_EVERY)
        events.Rule(self, "ReconcileSchedule", schedule=schedule, targets=[sweep])
