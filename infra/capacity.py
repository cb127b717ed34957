"""How many environments a function has ready, and how many it may have; none is kept ready unless it is said here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

FUNCTIONS = ("streaming", "completion", "routing", "admin")
"""The functions behind the API, whose callers wait; jobs need no capacity of their own."""


class InvalidCapacity(ValueError):
    """A capacity that Lambda would refuse; the message names it and what is allowed."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The environments of one function in one region. An environment serves one request at a time."""

    ready: int = 0
    """Environments that are always kept warm (provisioned concurrency). At 512 MB each costs about $4.38 a month."""
    ready_limit: int = 0
    """With load, as many are kept warm, 70 % of them busy; 0 keeps the number at `ready`."""
    reserved: int = 0
    """Environments that are set aside for this function, which it can never exceed; 0 sets none aside."""

    def __post_init__(self) -> None:
        """Raise InvalidCapacity for numbers that contradict each other."""
        _check("ready", self.ready, 0 <= self.ready <= 10_000, "0 to 10000")
        fits = self.ready_limit == 0 or 0 < self.ready < self.ready_limit <= 10_000
        _check("ready_limit", self.ready_limit, fits, "0, or more than ready, and ready at least 1")
        most = max(self.ready, self.ready_limit)
        fits = self.reserved == 0 or most <= self.reserved <= 100_000
        _check("reserved", self.reserved, fits, f"0, or at least the {most} environments that are kept ready")


def check_functions(capacity: Mapping[str, Capacity]) -> None:
    """Raise InvalidCapacity for a function that callers do not wait for."""
    for name in capacity:
        _check("a function", name, name in FUNCTIONS, f"one of {', '.join(FUNCTIONS)}")


def _check(setting: str, value: object, holds: bool, allowed: str) -> None:
    if not holds:
        raise InvalidCapacity(f"Capacity: {setting} is {value!r}; it must be {allowed}.")
