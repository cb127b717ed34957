"""What a region costs while nobody calls it, item by item, from its synthesized templates.

Every type of resource in a template either has a rule here or stands in `FREE` with the reason, so a new type cannot
slip into a deployment without a price. What is billed by use is counted for what a deployment does by itself: its
schedules, the health checks on it, and the metrics of its jobs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from infra.costs import list_prices as prices
from sluice import metrics

Resource = Mapping[str, Any]
Rule = Callable[[str, Resource, Mapping[str, Resource]], "Iterator[Item]"]

MONTH_MINUTES = 60 * 24 * 30
RUN_SECONDS = Decimal(2)
"""A scheduled run that finds nothing to do, its cold start included: a generous figure, measured ones are below it."""
RUN_LOG_KB = Decimal(4)
"""What it writes to its log."""
QUIET_GB = Decimal("0.1")
"""What a table or a bucket holds that is hardly used: keys, configurations, counters."""
CHECKERS, CHECK_SECONDS = 15, 30
"""Route 53 asks an endpoint from so many places, each so often, unless it is told otherwise."""

IDLE_METRICS = (
    metrics.ENTRIES_RESTORED,
    metrics.ENTRIES_LOST,
    metrics.HOLDS_RETURNED,
    metrics.USAGE_CELLS_WRONG,
    metrics.USAGE_CELLS_CORRECTED,
    metrics.USAGE_DRIFT,
    metrics.COUNTER_DRIFT,
    metrics.ROLLUP_AGE,
    metrics.BUDGET_USED,
    metrics.ROTATION_AGE,
)
"""What scheduled jobs report without any traffic. All other series are fed by requests, and billed by the hour."""

FREE: dict[str, str] = {
    "AWS::ApiGateway::Account": "a setting",
    "AWS::ApiGateway::BasePathMapping": "part of the API, which is billed by the request",
    "AWS::ApiGateway::Deployment": "part of the API",
    "AWS::ApiGateway::DomainName": "free of charge",
    "AWS::ApiGateway::GatewayResponse": "part of the API",
    "AWS::ApiGateway::Method": "part of the API",
    "AWS::ApiGateway::Authorizer": "part of the API",
    "AWS::ApiGateway::Model": "part of the API",
    "AWS::ApiGateway::RequestValidator": "part of the API",
    "AWS::ApiGateway::Resource": "part of the API",
    "AWS::ApiGateway::RestApi": "billed by the request",
    "AWS::CertificateManager::Certificate": "public certificates are free of charge",
    "AWS::CloudWatch::AnomalyDetector": "counted with the alarm that uses its band",
    "AWS::CodeDeploy::Application": "free of charge for Lambda",
    "AWS::CodeDeploy::DeploymentConfig": "free of charge for Lambda",
    "AWS::CodeDeploy::DeploymentGroup": "free of charge for Lambda",
    "AWS::Events::Archive": "billed by what it holds",
    "AWS::IAM::ManagedPolicy": "free of charge",
    "AWS::IAM::Policy": "free of charge",
    "AWS::IAM::Role": "free of charge",
    "AWS::KMS::Alias": "free of charge",
    "AWS::Lambda::EventInvokeConfig": "a setting",
    "AWS::Lambda::EventSourceMapping": "reading a table's stream is free of charge for Lambda",
    "AWS::Lambda::Function": "billed by use; its schedule is counted, and provisioned concurrency with its alias",
    "AWS::Lambda::LayerVersion": "75 GB of code are free of charge",
    "AWS::Lambda::Permission": "free of charge",
    "AWS::Lambda::Version": "free of charge",
    "AWS::Logs::LogGroup": "billed by what is written; schedules are counted",
    "AWS::Logs::MetricFilter": "its metric is counted as a series",
    "AWS::Logs::QueryDefinition": "saved queries are free of charge; running one costs by the GB",
    "AWS::Logs::ResourcePolicy": "free of charge",
    "AWS::Route53::RecordSet": "billed by the query; aliases to AWS are free of charge",
    "AWS::S3::BucketPolicy": "free of charge",
    "AWS::SecretsManager::ResourcePolicy": "free of charge",
    "AWS::SecretsManager::RotationSchedule": "free of charge; its function runs once in weeks",
    "AWS::SNS::Subscription": "billed by the message",
    "AWS::SNS::Topic": "billed by the message",
    "AWS::SNS::TopicPolicy": "free of charge",
    "AWS::SQS::Queue": "billed by the message",
    "AWS::SQS::QueuePolicy": "free of charge",
    "AWS::SSM::Parameter": "standard parameters are free of charge",
    "AWS::WAFv2::WebACLAssociation": "counted with the web ACL",
    "AWS::WAFv2::LoggingConfiguration": "billed by what is written",
}
"""Types that cost nothing while nobody calls, and why."""


class UnknownPrice(ValueError):
    """A template has a resource whose price nobody has looked up; the message names its type."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the bill: `quantity` times `price` dollars a month."""

    what: str
    quantity: Decimal
    price: Decimal
    region: str = ""
    """Where it stands, "" for the region of the stack."""

    @property
    def dollars(self) -> Decimal:
        """Dollars a month."""
        return self.quantity * self.price


