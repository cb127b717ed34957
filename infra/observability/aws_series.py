"""Series that AWS itself publishes about what a region's stacks are made of; they cost nothing.

Names and dimensions: Amazon API Gateway, AWS Lambda, Amazon DynamoDB and Amazon SQS developer guides, pages on
CloudWatch metrics, and the CloudWatch user guide's page on service quotas, 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping

from infra.observability.model import Deployed, Series

Dimensions = tuple[tuple[str, str | Deployed], ...]

API_STAGE = "api"


def api(name: str, statistic: str, **how: str) -> Series:
    """Return a series of the region's REST API."""
    return _series("AWS/ApiGateway", name, statistic, (("ApiName", Deployed("api", "rest")), ("Stage", API_STAGE)), how)


def function(folder: str, name: str, statistic: str, **how: str) -> Series:
    """Return a series of one function, all of its versions together."""
    return _series("AWS/Lambda", name, statistic, (("FunctionName", Deployed("function", folder)),), how)


def table(schema: str, name: str, statistic: str, **how: str) -> Series:
    """Return a series of one table."""
    return _series("AWS/DynamoDB", name, statistic, (("TableName", Deployed("table", schema)),), how)


def replication(schema: str, region: str, **how: str) -> Series:
    """Return how long writes to a global table take to reach another region, in milliseconds."""
    dimensions: Dimensions = (("TableName", Deployed("table", schema)), ("ReceivingRegion", region))
    return _series("AWS/DynamoDB", "ReplicationLatency", "Average", dimensions, how)


def queue(name: str, metric: str, statistic: str, **how: str) -> Series:
    """Return a series of one queue."""
    return _series("AWS/SQS", metric, statistic, (("QueueName", Deployed("queue", name)),), how)


def claimed_concurrency(**how: str) -> Series:
    """Return how many of the account's concurrent executions are taken, reserved and provisioned ones included."""
    return _series("AWS/Lambda", "ClaimedAccountConcurrency", "Maximum", (), how)


def counted_concurrency(**how: str) -> Series:
    """Return the metric that `SERVICE_QUOTA` knows the account's quota of concurrent executions by."""
    dimensions = (("Class", "None"), ("Resource", "ConcurrentExecutions"), ("Service", "Lambda"), ("Type", "Resource"))
    return _series("AWS/Usage", "ResourceCount", "Maximum", dimensions, how)


def _series(namespace: str, name: str, statistic: str, dimensions: Dimensions, how: Mapping[str, str]) -> Series:
    """`how` may hold `label` and `id`, and `hidden` and `right` with any text for true."""
    label, identity = how.get("label", ""), how.get("id", "")
    return Series(namespace, name, statistic, dimensions, label, identity, "hidden" in how, "right" in how)
