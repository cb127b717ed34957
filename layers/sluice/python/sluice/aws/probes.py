"""What a region must be able to read to serve: probes of its tables and secrets, each one short call (`readiness`).

They have clients of their own: one try of at most `SECONDS`, so that a service that hangs is told in time, and a
service that just failed a request is asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sluice.aws.credentials import CredentialSource
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.secretsmanager import SecretsManagerClient
from sluice.aws.stores.configurations import DynamoConfigurationStore
from sluice.errors import NoHealthyUpstream
from sluice.ports import Transport
from sluice.settings import Settings

SECONDS = 0.6
"""Three of them fit into the 2 seconds that Route 53 waits."""


def probes(settings: Settings, transport: Transport, role: CredentialSource) -> Mapping[str, Callable[[], object]]:
    """Return the probes by name. Each raises GatewayError when what it reads cannot be had."""
    region, address = settings.region, settings.endpoint_url
    dynamo = DynamoClient(transport, role, region=region, endpoint_url=address, attempts=1, budget=SECONDS)
    secrets = SecretsManagerClient(transport, role, region=region, endpoint_url=address, attempts=1, budget=SECONDS)
    configurations = DynamoConfigurationStore(dynamo, settings.table("config"))

    def configuration() -> None:
        if configurations.current_version() is None:
            raise NoHealthyUpstream("No configuration is live.", code="no_configuration")

    return {
        "configuration": configuration,
        "provider_keys": lambda: secrets.get_secret_value(settings.provider_secret),
        "counters": lambda: dynamo.batch_get(settings.table("usage"), [("ready", "ready")]),
    }