def idle_bills(templates: Mapping[str, Iterable[Mapping[str, Any]]]) -> dict[str, list[Item]]:
    """Return what each region of a stage costs in a month without a single request, dearest item first.

    `templates` are the CloudFormation documents of each region's stacks. Replicas of tables and secrets are counted
    where they stand, not where the template is that owns them. Series of metrics are counted for every region that
    has functions on a schedule.

    Raises:
        UnknownPrice: a resource's type has no rule and is not known to be free.
    """
    bills: dict[str, dict[tuple[str, Decimal], Decimal]] = {region: {} for region in templates}
    fed = Decimal(len(list(metrics.series(IDLE_METRICS))))
    for region, stacks in templates.items():
        for template in stacks:
            resources: Mapping[str, Resource] = template.get("Resources", {})
            for name, resource in resources.items():
                for item in _items(name, resource, resources):
                    lines = bills.setdefault(item.region or region, {})
                    lines[item.what, item.price] = lines.get((item.what, item.price), Decimal(0)) + item.quantity
            if any(resource["Type"] == "AWS::Events::Rule" for resource in resources.values()):
                bills[region]["metric series that jobs feed", prices.METRIC_SERIES] = fed
    return {region: _lines(lines) for region, lines in bills.items()}


def _lines(lines: Mapping[tuple[str, Decimal], Decimal]) -> list[Item]:
    items = [Item(what, quantity, price) for (what, price), quantity in lines.items() if quantity]
    return sorted(items, key=lambda item: (-item.dollars, item.what))


def _items(name: str, resource: Resource, resources: Mapping[str, Resource]) -> Iterator[Item]:
    kind = resource["Type"]
    rule = RULES.get(kind)
    if rule is None:
        if kind not in FREE:
            raise UnknownPrice(f"{kind} ({name}) has no price: add a rule or a reason to infra/costs/idle.py.")
        return
    yield from rule(name, resource, resources)


def _stage(name: str, resource: Resource, _resources: Mapping[str, Resource]) -> Iterator[Item]:
    if resource["Properties"].get("CacheClusterEnabled"):
        raise UnknownPrice(f"{name} has an API cache, which costs by the hour: add its price to infra/costs/idle.py.")
    yield from ()


def _alarm(_name: str, resource: Resource, _resources: Mapping[str, Resource]) -> Iterator[Item]:
    asked = resource["Properties"].get("Metrics")
    if asked is None:
        yield _alarmed(1, resource["Properties"].get("Period", 60))
        return
    periods = [query["MetricStat"]["Period"] for query in asked if "MetricStat" in query]
    bands = sum("ANOMALY_DETECTION_BAND" in str(query.get("Expression", "")) for query in asked)
    yield _alarmed(len(periods) + 2 * bands, min(periods, default=60))


def _alarmed(looked_at: int, period: int) -> Item:
    if period < 60:
        return Item("metrics that fast alarms look at", Decimal(looked_at), prices.FAST_ALARM_METRIC)
    return Item("metrics that alarms look at", Decimal(looked_at), prices.ALARM_METRIC)


def _composite(_name: str, _resource: Resource, _resources: Mapping[str, Resource]) -> Iterator[Item]:
    yield Item("composite alarms", Decimal(1), prices.COMPOSITE_ALARM)


def _dashboard(_name: str, _resource: Resource, _resources: Mapping[str, Resource]) -> Iterator[Item]:
    yield Item("dashboards", Decimal(1), prices.DASHBOARD)


def _secret(_name: str, resource: Resource, _resources: Mapping[str, Resource]) -> Iterator[Item]:
    for replica in ({"Region": ""}, *resource["Properties"].get("ReplicaRegions", ())):
        yield Item("secrets", Decimal(1), prices.SECRET, replica["Region"])


def _table(_name: str, resource: Resource, _resources: Mapping[str, Resource]) -> Iterator[Item]:
    for replica in resource["Properties"]["Replicas"]:
        yield Item("GB in tables", QUIET_GB, prices.TABLE_GB, _place(replica))
        if replica.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled"):
            yield Item("GB under point-in-time recovery", QUIET_GB, prices.RECOVERY_GB, _place(replica))


def _place(replica: Resource) -> str:
    """Return the region of a table's replica; a reference means the stack's own."""
    return replica["Region"] if isinstance(replica["Region"], str) else ""


def _bucket(_name: str, _resource: Resource, _resources: Mapping[str, Resource]) -> Iterator[Item]:
    yield Item("GB in buckets", QUIET_GB, Decimal("0.023"))


def _key(_name: str, _resource: Resource, _resources: Mapping[str, Resource]) -> Iterator[Item]:
    yield Item("KMS keys", Decimal(1), prices.CUSTOMER_KEY)


