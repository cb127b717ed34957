"""The job that tells of budgets, and what the status of budgets is read from.

An alert always is a log line, and a message to an SNS topic where one is named (then boto3 is imported).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

from sluice.aws.dynamodb import DynamoClient
from sluice.aws.emf import metric_line
from sluice.aws.stores.alerts import DynamoAlertStore
from sluice.aws.stores.counters_reader import DynamoCounterReader
from sluice.aws.stores.keys import DynamoKeyStore
from sluice.control.alerts import Alert, Alerting, alert_card, message, subject
from sluice.control.budget_status import Counters
from sluice.errors import GatewayError
from sluice.metrics import BUDGET_USED
from sluice.ports import LineSink, Transport
from sluice.settings import Settings, metric_namespace

LOOK_SECONDS = 40.0
"""How long one run looks at counters; the rest of its minute is for messages and for the next run to begin alone."""


def alerts_handler(
    settings: Settings | None = None,
    *,
    transport: Transport | None = None,
    lines: LineSink | None = None,
    now: Callable[[], float] = time.time,
    client: Any = None,
) -> Callable[[object, object], dict[str, int]]:
    """Return the handler of the job. `client` is a boto3 SNS client, made when the first alert is due if None."""
    from sluice.aws.entry import adapters
    from sluice.aws.stdout import StdoutLines

    aws = adapters(settings, transport)
    told, sink = aws.settings, lines or StdoutLines()
    usage = told.table("usage")

    def report(counter: str, error: Exception) -> None:
        words = error.message if isinstance(error, GatewayError) else type(error).__name__
        sink.write(json.dumps({"kind": "alert_failed", "counter": counter, "error": words}))

    def handler(event: object, context: object) -> dict[str, int]:  # noqa: ARG001 - the schedule says nothing
        version = aws.configurations.current_version()
        if version is None:
            return {"looked": 0, "alerts": 0, "unread": 0, "failed": 0}
        until = time.monotonic() + LOOK_SECONDS
        found = Alerting(
            counters=DynamoCounterReader(aws.dynamo, usage),
            store=DynamoAlertStore(aws.dynamo, usage),
            publish=publisher(sink, told, client),
            report=report,
            known=lambda _: (),  # there is nothing to tell of what has no counter
            in_time=lambda: time.monotonic() < until,
        ).look(aws.configurations.load(version), int(now()))
        counts = {"looked": found.looked, "alerts": len(found.alerts), "unread": found.unread, "failed": found.failed}
        if found.looked or found.failed:
            used = ((BUDGET_USED, round(found.fullest, 3)),) if found.looked else ()
            namespace = metric_namespace(told.stage)
            sink.write(metric_line("alerts", used, namespace=namespace, at_ms=int(now() * 1000), members=counts))
        return counts

    return handler


def counters_of(dynamo: DynamoClient, settings: Settings, keys: DynamoKeyStore) -> Counters:
    """Return what the status of budgets is read from."""

    def known(kind: str) -> Iterable[str]:
        if kind == "team":
            return keys.teams()
        return (key.id for key in keys.list_keys()) if kind == "key" else ()

    table = settings.table("usage")
    return Counters(DynamoCounterReader(dynamo, table), DynamoAlertStore(dynamo, table), known)


def publisher(lines: LineSink, settings: Settings, client: Any = None) -> Callable[[Alert], None]:
    """Return what delivers an alert, or raises. Subscribers can filter on the attributes budget, scope and alert."""

    def publish(alert: Alert) -> None:
        nonlocal client
        card, words = alert_card(alert), message(alert, settings.stage)
        if settings.alert_topic:
            if client is None:
                import boto3

                client = boto3.client("sns", region_name=settings.region, endpoint_url=settings.endpoint_url)
            attributes = {name: str(card[name]) for name in ("budget", "scope", "alert")}
            client.publish(
                TopicArn=settings.alert_topic,
                # At most 100 characters of ASCII on one line (SNS API reference, Publish, 2026-11).
                Subject=subject(alert, settings.stage),
                Message=f"{words}\n\n{json.dumps(card)}",
                MessageAttributes={n: {"DataType": "String", "StringValue": v} for n, v in attributes.items()},
            )
        lines.write(json.dumps({**card, "stage": settings.stage, "topic": settings.alert_topic, "text": words}))

    return publish
