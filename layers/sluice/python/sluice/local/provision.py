"""The emulated account as its operator sees it: tables and secrets made, first keys and configuration put in.

The one module of the local stack that uses the AWS adapters: it plays the part of the deployment and of the first
administrator, who has no key yet to use the admin API with.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.errors import AwsError
from sluice.aws.s3 import S3Bucket
from sluice.aws.service import JsonService
from sluice.aws.stores.configurations import DynamoConfigurationStore
from sluice.aws.stores.keys import DynamoKeyStore
from sluice.aws.tables import create_missing
from sluice.control.configurations import Configurations
from sluice.control.lint import complaints
from sluice.errors import GatewayError
from sluice.governance.authentication import ID_LENGTH, PREFIX, digest_of
from sluice.local.options import Unusable
from sluice.providers.registry import Registry
from sluice.providers.transport import HttpTransport
from sluice.routing.configuration import parse
from sluice.settings import table_name
from sluice.types.tenancy import VirtualKey

TEAM = "demo"


class Account:
    """The emulated account. `variables` are those of the functions, which name tables and secrets."""

    def __init__(self, variables: Mapping[str, str], registry: Registry) -> None:
        self._variables = variables
        self._prefix = variables["SLUICE_TABLE_PREFIX"]
        transport = self._transport = HttpTransport(trusted=True)
        source = FixedCredentials(Credentials("test", "test"))
        region, endpoint = variables["AWS_REGION"], variables["AWS_ENDPOINT_URL"]
        self._dynamo = DynamoClient(transport, source, region=region, endpoint_url=endpoint)
        self._secrets = JsonService(
            transport,
            source,
            service="secretsmanager",
            target="secretsmanager",
            region=region,
            endpoint_url=endpoint,
            protocol="1.1",
        )
        self._uploads = S3Bucket(
            transport, source, bucket=variables["SLUICE_UPLOAD_BUCKET"], region=region, endpoint_url=endpoint
        )
        self._archive = S3Bucket(
            transport, source, bucket=variables["SLUICE_ARCHIVE_BUCKET"], region=region, endpoint_url=endpoint
        )
        self._keys = DynamoKeyStore(self._dynamo, table_name(self._prefix, "config"))
        store = DynamoConfigurationStore(self._dynamo, table_name(self._prefix, "config"))
        self._configurations = Configurations(
            store, parse, lambda configuration: complaints(configuration, registry, local=True)
        )

    def close(self) -> None:
        """Close the connections to the emulator."""
        self._transport.drop_connections()

    def create_tables(self) -> None:
        """Create the tables of the schema that are not there yet."""
        create_missing(self._dynamo, self._prefix)

    def create_bucket(self) -> None:
        """Create the buckets of uploads and of what is archived if they are not there yet."""
        self._uploads.create()
        self._archive.create()

    def put_pepper(self, pepper: str) -> None:
        """Store the gateway's own secret."""
        self._put_secret(self._variables["SLUICE_GATEWAY_SECRET"], {"pepper": pepper})

    def provider_keys(self) -> dict[str, dict[str, str]]:
        """Return the bundle of provider keys as it is."""
        try:
            answer = self._secrets.call("GetSecretValue", {"SecretId": self._variables["SLUICE_PROVIDER_SECRET"]})
        except AwsError as error:
            if error.aws_code != "ResourceNotFoundException":
                raise
            return {}
        bundle: dict[str, dict[str, str]] = json.loads(str(answer.get("SecretString") or "{}"))
        return bundle

    def put_provider_keys(self, bundle: Mapping[str, Mapping[str, str]]) -> None:
        """Store the bundle of provider keys."""
        self._put_secret(self._variables["SLUICE_PROVIDER_SECRET"], bundle)

    def has_key(self, text: str, pepper: str) -> bool:
        """Return whether a virtual key is stored and was not revoked."""
        found = self._keys.find(_id(text))
        return found is not None and found.revoked_ms is None and found.digest == digest_of(text, pepper.encode())

    def add_key(self, text: str, pepper: str, name: str, scopes: tuple[str, ...]) -> bool:
        """Store a virtual key of the demo team; False when its id is taken."""
        key = VirtualKey(
            id=_id(text),
            team=TEAM,
            name=name,
            digest=digest_of(text, pepper.encode()),
            scopes=scopes,
            created_ms=int(time.time() * 1000),
        )
        if self._keys.find(key.id) is not None:
            return False
        self._keys.create(key)
        return True

    def document(self) -> dict[str, object] | None:
        """Return the live configuration, None before the first."""
        live = self._configurations.live()
        return None if live.version is None else dict(self._configurations.document(live.version))

    def go_live(self, document: Mapping[str, object]) -> None:
        """Publish a configuration and make it live. Raises Unusable when it is not valid."""
        try:
            self._configurations.promote(self._configurations.publish(document))
        except GatewayError as error:
            raise Unusable(f"the providers named in the environment cannot be configured. {error.message}") from error

    def _put_secret(self, name: str, value: Mapping[str, object]) -> None:
        text = json.dumps(value)
        try:
            self._secrets.call("CreateSecret", {"Name": name, "SecretString": text})
        except AwsError as error:
            if error.aws_code != "ResourceExistsException":
                raise
            self._secrets.call("PutSecretValue", {"SecretId": name, "SecretString": text})


def _id(key_text: str) -> str:
    return key_text[len(PREFIX) : len(PREFIX) + ID_LENGTH]
