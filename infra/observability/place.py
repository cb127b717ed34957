"""Where a list is made for: one region of one stage, and what exists there."""

from __future__ import annotations

from dataclasses import dataclass, field

from infra.watch import Watch


@dataclass(frozen=True, slots=True)
class Place:
    """One region: its name, the stage's other ones, and what it is watched for.

    `jobs` are the functions that no caller waits for, `queues` where records go that could not be dealt with, both as
    deployed in this region. `invoices` are the providers whose invoices are compared here, `drift_bp` by how many
    hundredths of a per cent they may differ. `exporting`: whether telemetry or payloads go to targets of its own.
    """

    stage: str
    region: str
    others: tuple[str, ...] = ()
    watch: Watch = field(default_factory=Watch)
    jobs: tuple[str, ...] = ("rollup", "reconcile", "export", "alerts")
    queues: tuple[str, ...] = ("rollup-left",)
    invoices: tuple[str, ...] = ()
    drift_bp: int = 100
    exporting: bool = False

    @property
    def prefix(self) -> str:
        """What the names of alarms, topics and saved queries begin with."""
        return f"sluice-{self.stage}"
