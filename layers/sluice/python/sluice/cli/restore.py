"""`sluice restore`: bring back what a table has lost, from point-in-time recovery or a backup, into the live table.

AWS restores into a table of its own (DynamoDB developer guide, "Point-in-time recovery", 2026-11), without streams,
expiry, recovery and replicas; the live table has all of them, so what it lacks is copied into it. Nothing that stands
there is overwritten unless `--replace` says so, and nothing is deleted. Without `--apply` it only counts.

A run that was broken off goes on with the restored table it finds. Entries of the ledger that come back count a second
time in usage, because the ledger's stream carries them again: the reconcile job is told to make the usage of their days
equal to the ledger afterwards.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sluice.cli.session import CommandFailed, Session
from sluice.settings import TABLES, table_name

Table = Callable[[Sequence[str], Sequence[Sequence[object]]], str]
Item = Mapping[str, Any]
PAGE = 100
"""Keys that one BatchGetItem takes."""
JOB_OUTPUT = "ReconcileFunction"
WAIT_SECONDS = 3.0
RESTORABLE = tuple(schema.name for schema in TABLES if schema.restorable)
_LEDGER_KEY = re.compile(r"[^#]+#(\d{4}-\d\d-\d\d)#\d+")


@dataclass
class Copied:
    """What became of one table's items."""

    table: str
    restored: int = 0
    same: int = 0
    missing: int = 0
    different: int = 0
    expired: int = 0
    written: int = 0
    days: set[str] = field(default_factory=set)
    """UTC days of the ledger entries that were written."""


def add_commands(groups: Any, table: Table) -> None:
    """Add the command; `table` lays out rows under a head."""
    parser = groups.add_parser("restore", help="bring back what a table has lost, from recovery or a backup")
    parser.add_argument("--stage", default="dev", help="the deployed stage (default dev)")
    parser.add_argument("--region", default="us-east-1", help="the region (default us-east-1)")
    parser.add_argument("--table", action="append", choices=RESTORABLE, help="only this one (repeat; default all)")
    parser.add_argument("--at", help="the moment to go back to, such as 2026-11-24T08:30:00Z (default: the latest)")
    parser.add_argument("--backup", action="append", default=[], metavar="TABLE=ARN", help="take this backup instead")
    parser.add_argument("--apply", action="store_true", help="write; without it the difference is only counted")
    parser.add_argument("--replace", action="store_true", help="also put back items that have changed since")
    parser.add_argument("--keep", action="store_true", help="leave the restored tables there")
    parser.add_argument("--prefix", help=argparse.SUPPRESS)
    parser.add_argument("--endpoint-url", help="an emulator's address instead of AWS")
    parser.set_defaults(command=lambda session, chosen: _command(session, chosen, table), gateway=False)


def _command(session: Session, chosen: argparse.Namespace, table: Table) -> None:
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    aws = boto3.session.Session(region_name=chosen.region)
    dynamo = aws.client("dynamodb", endpoint_url=chosen.endpoint_url)
    backups = dict(_pair(text) for text in chosen.backup)
    moment = None if chosen.at is None else _moment(chosen.at)
    copied: list[Copied] = []
    try:
        for name in chosen.table or (tuple(backups) or RESTORABLE):
            live = table_name(chosen.prefix or f"sluice-{chosen.stage}", name)
            source = restored(dynamo, live, moment, backups.get(name))
            copied.append(
                copy(dynamo, source, live, name, apply=chosen.apply, replace=chosen.replace, told=_progress(name))
            )
            if not chosen.keep and chosen.apply:
                dynamo.delete_table(TableName=source)
        days = sorted({day for each in copied for day in each.days})
        if days and not chosen.prefix:
            _repair(aws, chosen, days)
    except (BotoCoreError, ClientError) as error:
        raise CommandFailed(f"AWS did not let the tables be restored: {error}") from None
    names = ("table", "restored", "same", "missing", "different", "expired", "written")
    rows = [[getattr(each, name) for name in names] for each in copied]
    closing = [] if chosen.apply else ["Nothing was written: add --apply. The restored tables stay for that."]
    shown = [{**{name: getattr(each, name) for name in names}, "days": sorted(each.days)} for each in copied]
    session.show({"tables": shown, "applied": chosen.apply}, "\n".join([table(names, rows), *closing]))


