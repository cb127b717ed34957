"""What was deployed, read back from the account: the API's routes, and each function's code, layers and variables."""

from __future__ import annotations

import io
import re
import time
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

_INTEGRATION = re.compile(
    r"functions/(?P<arn>arn:aws:lambda:[^/]+:function:(?P<name>[^:/]+):(?P<alias>[^:/]+))/(?P<mode>[a-z-]+)$"
)
STREAMED = "response-streaming-invocations"


@dataclass(frozen=True, slots=True)
class Route:
    """One method of the API. `path` is a pattern such as /v1/models/{model+}; `function` the deployed name."""

    method: str
    path: str
    function: str
    alias: str
    streamed: bool


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rule that invokes a function, such as every "rate(5 minutes)"."""

    expression: str
    function: str
    alias: str


@dataclass(frozen=True, slots=True)
class Fed:
    """A mapping that feeds a function from a stream or a queue."""

    source: str
    function: str
    alias: str
    id: str


@dataclass(frozen=True, slots=True)
class DeployedFunction:
    """One function, unpacked: `task` is what Lambda would put at /var/task, `opt` its layers, as at /opt."""

    name: str
    arn: str
    role: str
    handler: str
    timeout: float
    memory_mb: int
    log_group: str
    variables: dict[str, str]
    task: Path
    opt: Path


class Account:
    """The emulated account, in one region."""

    def __init__(self, endpoint: str, region: str) -> None:
        self.region = region
        self._options = {
            "endpoint_url": endpoint,
            "region_name": region,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }

    @property
    def variables(self) -> dict[str, str]:
        """The account as the environment of a program that is no function names it."""
        return {
            "AWS_ENDPOINT_URL": self._options["endpoint_url"],
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def client(self, service: str) -> Any:
        """Return a boto3 client for the account."""
        return boto3.client(service, **self._options)

    def routes(self, api_id: str) -> tuple[Route, ...]:
        """Return the API's methods with the functions that they call."""
        client = self.client("apigateway")
        found = []
        for resource in client.get_resources(restApiId=api_id, limit=500)["items"]:
            for method in resource.get("resourceMethods") or ():
                wanted = {"restApiId": api_id, "resourceId": resource["id"], "httpMethod": method}
                target = _INTEGRATION.search(client.get_integration(**wanted)["uri"])
                if target is None:
                    raise ValueError(f"{method} {resource['path']} does not call the alias of a function.")
                streamed = target["mode"] == STREAMED
                found.append(Route(method, resource["path"], target["name"], target["alias"], streamed))
        return tuple(sorted(found, key=lambda route: (route.path, route.method)))

    def scheduled(self) -> tuple[Schedule, ...]:
        """Return the schedules that invoke functions."""
        client = self.client("events")
        found = []
        for rule in client.list_rules()["Rules"]:
            for target in client.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                name, alias = target["Arn"].split(":")[-2:]
                found.append(Schedule(rule["ScheduleExpression"], name, alias))
        return tuple(found)

    def fed(self) -> tuple[Fed, ...]:
        """Return the functions that are fed from streams or queues."""
        found = []
        for mapping in self.client("lambda").list_event_source_mappings()["EventSourceMappings"]:
            name, alias = mapping["FunctionArn"].split(":")[-2:]
            found.append(Fed(mapping["EventSourceArn"], name, alias, mapping["UUID"]))
        return tuple(found)

    def switch_off(self) -> None:
        """Keep the emulator from running schedules and streams by itself."""
        events = self.client("events")
        for rule in events.list_rules()["Rules"]:
            events.disable_rule(Name=rule["Name"])
        for each in self.fed():
            self.client("lambda").update_event_source_mapping(UUID=each.id, Enabled=False)

    def replicate(self, table: str, regions: Sequence[str], *, verb: str = "Create") -> None:
        """Create ("Create") or delete ("Delete") the replicas of a table."""
        for region in regions:
            update = [{verb: {"RegionName": region}}]
            self.client("dynamodb").update_table(TableName=table, ReplicaUpdates=update)

    def refusal(self, api_id: str, kind: str) -> tuple[int, bytes]:
        """Return what the API answers by itself in a case such as MISSING_AUTHENTICATION_TOKEN: status and body."""
        found = self.client("apigateway").get_gateway_response(restApiId=api_id, responseType=kind)
        body = found["responseTemplates"]["application/json"].replace("$context.requestId", "none")
        return int(found["statusCode"]), body.encode()

    def function(self, name: str, alias: str, folder: Path) -> DeployedFunction:
        """Return what the alias of a function points at, with code and layers unpacked into `folder`."""
        client = self.client("lambda")
        found = client.get_function(FunctionName=name, Qualifier=alias)
        settings = found["Configuration"]
        task, opt = folder / name / "task", folder / name / "opt"
        _unpack(found["Code"]["Location"], task)
        opt.mkdir(parents=True)
        # In the order in which they are attached, later ones over earlier ones, as Lambda does.
        for layer in settings.get("Layers", ()):
            content = client.get_layer_version_by_arn(Arn=layer["Arn"])["Content"]
            _unpack(content["Location"], opt)
        return DeployedFunction(
            name=name,
            arn=settings["FunctionArn"],
            role=settings["Role"].rpartition("/")[2],
            handler=settings["Handler"],
            timeout=float(settings["Timeout"]),
            memory_mb=settings["MemorySize"],
            log_group=settings.get("LoggingConfig", {}).get("LogGroup", ""),
            variables=dict(settings.get("Environment", {}).get("Variables", {})),
            task=task,
            opt=opt,
        )

    def statements(self, role: str) -> Iterator[dict[str, Any]]:
        """Yield the policy statements of a role, with every ARN spelled out."""
        client = self.client("iam")
        for policy in client.list_role_policies(RoleName=role)["PolicyNames"]:
            document = client.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            yield from document["Statement"]

    def stacks(self) -> tuple[str, ...]:
        """Return the names of the stacks that exist."""
        listed = self.client("cloudformation").describe_stacks()["Stacks"]
        return tuple(sorted(stack["StackName"] for stack in listed if stack["StackStatus"] != "DELETE_COMPLETE"))

    def output(self, stack: str, name: str) -> str:
        """Return an output of a stack."""
        (found,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        return next(str(item["OutputValue"]) for item in found["Outputs"] if item["OutputKey"] == name)

    def tables(self) -> tuple[str, ...]:
        """Return the names of the tables that exist."""
        return tuple(self.client("dynamodb").list_tables()["TableNames"])

    def items(self, table: str) -> list[dict[str, Any]]:
        """Return the items of a small table, in DynamoDB's own notation."""
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        return [item for page in pages for item in page["Items"]]

    def take_item(self, table: str, item: dict[str, Any]) -> None:
        """Delete an item, given as `items` returns it."""
        self.client("dynamodb").delete_item(TableName=table, Key={name: item[name] for name in ("pk", "sk")})

    def objects(self, bucket: str) -> tuple[str, ...]:
        """Return the keys of a bucket's objects, of which there are few."""
        listed = self.client("s3").list_objects_v2(Bucket=bucket).get("Contents") or []
        return tuple(item["Key"] for item in listed)

    def empty(self, bucket: str) -> None:
        """Delete a bucket's objects, as an operator does before its stack is destroyed."""
        for key in self.objects(bucket):
            self.client("s3").delete_object(Bucket=bucket, Key=key)

    def put_lines(self, log_group: str, lines: Sequence[str]) -> None:
        """Write log lines, as Lambda does with what a function prints."""
        client = self.client("logs")
        stream = "rehearsal"
        client.create_log_stream(logGroupName=log_group, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line} for line in lines]
        client.put_log_events(logGroupName=log_group, logStreamName=stream, logEvents=events)


def _unpack(location: str, folder: Path) -> None:
    with urllib.request.urlopen(location, timeout=60) as answer:  # noqa: S310 - the emulator's own address
        archive = zipfile.ZipFile(io.BytesIO(answer.read()))
    for item in archive.infolist():
        path = Path(archive.extract(item, folder))
        # zipfile leaves permissions behind; the wrapper of the runtime layer must stay executable.
        if mode := item.external_attr >> 16:
            path.chmod(mode & 0o777)
