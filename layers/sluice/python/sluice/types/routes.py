"""Routes, deployments and plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sluice.types.catalogue import Model, Provider, ProviderEndpoint

if TYPE_CHECKING:
    from sluice.types.adjustments import Adjustment
    from sluice.types.archives import ArchivePolicy
    from sluice.types.budgets import Budget, Limit
    from sluice.types.identity import Identity
    from sluice.types.residency import Fence


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds allowed for each phase of one attempt; `total` covers all of it, `request` all attempts together."""

    connect: float = 5.0
    first_byte: float = 120.0
    idle: float = 60.0
    total: float = 600.0
    request: float = 890.0


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`attempts` per deployment (1 = no retry); back-off doubles from `base` seconds up to `longest`."""

    attempts: int = 2
    base: float = 0.25
    longest: float = 8.0


@dataclass(frozen=True, slots=True)
class RouteTarget:
    """One deployment as a route names it: a model (`provider/model`), its weight, and a region or None."""

    model: str
    weight: int = 1
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """A named alias. `strategy` is "ordered" (as listed) or "weighted" (first choice drawn by weight)."""

    name: str
    targets: tuple[RouteTarget, ...]
    strategy: str = "ordered"
    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    strict_parameters: bool = False
    cold_starts: bool = True
    """A host that starts models on demand may take its own time to the first byte; False where the route states one."""
    archive: ArchivePolicy | None = None
    """Whether requests and answers are kept, and how; None: they are not."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One callable target."""

    provider: Provider
    model: Model
    endpoint: ProviderEndpoint
    upstream_model: str
    region: str | None = None

    @property
    def name(self) -> str:
        """`provider/model`, as it stands in headers, logs and the ledger."""
        return f"{self.provider.name}/{self.model.id}"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A deployment that was considered and not planned, with the reason in words."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Planned:
    """A deployment of the plan, with the reason for its place."""

    deployment: Deployment
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The ordered deployments for one request."""

    requested: str
    route: str | None
    choices: tuple[Planned, ...]
    rejected: tuple[Rejection, ...] = ()
    timeouts: Timeouts = field(default_factory=Timeouts)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    config_version: str = ""
    strict_parameters: bool = False
    cold_starts: bool = True


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """What the configuration changes about one provider of the catalogue."""

    base_url: str | None = None
    enabled: bool | None = None
    allow_loopback: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    any_model: bool = False
    """True: names that the catalogue does not list are passed on, at the declared ceiling's price."""
    first_byte_seconds: float | None = None
    """Instead of the provider's own; None: as its file says."""
    propagate_trace: bool = False
    """True: calls carry `traceparent` and `tracestate`."""
    place: str = ""
    """Where its answers are made, by its operator's word; "" where the address or the model says it."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One immutable configuration version; `version` is the hash of its content."""

    version: str
    routes: Mapping[str, Route] = field(default_factory=dict)
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)
    """Custom models by `provider/model`, with their own prices."""
    unpriced_ceiling: Mapping[str, int] = field(default_factory=dict)
    """Rates (as in `PriceTier`) charged for models without a price; empty: such models are refused."""
    stored_responses: bool = True
    """False: no answer of the Responses API is stored, neither here nor at its provider."""
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    limits: Mapping[str, Limit] = field(default_factory=dict)
    identity: Identity | None = None
    """Who may call without a virtual key; None: nobody."""
    adjustments: tuple[Adjustment, ...] = ()
    """Discounts, margins and surcharges; empty: everything is charged at its list price."""
    residency: tuple[Fence, ...] = ()
    """Where requests of teams may go; empty: anywhere."""
    units: Mapping[str, int] = field(default_factory=dict)
    """What one of a unit costs that prices are stated in instead of dollars, in nano-USD."""