def restored(
    dynamo: Any, live: str, moment: datetime | None, backup: str | None, sleep: Callable[[float], None] = time.sleep
) -> str:
    """Return the name of a table that holds what `live` held then, or in a backup; made anew unless it is there.

    `dynamo` is boto3's client. Without a moment it is the latest that can be restored, about five minutes ago.
    """
    stamp = "latest" if moment is None else f"{moment:%Y%m%dT%H%M%S}"
    target = f"{live}-restored-{stamp if backup is None else backup.rpartition('/')[2]}"[:255]
    if not _exists(dynamo, target):
        if backup is not None:
            dynamo.restore_table_from_backup(TargetTableName=target, BackupArn=backup)
        elif moment is not None:
            dynamo.restore_table_to_point_in_time(SourceTableName=live, TargetTableName=target, RestoreDateTime=moment)
        else:
            dynamo.restore_table_to_point_in_time(
                SourceTableName=live, TargetTableName=target, UseLatestRestorableTime=True
            )
    while dynamo.describe_table(TableName=target)["Table"]["TableStatus"] != "ACTIVE":
        sleep(WAIT_SECONDS)
    return target


def copy(
    dynamo: Any,
    source: str,
    live: str,
    name: str,
    *,
    apply: bool,
    replace: bool = False,
    told: Callable[[Copied], None] | None = None,
    now: Callable[[], float] = time.time,
) -> Copied:
    """Compare every item of `source` with `live` and write what is missing there, or differs and is to be replaced.

    An item that somebody wrote in the meantime stays. `told` hears of the progress after each page.
    """
    copied = Copied(name)
    for page in _pages(dynamo, source):
        copied.restored += len(page)
        known = _read(dynamo, live, page)
        for item in page:
            _settle(dynamo, live, item, known.get(_key(item)), copied, apply=apply, replace=replace, now=now())
        if told is not None:
            told(copied)
    return copied


def _settle(
    dynamo: Any, live: str, item: Item, stands: Item | None, copied: Copied, *, apply: bool, replace: bool, now: float
) -> None:
    if stands == item:
        copied.same += 1
        return
    if stands is None and float(item.get("expires_at", {}).get("N", now + 1)) <= now:
        copied.expired += 1
        return
    copied.missing += stands is None
    copied.different += stands is not None
    if not apply or (stands is not None and not replace):
        return
    condition = "attribute_not_exists(pk)" if stands is None else "attribute_exists(pk)"
    try:
        dynamo.put_item(TableName=live, Item=item, ConditionExpression=condition)
    except dynamo.exceptions.ConditionalCheckFailedException:
        return  # somebody was faster; theirs is newer
    copied.written += 1
    if copied.table == "ledger" and (key := _LEDGER_KEY.fullmatch(item["pk"]["S"])):
        copied.days.add(key[1])


def _pages(dynamo: Any, table: str) -> Iterator[list[Item]]:
    for page in dynamo.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        items = page["Items"]
        for start in range(0, len(items), PAGE):
            yield items[start : start + PAGE]


def _read(dynamo: Any, table: str, items: Sequence[Item]) -> dict[tuple[str, str], Item]:
    found: dict[tuple[str, str], Item] = {}
    wanted = [{"pk": item["pk"], "sk": item["sk"]} for item in items]
    while wanted:
        answer = dynamo.batch_get_item(RequestItems={table: {"Keys": wanted, "ConsistentRead": True}})
        found.update((_key(item), item) for item in answer["Responses"].get(table, ()))
        wanted = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
    return found


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _exists(dynamo: Any, table: str) -> bool:
    try:
        dynamo.describe_table(TableName=table)
    except dynamo.exceptions.ResourceNotFoundException:
        return False
    return True


def _repair(aws: Any, chosen: argparse.Namespace, days: Iterable[str]) -> None:
    """Have the reconcile job make the usage of these days equal to the ledger."""
    formation = aws.client("cloudformation", endpoint_url=chosen.endpoint_url)
    stack = f"sluice-{chosen.stage}-{chosen.region}-jobs"
    outputs = formation.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    function = next((each["OutputValue"] for each in outputs if each["OutputKey"] == JOB_OUTPUT), None)
    if function is None:
        raise CommandFailed(f"Stack {stack} has no output {JOB_OUTPUT}; deploy the stage again.")
    event = json.dumps({"sluice": "repair", "days": list(days)}).encode()
    answer = aws.client("lambda", endpoint_url=chosen.endpoint_url).invoke(FunctionName=function, Payload=event)
    if answer.get("FunctionError"):
        raise CommandFailed(f"The reconcile job failed; run it again for {', '.join(days)} (docs/recovery.md).")


def _progress(name: str) -> Callable[[Copied], None]:
    def told(copied: Copied) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{name}: {copied.restored} items read, {copied.written} written ")
            sys.stderr.flush()

    return told


def _pair(text: str) -> tuple[str, str]:
    name, equals, arn = text.partition("=")
    if not equals or name not in RESTORABLE or not arn:
        raise CommandFailed(f"--backup takes TABLE=ARN with one of {', '.join(RESTORABLE)}, not {text!r}.")
    return name, arn


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CommandFailed(f"--at takes a moment such as 2026-11-24T08:30:00Z, not {text!r}.") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
