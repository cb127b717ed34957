"""The `sluice` command: a thin client of the admin API.

Address and key come from `--url`/`SLUICE_URL` and `SLUICE_ADMIN_KEY`; without them, from `.local/demo.env`, which
`make run` writes. `--json` prints what the API answered.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sluice.cli import audit, budgets, doctor, invoices, ledger, redrive, restore, rotation, smoke, usage, users
from sluice.cli.session import CommandFailed, Session, known_environment, table

Command = Callable[[Session, argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    command: Command | None = getattr(chosen, "command", None)
    if command is None:
        parser.print_help()
        return 2
    try:
        session = _session(chosen) if getattr(chosen, "gateway", True) else Session("", "", chosen.json)
        command(session, chosen)
    except CommandFailed as error:
        print(f"sluice: {error}", file=sys.stderr)
        return 1
    return 0


def _session(chosen: argparse.Namespace) -> Session:
    known = known_environment()
    url, key = chosen.url or known.get("SLUICE_URL"), known.get("SLUICE_ADMIN_KEY")
    if not url or not key:
        raise CommandFailed(
            "Where is the gateway? Set SLUICE_URL and SLUICE_ADMIN_KEY, or run this beside a started 'make run'."
        )
    return Session(url, key, chosen.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sluice", description="Operate a Sluice gateway.")
    parser.add_argument("--url", help="the gateway's address (default: SLUICE_URL)")
    parser.add_argument("--json", action="store_true", help="print the API's answer as JSON")
    groups = parser.add_subparsers(title="commands", metavar="COMMAND")
    _key_commands(groups)
    _configuration_commands(groups)
    budgets.add_commands(groups)
    audit.add_commands(groups)
    request = groups.add_parser("request", help="show one request: cost, attempts, reasons")
    request.add_argument("id")
    request.set_defaults(command=_show_request)
    invoices.add_commands(groups, table)
    rotation.add_commands(groups, table)
    usage.add_commands(groups, table)
    ledger.add_commands(groups, CommandFailed)
    smoke.add_commands(groups, table)
    doctor.add_commands(groups, table)
    restore.add_commands(groups, table)
    users.add_commands(groups)
    redrive.add_commands(groups, CommandFailed)
    return parser


def _key_commands(groups: Any) -> None:
    keys = groups.add_parser("keys", help="virtual keys").add_subparsers(metavar="ACTION", required=True)
    create = keys.add_parser("create", help="create a key; its text is shown once")
    create.add_argument("--team", required=True, help="the team that pays")
    create.add_argument("--name", default="", help="what the key is for")
    create.add_argument("--model", action="append", default=[], help="allow this model or route (repeat; default all)")
    create.add_argument("--admin", action="store_true", help="also allow the whole admin API")
    create.add_argument("--scope", action="append", help="allow only this, such as keys:write (repeat)")
    create.add_argument("--team-bound", action="store_true", help="what it administers is its own team's alone")
    create.add_argument("--expires-in-days", type=float, help="when it stops working")
    create.set_defaults(command=_create_key)
    listing = keys.add_parser("list", help="list keys")
    listing.add_argument("--team", help="only this team's")
    listing.set_defaults(command=_list_keys)
    rotate = keys.add_parser("rotate", help="give a key a new secret; the old one stays good for a while")
    rotate.add_argument("id")
    rotate.add_argument("--overlap", default="24h", help="how long: 90m, 24h, 7d, 0 (default 24h)")
    rotate.set_defaults(command=_rotate_key)
    revoke = keys.add_parser("revoke", help="revoke a key for good; takes effect within a minute")
    revoke.add_argument("id")
    revoke.set_defaults(command=_revoke_key)


def _configuration_commands(groups: Any) -> None:
    config = groups.add_parser("config", help="configuration versions").add_subparsers(metavar="ACTION", required=True)
    show = config.add_parser("show", help="print the live configuration, or one version")
    show.add_argument("version", nargs="?")
    show.set_defaults(command=_show_configuration)
    publish = config.add_parser("publish", help="validate and store a JSON file as a version")
    publish.add_argument("file", type=Path)
    publish.add_argument("--promote", action="store_true", help="make it live at once")
    publish.set_defaults(command=_publish)
    promote = config.add_parser("promote", help="make a stored version live")
    promote.add_argument("version")
    promote.set_defaults(command=_promote)
    config.add_parser("rollback", help="go back to the version before").set_defaults(command=_rollback)
    diff = config.add_parser("diff", help="compare two versions")
    diff.add_argument("old")
    diff.add_argument("new")
    diff.set_defaults(command=_diff)


def _create_key(session: Session, chosen: argparse.Namespace) -> None:
    wanted = {
        "team": chosen.team,
        "name": chosen.name,
        "models": chosen.model,
        "scopes": [*(chosen.scope or ["inference"]), *(["admin"] if chosen.admin else [])],
        "expires_in_days": chosen.expires_in_days,
        "team_bound": chosen.team_bound,
    }
    created = session.call("POST", "/admin/keys", wanted)
    session.show(created, f"{created['key']}\nKey {created['id']} of team {created['team']}. It is not shown again.")


def _list_keys(session: Session, chosen: argparse.Namespace) -> None:
    found = session.call("GET", "/admin/keys", query={"team": chosen.team} if chosen.team else None)
    rows = [
        (
            key["id"],
            key["team"],
            key["name"],
            key["state"],
            ",".join(key["scopes"]) + (" (own team)" if key.get("team_bound") else ""),
            ",".join(key["models"]) or "all",
            _day(key["created_ms"]),
            _day(key["expires_ms"]),
        )
        for key in found["data"]
    ]
    session.show(found, table(("id", "team", "name", "state", "scopes", "models", "created", "expires"), rows))


def _revoke_key(session: Session, chosen: argparse.Namespace) -> None:
    key = session.call("DELETE", f"/admin/keys/{chosen.id}")
    session.show(key, f"Key {key['id']} is revoked; every region refuses it within a minute.")


def _rotate_key(session: Session, chosen: argparse.Namespace) -> None:
    made = session.call("POST", f"/admin/keys/{chosen.id}/rotate", {"overlap_hours": _hours(chosen.overlap)})
    until = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(made["previous_until_ms"] / 1000))
    told = f"Key {made['id']} of team {made['team']} has a new secret; it is not shown again. The old one is good until"
    session.show(made, f"{made['key']}\n{told} {until}.")


def _hours(text: str) -> float:
    """Return the hours of 90m, 24h or 7d; a bare number means hours."""
    units = {"m": 1 / 60, "h": 1.0, "d": 24.0}
    number, unit = (text[:-1], units[text[-1]]) if text[-1:] in units else (text, 1.0)
    try:
        return float(number) * unit
    except ValueError:
        raise CommandFailed(f"{text!r} is no time; write 90m, 24h or 7d.") from None


def _show_configuration(session: Session, chosen: argparse.Namespace) -> None:
    if chosen.version:
        found = session.call("GET", f"/admin/configuration/versions/{chosen.version}")
    else:
        found = session.call("GET", "/admin/configuration")
    # Beside the document and not in it, so that `sluice config show > FILE` can be edited and published.
    print(f"version {found['version']}", file=sys.stderr)
    session.show(found, json.dumps(found["document"], indent=2))


def _publish(session: Session, chosen: argparse.Namespace) -> None:
    try:
        document = json.loads(chosen.file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{chosen.file} cannot be read as JSON: {error}") from None
    published = session.call("POST", "/admin/configuration/versions", document)
    session.warn(published)
    if not chosen.promote:
        session.show(published, f"Stored as {published['version']}; it is not live yet.")
        return
    live = session.call("POST", f"/admin/configuration/versions/{published['version']}/promote")
    session.show(live, f"Version {live['version']} is live.")


def _promote(session: Session, chosen: argparse.Namespace) -> None:
    live = session.call("POST", f"/admin/configuration/versions/{chosen.version}/promote")
    session.show(live, f"Version {live['version']} is live; before it was {live['previous'] or 'none'}.")


def _rollback(session: Session, chosen: argparse.Namespace) -> None:  # noqa: ARG001 - one shape for all commands
    live = session.call("POST", "/admin/configuration/rollback")
    session.show(live, f"Version {live['version']} is live again.")


def _diff(session: Session, chosen: argparse.Namespace) -> None:
    found = session.call("GET", "/admin/configuration/diff", query={"old": chosen.old, "new": chosen.new})
    session.show(found, "\n".join(found["diff"]) or "No difference.")


def _show_request(session: Session, chosen: argparse.Namespace) -> None:
    entry = session.call("GET", f"/v1/requests/{chosen.id}")
    names = ("id", "team", "requested_model", "deployment", "status", "outcome", "cost_usd", "duration_ms")
    lines = [f"{name:16} {entry[name]}" for name in names]
    lines += [f"{'attempt':16} {a['deployment']} {a['outcome']} in {a['duration_ms']} ms" for a in entry["attempts"]]
    lines += [f"{'reason':16} {reason}" for reason in entry["reasons"]]
    session.show(entry, "\n".join(lines))


def _day(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else time.strftime("%Y-%m-%d", time.gmtime(milliseconds / 1000))


if __name__ == "__main__":
    sys.exit(main())
