"""The nightly comparison with invoices, put together: options and secrets in, vendors asked, outcomes kept and told.

Every comparison of a final day leaves one line, which is one metric with the provider as its only dimension, so there
is at most one series per provider. The metric is the size of the drift: an alarm has one bar for both directions. A
failure leaves a line without a metric.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from sluice.aws.emf import metric_line
from sluice.aws.stdout import StdoutLines
from sluice.control.invoices.job import Books, Outcome, Vendor, run
from sluice.control.invoices.options import InvoiceOptions, options_from
from sluice.control.invoices.statements import Statement, VendorFailed, nano
from sluice.errors import GatewayError, InternalError
from sluice.metrics import INVOICE_DRIFT
from sluice.ports import SecretStore, Transport
from sluice.settings import Settings, metric_namespace
from sluice.types.clock import NanoUSD

if TYPE_CHECKING:
    from sluice.control.invoices.calls import Caller

AGENT = "sluice-invoices"
Event = Mapping[str, Any]


def invoices_handler(
    settings: Settings | None = None, transport: Transport | None = None
) -> Callable[[Event, Any], dict[str, Any]]:
    """Return the handler of the nightly job.

    The schedule says nothing in its event; {"provider": "openai", "days": ["2026-11-20"]} compares exactly those days.
    """
    from sluice.aws.credentials import credentials_from
    from sluice.aws.dynamodb import DynamoClient
    from sluice.aws.secretsmanager import SecretsManagerClient, SecretsManagerStore
    from sluice.aws.stores.invoices import CellSums, DynamoInvoiceStore
    from sluice.providers.transport import HttpTransport

    told = settings or Settings.from_environment()
    options = options_from(told.invoices)
    transport = transport or HttpTransport(trusted=True)
    role = credentials_from(told, transport)
    dynamo = DynamoClient(transport, role, region=told.region, endpoint_url=told.endpoint_url)
    reader = SecretsManagerClient(transport, role, region=told.region, endpoint_url=told.endpoint_url)
    secrets = SecretsManagerStore(reader, provider_secret=told.provider_secret, gateway_secret=told.gateway_secret)
    table, lines, namespace = told.table("usage"), StdoutLines(), metric_namespace(told.stage)

    def handler(event: Event, context: Any) -> dict[str, Any]:
        wanted, days = asked(event, options)
        books = Books(
            sums=CellSums(dynamo, table),
            results=DynamoInvoiceStore(dynamo, table),
            now_ms=lambda: int(time.time() * 1000),
            renamed=options.names,
            left_ms=getattr(context, "get_remaining_time_in_millis", unlimited),
            told=lambda outcome: lines.write(line(outcome, namespace, nano(options.floor_usd))),
        )
        outcomes = run(vendors(wanted, options, secrets, told), books, days)
        return {"data": [summary(outcome) for outcome in outcomes]}

    return handler


def asked(event: Event, options: InvoiceOptions) -> tuple[list[str], list[date] | None]:
    """Return the providers that an event asks for, and the days, None for those that are due. Raises ValueError."""
    provider = event.get("provider") or ""
    if provider and provider not in options.providers:
        known = ", ".join(options.providers) or "none"
        raise ValueError(f"Provider {str(provider)[:40]!r} is not among those of the stage: {known}.")
    days = [date.fromisoformat(str(text)) for text in event.get("days") or ()]
    return [provider] if provider else list(options.providers), days or None


def unlimited() -> int:
    """Return the time that a run outside of Lambda has left."""
    return 1 << 40


def vendors(names: list[str], options: InvoiceOptions, secrets: SecretStore, told: Settings) -> Iterator[Vendor]:
    """Yield the vendors that are asked; one that lacks something fails when it is asked, and alone."""
    held = secrets.provider_keys() if set(names) - {"bedrock"} else {}
    for name in names:
        try:
            yield vendor(name, options, held.get(name, {}), told)
        except Exception as error:  # such as an SDK without a region; its text may hold anything
            yield Unready(name, f"it could not be made ready ({type(error).__name__}).")


def vendor(name: str, options: InvoiceOptions, held: Mapping[str, str], told: Settings) -> Vendor:
    """Return one vendor's API, ready to be asked with what the provider secret holds for it."""
    from sluice.control.invoices.anthropic import VERSION, Anthropic
    from sluice.control.invoices.openai import OpenAI
    from sluice.control.invoices.openrouter import OpenRouter

    if name == "bedrock":
        return _bedrock(options, told)
    if name == "snowflake_cortex":
        return _snowflake(options, held)
    member = {"openrouter": "management_key"}.get(name, "admin_key")
    key = held.get(member, "").strip()
    if not key:
        return Unready(name, f"the provider secret holds no {member} for it (docs/invoices.md).")
    if name == "anthropic":
        return Anthropic(caller(name, {"x-api-key": key, "anthropic-version": VERSION}))
    bearer = caller(name, {"authorization": f"Bearer {key}"})
    return OpenAI(bearer) if name == "openai" else OpenRouter(bearer)


