"""A DynamoDB client on the session's emulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.dynamodb import DynamoClient
from sluice.providers.transport import HttpTransport
from tests.emulator import Emulator


@contextmanager
def connected(emulator: Emulator) -> Iterator[DynamoClient]:
    """Yield a client and close its connections afterwards."""
    transport = HttpTransport(trusted=True)
    credentials = FixedCredentials(Credentials(emulator.access_key_id, emulator.secret_access_key))
    yield DynamoClient(transport, credentials, region=emulator.region, endpoint_url=emulator.url)
    transport.drop_connections()
