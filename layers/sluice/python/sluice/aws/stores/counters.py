"""Budget counters in the `usage` table, one item for each part.

    pk=<counter name>  sk=<region>#<shard>  committed, spent, slack     numbers; see `CounterState`
    h#<hold id>    an open hold: {a: amount, x: expires, n: revision, s: slack, k: "l" lease or "r" request}
    f#<environment>    the sequence number of its last closed hold
    g#<part>           what was ever given to another part
    sealed             true when no more is taken
    corrections        how often the sums were set right
    expires_at         epoch seconds

Holds are attributes of their own, so adding one needs no map that must exist first. Every write has a condition that no
longer holds once it took effect, so the client may send it again; a refusal that shows our own work is a success.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sluice.aws.attributes import Item
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.errors import ConditionalCheckFailed
from sluice.ports import Refused, Taken
from sluice.types.budgets import CounterKey, CounterState, Hold

_HOLD, _FENCE, _GIVEN = "h#", "f#", "g#"
_OPEN = "attribute_not_exists(sealed)"
_UNFENCED = "(attribute_not_exists(#f) OR #f < :seq)"


class DynamoCounterStore:
    """Keeps counters (`ports.CounterStore`)."""

    def __init__(self, client: DynamoClient, table: str) -> None:
        self._client = client
        self._table = table

    def take(self, key: CounterKey, hold: Hold, *, cap: int, slack_cap: int, keep_until: int = 0) -> Taken | Refused:
        """Open a hold within `cap` and `slack_cap`; one that stands as asked for already is a success."""
        if hold.amount > cap or hold.slack > max(slack_cap, 0):
            return Refused(self.read(key))
        names = {"#h": _HOLD + hold.id, "#f": _FENCE + hold.environment}
        values: Item = {":h": _from_hold(hold), ":seq": hold.sequence, ":a": hold.amount, ":zero": 0, ":s": hold.slack}
        conditions = ["attribute_not_exists(#h)", _UNFENCED, _OPEN, _within("committed", ":c")]
        values[":c"] = cap - hold.amount
        _limit_slack(conditions, values, slack_cap, hold.slack)
        setting = "SET #h = :h"
        if keep_until:
            setting += ", expires_at = :keep"
            values[":keep"] = keep_until
        expression = f"{setting} ADD committed :a, slack :s, spent :zero"
        return self._write(key, (expression, " AND ".join(conditions)), names, values, done=lambda s: _stands(s, hold))

    def grow(self, key: CounterKey, old: Hold, new: Hold, *, cap: int, slack_cap: int) -> Taken | Refused:
        """Replace a hold by its next revision."""
        more, slack = new.amount - old.amount, new.slack - old.slack
        values: Item = {":h": _from_hold(new), ":n": old.revision, ":a": more, ":zero": 0, ":s": slack}
        conditions = ["#h.#n = :n"]
        if more > 0:
            conditions += [_OPEN, _within("committed", ":c")]
            values[":c"] = cap - more
        _limit_slack(conditions, values, slack_cap, slack)
        expression = "SET #h = :h ADD committed :a, slack :s, spent :zero"
        names = {"#h": _HOLD + old.id, "#n": "n"}
        return self._write(key, (expression, " AND ".join(conditions)), names, values, done=lambda s: _stands(s, new))

    def close(self, key: CounterKey, hold: Hold, spent: int) -> Taken | Refused:
        """End a hold; its environment's fence rises to it, unless a younger one was closed before."""
        names = {"#h": _HOLD + hold.id, "#n": "n", "#f": _FENCE + hold.environment}
        values: Item = {
            ":n": hold.revision,
            ":seq": hold.sequence,
            ":left": spent - hold.amount,
            ":spent": spent,
            ":s": -hold.slack,
        }
        change = "REMOVE #h ADD committed :left, spent :spent, slack :s"
        condition = f"#h.#n = :n AND {_UNFENCED}"
        outcome = self._write(key, (f"SET #f = :seq {change}", condition), names, values)
        stands = isinstance(outcome, Refused) and _stands(outcome.state, hold)
        if not stands:
            return outcome
        return self._write(key, (change, "#h.#n = :n AND #f >= :seq"), names, values)

    def read(self, key: CounterKey) -> CounterState:
        """Return the counter as the last write left it."""
        return self.read_all((key,))[key]

    def read_all(self, keys: Iterable[CounterKey]) -> dict[CounterKey, CounterState]:
        """Return counters as the last writes left them."""
        wanted = {(key.name, key.part): key for key in keys}
        found = self._client.batch_get(self._table, wanted, consistent=True)
        return {key: _state(found.get(pair)) for pair, key in wanted.items()}

    def seal(self, key: CounterKey, *, keep_until: int = 0) -> CounterState:
        """Let a counter take no more; doing so again is fine."""
        values: Item = {":yes": True}
        setting = "SET sealed = :yes"
        if keep_until:
            setting += ", expires_at = :keep"
            values[":keep"] = keep_until
        return _state(
            self._client.update_item(self._table, (key.name, key.part), setting, values=values, returning="ALL_NEW")
        )

    def parts(self, name: str) -> dict[str, CounterState]:
        """Return all parts; those of other regions as far as they were replicated."""
        return {item["sk"]: _state(item) for item in self._client.query(self._table, name, consistent=True)}

    def give(self, key: CounterKey, part: str, amount: int, *, before: int, cap: int) -> Taken | Refused:
        """Commit `amount` for good and raise what the other part may count on by as much."""
        names = {"#g": _GIVEN + part}
        values: Item = {":after": before + amount, ":a": amount, ":zero": 0, ":c": cap - amount}
        seen = "attribute_not_exists(#g)"
        if before:
            seen, values[":before"] = "#g = :before", before
        expression = "SET #g = :after ADD committed :a, spent :zero, slack :zero"
        condition = f"{seen} AND {_OPEN} AND {_within('committed', ':c')}"
        return self._write(
            key, (expression, condition), names, values, done=lambda s: s.given.get(part, 0) == before + amount
        )

    def correct(self, key: CounterKey, amount: int, *, before: int) -> Taken | Refused:
        """Set the sums right once; nothing becomes less than nothing."""
        values: Item = {":after": before + 1, ":a": amount, ":least": max(-amount, 0), ":zero": 0}
        seen = "attribute_not_exists(corrections)"
        if before:
            seen, values[":before"] = "corrections = :before", before
        expression = "SET corrections = :after ADD committed :a, spent :a, slack :zero"
        enough = "spent >= :least" if amount < 0 else "attribute_exists(pk)"
        return self._write(
            key, (expression, f"{seen} AND {enough}"), {}, values, done=lambda s: s.corrections == before + 1
        )

    def prune(self, key: CounterKey, fences: Mapping[str, int]) -> None:
        """Remove each fence that has not moved."""
        for environment, sequence in fences.items():
            names, values = {"#f": _FENCE + environment}, {":seq": sequence}
            try:
                self._client.update_item(
                    self._table, (key.name, key.part), "REMOVE #f", condition="#f = :seq", names=names, values=values
                )
            except ConditionalCheckFailed:
                continue

    def _write(
        self,
        key: CounterKey,
        change: tuple[str, str],
        names: Mapping[str, str],
        values: Item,
        *,
        done: Callable[[CounterState], bool] | None = None,
    ) -> Taken | Refused:
        """Write `change`, an expression and its condition.

        `done` tells from a refusal's state whether an earlier copy of this call took effect.
        """
        expression, condition = change
        try:
            # Not ALL_NEW: the item may hold a thousand leases, and the sums are all that anybody asks.
            changed = self._client.update_item(
                self._table,
                (key.name, key.part),
                expression,
                condition=condition,
                names={name: full for name, full in names.items() if name in expression or name in condition},
                values={name: value for name, value in values.items() if _uses(expression + " " + condition, name)},
                returning="UPDATED_NEW",
            )
        except ConditionalCheckFailed as error:
            state = _state(error.item)
            return Taken(state) if done is not None and done(state) else Refused(state)
        return Taken(_state(changed))


