"""Budgets, rate limits, and the money that is set aside for them.

A budget or limit applies to what its scope names. `Scope("team", "search")` is one team; `Scope("team", "*")` gives
each team a counter of its own. A counter is what one budget or limit counts for one scope value in one window; it lives
in the `usage` table as one item for each region and shard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sluice.types.clock import NanoUSD

ScopeKind = Literal["organisation", "team", "key", "user", "tag", "model", "provider", "route"]
WindowKind = Literal["day", "week", "month", "rolling"]


@dataclass(frozen=True, slots=True)
class Scope:
    """What is counted. `value` "*" counts each value apart; the organisation has none. `name` is a tag's name."""

    kind: ScopeKind
    value: str = "*"
    name: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """A calendar day, week (from Monday) or month in `time_zone` (IANA name), or the last `seconds` ("rolling")."""

    kind: WindowKind
    time_zone: str = "UTC"
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """How a cap is split, as it was: `shares` and `shards` of a budget for windows that began before `until` (epoch s).

    Of several, the first whose `until` lies behind a window's start is that window's.
    """

    until: int
    shares: Mapping[str, int]
    shards: int


@dataclass(frozen=True, slots=True)
class Budget:
    """An amount of money for a scope in a window.

    `hard` False only alerts. `grace` is what may be spent beyond a hard cap before requests are refused, `per_request`
    the most that one request may cost at worst. `thresholds` are per cent of `amount` at which an alert is sent.
    `downgrade` is the route or model that serves instead once `downgrade_at` per cent are spent. `strict` writes one
    hold for each request instead of leasing. `shares` splits the cap among regions, in parts of a thousand; a region
    that is not named has nothing. Empty: every region of the deployment has the same part.
    """

    id: str
    scope: Scope
    amount: NanoUSD
    window: Window
    hard: bool = True
    grace: NanoUSD = 0
    per_request: NanoUSD | None = None
    thresholds: tuple[int, ...] = (50, 80, 100)
    downgrade: str | None = None
    downgrade_at: int = 100
    strict: bool = False
    shares: Mapping[str, int] = field(default_factory=dict)
    min_output: int = 64
    """Output tokens below which a request is refused rather than shortened."""
    shards: int = 1
    """Items among which a counter is split; one takes about 1,000 writes a second."""
    layouts: tuple[Layout, ...] = ()
    """How the cap was split before `shares` and `shards` (`sluice.governance.layouts`), oldest first."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: `per_minute` units flow in, `burst` is the most that it holds (0: one minute's worth)."""

    per_minute: int
    burst: int = 0

    @property
    def capacity(self) -> int:
        """The most that the bucket holds."""
        return self.burst or self.per_minute


@dataclass(frozen=True, slots=True)
class Limit:
    """How fast a scope may go: requests, input tokens and output tokens a minute, requests at the same time."""

    id: str
    scope: Scope
    requests: Rate | None = None
    input_tokens: Rate | None = None
    output_tokens: Rate | None = None
    concurrent: int | None = None
    strict: bool = False
    shares: Mapping[str, int] = field(default_factory=dict)
    shards: int = 1


@dataclass(frozen=True, slots=True)
class CounterKey:
    """One counter: `name` is `budget#<id>#<value>#<window start>` or `limit#<id>#<value>`, `part` `<region>#<shard>`.

    They are the partition and the sort key of its item.
    """

    name: str
    part: str


@dataclass(frozen=True, slots=True)
class CounterState:
    """What a counter holds: `committed` = `spent` of closed holds + amounts of open ones + what was `given` away.

    `slack` is what open leases hold beyond what their requests need; `holds` are the open holds by id. `given` is what
    this part ever gave up for another part (by its name) to spend: it only grows. `fences` has, for each environment,
    the sequence number of its last closed hold: a hold that is not younger is refused, so a copy of an old call that
    arrives late opens nothing. A `sealed` counter takes no more money; what is held may still be spent and returned.
    `corrections` is how often the sums were set right.
    """

    committed: NanoUSD = 0
    spent: NanoUSD = 0
    slack: NanoUSD = 0
    holds: Mapping[str, Hold] = field(default_factory=dict)
    given: Mapping[str, NanoUSD] = field(default_factory=dict)
    fences: Mapping[str, int] = field(default_factory=dict)
    sealed: bool = False
    corrections: int = 0

    @property
    def given_away(self) -> NanoUSD:
        """All that this part gave up for others."""
        return sum(self.given.values())


@dataclass(frozen=True, slots=True)
class Hold:
    """Money set aside in a counter: by a request ("request") or by an environment for several ("lease").

    `id` is `<environment>.<tag>-<sequence>`: the tag stands for the counter (`governance.counter_names`), and the
    sequence number grows with every hold of an environment. `slack` is the part beyond immediate need; `expires` epoch
    seconds after which nobody spends from it any more. `revision` counts the changes of the amount, so that a change
    which is sent twice happens once.
    """

    id: str
    amount: NanoUSD
    expires: int
    kind: Literal["request", "lease"] = "request"
    slack: NanoUSD = 0
    revision: int = 0

    @property
    def environment(self) -> str:
        """Who holds it."""
        return self.id.rpartition("-")[0]

    @property
    def sequence(self) -> int:
        """Its number among the holds of its environment."""
        return int(self.id.rpartition("-")[2])


def tag_of(hold: str) -> str:
    """Return what stands for the counter in a hold's id, "" where nothing does."""
    holder, _, tag = hold.rpartition("-")[0].rpartition(".")
    return tag if holder else ""


@dataclass(frozen=True, slots=True)
class StandingHold:
    """A hold that waits for a cost which is known later: where it is, and the `models` (`provider/model`) it pays for.

    No model: whatever serves.
    """

    key: CounterKey
    hold: Hold
    models: tuple[str, ...] = ()
