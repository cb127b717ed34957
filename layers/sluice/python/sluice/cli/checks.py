"""What `sluice doctor` looks at in an AWS account, one function for each matter.

A check yields findings: what it is about, how it stands, what was seen, and what to do. It reads and never writes. What
the credentials may not see is "unknown" with the permission that it takes, not a failure. Values of secrets are looked
at for their form only and appear nowhere.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from sluice.settings import TABLES, TableSchema, table_name

OK, WARNING, FAILED, UNKNOWN = "ok", "warning", "FAILED", "unknown"
SKEW_WARNING, SKEW_LIMIT = 5.0, 240.0
"""Seconds: signatures are refused beyond 5 minutes, tokens of OIDC issuers earlier."""
ROOM = 1.5
"""How much more concurrency there should be than the traffic that is planned takes."""
PEPPER_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `remedy` is "" where nothing is to be done."""

    state: str
    about: str
    seen: str
    remedy: str = ""


@dataclass(frozen=True)
class Place:
    """One region of a deployed stage. `client` returns boto3's client of a service there.

    `requests_per_second` and `seconds` are the traffic that is planned for the region; `regions` are all of the
    stage's, the primary one first.
    """

    stage: str
    region: str
    regions: tuple[str, ...]
    client: Callable[[str], Any]
    requests_per_second: float = 20
    seconds: float = 5

    @property
    def prefix(self) -> str:
        """What the names of the stage's tables, secrets and stacks begin with."""
        return f"sluice-{self.stage}"

    @property
    def is_primary(self) -> bool:
        """Whether it owns the global tables and the secrets."""
        return self.region == self.regions[0]


Check = Callable[[Place], Iterator[Finding]]


def identity_and_clock(place: Place) -> Iterator[Finding]:
    """Whose account it is, and whether this machine's clock is right."""
    before = time.time()
    answer = place.client("sts").get_caller_identity()
    took = time.time() - before
    yield Finding(OK, "credentials", f"account {answer['Account']}, {answer['Arn'].rpartition(':')[2]}")
    date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    if date is None:
        yield Finding(UNKNOWN, "clock", "AWS sent no date")
        return
    # The header has whole seconds, and was written somewhere between asking and hearing.
    skew = max(abs(parsedate_to_datetime(date).timestamp() + 0.5 - before - took / 2) - took / 2 - 0.5, 0.0)
    state = FAILED if skew > SKEW_LIMIT else WARNING if skew > SKEW_WARNING else OK
    remedy = "" if state == OK else "Set this machine's clock by NTP: AWS refuses signatures that are 5 minutes off."
    yield Finding(state, "clock", f"{skew:.0f} s off", remedy)


def concurrency(place: Place) -> Iterator[Finding]:
    """Whether Lambda may run as many environments as the traffic takes: one for each request under way."""
    limit = place.client("lambda").get_account_settings()["AccountLimit"]
    allowed, free = limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"]
    needed = round(place.requests_per_second * place.seconds)
    seen = (
        f"{allowed} environments, {free} of them unreserved; {place.requests_per_second:g} requests a second of "
        f"{place.seconds:g} s take {needed}"
    )
    wanted = max(round(needed * ROOM), 1000)
    ask = (
        f"Ask for {wanted}: aws service-quotas request-service-quota-increase --region {place.region} --service-code "
        f"lambda --quota-code L-B99A9384 --desired-value {wanted}"
    )
    if free < needed:
        yield Finding(FAILED, "Lambda concurrency", seen, ask)
    elif free < needed * ROOM:
        yield Finding(WARNING, "Lambda concurrency", seen + ", which leaves little room", ask)
    else:
        yield Finding(OK, "Lambda concurrency", seen)


def api_throttle(place: Place) -> Iterator[Finding]:
    """Whether API Gateway lets so many requests in."""
    rate = place.client("apigateway").get_account()["throttleSettings"]["rateLimit"]
    seen = f"{rate:g} requests a second for all APIs of the account"
    if rate < place.requests_per_second:
        yield Finding(FAILED, "API Gateway throttle", seen, "Ask AWS to raise the account's request rate (L-8A5B8E43).")
    else:
        yield Finding(OK, "API Gateway throttle", seen)


