"""Batches that the gateway handed to a provider, and which team each belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.types.budgets import StandingHold
from sluice.types.clock import Millis

RETENTION_DAYS = 30
"""How long a record is kept: a day longer than the vendor keeps results (Anthropic, "Batch processing", 2026-11)."""


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """One batch. `models` maps the names sent to the provider to the models of the catalogue, by which it is priced.

    `latest` is the provider's own description as it was last seen; `key_id`, `tags`, `session` and `user` are those of
    the request that created it, so that its cost is entered under them. `holds` is what was set aside for it in
    budgets; records from before there were any have none.
    """

    team: str
    id: str
    provider: str
    models: Mapping[str, str]
    created_ms: Millis
    key_id: str = ""
    config_version: str = ""
    tags: tuple[tuple[str, str], ...] = ()
    session: str | None = None
    latest: Mapping[str, object] = field(default_factory=dict)
    holds: tuple[StandingHold, ...] = ()
    user: str = ""

    @property
    def expires_at(self) -> int:
        """The epoch second at which the record may be deleted."""
        return self.created_ms // 1000 + RETENTION_DAYS * 86_400
