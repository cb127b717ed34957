"""Builds the Lambda handlers: settings and AWS adapters in, one callable out.

Called when a function's module is imported, which is its initialisation; nothing here calls AWS. What only one function
needs is imported inside that function's builder, so that the streaming function starts with the request path alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

from sluice.aws.apigateway import ApiGatewayHandler
from sluice.aws.credentials import CredentialSource, credentials_from
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.emf import attempt_lines, entry_from_line, fault_line, open_line, request_line
from sluice.aws.secretsmanager import SecretsManagerClient, SecretsManagerStore
from sluice.aws.stdout import StdoutLines
from sluice.aws.stores.configurations import DynamoConfigurationStore
from sluice.aws.stores.keys import DynamoKeyStore
from sluice.aws.stores.ledger import DynamoLedgerStore
from sluice.ports import (
    BatchStore,
    BucketStore,
    CounterStore,
    PayloadStore,
    ResponseStore,
    Transport,
    UploadAccess,
    UploadStore,
    UsageReader,
)
from sluice.providers.transport import HttpTransport
from sluice.settings import Settings, metric_namespace
from sluice.wiring import Adapters, Strangers, application

FIRST_ADMIN_KEY = "create-first-admin-key"
SWEEP_RECENT_MS = 11 * 60_000
"""What a sweep looks at: two of its intervals, so that one failed run loses nothing."""
SWEEP_HOURLY_MS = 2 * 3_600_000
"""What the first sweep of an hour looks at, so that an hour of failed runs loses nothing either."""


class Aws(NamedTuple):
    """The adapters that every function builds from its settings."""

    settings: Settings
    role: CredentialSource
    keys: DynamoKeyStore
    configurations: DynamoConfigurationStore
    ledger: DynamoLedgerStore
    secrets: SecretsManagerStore
    uploads: UploadAccess | None
    batches: Callable[[], BatchStore]
    responses: Callable[[], ResponseStore]
    usage: Callable[[], UsageReader]
    dynamo: DynamoClient


def gateway_handler(settings: Settings | None = None) -> ApiGatewayHandler:
    """Return the handler of the functions on the request path."""
    aws = adapters(settings)
    transport = HttpTransport()
    if not aws.settings.local:
        transport.warm_up()  # providers speak TLS; the certificates are read while the environment starts
    namespace = metric_namespace(aws.settings.stage)
    app = application(
        Adapters(
            keys=aws.keys,
            configurations=aws.configurations,
            ledger=aws.ledger,
            secrets=aws.secrets,
            transport=transport,
            lines=StdoutLines(already_masked=True),
            encode_line=partial(request_line, namespace=namespace),
            open_line=open_line,
            attempt_lines=partial(attempt_lines, namespace=namespace),
            fault_line=partial(fault_line, namespace=namespace),
            payloads=partial(_payloads, aws) if aws.settings.archive_bucket else None,
            region=aws.settings.region,
            role=aws.role,
            role_services=aws.settings.role_services,
            sts_url=aws.settings.endpoint_url or "",
            uploads=aws.uploads,
            batches=aws.batches,
            responses=aws.responses,
            usage=aws.usage,
            counters=partial(_counters, aws),
            listing=partial(_listing, aws),
            regions=aws.settings.regions,
            probes=partial(_probes, aws),
        )
    )
    return ApiGatewayHandler(app.handle)


def _counters(aws: Aws) -> tuple[CounterStore, BucketStore]:
    from sluice.aws.stores.buckets import DynamoBucketStore
    from sluice.aws.stores.counters import DynamoCounterStore

    table = aws.settings.table("usage")
    return DynamoCounterStore(aws.dynamo, table), DynamoBucketStore(aws.dynamo, table)


def _probes(aws: Aws) -> Mapping[str, Callable[[], object]]:
    from sluice.aws.probes import probes

    return probes(aws.settings, HttpTransport(trusted=True), aws.role)


def _listing(aws: Aws) -> Callable[[str, int], None]:
    from sluice.aws.stores.counter_listing import DynamoCounterListing

    return DynamoCounterListing(aws.dynamo, aws.settings.table("usage")).add


def _payloads(aws: Aws) -> PayloadStore:
    from sluice.aws.stores.payloads import S3PayloadStore

    return S3PayloadStore.of(aws.settings, aws.role)


def admin_handler(settings: Settings | None = None) -> Callable[[dict[str, Any], Any], Any]:
    """Return the handler of the control plane.

    Beside API Gateway's events it takes {"sluice": "create-first-admin-key"} from whoever may invoke the function, and
    answers with a key while there is none with the admin scope.
    """
    from sluice.aws.admin_api import AdminApi, ControlPlane
    from sluice.aws.alerts import counters_of
    from sluice.aws.stores.audit import DynamoAuditStore
    from sluice.aws.stores.invoices import DynamoInvoiceStore
    from sluice.aws.stores.responses import DynamoResponseStore
    from sluice.aws.stores.usage import DynamoUsageStore
    from sluice.control.configurations import Configurations
    from sluice.control.keys import Keys
    from sluice.control.lint import complaints
    from sluice.governance.authentication import Authenticator
    from sluice.providers.registry import Registry
    from sluice.routing.configuration import parse
    from sluice.routing.snapshot import ConfigurationSnapshot

    aws = adapters(settings)
    told, table = aws.settings, aws.settings.table("config")
    audit = DynamoAuditStore(aws.dynamo, told.table("audit"), region=told.region, tell=StdoutLines().write)
    keys = Keys(DynamoKeyStore(aws.dynamo, table, audit.commit), aws.secrets.pepper, _now_ms)
    configurations = DynamoConfigurationStore(aws.dynamo, table, commit=audit.commit)
    strangers = Strangers(ConfigurationSnapshot(aws.configurations, time.time).current, HttpTransport(), time.time)
    lint = partial(complaints, catalogue=Registry(), local=aws.settings.local, regions=aws.settings.regions)
    api = AdminApi(
        ControlPlane(
            authenticator=Authenticator(aws.keys, aws.secrets.pepper, time.time, strangers.open),
            keys=keys,
            configurations=Configurations(configurations, parse, lint),
            audit=audit,
            regions=told.regions or (told.region,),
            now_ms=_now_ms,
            usage=aws.usage(),
            cells=DynamoUsageStore(aws.dynamo, told.table("usage"), region=told.region),
            responses=DynamoResponseStore(aws.dynamo, told.table("cache")),
            region=told.region,
            ledger_days=told.ledger_days,
            ledger=aws.ledger,
            account=f"sluice-{aws.settings.stage}",
            counters=counters_of(aws.dynamo, aws.settings, aws.keys),
            invoices=DynamoInvoiceStore(aws.dynamo, aws.settings.table("usage")),
        )
    )

    def handler(event: dict[str, Any], context: Any) -> Any:
        if event.get("sluice") == FIRST_ADMIN_KEY:
            created = keys.create_first_admin()
            return {"id": created.key.id, "key": created.text}
        return api.resolve(event, context)

    return handler


def reconcile_handler(settings: Settings | None = None) -> Callable[[object, object], dict[str, int]]:
    """Return the handler of the sweep, which puts into the ledger what only the log knows."""
    from sluice.metering.reconcile import reconcile

    aws = adapters(settings)

    def handler(event: object, context: object) -> dict[str, int]:  # noqa: ARG001 - the schedule says nothing
        now, grace = _now_ms(), aws.settings.sweep_grace_seconds * 1000
        recent = SWEEP_HOURLY_MS if now // 60_000 % 60 < 5 else SWEEP_RECENT_MS
        report = reconcile(
            request_lines(aws.settings, now - recent - grace, now),
            aws.ledger,
            entry_from_line,
            now_ms=now,
            grace_ms=grace,
            recent_ms=recent,
        )
        found = {"seen": report.seen, "restored": report.restored, "lost": report.lost}
        StdoutLines().write(f'{{"kind":"sweep","restored":{report.restored},"lost":{report.lost}}}')
        return found

    return handler


def adapters(settings: Settings | None = None, transport: Transport | None = None) -> Aws:
    """Return the AWS adapters for the settings of this environment."""
    told = settings or Settings.from_environment()
    transport = transport or HttpTransport(trusted=True)
    credentials = credentials_from(told, transport)
    dynamo = DynamoClient(transport, credentials, region=told.region, endpoint_url=told.endpoint_url)
    secrets = SecretsManagerClient(transport, credentials, region=told.region, endpoint_url=told.endpoint_url)
    return Aws(
        told,
        credentials,
        DynamoKeyStore(dynamo, told.table("config")),
        DynamoConfigurationStore(dynamo, told.table("config")),
        DynamoLedgerStore(dynamo, told.table("ledger"), days=told.ledger_days),
        SecretsManagerStore(secrets, provider_secret=told.provider_secret, gateway_secret=told.gateway_secret),
        upload_access(told, transport, credentials),
        lambda: batch_store(told, dynamo),
        lambda: response_store(told, dynamo),
        lambda: usage_reader(told, dynamo),
        dynamo,
    )


def usage_reader(told: Settings, dynamo: DynamoClient) -> UsageReader:
    """Return the reader of usage; its module is loaded with the first question."""
    from sluice.aws.stores.usage import DynamoUsageStore

    return DynamoUsageStore(dynamo, told.table("usage"), region=told.region)


def response_store(told: Settings, dynamo: DynamoClient) -> ResponseStore:
    """Return the store of responses; its module is loaded with the first of them."""
    from sluice.aws.stores.responses import DynamoResponseStore

    return DynamoResponseStore(dynamo, told.table("cache"))


def batch_store(told: Settings, dynamo: DynamoClient) -> BatchStore:
    """Return the store of message batches; its module is loaded with the first of them."""
    from sluice.aws.stores.batches import DynamoBatchStore

    return DynamoBatchStore(dynamo, told.table("cache"))


def upload_access(told: Settings, transport: Transport, credentials: CredentialSource) -> UploadAccess | None:
    """Return the way to uploads, None where no bucket is named; its client is loaded with the first upload."""
    if not told.upload_bucket:
        return None

    def store() -> UploadStore:
        from sluice.aws.s3 import S3Bucket
        from sluice.aws.stores.uploads import S3UploadStore

        bucket = S3Bucket(
            transport,
            credentials,
            bucket=told.upload_bucket,
            region=told.region,
            endpoint_url=told.endpoint_url,
        )
        return S3UploadStore(bucket)

    return UploadAccess(store, told.upload_days, told.upload_inline_mb * 1024 * 1024)


def request_lines(settings: Settings, start_ms: int, end_ms: int) -> Iterator[Mapping[str, Any]]:
    """Yield the request lines of all functions between two moments (epoch milliseconds)."""
    if settings.local_logs:
        # Left out of the deployed layer, where no environment names a folder of logs.
        from importlib import import_module

        yield from import_module("sluice.local.logs").request_lines(settings.local_logs, start_ms, end_ms)
        return
    from sluice.aws import logs

    for group in settings.log_groups:
        yield from logs.request_lines(group, start_ms, end_ms)


def _now_ms() -> int:
    return int(time.time() * 1000)