def _web_acl(_name: str, resource: Resource, _resources: Mapping[str, Resource]) -> Iterator[Item]:
    yield Item("web ACLs", Decimal(1), prices.WEB_ACL)
    yield Item("rules of web ACLs", Decimal(len(resource["Properties"].get("Rules", ()))), prices.WEB_ACL_RULE)


def _zone(_name: str, _resource: Resource, _resources: Mapping[str, Resource]) -> Iterator[Item]:
    yield Item("hosted zones", Decimal(1), prices.HOSTED_ZONE)


def _health_check(_name: str, resource: Resource, _resources: Mapping[str, Resource]) -> Iterator[Item]:
    wanted = resource["Properties"]["HealthCheckConfig"]
    yield Item("health checks", Decimal(1), prices.HEALTH_CHECK)
    if wanted["Type"] in ("CLOUDWATCH_METRIC", "CALCULATED"):
        return
    features = ("HTTPS" in wanted["Type"]) + ("STR_MATCH" in wanted["Type"]) + (wanted.get("RequestInterval") == 10)
    yield Item("features of health checks", Decimal(features), prices.HEALTH_CHECK_FEATURE)
    asked = Decimal(CHECKERS * 60 * MONTH_MINUTES) / wanted.get("RequestInterval", CHECK_SECONDS) / 1_000_000
    yield Item("million requests of health checks", asked, prices.REST_REQUESTS + prices.LAMBDA_REQUESTS)


def _alias(_name: str, resource: Resource, resources: Mapping[str, Resource]) -> Iterator[Item]:
    wanted = resource["Properties"].get("ProvisionedConcurrencyConfig")
    if wanted is None:
        return
    function = _function(resource["Properties"]["FunctionName"], resources)
    gigabytes = Decimal(function["Properties"]["MemorySize"]) / 1024 * wanted["ProvisionedConcurrentExecutions"]
    hours = gigabytes * prices.HOURS
    yield Item("GB-hours of provisioned concurrency", hours, prices.PROVISIONED_GB_SECOND * 3600)


def _rule(_name: str, resource: Resource, resources: Mapping[str, Resource]) -> Iterator[Item]:
    schedule = resource["Properties"].get("ScheduleExpression")
    if schedule is None:
        return
    runs = Decimal(runs_a_month(schedule))
    for target in resource["Properties"].get("Targets", ()):
        memory = Decimal(_function(target["Arn"], resources)["Properties"]["MemorySize"]) / 1024
        yield Item("million scheduled runs", runs / 1_000_000, prices.LAMBDA_REQUESTS)
        yield Item("GB-hours of scheduled runs", runs * RUN_SECONDS * memory / 3600, prices.LAMBDA_GB_SECOND * 3600)
        yield Item("GB of logs of scheduled runs", runs * RUN_LOG_KB / 1024 / 1024, prices.LOGS_GB)


def runs_a_month(schedule: str) -> int:
    """Return how often a schedule runs in 30 days: rate(5 minutes) or cron(10 2-4 * * ? *).

    Raises:
        ValueError: the expression has something else than every day's minutes and hours.
    """
    if rate := re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", schedule):
        return MONTH_MINUTES // (int(rate[1]) * {"minute": 1, "hour": 60, "day": 1440}[rate[2]])
    cron = re.fullmatch(r"cron\((\S+) (\S+) (?:\*|\?) \* (?:\*|\?) \*\)", schedule)
    if cron is None:
        raise ValueError(
            f"The schedule {schedule!r} cannot be counted: only rates, and hours and minutes of every day."
        )
    return _times(cron[1], 60) * _times(cron[2], 24) * 30


def _times(text: str, all_of_them: int) -> int:
    count = 0
    for part in text.split(","):
        if part == "*":
            count += all_of_them
        elif step := re.fullmatch(r"(?:\*|\d+)/(\d+)", part):
            count += -(-all_of_them // int(step[1]))
        else:
            first, _, last = part.partition("-")
            count += int(last or first) - int(first) + 1
    return count


def _function(reference: object, resources: Mapping[str, Resource]) -> Resource:
    """Return the function that a reference names, itself or through an alias."""
    named = re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"', json.dumps(reference))
    for name in named:
        resource = resources.get(name, {})
        if resource.get("Type") == "AWS::Lambda::Function":
            return resource
        if resource.get("Type") == "AWS::Lambda::Alias":
            return _function(resource["Properties"]["FunctionName"], resources)
    raise ValueError(f"{json.dumps(reference)} names no function of its own stack.")


RULES: dict[str, Rule] = {
    "AWS::ApiGateway::Stage": _stage,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::CompositeAlarm": _composite,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::DynamoDB::GlobalTable": _table,
    "AWS::Events::Rule": _rule,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Alias": _alias,
    "AWS::Route53::HealthCheck": _health_check,
    "AWS::Route53::HostedZone": _zone,
    "AWS::S3::Bucket": _bucket,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::WAFv2::WebACL": _web_acl,
}
"""Types that cost something by themselves."""