class Unready:
    """A vendor that cannot be asked, with the reason."""

    lag_hours = 24

    def __init__(self, provider: str, problem: str) -> None:
        self.provider = provider
        self._problem = problem

    def key(self, name: str) -> tuple[str, ...]:
        """Return the name itself."""
        return (name,)

    def statement(self, day: date) -> Statement:  # noqa: ARG002 - no day can be asked for
        """Raise VendorFailed."""
        raise VendorFailed(self.provider, "credential", self._problem)


def caller(name: str, headers: Mapping[str, str]) -> Caller:
    """Return the way to a vendor. Redirects are not followed: they could carry the key elsewhere."""
    import httpx

    from sluice.control.invoices.calls import TIMEOUT_SECONDS, Caller

    client = httpx.Client(timeout=TIMEOUT_SECONDS, follow_redirects=False, trust_env=False)
    return Caller(name, client, {**headers, "user-agent": AGENT})


def line(outcome: Outcome, namespace: str, floor: NanoUSD = 0) -> str:
    """Return the log line of an outcome, with the metric where a final day of at least `floor` was compared."""
    members = summary(outcome)
    drift = members.get("drift_bp")
    spent = max(members.get("ours") or 0, members.get("theirs") or 0)
    if outcome.state == "final" and drift is not None and spent >= floor:
        return metric_line(
            "invoice",
            ((INVOICE_DRIFT, abs(drift)),),
            {"Provider": outcome.provider},
            namespace=namespace,
            at_ms=outcome.checked_ms,
            members=members,
        )
    return json.dumps({"kind": "invoice", **members}, separators=(",", ":"))


def summary(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome in a few members: no names, so its size does not grow with the models."""
    members: dict[str, Any] = {"provider": outcome.provider, "day": outcome.day.isoformat(), "state": outcome.state}
    if outcome.comparison is None:
        return {**members, "failure": outcome.failure, "failed": outcome.kind}
    total = outcome.comparison.total
    return {
        **members,
        "drift_bp": total.drift_bp,
        "token_drift_bp": total.token_drift_bp,
        "ours": total.ours.cost,
        "theirs": total.theirs.cost,
        "only_ours": outcome.comparison.unmatched("ours"),
        "only_theirs": outcome.comparison.unmatched("theirs"),
    }


def _bedrock(options: InvoiceOptions, told: Settings) -> Vendor:
    from sluice.aws.billing import COST_EXPLORER_REGION, BotoCostExplorer, S3Export, client
    from sluice.control.invoices.bedrock import BedrockCosts, BedrockExport

    if options.export is None:
        return BedrockCosts(BotoCostExplorer(client("ce", COST_EXPLORER_REGION, told.endpoint_url)))
    export = options.export
    s3 = client("s3", export.region, told.endpoint_url)
    return BedrockExport(S3Export(s3, bucket=export.bucket, prefix=export.prefix, name=export.name))


def _snowflake(options: InvoiceOptions, held: Mapping[str, str]) -> Vendor:
    from sluice.control.invoices.snowflake import SnowflakeCortex

    name, chosen = "snowflake_cortex", options.snowflake
    if chosen is None:
        return Unready(name, "the stage's invoice checks name no account (snowflake.base_url).")
    token, kind = held.get("usage_token", "").strip(), "PROGRAMMATIC_ACCESS_TOKEN"
    if not token and held.get("usage_private_key"):
        try:
            token, kind = _signed(held), "KEYPAIR_JWT"
        except GatewayError as error:
            return Unready(name, error.message)
    if not token:
        return Unready(name, "the provider secret holds no usage_token and no usage_private_key for it.")
    headers = {"authorization": f"Bearer {token}", "x-snowflake-authorization-token-type": kind}
    return SnowflakeCortex(
        caller(name, {**headers, "accept": "application/json"}),
        base_url=chosen.base_url,
        warehouse=chosen.warehouse,
        role=chosen.role,
        usd_per_credit=chosen.usd_per_credit,
        with_currency=chosen.with_currency,
        service=chosen.service_type,
    )


def _signed(held: Mapping[str, str]) -> str:
    """Return a token of the user that reads usage, good for an hour. Raises GatewayError."""
    from sluice.providers.registry import Registry
    from sluice.providers.tokens import Order
    from sluice.providers.tokens.snowflake import mint
    from sluice.providers.transport import HttpTransport

    provider = Registry().provider("snowflake_cortex")
    if provider is None:
        raise InternalError("The catalogue has no file of snowflake_cortex.")
    words = {"account": held.get("account", "")}
    words |= {name: held.get(f"usage_{name}", "") for name in ("user", "private_key", "private_key_passphrase")}
    return mint(Order(provider, provider.auth, words, HttpTransport(), time.time)).text
