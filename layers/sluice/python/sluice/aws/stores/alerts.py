"""What alerts have noted of counters, in the `usage` table.

    pk=alert#<counter name>   sk=alert   samples: [[epoch seconds, nano-USD], ...]; m#<mark>: {at, sent}; expires_at

Only the job of the primary region writes here, so a condition on the item proves what it says in all regions.
"""

from __future__ import annotations

from collections.abc import Sequence

from sluice.aws.dynamodb import DynamoClient, Key
from sluice.aws.errors import ConditionalCheckFailed
from sluice.control.alerts import CLAIM_SECONDS, Record
from sluice.control.forecasts import Sample

_MARK = "m#"


class DynamoAlertStore:
    """Keeps notes (`control.alerts.AlertStore`, `control.budget_status.Samples`)."""

    def __init__(self, client: DynamoClient, table: str) -> None:
        self._client = client
        self._table = table

    def record(self, counter: str) -> Record:
        """Return what was noted of a counter."""
        item = self._client.get_item(self._table, _key(counter), consistent=True) or {}
        samples = tuple(Sample(*each) for each in item.get("samples", ()))
        marks = {name.removeprefix(_MARK): value for name, value in item.items() if name.startswith(_MARK)}
        return Record(samples, frozenset(name for name, value in marks.items() if value["sent"]))

    def samples(self, counter: str) -> Sequence[Sample]:
        """Return a counter's samples, oldest first."""
        return self.record(counter).samples

    def note(self, counter: str, samples: Sequence[Sample], keep_until: int) -> None:
        """Replace a counter's samples; marks stay."""
        values = {":samples": [list(sample) for sample in samples], ":keep": keep_until}
        change = "SET samples = :samples, expires_at = :keep"
        self._client.update_item(self._table, _key(counter), change, values=values)

    def claim(self, counter: str, mark: str, now: int, keep_until: int) -> bool:
        """Claim a mark by one conditional write."""
        try:
            self._client.update_item(
                self._table,
                _key(counter),
                "SET #mark = :claim, expires_at = :keep",
                condition="attribute_not_exists(#mark) OR (#mark.#sent = :no AND #mark.#at <= :stale)",
                names={"#mark": _MARK + mark, "#sent": "sent", "#at": "at"},
                values={
                    ":claim": {"at": now, "sent": False},
                    ":no": False,
                    ":stale": now - CLAIM_SECONDS,
                    ":keep": keep_until,
                },
            )
        except ConditionalCheckFailed:
            return False
        return True

    def confirm(self, counter: str, mark: str) -> None:
        """Note that a claimed mark was told."""
        names = {"#mark": _MARK + mark, "#sent": "sent"}
        change = "SET #mark.#sent = :yes"
        self._client.update_item(self._table, _key(counter), change, names=names, values={":yes": True})


def _key(counter: str) -> Key:
    return f"alert#{counter}", "alert"
