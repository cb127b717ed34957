"""Token buckets in the `usage` table; those of one limit share an item, so one write draws from all of them.

    pk=limit#<id>#<value>  sk=<region>#<shard>  full_<kind>=<epoch nanoseconds>  expires_at=<epoch seconds>

A bucket is one number: the moment at which it will be full again if nobody draws (the "generic cell rate algorithm").
A draw moves it on by the time in which its tokens flow in; a moment in the past means full. DynamoDB cannot take the
later of two moments, so the write says which of the two cases it is for and is made again for the other when it was
wrong. A draw that is sent twice draws twice: callers get less than the limit, never more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sluice.aws.attributes import Item
from sluice.aws.dynamodb import DynamoClient
from sluice.aws.errors import ConditionalCheckFailed
from sluice.ports import Draw, Drawn, Dry
from sluice.types.budgets import CounterKey

_FULL = "full_"
_TRIES = 6
_DAY = 86_400
_SECOND = 1_000_000_000


class DynamoBucketStore:
    """Keeps token buckets (`ports.BucketStore`)."""

    def __init__(self, client: DynamoClient, table: str) -> None:
        self._client = client
        self._table = table
        self._seen: dict[CounterKey, dict[str, int]] = {}

    def draw(self, key: CounterKey, draws: Mapping[str, Draw], now: int) -> Drawn | Dry:
        """Draw from all these buckets or from none."""
        levels = self._seen.get(key, {})
        for _ in range(_TRIES):
            if any(draw.cost > draw.depth for draw in draws.values()):
                return Dry(levels)
            taken, levels = self._write(key, draws, now, levels)
            if taken:
                return Drawn(levels)
            if any(max(levels.get(kind, 0), now) + draw.cost > now + draw.depth for kind, draw in draws.items()):
                return Dry(levels)
        return Dry(levels)  # others draw without a pause; who asks again in a moment finds less of a crowd

    def charge(self, key: CounterKey, costs: Mapping[str, int], now: int) -> Mapping[str, int]:
        """Draw whatever is there or not."""
        endless = 10**20
        draws = {kind: Draw(cost, endless) for kind, cost in costs.items()}
        return self.draw(key, draws, now).levels

    def _write(
        self, key: CounterKey, draws: Mapping[str, Draw], now: int, seen: Mapping[str, int]
    ) -> tuple[bool, dict[str, int]]:
        """Return whether the draw took place, and the levels after it or as they stand."""
        names: dict[str, str] = {}
        values: Item = {":now": now}
        setting, adding, conditions = ["expires_at = :keep"], [], []
        latest = now
        for number, (kind, draw) in enumerate(draws.items()):
            name, value = f"#k{number}", f":k{number}"
            names[name] = _FULL + kind
            latest = max(latest, seen.get(kind, now) + draw.cost)
            if seen.get(kind, 0) >= now:
                values[value], values[f":m{number}"] = draw.cost, now + draw.depth - draw.cost
                adding.append(f"{name} {value}")
                conditions.append(f"{name} BETWEEN :now AND :m{number}")
            else:
                values[value] = now + draw.cost
                setting.append(f"{name} = {value}")
                conditions.append(f"(attribute_not_exists({name}) OR {name} < :now)")
        values[":keep"] = latest // _SECOND + _DAY
        expression = "SET " + ", ".join(setting) + (" ADD " + ", ".join(adding) if adding else "")
        try:
            item: Mapping[str, Any] = self._client.update_item(
                self._table,
                (key.name, key.part),
                expression,
                condition=" AND ".join(conditions),
                names=names,
                values=values,
                returning="ALL_NEW",
            )
        except ConditionalCheckFailed as error:
            taken, item = False, error.item or {}
        else:
            taken = True
        levels = {name[len(_FULL) :]: int(full) for name, full in item.items() if name.startswith(_FULL)}
        self._seen[key] = levels
        return taken, levels
