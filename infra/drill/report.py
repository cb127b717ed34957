"""What a rehearsal saw."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from infra.drill.access import Access
from infra.drill.definition import DeployedFunction, Route, Schedule


class RehearsalFailed(RuntimeError):
    """A step did not give what it must; the message says which step, and what it gave."""


@dataclass
class Elsewhere:
    """What another region than the primary one gave. Statuses are those of HTTP answers."""

    health: int = 0
    without_key: int = 0
    models: int = 0
    pieces: int = 0
    """Pieces of a streamed answer."""
    request_id: str = ""
    entry: int = 0
    items: int = 0
    """Items of the region's own ledger after one call."""


@dataclass
class Report:
    """The findings, in the order in which they are made. Statuses are those of HTTP answers."""

    seconds: dict[str, float] = field(default_factory=dict)
    waves: tuple[str, ...] = ()
    """Regions, in the order in which they were deployed."""
    stacks: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    functions: dict[str, DeployedFunction] = field(default_factory=dict)
    health: int = 0
    without_key: int = 0
    unknown_path: tuple[int, str] = (0, "")
    pieces: list[tuple[float, str]] = field(default_factory=list)
    """The streamed answer as it came in: seconds since the request, text."""
    request_id: str = ""
    entry: dict[str, Any] = field(default_factory=dict)
    """The ledger entry as the API tells it."""
    others: dict[str, str] = field(default_factory=dict)
    """Path -> status of the other calls, and what was told where that is not 200."""
    uploads: dict[str, int] = field(default_factory=dict)
    """What became of an upload: step -> status; and what the model saw of it."""
    seen: str = ""
    responses: dict[str, int] = field(default_factory=dict)
    batches: dict[str, int] = field(default_factory=dict)
    """What became of kept responses and of a batch: step -> status."""
    items: list[dict[str, Any]] = field(default_factory=list)
    """The items of the ledger table, in DynamoDB's notation."""
    swept: dict[str, int] = field(default_factory=dict)
    """What the sweep did after the chat call's entry had been taken out of the ledger."""
    items_after_sweep: list[dict[str, Any]] = field(default_factory=list)
    roles: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    used: dict[str, set[Access]] = field(default_factory=dict)
    denied: list[tuple[str, Access]] = field(default_factory=list)
    """The statements of each function's role, what it asked of AWS, and what of that the role does not grant."""
    all_functions: dict[str, DeployedFunction] = field(default_factory=dict)
    """The functions of every region; `functions` are those of the primary one."""
    regions: dict[str, Elsewhere] = field(default_factory=dict)
    """The other regions, called with a key that was made in the primary one."""
    traffic: dict[str, int] = field(default_factory=dict)
    """Requests through all regions at once: how many, and how many of them failed."""
    rotated: dict[str, Any] = field(default_factory=dict)
    """What became of a staged key: whether its version is current, it is in force, and it is still staged; and what the
    hourly look found due."""
    traffic_rotating: dict[str, int] = field(default_factory=dict)
    """Requests that went through all regions while keys were rotated."""
    exported: tuple[str, ...] = ()
    """Keys of the objects that the nightly export has put, in all regions."""
    entries: int = 0
    """Entries in the ledgers of all regions."""
    counted: int = 0
    """Requests that the API counts as usage, after every region's ledger was added up."""
    administered: dict[str, int] = field(default_factory=dict)
    """What the control plane was asked -> status."""
    alerted: dict[str, int] = field(default_factory=dict)
    redriven: dict[str, int] = field(default_factory=dict)
    """Messages of the roll-up's queue and what became of them."""
    left: tuple[str, ...] = ()
    """Stacks and tables of the stage that exist after it was destroyed."""

    @property
    def text(self) -> str:
        """The whole streamed answer."""
        return "".join(text for _, text in self.pieces)
