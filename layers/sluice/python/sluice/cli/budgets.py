"""`sluice budgets` and `sluice limits`: tables of what is said and how it stands, and edits of one rule at a time.

`set` changes what its options name and leaves the rest of an existing rule as it is. It is refused when somebody else
has changed the configuration since the rule was read.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Any

from sluice.cli.session import CommandFailed, Session, table

RATES = ("requests", "input_tokens", "output_tokens")
BUDGET_HEAD = ("id", "scope", "amount", "window", "kind", "thresholds", "downgrade")
LIMIT_HEAD = ("id", "scope", "requests/min", "input tokens/min", "output tokens/min", "concurrent", "kind")
STATUS_HEAD = ("budget", "value", "window", "used", "of", "%", "spent", "remaining", "forecast", "at recent pace")
Rule = Mapping[str, Any]
Read = Callable[[argparse.Namespace, Rule], dict[str, Any]]


def add_commands(groups: Any) -> None:
    """Add the commands of budgets and limits."""
    budgets = groups.add_parser("budgets", help="amounts of money for a time").add_subparsers(
        metavar="ACTION", required=True
    )
    _plain_actions(budgets, "budgets", _budget_row, BUDGET_HEAD)
    _budget_options(budgets.add_parser("set", help="make a budget, or change what the options name"))
    status = budgets.add_parser("status", help="what is used, left and forecast, by counter")
    status.add_argument("id", nargs="?", help="only this budget")
    status.set_defaults(command=_status)
    limits = groups.add_parser("limits", help="how fast callers may go").add_subparsers(metavar="ACTION", required=True)
    _plain_actions(limits, "limits", _limit_row, LIMIT_HEAD)
    _limit_options(limits.add_parser("set", help="make a limit, or change what the options name"))


def _plain_actions(actions: Any, member: str, row: Callable[[Rule], tuple[object, ...]], head: tuple[str, ...]) -> None:
    def show(session: Session, chosen: argparse.Namespace) -> None:  # noqa: ARG001 - one shape for all commands
        found = session.call("GET", f"/admin/{member}")
        rows = [row(rule) for rule in found["data"]]
        session.show(found, table(head, rows) if rows else f"There are no {member}.")

    def delete(session: Session, chosen: argparse.Namespace) -> None:
        gone = session.call("DELETE", _path(member, chosen.id))
        session.show(gone, f"{chosen.id} is deleted; version {gone['version'][:12]} is live.")

    actions.add_parser("list", help=f"list {member}").set_defaults(command=show)
    deletion = actions.add_parser("delete", help="delete one; what it counted stays for a while")
    deletion.add_argument("id")
    deletion.set_defaults(command=delete)


def _shared_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id")
    parser.add_argument("--scope", help="organisation, team:search, team:*, key:ID, user, tag:env=prod, model:..., ...")
    parser.add_argument(
        "--strict", action=argparse.BooleanOptionalAction, help="one conditional write for each request"
    )
    parser.add_argument("--share", action="append", metavar="REGION=PARTS", help="parts of a thousand (repeat)")
    parser.add_argument("--shards", type=int, help="items among which a hot counter is split")


def _budget_options(parser: argparse.ArgumentParser) -> None:
    _shared_options(parser)
    parser.add_argument("--amount", help="US dollars, such as 500 or 12.50")
    parser.add_argument("--window", help="day, week, month, or rolling:SECONDS")
    parser.add_argument("--time-zone", help="of a calendar window, such as Europe/Berlin (default UTC)")
    parser.add_argument("--hard", action=argparse.BooleanOptionalAction, help="refuse requests beyond it (default)")
    parser.add_argument("--grace", help="US dollars that may be spent beyond a hard cap")
    parser.add_argument("--per-request", help="the most that one request may cost at worst, in US dollars")
    parser.add_argument("--threshold", type=int, action="append", help="alert at that per cent (repeat)")
    parser.add_argument("--downgrade", help="the route or model that serves instead; '' for none")
    parser.add_argument("--downgrade-at", type=int, help="from that per cent on")
    parser.add_argument("--min-output", type=int, help="output tokens below which a request is refused")
    parser.set_defaults(command=lambda session, chosen: _set(session, chosen, "budgets", _budget_of))


def _limit_options(parser: argparse.ArgumentParser) -> None:
    _shared_options(parser)
    for name in RATES:
        parser.add_argument(f"--{name.replace('_', '-')}", metavar="N[:BURST]", help="a minute; '' for no limit")
    parser.add_argument("--concurrent", type=int, help="requests at the same time; 0 for no limit")
    parser.set_defaults(command=lambda session, chosen: _set(session, chosen, "limits", _limit_of))


def _set(session: Session, chosen: argparse.Namespace, member: str, read: Read) -> None:
    found = session.call("GET", f"/admin/{member}")
    before: Rule = next((rule for rule in found["data"] if rule["id"] == chosen.id), {})
    kept = {name: value for name, value in before.items() if name != "id" and not name.endswith("_usd")}
    rule = {name: value for name, value in {**kept, **read(chosen, kept)}.items() if value is not None}
    query = {"version": found["version"]} if found["version"] else None
    edited = session.call("PUT", _path(member, chosen.id), rule, query)
    session.warn(edited)
    done = "changed" if before else "made"
    session.show(edited, f"{chosen.id} is {done}; version {edited['version'][:12]} is live.")


def _shared_of(chosen: argparse.Namespace) -> dict[str, Any]:
    found = {name: getattr(chosen, name) for name in ("scope", "strict", "shards")}
    if chosen.share is not None:
        found["shares"] = dict(_share(text) for text in chosen.share)
    return {name: value for name, value in found.items() if value is not None}


def _budget_of(chosen: argparse.Namespace, before: Rule) -> dict[str, Any]:
    names = ("amount", "hard", "grace", "per_request", "downgrade_at", "min_output")
    found = {name: value for name in names if (value := getattr(chosen, name)) is not None}
    if chosen.threshold is not None:
        found["thresholds"] = chosen.threshold
    if chosen.downgrade is not None:
        found["downgrade"] = chosen.downgrade or None
    if chosen.window is not None or chosen.time_zone is not None:
        found["window"] = _window(chosen.window, chosen.time_zone, before.get("window") or {})
    return {**_shared_of(chosen), **found}


def _limit_of(chosen: argparse.Namespace, before: Rule) -> dict[str, Any]:  # noqa: ARG001 - one shape for both
    found: dict[str, Any] = {}
    for name in RATES:
        text = getattr(chosen, name)
        if text is not None:
            found[name] = _rate(text) if text else None
    if chosen.concurrent is not None:
        found["concurrent"] = chosen.concurrent or None
    return {**_shared_of(chosen), **found}


def _window(text: str | None, time_zone: str | None, before: Rule) -> dict[str, Any]:
    kind, _, seconds = (text or before.get("kind") or "").partition(":")
    if not kind:
        raise CommandFailed("Say which window: --window day, week, month or rolling:SECONDS.")
    window: dict[str, Any] = {"kind": kind}
    if kind == "rolling":
        window["seconds"] = _number(seconds, "--window rolling:SECONDS") if seconds else before.get("seconds", 0)
    zone = time_zone or (before.get("time_zone") if kind != "rolling" else None)
    return window | ({"time_zone": zone} if zone else {})


def _rate(text: str) -> dict[str, int]:
    amount, _, burst = text.partition(":")
    return {"per_minute": _number(amount, "a rate"), "burst": _number(burst or "0", "a burst")}


def _share(text: str) -> tuple[str, int]:
    region, _, parts = text.partition("=")
    return region, _number(parts, "--share REGION=PARTS")


def _number(text: str, what: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise CommandFailed(f"{text!r} is no whole number ({what}).")
    return int(text)


def _status(session: Session, chosen: argparse.Namespace) -> None:
    listed = session.call("GET", "/admin/budgets")["data"]
    ids = [chosen.id] if chosen.id else [rule["id"] for rule in listed]
    found = {rule_id: session.call("GET", _path("budgets", rule_id) + "/status") for rule_id in ids}
    rows = [_status_row(rule_id, line) for rule_id, status in found.items() for line in status["data"]]
    more = sum(status["counters"] - len(status["data"]) for status in found.values())
    text = table(STATUS_HEAD, rows) if rows else "There is nothing to tell: no budget has a counter yet."
    session.show({"object": "list", "data": list(found.values())}, text + (f"\nand {more} more counters" * (more > 0)))


def _status_row(rule_id: str, line: Rule) -> tuple[object, ...]:
    end = time.strftime("%m-%d %H:%M", time.gmtime(line["window"]["end"]))
    return (
        rule_id,
        line["value"],
        f"{line['window']['id']} (to {end} UTC)",
        _money(line["used_usd"]),
        _money(line["amount_usd"]),
        "-" if line["used_percent"] is None else line["used_percent"],
        _money(line["spent_usd"]),
        _money(line["remaining_usd"]),
        _money(line["forecast_linear_usd"]),
        _money(line["forecast_recent_usd"]),
    )


def _money(text: str | None) -> str:
    """Return an amount with the decimals that a table is read for, more of them below a dollar; `--json` has all."""
    if text is None:
        return "-"
    whole, _, decimals = text.partition(".")
    shown = decimals[:6] if whole.lstrip("-") == "0" else decimals[:2]
    return f"${whole}.{shown.ljust(2, '0')}"


def _budget_row(rule: Rule) -> tuple[object, ...]:
    window = rule["window"]
    kind = f"last {window['seconds']} s" if window["kind"] == "rolling" else f"{window['kind']} ({window['time_zone']})"
    return (
        rule["id"],
        _scope(rule["scope"]),
        f"${rule['amount_usd']}" + (f" +{rule['grace_usd']}" if rule["grace"] else ""),
        kind,
        _kind(rule),
        ",".join(map(str, rule["thresholds"])) or "none",
        f"{rule['downgrade']} at {rule['downgrade_at']} %" if rule.get("downgrade") else "-",
    )


def _limit_row(rule: Rule) -> tuple[object, ...]:
    rates = (_shown_rate(rule.get(name)) for name in RATES)
    return (rule["id"], _scope(rule["scope"]), *rates, rule.get("concurrent") or "-", _kind(rule))


def _kind(rule: Rule) -> str:
    hard = "hard" if rule.get("hard", True) else "soft"
    return f"{hard}, strict" if rule["strict"] else hard


def _scope(scope: Rule) -> str:
    if scope["kind"] == "organisation":
        return "organisation"
    named = f"{scope['name']}=" if scope["kind"] == "tag" else ""
    return f"{scope['kind']}:{named}{scope['value']}"


def _shown_rate(rate: Rule | None) -> str:
    if rate is None:
        return "-"
    return f"{rate['per_minute']}" + (f" (burst {rate['burst']})" if rate["burst"] else "")


def _path(member: str, rule_id: str) -> str:
    from urllib.parse import quote

    return f"/admin/{member}/{quote(rule_id, safe='')}"
