"""`sluice ledger`: export entries as rows of FOCUS, and cost history again at corrected prices.

An export goes partition by partition into one gzip file; `<file>.state` says which partitions are in it, so that the
same command goes on after a break. It is removed in the end.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from sluice.cli.session import progress


class Session(Protocol):
    """What the commands need of the terminal."""

    def call(self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None) -> Any:
        """Return what the admin API answers."""

    def show(self, content: object, text: str) -> None:
        """Print the content as JSON when that was asked for, else the text."""


Failed = Callable[[str], Exception]
Tell = Callable[[str], object]


def add_commands(groups: Any, failed: Failed, tell: Tell | None = None) -> None:
    """Add the commands; `failed` makes the error of a command, `tell` shows progress (by default on stderr)."""
    say = tell or progress
    actions = groups.add_parser("ledger", help="export the ledger; cost it again").add_subparsers(
        metavar="ACTION", required=True
    )
    export = actions.add_parser("export", help="write entries as rows of FOCUS 1.2; goes on where it broke off")
    _span(export)
    export.add_argument("--team", default="", help="only this team's")
    export.add_argument("--out", type=Path, required=True, help="the file to write")
    export.set_defaults(command=lambda session, chosen: _export(session, chosen, failed, say))
    recost = actions.add_parser("recost", help="cost entries again at corrected prices, as new versions")
    _span(recost)
    recost.add_argument("--team", default="", help="only this team's")
    recost.add_argument("--model", required=True, help="provider/model, as the ledger names it")
    recost.add_argument("--prices", type=Path, required=True, help="JSON file: the list of the model's prices")
    recost.set_defaults(command=lambda session, chosen: _recost(session, chosen, failed, say))


def _span(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="start", required=True, help="first UTC day, 2026-11-01")
    parser.add_argument("--to", dest="end", required=True, help="the day after the last one")


def _export(session: Session, chosen: argparse.Namespace, failed: Failed, say: Tell) -> None:
    rows = _written(session, chosen, chosen.out, failed, say)
    session.show({"rows": rows, "file": str(chosen.out)}, f"{rows} rows in {chosen.out}.")


def _written(session: Session, chosen: argparse.Namespace, spool: Path, failed: Failed, say: Tell) -> int:
    """Append to the file what is not in it yet; return its rows."""
    partitions = _partitions(session, chosen)
    note = spool.with_name(f"{spool.name}.state")
    asked = {"from": chosen.start, "to": chosen.end, "team": chosen.team}
    state: dict[str, Any] = {"asked": asked, "done": 0, "bytes": 0, "rows": 0}
    if note.exists():
        state = json.loads(note.read_text())
    if state["asked"] != asked:
        raise failed(f"{note} belongs to another export; remove it and {spool.name} to begin anew.")
    if not note.exists() and spool.exists():
        raise failed(f"{spool} exists. Remove it, or name another file.")
    with spool.open("ab") as file:
        # What stands behind the last whole partition was cut off.
        file.truncate(state["bytes"])
        file.seek(0, 2)
        for number in range(state["done"], len(partitions)):
            lines = [json.dumps(row, ensure_ascii=False) for row in _rows(session, partitions[number])]
            if lines:
                file.write(gzip.compress(("\n".join(lines) + "\n").encode()))
                file.flush()
            state |= {"done": number + 1, "bytes": file.tell(), "rows": state["rows"] + len(lines)}
            _replace(note, json.dumps(state))
            say(f"{number + 1}/{len(partitions)} partitions, {state['rows']} rows")
    note.unlink(missing_ok=True)
    return int(state["rows"])


def _recost(session: Session, chosen: argparse.Namespace, failed: Failed, say: Tell) -> None:
    try:
        prices = json.loads(chosen.prices.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise failed(f"{chosen.prices} cannot be read as JSON: {error}") from None
    partitions = _partitions(session, chosen)
    seen = written = difference = unknown = 0
    for number, partition in enumerate(partitions, 1):
        after: str | None = ""
        while after is not None:
            wanted = {"partition": partition, "model": chosen.model, "prices": prices, "after": after}
            found = session.call("POST", "/admin/ledger/recost", wanted)
            seen, written = seen + found["seen"], written + found["written"]
            difference += found["difference"]
            unknown += found["unknown"]
            after = found["next"]
        say(f"{number}/{len(partitions)} partitions, {seen} entries, {written} new versions")
    told = {"seen": seen, "written": written, "difference_nano_usd": difference, "unknown": unknown}
    changed = f"{written} changed, by {difference / 1e9:+.9f} USD together"
    if unknown:
        changed += f"; {unknown} were adjusted by what the configuration has no longer, and stay as they are"
    session.show(told, f"{seen} entries of {chosen.model}; {changed}.")


def _partitions(session: Session, chosen: argparse.Namespace) -> list[str]:
    query = {"from": chosen.start, "to": chosen.end}
    if chosen.team:
        query["team"] = chosen.team
    found: list[str] = session.call("GET", "/admin/ledger/partitions", query=query)["data"]
    return found


def _rows(session: Session, partition: str) -> Iterator[Mapping[str, Any]]:
    after: str | None = ""
    while after is not None:
        query = {"partition": partition, **({"after": after} if after else {})}
        page = session.call("GET", "/admin/ledger/rows", query=query)
        yield from page["data"]
        after = page["next"]


def _replace(path: Path, text: str) -> None:
    """Write a file whole, or leave the old one."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text)
    fresh.replace(path)
