"""The public API of one region and the functions behind it; it holds no state."""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, Environment, Stack
from constructs import Construct

from infra.constructs.gateway_function import GatewayFunction
from infra.constructs.layers import Layers, Platform
from infra.constructs.permissions import Permissions
from infra.constructs.rest_api import BUFFERED_TIMEOUT, STREAM_TIMEOUT, GatewayApi
from infra.settings import Stage

# Loading pydantic, boto3 and Powertools takes seconds of the CPU share that 256 MB buys.
ADMIN_MEMORY_MB = 512

REQUEST_PATH = Permissions(
    tables={
        "config": ("GetItem", "Query"),
        "ledger": ("GetItem", "PutItem"),
    },
    provider_secret=True,
    gateway_secret=True,
)
"""Find the key and the configuration, call the provider, write the ledger entry."""

LOOKUPS = Permissions(
    tables={
        "config": ("GetItem", "Query"),
        "ledger": ("GetItem",),
    },
    gateway_secret=True,
)
"""Find the key and the configuration, look up an entry; it calls no provider, so it holds no provider's key."""

CONTROL_PLANE = Permissions(
    tables={
        "config": ("BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"),
        "ledger": ("GetItem",),
    },
    gateway_secret=True,
)
"""Write keys and configuration versions; look up an entry."""


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
                "streaming", REQUEST_PATH, STREAM_TIMEOUT, "Chat calls, streamed or not", streaming=True
            ),
            "completion": self._function(
                "completion", REQUEST_PATH, STREAM_TIMEOUT, "Embeddings and token counts", streaming=True
            ),
            "routing": self._function("routing", LOOKUPS, BUFFERED_TIMEOUT, "Models, plans, ledger entries, health"),
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
        CfnOutput(self, "GatewayUrl", value=self.api.url, description="Base URL; an OpenAI SDK's base URL adds /v1")

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
