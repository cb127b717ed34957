"""`sluice users export|erase`: what a region keeps about an end user, as a file, or taken away.

The end user is the name that callers sent along, of one team. Archived payloads lie in the stage's archive bucket under
keys that hold the name's hash: with `--archive-bucket` and AWS credentials they are listed, or deleted, as well.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sluice.cli.session import CommandFailed, Session, progress
from sluice.telemetry.payload_keys import user_prefixes

TRIES = 80
SECONDS = 5.0
"""The roll-up's journals are merged every five minutes at the latest."""
DAYS_A_CALL = 20


def add_commands(groups: Any) -> None:
    """Add the commands."""
    users = groups.add_parser("users", help="what is kept about an end user").add_subparsers(
        metavar="ACTION", required=True
    )
    for action, words, command in (
        ("export", "write all that is kept of a user into a file", _export),
        ("erase", "take a user's name out of all that is kept", _erase),
    ):
        parser = users.add_parser(action, help=words)
        parser.add_argument("user", help="the name that callers sent along")
        parser.add_argument("--team", required=True, help="the team whose user it is")
        parser.add_argument("--archive-bucket", help="the stage's archive of payloads, with AWS credentials")
        parser.add_argument("--region", default="us-east-1", help="the region of that bucket")
        parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print the figures as JSON")
        parser.set_defaults(command=command)
        if action == "export":
            parser.add_argument("--out", type=Path, required=True, help="a file, such as user.jsonl.gz")
        else:
            parser.add_argument("--yes", action="store_true", help="do not ask")


def _export(session: Session, chosen: argparse.Namespace) -> None:
    found = _found(session, chosen)
    count = 0
    with gzip.open(chosen.out, "wt", encoding="utf-8") as file:
        for number, partition in enumerate(found["partitions"], 1):
            for row in _pages(session, "/admin/users/entries", chosen.user, partition, "data"):
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                count += 1
            progress(f"{number}/{len(found['partitions'])} partitions, {count} entries")
        payloads = 0
        for bucket, key in _archived(chosen):
            file.write(json.dumps({"payload": f"s3://{bucket.name}/{key}"}) + "\n")
            payloads += 1
        for response in found["responses"]:
            file.write(json.dumps({"response": response}) + "\n")
    told = {
        "region": found["region"],
        "days": len(found["days"]),
        "entries": count,
        "payloads": payloads,
        "responses": len(found["responses"]),
    }
    words = f"{count} entries, {payloads} payloads and {len(found['responses'])} stored responses"
    session.show(told, f"{words} of {len(found['days'])} days are in {chosen.out}.")


def _erase(session: Session, chosen: argparse.Namespace) -> None:
    found = _found(session, chosen)
    if not chosen.yes and not _agreed(chosen, found):
        raise CommandFailed("Nothing was changed.")
    erased = 0
    for number, partition in enumerate(found["partitions"], 1):
        erased += sum(_pages(session, "/admin/users/erase", chosen.user, partition, "erased"))
        progress(f"{number}/{len(found['partitions'])} partitions, {erased} entries")
    payloads = 0
    for bucket, key in _archived(chosen):
        bucket.delete_objects(Delete={"Objects": [{"Key": key}]})
        payloads += 1
    deleted, left, responses = _forgotten(session, chosen, found["days"])
    told = {
        "region": found["region"],
        "erased": erased,
        "payloads": payloads,
        "responses": responses,
        "cells": deleted,
        "left": left,
    }
    gone = f"{payloads} payloads, {responses} stored responses and {deleted} cells of usage are deleted."
    words = f"{erased} entries are nobody's now; {gone}"
    session.show(told, words)
    if left:
        raise CommandFailed(
            f"{left} cells of usage still hold something: the roll-up is behind, or the user is active. Run this again."
        )


def _found(session: Session, chosen: argparse.Namespace) -> Any:
    return session.call("POST", "/admin/users/days", {"user": chosen.user, "team": chosen.team})


def _pages(session: Session, path: str, user: str, partition: str, member: str) -> Iterator[Any]:
    after: str | None = ""
    while after is not None:
        page = session.call("POST", path, {"user": user, "partition": partition, "after": after})
        found, after = page[member], page["next"]
        yield from found if isinstance(found, list) else [found]


def _forgotten(
    session: Session, chosen: argparse.Namespace, days: list[str], sleep: Callable[[float], None] = time.sleep
) -> tuple[int, int, int]:
    """Have stored responses deleted, and empty cells until none is left; return deleted, left, and responses."""
    deleted = left = responses = 0
    for start in range(0, len(days), DAYS_A_CALL):
        some = days[start : start + DAYS_A_CALL]
        for attempt in range(TRIES):
            told = session.call("POST", "/admin/users/forget", {"user": chosen.user, "team": chosen.team, "days": some})
            deleted, responses = deleted + told["deleted"], responses + told["responses"]
            if not told["left"]:
                break
            progress(f"{told['left']} cells of usage are not rolled up yet")
            if attempt == TRIES - 1:
                left += told["left"]
            else:
                sleep(SECONDS)
    return deleted, left, responses


def _archived(chosen: argparse.Namespace) -> Iterator[tuple[Any, str]]:
    """Yield the archive's bucket and the key of each payload of the user, where the bucket is named."""
    if not chosen.archive_bucket:
        return
    import boto3

    bucket = boto3.resource("s3", region_name=chosen.region).Bucket(chosen.archive_bucket)
    for prefix in user_prefixes(chosen.team, chosen.user):
        for found in bucket.objects.filter(Prefix=prefix):
            yield bucket, found.key


def _agreed(chosen: argparse.Namespace, found: Any) -> bool:
    sys.stderr.write(
        f"Take {chosen.user!r} of team {chosen.team} out of {len(found['days'])} days in {found['region']}? It cannot "
        "be undone. Type yes: "
    )
    return sys.stdin.readline().strip() == "yes"
