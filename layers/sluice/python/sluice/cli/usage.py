"""`sluice usage`: what was used and what it cost, as a table or as the API's answer."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

DIMENSIONS = ("team", "key", "user", "model", "provider", "route", "tag")
HEAD = ("requests", "errors", "input", "cached", "output", "cost USD", "list USD", "saved USD")
Table = Callable[[Sequence[str], Sequence[Sequence[object]]], str]


class Session(Protocol):
    """What the command needs of the terminal."""

    def call(self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None) -> Any:
        """Return what the admin API answers."""

    def show(self, content: object, text: str) -> None:
        """Print the content as JSON when that was asked for, else the text."""


def add_commands(groups: Any, table: Table) -> None:
    """Add the command; `table` lays out rows under a head."""
    usage = groups.add_parser("usage", help="what was used, by team, model, user ...")
    usage.add_argument("--from", dest="start", help="UTC date, or date and hour (2026-11-23T10); default: this month")
    usage.add_argument("--to", dest="end", help="the end, not included")
    usage.add_argument("--by", choices=DIMENSIONS, help="a row for each value of this")
    usage.add_argument("--interval", choices=("hour", "day"), help="a row for each hour or day")
    usage.add_argument("--team", help="only this team's")
    usage.add_argument("--only", help="only this value of what --by names")
    usage.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print the API's answer as JSON")
    usage.set_defaults(command=lambda session, chosen: _usage(session, chosen, table))


def _usage(session: Session, chosen: argparse.Namespace, table: Table) -> None:
    asked = {"from": chosen.start, "to": chosen.end, "by": chosen.by, "interval": chosen.interval, "team": chosen.team}
    if chosen.only and chosen.by:
        asked["team" if chosen.by == "team" else chosen.by] = chosen.only
        if chosen.by == "team":
            asked["by"] = None
    found = session.call("GET", "/admin/usage", query={name: text for name, text in asked.items() if text})
    session.show(found, _text(found, table))


def _text(found: Mapping[str, Any], table: Table) -> str:
    rows: list[tuple[object, ...]] = []
    if found["interval"]:
        lead = ["start", *([found["by"]] if found["by"] else [])]
        rows = [(point["start"], *_value(point), *_cells(point)) for point in found["series"]]
    else:
        lead = [found["by"]] if found["by"] else []
        rows = [(*_value(group), *_cells(group)) for group in found.get("groups", ())]
    if found["total"] is not None:
        rows.append((*(["all"] + [""] * (len(lead) - 1) if lead else []), *_cells(found["total"])))
    lines = [f"{found['from']} to {found['to']}", table((*lead, *HEAD), rows)]
    if "forecast" in found:
        lines.append(f"At this pace {found['forecast']['cost_usd']} USD until {found['forecast']['until']}.")
    return "\n".join(lines)


def _value(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["value"],) if "value" in row else ()


def _cells(row: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        row["requests"],
        row["errors"],
        row["input"],
        row["cache_read"],
        row["output"],
        row["cost_usd"],
        *(f"{row[name] / 1e9:.6f}" for name in ("list_cost_nano_usd", "saved_nano_usd")),
    )
