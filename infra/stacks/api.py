"""The public API of one region and the functions behind it; it holds no state."""

from __future__ import annotations

from dataclasses import replace

from aws_cdk import CfnOutput, Duration, Environment, Stack
from constructs import Construct

from infra.constructs.firewall import Firewall
from infra.constructs.gateway_function import GatewayFunction
from infra.constructs.layers import Layers, Platform
from infra.constructs.permissions import Permissions
from infra.constructs.regional_domain import RegionalDomain
from infra.constructs.release import Release
from infra.constructs.rest_api import BUFFERED_TIMEOUT, STREAM_TIMEOUT, GatewayApi
from infra.settings import Stage
from sluice.settings import PAYLOADS_PREFIX

# Loading pydantic, boto3 and Powertools takes seconds of the CPU share that 256 MB buys.
ADMIN_MEMORY_MB = 512

REQUEST_PATH = Permissions(
    tables={
        "config": ("GetItem",),
        "ledger": ("PutItem",),
        "usage": ("BatchGetItem", "UpdateItem"),
    },
    provider_secret=True,
    gateway_secret=True,
    calls_providers=True,
    uploads=("GetObject",),
    archives=PAYLOADS_PREFIX,
)
"""Find the key and the configuration, hold budgets and limits, read uploads that a request refers to, call the
provider, write the entry."""

STATEFUL_PATH = replace(
    REQUEST_PATH,
    tables={
        **REQUEST_PATH.tables,
        "cache": ("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem"),
        "ledger": ("GetItem", "PutItem"),
    },
)
"""That, and keep answers of the Responses API for those who come back to them, and see whether they were charged."""

WITH_BATCHES = replace(
    REQUEST_PATH,
    tables={
        **REQUEST_PATH.tables,
        "cache": ("DeleteItem", "GetItem", "PutItem", "Query"),
        "ledger": ("GetItem", "PutItem"),
    },
)
"""That, and remember, find, list and forget which batch belongs to which team, and see whether it was charged."""

LOOKUPS = Permissions(
    tables={"config": ("GetItem",), "ledger": ("Query",), "usage": ("Query",)},
    # Models are listed, and plans made, for the providers that have a key.
    provider_secret=True,
    gateway_secret=True,
    # A signed URL can do what its signer may do: callers put their files with this function's permission.
    uploads=("DeleteObject", "GetObject", "PutObject"),
)
"""Find the key and the configuration, see which providers can be called, look up an entry, keep uploads."""

CONTROL_PLANE = Permissions(
    tables={
        "config": ("ConditionCheckItem", "GetItem", "PutItem", "Query", "UpdateItem"),
        # PutItem: a later version of an entry that was costed again. UpdateItem: an end user's name is taken out of it,
        # DeleteItem: and their empty cells of usage.
        "ledger": ("PutItem", "Query", "UpdateItem"),
        "usage": ("BatchGetItem", "DeleteItem", "GetItem", "Query"),
        # An end user's stored responses, to be deleted.
        "cache": ("DeleteItem", "GetItem", "Query"),
        # A record is added together with its change, and never changed or deleted.
        "audit": ("PutItem", "Query"),
    },
    gateway_secret=True,
)
"""Create, list and revoke keys; publish configuration versions and let one go live; see how budgets stand.

Nothing is ever deleted but what is an end user's: stored responses, and cells of usage once they are empty.
"""


class ApiStack(Stack):
    """One region's REST API and its functions."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, region: str, platform: Platform) -> None:
        super().__init__(
            scope,
            construct_id,
            env=Environment(account=stage.account, region=region),
            description=f"Sluice {stage.name}: API and functions",
        )
        self.stage = stage
        self.layers = Layers(self, "Layers", platform=platform)
        self.functions = {
            "streaming": self._function(
                "streaming", STATEFUL_PATH, STREAM_TIMEOUT, "Chat calls, streamed or not", streaming=True
            ),
            "completion": self._function(
                "completion", WITH_BATCHES, STREAM_TIMEOUT, "Embeddings, token counts, batches", streaming=True
            ),
            "routing": self._function(
                "routing", LOOKUPS, BUFFERED_TIMEOUT, "Models, plans, ledger entries, uploads, health"
            ),
            "admin": self._function(
                "admin",
                CONTROL_PLANE,
                BUFFERED_TIMEOUT,
                "Control plane",
                dependencies=True,
                memory_mb=ADMIN_MEMORY_MB,
            ),
        }
        self.api = GatewayApi(self, "Api", stage=stage, functions=self.functions)
        if stage.firewall_rate:
            Firewall(self, "Firewall", api=self.api.rest_api, rate=stage.firewall_rate)
        if stage.release.shifts:
            Release(self, "Release", stage=stage, functions=self.functions)
        url = self.api.url
        if stage.domain is not None:
            RegionalDomain(self, "Domain", stage=stage, domain=stage.domain, region=region, api=self.api.rest_api)
            url = f"https://{stage.domain.in_region(region)}"
        CfnOutput(self, "GatewayUrl", value=url, description="Base URL; an OpenAI SDK's base URL adds /v1")

    def _function(
        self,
        name: str,
        permissions: Permissions,
        timeout: Duration,
        description: str,
        *,
        streaming: bool = False,
        dependencies: bool = False,
        memory_mb: int | None = None,
    ) -> GatewayFunction:
        if len(self.stage.regions) > 1 and "UpdateItem" in permissions.tables.get("usage", ()):
            # What the other regions were given and spent are parts of one counter.
            usage = (*permissions.tables["usage"], "Query")
            permissions = replace(permissions, tables={**permissions.tables, "usage": usage})
        return GatewayFunction(
            self,
            name.capitalize(),
            stage=self.stage,
            folder=name,
            layers=self.layers,
            permissions=permissions,
            timeout=timeout,
            description=description,
            streaming=streaming,
            dependencies=dependencies,
            memory_mb=memory_mb,
        )
