"""Comparisons with invoices, and the sums that they compare, in the `usage` table.

    pk=invoice#<provider>#<YYYY-MM-DD>  sk=<model>  side, ours{}, theirs{}, drift_bp, token_drift_bp, names
    pk=invoice#<provider>#<YYYY-MM-DD>  sk=*        the summary: the same of all models, state, checked, unmatched

The summary is written last: a day without one is not compared. Sums come from the roll-up's cells of the whole
organisation, `pk=usage#organisation##<day>  sk=model#d#<region>#<provider>/<model>`, which every region has its own of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, cast

from sluice.aws.attributes import Item
from sluice.aws.dynamodb import DynamoClient
from sluice.control.invoices.job import Outcome, State
from sluice.control.invoices.matching import Row
from sluice.control.invoices.statements import MEMBERS, Figures, Line, bounds

SUMMARY = "*"
KEPT_DAYS = 1100
NAMES_KEPT = 20
NAME_LIMIT = 250
CELLS = "model#d#"
_PROMPT = ("input", "cache_read", "cache_write_5m", "cache_write_1h")
_DAY = 86_400


class CellSums:
    """The roll-up's sums (`control.invoices.statements.LedgerSums`), over all regions."""

    def __init__(self, client: DynamoClient, table: str) -> None:
        self._client = client
        self._table = table

    def sums(self, provider: str, day: date) -> tuple[Line, ...]:
        """Return one line per model that was called that UTC day."""
        found: dict[str, Figures] = {}
        partition = f"usage#organisation##{day.isoformat()}"
        for item in self._client.query(self._table, partition, begins_with=CELLS, consistent=True):
            caller, _, model = item["sk"].removeprefix(CELLS).partition("#")[2].partition("/")
            if caller == provider:
                found[model] = found.get(model, Figures()).plus(_cell(item))
        return tuple(Line(model, found[model]) for model in sorted(found))


class DynamoInvoiceStore:
    """Keeps outcomes (`control.invoices.job.InvoiceResults`) and shows them."""

    def __init__(self, client: DynamoClient, table: str) -> None:
        self._client = client
        self._table = table

    def state(self, provider: str, day: date) -> State | None:
        """Return what is written of a day, None when nothing is."""
        item = self._client.get_item(self._table, (_partition(provider, day), SUMMARY), consistent=True)
        return None if item is None else cast(State, item["state"])

    def save(self, outcome: Outcome) -> None:
        """Write an outcome; of an earlier one nothing is left. A failure leaves a comparison as it stands."""
        partition = _partition(outcome.provider, outcome.day)
        expires = int(bounds(outcome.day)[0].timestamp()) + KEPT_DAYS * _DAY
        stamp: Item = {"pk": partition, "expires_at": expires, "checked": outcome.checked_ms, "state": outcome.state}
        if outcome.comparison is None:
            if self.state(outcome.provider, outcome.day) in (None, "failed"):
                failed = {"sk": SUMMARY, "failure": outcome.failure, "kind": outcome.kind}
                self._client.put_item(self._table, {**stamp, **failed})
            return
        kept = {SUMMARY}
        for row in outcome.comparison.rows:
            sort_key = _sort_key(row.model)
            kept.add(sort_key)
            self._client.put_item(self._table, {**stamp, "sk": sort_key, **_members(row)})
        for item in self._client.query(self._table, partition, consistent=True):
            if item["sk"] not in kept:  # a name that an earlier comparison of this day had
                self._client.delete_item(self._table, (partition, item["sk"]))
        unmatched = {side: outcome.comparison.unmatched(side) for side in ("ours", "theirs")}
        summary = {"sk": SUMMARY, "unmatched": unmatched, **_members(outcome.comparison.total)}
        self._client.put_item(self._table, {**stamp, **summary})

    def day(self, provider: str, day: date) -> list[dict[str, Any]]:
        """Return the cards of one day, the summary first; empty when nothing is written."""
        items = self._client.query(self._table, _partition(provider, day), consistent=True)
        cards = [_card(item) for item in items]
        return sorted(cards, key=lambda card: (card["model"] != SUMMARY, card["model"]))

    def summaries(self, providers: Iterable[str], days: Iterable[date]) -> list[dict[str, Any]]:
        """Return the summaries that exist, by provider and then from the latest day on."""
        listed = list(days)
        keys = [(_partition(provider, day), SUMMARY) for provider in providers for day in listed]
        cards = [_card(item) for item in self._client.batch_get(self._table, keys, consistent=True).values()]
        cards.sort(key=lambda card: card["day"], reverse=True)
        return sorted(cards, key=lambda card: card["provider"])


def _partition(provider: str, day: date) -> str:
    return f"invoice#{provider}#{day.isoformat()}"


def _sort_key(model: str) -> str:
    """Return a vendor's name as a key: DynamoDB takes 1,024 bytes, and the summary's key is nobody else's."""
    return "(*)" if model == SUMMARY else model[:NAME_LIMIT]


def _members(row: Row) -> Item:
    return {
        "side": row.side,
        "ours": _figures(row.ours),
        "theirs": _figures(row.theirs),
        "drift_bp": row.drift_bp,
        "token_drift_bp": row.token_drift_bp,
        "names": {"ours": _short(row.our_names), "theirs": _short(row.their_names)},
    }


def _short(names: tuple[str, ...]) -> list[str]:
    return [name[:NAME_LIMIT] for name in names[:NAMES_KEPT]]


def _figures(figures: Figures) -> dict[str, int]:
    """Return what is stated; what is not stays away."""
    stated = {name: getattr(figures, name) for name in MEMBERS}
    return {name: value for name, value in stated.items() if value is not None}


def _cell(item: Mapping[str, Any]) -> Figures:
    prompt = sum(int(item.get(name, 0)) for name in _PROMPT)
    return Figures(int(item.get("cost", 0)), prompt, int(item.get("output", 0)), int(item.get("requests", 0)))


def _card(item: Item) -> dict[str, Any]:
    _, provider, day = item["pk"].split("#")
    members = {name: value for name, value in item.items() if name not in ("pk", "sk", "expires_at")}
    return {"provider": provider, "day": day, "model": item["sk"], **members}
