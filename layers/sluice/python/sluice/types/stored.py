"""A response that callers may come back to: by `previous_response_id`, or to read, cancel or delete it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sluice.types.budgets import StandingHold


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """One stored response of one team; times are epoch seconds.

    With `native` the provider keeps it, and this is only the record of where: `provider`, `model`, `region`. Otherwise
    the gateway keeps it: `content` is the JSON text of its input items and its answer, and `chain` holds the ids of the
    turns before it, oldest first. `charged` is False for a background answer whose end nobody has read yet, `due` is
    True from then on until its ledger entry was seen, and `holds` is what budgets keep for it.
    """

    id: str
    team: str
    key_id: str
    provider: str
    model: str
    upstream_model: str
    created: int
    expires: int
    region: str = ""
    native: bool = False
    background: bool = False
    charged: bool = True
    due: bool = False
    chain: tuple[str, ...] = ()
    user: str = ""
    """The end user that the caller named, only while it is put: it is found by that name, and does not hold it."""
    content: bytes = field(default=b"", repr=False)
    holds: tuple[StandingHold, ...] = ()

    @property
    def deployment(self) -> str:
        """`provider/model`."""
        return f"{self.provider}/{self.model}"
