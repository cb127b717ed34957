"""How a new version takes over the callers of one region, and what sends them back to the old one."""

from __future__ import annotations

from dataclasses import dataclass

AT_ONCE = "all_at_once"
STRATEGIES = {
    "canary_10_percent_5_minutes": "CANARY_10_PERCENT_5_MINUTES",
    "canary_10_percent_10_minutes": "CANARY_10_PERCENT_10_MINUTES",
    "canary_10_percent_15_minutes": "CANARY_10_PERCENT_15_MINUTES",
    "canary_10_percent_30_minutes": "CANARY_10_PERCENT_30_MINUTES",
    "linear_10_percent_every_1_minute": "LINEAR_10_PERCENT_EVERY_1_MINUTE",
    "linear_10_percent_every_2_minutes": "LINEAR_10_PERCENT_EVERY_2_MINUTES",
    "linear_10_percent_every_3_minutes": "LINEAR_10_PERCENT_EVERY_3_MINUTES",
    "linear_10_percent_every_10_minutes": "LINEAR_10_PERCENT_EVERY_10_MINUTES",
}
"""Our name -> CodeDeploy's predefined configuration for Lambda, as the CDK calls it."""


class InvalidRelease(ValueError):
    """A release setting that CodeDeploy or CloudWatch would refuse; the message names it and what is allowed."""


@dataclass(frozen=True, slots=True)
class Release:
    """How versions change. With `all_at_once` nothing watches: the alias moves and the old version is gone."""

    strategy: str = AT_ONCE
    """`all_at_once`, or how CodeDeploy shifts callers: `canary_10_percent_5_minutes`,
    `linear_10_percent_every_1_minute` and the others of `infra/releases.py`."""
    errors: int = 3
    """So many crashes or timeouts of a function's new version within a minute roll it back."""
    failed_percent: int = 5
    """So many per cent 5xx answers of the API in two minutes out of three (of at least 20 requests a minute) do."""
    first_byte_ms: int = 15_000
    """A p99 of the time to the first token over this many milliseconds, three minutes in a row, does."""
    settle_failures: int = 5
    """So many requests within a minute whose entry, log line or hold could not be written do."""

    def __post_init__(self) -> None:
        """Raise InvalidRelease for what could never trip, or trips at once."""
        known = (AT_ONCE, *STRATEGIES)
        _check("strategy", self.strategy, self.strategy in known, f"one of {', '.join(known)}")
        _check("errors", self.errors, self.errors >= 1, "1 or more")
        _check("failed_percent", self.failed_percent, 1 <= self.failed_percent <= 100, "1 to 100")
        _check("first_byte_ms", self.first_byte_ms, 100 <= self.first_byte_ms <= 900_000, "100 to 900000")
        _check("settle_failures", self.settle_failures, self.settle_failures >= 1, "1 or more")

    @property
    def shifts(self) -> bool:
        """Whether callers are moved step by step, under alarms."""
        return self.strategy != AT_ONCE


def _check(setting: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise InvalidRelease(f"Release: {setting} is {value!r}; it must be {allowed}.")