def stacks(place: Place) -> Iterator[Finding]:
    """Whether the region's stacks stand, and as a deployment left them."""
    formation = place.client("cloudformation")
    for kind in ("data", "api", "jobs"):
        name = f"{place.prefix}-{place.region}-{kind}"
        try:
            status = formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        except Exception as error:
            if _code(error) != "ValidationError":
                raise
            yield Finding(
                FAILED, f"stack {name}", "does not exist", "Deploy the stage to this region (docs/deploy.md)."
            )
            continue
        whole = status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
        rolled_back = status == "UPDATE_ROLLBACK_COMPLETE"
        remedy = "" if whole else "Look at the stack's events: the last deployment did not go through."
        yield Finding(OK if whole else WARNING if rolled_back else FAILED, f"stack {name}", status, remedy)


def tables(place: Place) -> Iterator[Finding]:
    """Whether the tables are there, and have what they must not lose by hand: recovery, expiry, streams, replicas."""
    dynamo = place.client("dynamodb")
    for schema in TABLES:
        name = table_name(place.prefix, schema.name)
        try:
            table = dynamo.describe_table(TableName=name)["Table"]
        except Exception as error:
            if _code(error) != "ResourceNotFoundException":
                raise
            yield Finding(FAILED, f"table {name}", "does not exist", "Deploy the data stack, or restore the table.")
            continue
        faults = list(_table_faults(place, schema, name, table, dynamo))
        remedy = "Deploy the data stack again; somebody has changed the table by hand." if faults else ""
        yield Finding(FAILED if faults else OK, f"table {name}", "; ".join(faults) or "as it must be", remedy)


def _table_faults(place: Place, schema: TableSchema, name: str, table: Mapping[str, Any], dynamo: Any) -> Iterator[str]:
    if table["TableStatus"] not in ("ACTIVE", "UPDATING"):
        yield f"is {table['TableStatus']}"
    keys = [key["AttributeName"] for key in table["KeySchema"]]
    if keys != [schema.partition_key, schema.sort_key]:
        yield f"has the keys {keys}"
    if schema.ttl:
        ttl = dynamo.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if ttl.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING") or ttl.get("AttributeName") != schema.ttl:
            yield f"nothing expires by {schema.ttl}"
    if schema.stream and table.get("StreamSpecification", {}).get("StreamViewType") != schema.stream:
        yield f"has no stream with {schema.stream}"
    if schema.restorable:
        backups = dynamo.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {})
        if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
            yield "has no point-in-time recovery"
    if schema.replicated and len(place.regions) > 1:
        known = {replica["RegionName"] for replica in table.get("Replicas", ())} | {place.region}
        if missing := set(place.regions) - known:
            yield f"has no replica in {', '.join(sorted(missing))}"


def secrets(place: Place) -> Iterator[Finding]:
    """Whether the secrets are there and have the form that the gateway reads, and replicas are in step."""
    manager = place.client("secretsmanager")
    for kind, judge in (("providers", _provider_keys), ("gateway", _pepper)):
        name = f"{place.prefix}/{kind}"
        try:
            described = manager.describe_secret(SecretId=name)
            text = manager.get_secret_value(SecretId=name)["SecretString"]
        except Exception as error:
            if _code(error) != "ResourceNotFoundException":
                raise
            yield Finding(FAILED, f"secret {name}", "does not exist", "Deploy the data stack of the primary region.")
            continue
        yield judge(name, text)
        late = [each["Region"] for each in described.get("ReplicationStatus", ()) if each["Status"] != "InSync"]
        if late:
            again = (
                f"aws secretsmanager replicate-secret-to-regions --secret-id {name} --add-replica-regions Region=..."
            )
            yield Finding(FAILED, f"secret {name}", f"not in sync in {', '.join(late)}", again)


def _provider_keys(name: str, text: str) -> Finding:
    try:
        bundle = json.loads(text)
        found = sorted(provider for provider, keys in bundle.items() if isinstance(keys, dict) and any(keys.values()))
    except (ValueError, AttributeError):
        return Finding(
            FAILED, f"secret {name}", "is no JSON object", 'It must read {"openai": {"api_key": "..."}, ...}.'
        )
    if not found:
        put = "Put a provider's key in: docs/credentials.md. Providers that let the functions' role in need none."
        return Finding(WARNING, f"secret {name}", "has no key yet", put)
    return Finding(OK, f"secret {name}", f"keys of {', '.join(found)}")


