"""What a stage is watched for: who is told, and where its alarms' thresholds lie.

The alarms themselves stand in `infra/observability/alarms.py`. Whatever has no setting here is the same in every stage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sluice.metrics import PROVIDERS

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class InvalidWatch(ValueError):
    """A setting of the alarms cannot be deployed; the message names it and what is allowed."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Thresholds of the alarms in each region of a stage, and the addresses that are told."""

    page_emails: tuple[str, ...] = ()
    """Who is told at once, at night too. Anything else (a pager, a chat) subscribes to the topic `<prefix>-page`."""
    ticket_emails: tuple[str, ...] = ()
    """Who is told of what can wait for the morning. The topic is `<prefix>-ticket`."""
    runbooks_url: str = "docs/runbooks/"
    """Where the alarms' descriptions find the runbooks, with a slash at the end: wherever this repository is read."""
    objective_percent: float = 99.9
    """Share of requests that must succeed over 30 days; error budget and burn rates follow from it."""
    least_failures: int = 5
    """Fewer failed requests than this within the long window of a burn rate tell nobody, whatever their share."""
    first_byte_p99_ms: int = 30_000
    """Time to first token that 99 of 100 streamed requests must keep."""
    overhead_p99_ms: int = 250
    """Time in the gateway itself, up to the first byte, that 99 of 100 requests must keep."""
    concurrency_percent: int = 80
    """Share of the account's concurrent executions from which somebody must act."""
    cold_start_percent: int = 20
    """Share of an hour's requests that may meet a cold start."""
    providers: tuple[str, ...] = PROVIDERS
    """Providers (names of `sluice.metrics`, "other" for the rest) with an alarm of their own; each costs $0.20."""
    unusual_cost_usd: float = 5
    """Spend of one hour below which nothing is unusual."""
    cost_per_hour_usd: float = 0
    """Spend of one hour that is never right, whatever it was before; 0 for none. Unusual spend is told of anyway."""
    drift_usd: float = 1
    """Dollars by which two books may differ."""
    rotation_days: int = 100
    """Age from which provider keys that are rotated automatically count as overdue."""

    def __post_init__(self) -> None:
        """Raise InvalidWatch for what AWS would refuse later, or would never fire."""
        emails_fit = all(map(_EMAIL.fullmatch, (*self.page_emails, *self.ticket_emails)))
        self._check("page_emails and ticket_emails", emails_fit, "addresses such as oncall@example.com")
        url_fits = self.runbooks_url.endswith("/") and len(self.runbooks_url) <= 300
        self._check("runbooks_url", url_fits, "an address with a slash at the end")
        self._check("objective_percent", 90 <= self.objective_percent < 100, "90 to less than 100")
        self._check("least_failures", 1 <= self.least_failures <= 100_000, "1 to 100000")
        for name in ("first_byte_p99_ms", "overhead_p99_ms"):
            self._check(name, 1 <= getattr(self, name) <= 900_000, "1 to 900000 milliseconds")
        for name in ("concurrency_percent", "cold_start_percent"):
            self._check(name, 1 <= getattr(self, name) <= 100, "1 to 100")
        known = len(set(self.providers)) == len(self.providers) and set(self.providers) <= set(PROVIDERS)
        self._check("providers", known, f"each once, of {', '.join(PROVIDERS)}")
        self._check("cost_per_hour_usd", self.cost_per_hour_usd >= 0, "dollars, or 0 for none")
        self._check("unusual_cost_usd", self.unusual_cost_usd >= 0, "dollars")
        self._check("drift_usd", self.drift_usd > 0, "more than 0 dollars")
        self._check("rotation_days", 1 <= self.rotation_days <= 3650, "1 to 3650")

    def _check(self, setting: str, holds: bool, allowed: str) -> None:
        if not holds:
            raise InvalidWatch(f"watch: {setting} must be {allowed}.")

    @property
    def error_share(self) -> float:
        """The error budget: the share of requests that may fail."""
        return round(1 - self.objective_percent / 100, 9)