def _uses(text: str, name: str) -> bool:
    return any(word.strip("(),") == name for word in text.split())


def _within(attribute: str, limit: str) -> str:
    return f"(attribute_not_exists({attribute}) OR {attribute} <= {limit})"


def _limit_slack(conditions: list[str], values: Item, slack_cap: int, more: int) -> None:
    if more > 0:
        conditions.append(_within("slack", ":sc"))
        values[":sc"] = slack_cap - more


def _stands(state: CounterState, hold: Hold) -> bool:
    return state.holds.get(hold.id) == hold


def _from_hold(hold: Hold) -> Item:
    kind = "l" if hold.kind == "lease" else "r"
    return {"a": hold.amount, "x": hold.expires, "n": hold.revision, "s": hold.slack, "k": kind}


def _to_hold(hold_id: str, item: Mapping[str, Any]) -> Hold:
    kind = "lease" if item["k"] == "l" else "request"
    return Hold(hold_id, item["a"], item["x"], "lease" if kind == "lease" else "request", item["s"], item["n"])


def _state(item: Mapping[str, Any] | None) -> CounterState:
    if not item:
        return CounterState()
    holds: dict[str, Hold] = {}
    given: dict[str, int] = {}
    fences: dict[str, int] = {}
    for name, value in item.items():
        kind, rest = name[:2], name[2:]
        if kind == _HOLD:
            holds[rest] = _to_hold(rest, value)
        elif kind == _GIVEN:
            given[rest] = value
        elif kind == _FENCE:
            fences[rest] = value
    sealed = bool(item.get("sealed"))
    committed, spent, slack = (item.get(name, 0) for name in ("committed", "spent", "slack"))
    return CounterState(committed, spent, slack, holds, given, fences, sealed, item.get("corrections", 0))
