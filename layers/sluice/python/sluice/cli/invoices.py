"""`sluice invoices`: how far the ledger and the vendors' figures are apart, and comparing a day again.

`status` asks the admin API. `run` invokes the deployed job with the AWS credentials of whoever calls it: the job alone
may read the vendors' admin keys. Both end with status 1 when a drift is above the bar or a vendor gave no figures.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

BAR_BP = 100
FLOOR_USD = 1.0
OUTPUT = "InvoicesFunction"
HEAD = ("provider", "day", "model", "state", "ours", "theirs", "drift", "tokens", "only ours", "only theirs", "checked")
Card = Mapping[str, Any]


class Session(Protocol):
    """What the commands need of the terminal."""

    def call(self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None) -> Any:
        """Return what the admin API answers."""

    def show(self, content: object, text: str) -> None:
        """Print the content as JSON when that was asked for, else the text."""


def add_commands(groups: Any, table: Callable[[Sequence[str], Sequence[Sequence[object]]], str]) -> None:
    """Add the commands; `table` lays out rows under a head."""
    actions = groups.add_parser("invoices", help="the ledger against what vendors charge")
    actions = actions.add_subparsers(metavar="ACTION", required=True)
    status = actions.add_parser("status", help="what was compared, and how far it is apart")
    status.add_argument("--provider", help="only this one")
    status.add_argument("--day", help="only this UTC day; with --provider, model by model")
    status.add_argument("--days", type=int, default=7, help="how many days back (default 7)")
    status.set_defaults(command=lambda session, chosen: _status(session, chosen, table))
    run = actions.add_parser("run", help="compare now, with the deployed job")
    run.add_argument("--provider", help="only this one (default: all that the stage lists)")
    run.add_argument("--day", action="append", default=[], help="this UTC day, final or not (repeat; default: all due)")
    run.add_argument("--stage", default="dev", help="the deployed stage (default dev)")
    run.add_argument("--region", default="us-east-1", help="its primary region (default us-east-1)")
    run.add_argument("--function", help="the job's name or ARN (default: what the stage's stack says)")
    run.set_defaults(command=lambda session, chosen: _run(session, chosen, table), gateway=False)
    for command in (status, run):
        command.add_argument("--bar", type=int, default=BAR_BP, help=f"basis points that are too much ({BAR_BP})")
        command.add_argument("--floor", type=float, default=FLOOR_USD, help="days of fewer USD pass (default 1)")


def too_far(cards: Sequence[Card], bar: int, floor_usd: float) -> list[str]:
    """Return a sentence for every summary that does not pass: above the bar, or without figures."""
    found = []
    for card in cards:
        told = f"{card['provider']} on {card['day']}"
        if card["state"] == "failed":
            found.append(f"{told} could not be compared: {card.get('failure', 'no reason is kept')}")
            continue
        drift, spent = card.get("drift_bp"), max(_cost(card, "ours") or 0, _cost(card, "theirs") or 0)
        if drift is not None and abs(drift) > bar and spent >= floor_usd * 1e9:
            found.append(f"{told} drifts by {drift} basis points; the bar is {bar}.")
    return found


def rows_of(cards: Sequence[Card]) -> list[tuple[object, ...]]:
    """Return the rows of the table."""
    return [
        (
            card["provider"],
            card["day"],
            "all" if card.get("model", "*") == "*" else card["model"],
            card["state"] if card.get("model", "*") == "*" else card.get("side", ""),
            _dollars(_cost(card, "ours")),
            _dollars(_cost(card, "theirs")),
            _percent(card.get("drift_bp")),
            _percent(card.get("token_drift_bp")),
            _unmatched(card, "ours"),
            _unmatched(card, "theirs"),
            _minute(card.get("checked")),
        )
        for card in cards
    ]


def _status(session: Session, chosen: argparse.Namespace, table: Callable[..., str]) -> None:
    query = {"provider": chosen.provider, "day": chosen.day, "days": str(chosen.days)}
    found = session.call("GET", "/admin/invoices", query={name: value for name, value in query.items() if value})
    cards = found["data"]
    session.show(found, table(HEAD, rows_of(cards)) if cards else "Nothing was compared yet.")
    _end(too_far([card for card in cards if card.get("model", "*") == "*"], chosen.bar, chosen.floor))


def _run(session: Session, chosen: argparse.Namespace, table: Callable[..., str]) -> None:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    event = {"provider": chosen.provider or "", "days": chosen.day}
    patient = Config(read_timeout=910, retries={"total_max_attempts": 1})
    try:
        name = chosen.function or _function(boto3.client("cloudformation", region_name=chosen.region), chosen)
        job = boto3.client("lambda", region_name=chosen.region, config=patient)
        answer = job.invoke(FunctionName=name, Payload=json.dumps(event).encode())
        document = json.loads(answer["Payload"].read())
    except (BotoCoreError, ClientError) as error:
        raise SystemExit(f"sluice: AWS did not let the job be invoked: {error}") from None
    if answer.get("FunctionError"):
        raise SystemExit(f"sluice: the job failed: {document.get('errorMessage', 'it says no more')}")
    cards = document["data"]
    session.show(document, table(HEAD, rows_of(cards)) if cards else "Nothing is due: every final day is compared.")
    _end(too_far(cards, chosen.bar, chosen.floor))


def _function(formation: Any, chosen: argparse.Namespace) -> str:
    stack = f"sluice-{chosen.stage}-{chosen.region}-jobs"
    outputs = formation.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    found = [output["OutputValue"] for output in outputs if output["OutputKey"] == OUTPUT]
    if not found:
        raise SystemExit(f"sluice: stack {stack} compares no invoices; list vendors in its stage (docs/invoices.md).")
    return str(found[0])


def _end(problems: list[str]) -> None:
    if problems:
        raise SystemExit("\n".join(f"sluice: {problem}" for problem in problems))


def _cost(card: Card, side: str) -> int | None:
    """Return nano-USD of one side, as the API ("ours": {...}) or the job ("ours": n) has it."""
    figures = card.get(side)
    return figures.get("cost") if isinstance(figures, Mapping) else figures


def _unmatched(card: Card, side: str) -> object:
    return card.get("unmatched", {}).get(side, card.get(f"only_{side}", ""))


def _dollars(nano: int | None) -> str:
    return "-" if nano is None else f"${nano / 1e9:,.4f}"


def _percent(basis_points: int | None) -> str:
    return "-" if basis_points is None else f"{basis_points / 100:+.2f} %"


def _minute(milliseconds: int | None) -> str:
    return "-" if milliseconds is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(milliseconds / 1000))
