"""The immutable record of one request."""

from __future__ import annotations

from dataclasses import dataclass

from sluice.types.clock import Millis, NanoUSD
from sluice.types.usage import Usage

CEILING = "ceiling"
"""The price version of what an unpriced model is charged at."""
LOST = "lost"
"""The outcome of an entry that the sweep put in for a request of which nothing more was heard."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One upstream call. `outcome` is "ok" or the kind of the error; times in ms."""

    deployment: str
    status: int
    outcome: str
    started_ms: Millis
    duration_ms: Millis
    upstream_id: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One request, whoever paid for it and however it ended.

    `outcome` is "ok", "error" (refused or failed before the first byte), "failed" (broke off mid-stream),
    "aborted" (the caller left) or "lost" (rebuilt by the sweeper). `cost` is nano-USD. `version` 1 is what the request
    left itself; a later one is the same request costed again at corrected prices, an entry of its own.
    """

    request_id: str
    team: str
    key_id: str
    operation: str
    dialect: str
    requested_model: str
    deployment: str
    provider: str
    model: str
    status: int
    outcome: str
    usage: Usage
    cost: NanoUSD
    price_version: str
    config_version: str
    stream: bool
    started_ms: Millis
    duration_ms: Millis
    first_byte_ms: Millis | None
    overhead_us: int
    attempts: tuple[Attempt, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    session: str | None = None
    error_code: str = ""
    error_kind: str = ""
    region: str = ""
    cache: str = "off"
    reasons: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    holds: tuple[tuple[str, NanoUSD], ...] = ()
    """The holds that paid: id and what was spent from each."""
    user: str = ""
    """The end user that the caller named, "" for none."""
    route: str = ""
    """The route that was asked for, "" for a model."""
    version: int = 1
    list_cost: NanoUSD | None = None
    """What it would have cost at the provider's public price; None: the same as `cost`, or no such price."""
    saved: tuple[tuple[str, NanoUSD], ...] = ()
    """What was saved, by kind: "cache", "routing", "batch", "prompt_cache" (less the premium for writing; may be
    negative)."""
    lease_misses: int = 0
    """Calls to counters and buckets that the request had to wait for."""
    trace_id: str = ""
    """W3C trace id, 32 hex digits: the caller's, or one of the gateway's own."""
    parent_span: str = ""
    """The caller's span, 16 hex digits, "" where the trace began here."""
    adjustments: tuple[str, ...] = ()
    """The configured discounts, margins and surcharges in `cost`, by their ids."""

    @property
    def at_ceiling(self) -> bool:
        """Whether a part of `cost` is a model's without a price, charged at the declared ceiling."""
        return CEILING in self.price_version.split("+")