def _pepper(name: str, text: str) -> Finding:
    try:
        pepper = json.loads(text)["pepper"]
        whole = isinstance(pepper, str) and len(pepper) >= PEPPER_LENGTH
    except (ValueError, KeyError, TypeError):
        whole = False
    if whole:
        return Finding(OK, f"secret {name}", "has its pepper")
    remedy = "Restore the secret's earlier version: with another pepper every virtual key is invalid."
    return Finding(FAILED, f"secret {name}", f"has no pepper of {PEPPER_LENGTH} characters", remedy)


def alerts(place: Place) -> Iterator[Finding]:
    """Whether anybody hears of alerts. Topics are in the primary region."""
    if not place.is_primary:
        return
    sns = place.client("sns")
    pattern = re.compile(rf":{re.escape(place.prefix)}-[a-z-]*alerts$")
    topics = [t["TopicArn"] for t in sns.list_topics()["Topics"] if pattern.search(t["TopicArn"])]
    if not topics:
        yield Finding(FAILED, "alerts", "there is no topic", "Deploy the jobs stack of the primary region.")
    for topic in topics:
        listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
        confirmed = [each for each in listed if each["SubscriptionArn"].startswith("arn:")]
        waiting = len(listed) - len(confirmed)
        name = topic.rpartition(":")[2]
        if confirmed:
            seen = f"{len(confirmed)} told" + (f", {waiting} not confirmed" if waiting else "")
            yield Finding(OK, f"topic {name}", seen)
        else:
            seen = f"{waiting} wait for confirmation" if waiting else "nobody is told"
            yield Finding(WARNING, f"topic {name}", seen, "Set alert_emails of the stage, and confirm AWS's message.")


def queues(place: Place) -> Iterator[Finding]:
    """Whether something lies in a dead-letter queue."""
    sqs = place.client("sqs")
    for url in sqs.list_queues(QueueNamePrefix=place.prefix).get("QueueUrls", ()):
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])[
            "Attributes"
        ]
        count = int(attributes["ApproximateNumberOfMessages"])
        name = url.rpartition("/")[2]
        remedy = f"sluice redrive --stage {place.stage} --region {place.region}" if count else ""
        yield Finding(WARNING if count else OK, f"queue {name}", f"{count} messages", remedy)


def alarms(place: Place) -> Iterator[Finding]:
    """Which alarms are on."""
    found: list[str] = []
    for page in (
        place.client("cloudwatch")
        .get_paginator("describe_alarms")
        .paginate(AlarmNamePrefix=place.prefix, StateValue="ALARM", AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    ):
        found += [alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in page.get(kind, ())]
    if found:
        yield Finding(WARNING, "alarms", f"on: {', '.join(sorted(found))}", "Each has a runbook in docs/runbooks.")
    else:
        yield Finding(OK, "alarms", "none is on")


CHECKS: tuple[tuple[str, Check], ...] = (
    ("sts:GetCallerIdentity", identity_and_clock),
    ("lambda:GetAccountSettings", concurrency),
    ("apigateway:GET on /account", api_throttle),
    ("cloudformation:DescribeStacks", stacks),
    ("dynamodb:DescribeTable, DescribeTimeToLive, DescribeContinuousBackups", tables),
    ("secretsmanager:DescribeSecret, GetSecretValue", secrets),
    ("sns:ListTopics, ListSubscriptionsByTopic", alerts),
    ("sqs:ListQueues, GetQueueAttributes", queues),
    ("cloudwatch:DescribeAlarms", alarms),
)
"""The permissions that a check takes, and the check."""


def examine(place: Place) -> Iterator[Finding]:
    """Yield the findings of all checks; one that cannot be made is a finding as well."""
    for permissions, check in CHECKS:
        about = check.__name__.replace("_", " ")
        try:
            yield from check(place)
        except Exception as error:
            code = _code(error)
            if "Denied" in code or "Unauthorized" in code:
                yield Finding(UNKNOWN, about, f"these credentials may not look ({code})", f"It takes {permissions}.")
            elif code:
                yield Finding(UNKNOWN, about, f"AWS answered {code}")
            else:
                yield Finding(FAILED, about, f"no answer ({type(error).__name__})", "Is there a way to AWS from here?")


def _code(error: Exception) -> str:
    """Return the code of an AWS error, "" for any other."""
    answer = getattr(error, "response", None)
    return str(answer.get("Error", {}).get("Code", "")) if isinstance(answer, dict) else ""
