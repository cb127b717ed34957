"""What a call to AWS needs, in IAM's words: actions and the resources that they are asked on.

It reads AWS's JSON protocol (DynamoDB, Secrets Manager, CloudWatch Logs, SQS), its query protocol (SNS) and S3's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

JSON_SERVICES = {
    "DynamoDB_20120810": "dynamodb",
    "secretsmanager": "secretsmanager",
    "Logs_20140328": "logs",
    "AmazonSQS": "sqs",
}
OBJECTS = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
BUCKETS = {"GET": "ListBucket", "HEAD": "ListBucket"}
SUBRESOURCES = ("acl", "tagging", "policy", "uploads", "versioning", "retention", "legal-hold")
"""Members of a query that make an S3 call another one than its method says; nothing here makes such calls."""
_WRITES = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}


@dataclass(frozen=True, slots=True, order=True)
class Access:
    """One action on one resource, in IAM's words."""

    action: str
    resource: str


@dataclass(frozen=True, slots=True)
class Call:
    """One signed HTTP request: who it names in its signature is known by `region` and `service`."""

    method: str
    path: str
    query: str
    target: str
    """Its X-Amz-Target, "" where it has none."""
    body: bytes
    region: str
    service: str


def needed(call: Call, account: str) -> list[Access]:
    """Return what a call needs. Raises ValueError for one that the guard does not know."""
    if call.target:
        return accesses(call.target, json.loads(call.body), call.region, account)
    if call.service == "s3":
        return [_object(call)]
    if call.service == "sns":
        return [_message(parse_qs(call.body.decode()))]
    raise ValueError(f"{call.method} {call.path} is a call of a service that the guard does not know ({call.service}).")


def accesses(target: str, payload: Mapping[str, Any], region: str, account: str) -> list[Access]:
    """Return what a call of AWS's JSON protocol needs; `target` is its X-Amz-Target.

    A transaction needs the actions of its parts. Raises ValueError for a service that the guard does not know.
    """
    prefix, _, action = target.partition(".")
    service = JSON_SERVICES.get(prefix)
    if service is None:
        raise ValueError(f"{target} is a call of a service that the guard does not know.")
    here = f"arn:aws:{service}:{region}:{account}"
    if service == "secretsmanager":
        return [Access(f"{service}:{action}", _secret(here, payload))]
    if service == "logs":
        return [Access(f"{service}:{action}", f"{here}:log-group:{payload['logGroupName']}:log-stream:")]
    if service == "sqs":
        return [Access(f"{service}:{action}", f"{here}:{str(payload['QueueUrl']).rpartition('/')[2]}")]
    if action == "TransactWriteItems":
        parts = [(_WRITES[kind], item) for part in payload["TransactItems"] for kind, item in part.items()]
        return [Access(f"{service}:{verb}", f"{here}:table/{item['TableName']}") for verb, item in parts]
    tables = [payload["TableName"]] if "TableName" in payload else list(payload["RequestItems"])
    return [Access(f"{service}:{action}", f"{here}:table/{table}") for table in tables]


def _secret(here: str, payload: Mapping[str, Any]) -> str:
    if "SecretId" not in payload:
        return "*"  # such as a random password, which is nobody's
    secret = str(payload["SecretId"])
    # The six characters that Secrets Manager appends to a name when it makes the ARN.
    return secret if secret.startswith("arn:") else f"{here}:secret:{secret}-x1y2z3"


def _object(call: Call) -> Access:
    members = parse_qs(call.query, keep_blank_values=True)
    strange = [name for name in SUBRESOURCES if name in members]
    bucket, _, key = call.path.removeprefix("/").partition("/")
    verbs = OBJECTS if key else BUCKETS
    if strange or call.method not in verbs:
        raise ValueError(f"{call.method} {call.path} {strange} is a call of S3 that the guard does not know.")
    return Access(f"s3:{verbs[call.method]}", f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}")


def _message(members: Mapping[str, list[str]]) -> Access:
    (action,), (topic,) = members["Action"], members["TopicArn"]
    return Access(f"sns:{action}", topic)
