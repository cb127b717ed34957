"""`sluice audit list` shows who changed what; `sluice audit verify` recomputes the chain of hashes on this machine."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

from sluice.cli.session import CommandFailed, Session, table
from sluice.control.audit import verify

HEAD = ("time (UTC)", "region", "#", "who", "from", "action", "subject", "team")
FILTERS = ("region", "action", "actor", "subject", "team")


def add_commands(groups: Any) -> None:
    """Add the commands of the audit log."""
    actions = groups.add_parser("audit", help="who changed what").add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list changes, the latest first")
    listing.add_argument("--from", dest="start", help="a UTC day such as 2026-11-20")
    listing.add_argument("--to", dest="end", help="the last day (default today)")
    for name in FILTERS:
        listing.add_argument(f"--{name}", help="only this one" if name != "action" else "such as keys or keys.revoke")
    listing.add_argument("--limit", type=int, default=50, help="at most this many (default 50)")
    listing.add_argument("--changes", action="store_true", help="also what stood there before and after")
    listing.set_defaults(command=_list)
    check = actions.add_parser("verify", help="check that no record was changed, dropped or inserted")
    check.add_argument("--from", dest="start", help="begin at this UTC day (default: the very first)")
    check.add_argument("--region", help="only this region's chain")
    check.add_argument("--expect", action="append", default=[], help="a hash that must still stand there (repeat)")
    check.set_defaults(command=_verify)


def _list(session: Session, chosen: argparse.Namespace) -> None:
    query = {"from": chosen.start, "to": chosen.end, **{name: getattr(chosen, name) for name in FILTERS}}
    found: list[dict[str, Any]] = []
    for record in _records(session, query):
        found.append(record)
        if len(found) >= chosen.limit:
            break
    text = table(HEAD, [_row(record) for record in found]) if found else "There are no such changes."
    if chosen.changes:
        text = "\n\n".join(f"{table(HEAD, [_row(each)])}\n{_states(each)}" for each in found) or text
    session.show({"object": "list", "data": found}, text)


def _verify(session: Session, chosen: argparse.Namespace) -> None:
    chains: dict[str, list[dict[str, Any]]] = {}
    query = {"from": chosen.start, "region": chosen.region, "order": "asc", "limit": "500"}
    for record in _records(session, query):
        chains.setdefault(str(record["region"]), []).append(record)
    faults = [fault for chain in chains.values() for fault in verify(chain, whole=chosen.start is None)]
    hashes = {record["hash"] for chain in chains.values() for record in chain}
    faults += [f"no record has the hash {wanted[:64]}" for wanted in chosen.expect if wanted not in hashes]
    if faults:
        raise CommandFailed("The audit log was tampered with: " + "; ".join(faults[:10]) + ".")
    heads = [
        {
            "region": region,
            "records": len(chain),
            "day": chain[-1]["day"],
            "number": chain[-1]["number"],
            "hash": chain[-1]["hash"],
        }
        for region, chain in sorted(chains.items())
    ]
    lines = [
        f"{each['region']}: {each['records']} records hold; "
        f"the last is {each['day']} number {each['number']}, {each['hash']}"
        for each in heads
    ]
    session.show({"object": "list", "data": heads}, "\n".join(lines) or "There are no records.")


def _records(session: Session, query: dict[str, str | None]) -> Iterator[dict[str, Any]]:
    asked = {name: value for name, value in query.items() if value is not None}
    while True:
        page = session.call("GET", "/admin/audit", query=asked)
        yield from page["data"]
        if not page["next"]:
            return
        asked["after"] = page["next"]


def _row(record: dict[str, Any]) -> tuple[object, ...]:
    actor = record["actor"]
    who = f"{actor['kind']} {actor['id']}" + (f" ({actor['name']})" if actor.get("name") else "")
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(record["at_ms"] / 1000))
    where = (record["region"], record["number"], who, actor.get("source_ip", "-"))
    return (moment, *where, record["action"], record["subject"][:60], record["team"] or "-")


def _states(record: dict[str, Any]) -> str:
    shown = {name: record[name] for name in ("before", "after")}
    return json.dumps(shown, indent=2)
