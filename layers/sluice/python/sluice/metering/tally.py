"""Gathers what is known of one request while it runs, and closes it into the ledger entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sluice.errors import GatewayError, ProviderError
from sluice.metering.pricing import charge
from sluice.telemetry.traceparent import TRACEPARENT, TRACESTATE, UNTRACED, Trace, span_id
from sluice.types.clock import Millis, NanoUSD
from sluice.types.http import Response
from sluice.types.ledger import Attempt, LedgerEntry
from sluice.types.routes import Deployment
from sluice.types.tenancy import Caller
from sluice.types.usage import Usage

if TYPE_CHECKING:
    from sluice.types.adjustments import Adjustment
    from sluice.types.budgets import StandingHold

_NONE = Usage()


class Charged(NamedTuple):
    """What a request costs so far: nano-USD, the price's version, the list's cost where it is another, what adjusts."""

    nano: NanoUSD
    version: str
    listed: NanoUSD | None = None
    adjustments: tuple[str, ...] = ()


_NOTHING = Charged(0, "")
_STORED = ("hit", "semantic")


class Ticket(Protocol):
    """What was set aside for one request."""

    headers: Mapping[str, str]

    def settle(self, tally: Tally, now: float) -> tuple[tuple[str, NanoUSD], ...]:
        """Charge the real cost, release the rest, and return what was paid from which hold; acts once."""

    def owed(self, cost: NanoUSD, served: str) -> tuple[tuple[str, NanoUSD], ...]:
        """Return what each hold would pay for a request that cost so much at the deployment `served`."""

    def keep(self) -> tuple[StandingHold, ...]:
        """Leave the holds open for whoever is to charge what comes of the request, and return them."""

    def take_back(self) -> None:
        """Charge the holds here after all."""


class Recorder(Protocol):
    """Keeps what was asked and answered."""

    def over(self, response: Response, tally: Tally) -> Response:
        """Return the response that is noted while it passes, and kept after its last byte."""


@dataclass(slots=True)
class Tally:
    """One running request. `started` is a monotonic second, `wall_ms` the same moment as epoch milliseconds."""

    request_id: str
    caller: Caller
    operation: str
    dialect: str
    started: float
    wall_ms: Millis
    region: str = ""
    requested: str = ""
    stream: bool = False
    prompt_bytes: int = 0
    config_version: str = ""
    ceiling: Mapping[str, NanoUSD] = field(default_factory=dict)
    adjustments: tuple[Adjustment, ...] = ()
    """Those of the configuration; most apply to others."""
    deployment: Deployment | None = None
    usage: Usage | None = None
    status: int = 200
    outcome: str = "ok"
    error_code: str = ""
    error_kind: str = ""
    first_byte: float | None = None
    waited: float = 0.0
    attempts: list[Attempt] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    edits: tuple[str, ...] = ()
    user: str = ""
    route: str = ""
    holds: tuple[tuple[str, NanoUSD], ...] = ()
    """What was spent from which hold; known when the request is settled."""
    free: bool = False
    """True for operations that cost nothing (token counting)."""
    ticket: Ticket | None = None
    """What was set aside for the request, None where no budget or limit applies."""
    lease_misses: int = 0
    trace: Trace = UNTRACED
    recorder: Recorder | None = None
    """What keeps the request and its answer, None where the route keeps neither."""
    priced: tuple[Usage, Deployment, Charged] | None = None
    """The last cost that was reckoned, and for what; it is asked for several times."""
    asked: Deployment | None = None
    """What would have served what the caller asked for, where a budget chose something cheaper."""
    cache: str = "off"
    """"hit" or "semantic" for an answer that was stored: `usage` and `deployment` are those of when it was made."""

    def refuse(self, error: GatewayError) -> None:
        """Note an error before the first byte."""
        self.outcome, self.status = "error", error.http_status
        self._note(error)

    def break_off(self, error: GatewayError) -> None:
        """Note an error after the first byte."""
        self.outcome = "failed"
        self._note(error)

    def abort(self) -> None:
        """Note that the caller left before the end."""
        self.outcome, self.error_code = "aborted", "caller_disconnected"

    def cost(self, now: float | None = None) -> tuple[int, str]:
        """Return nano-USD so far and the version of the price it was reckoned at.

        What is charged by the second is known up to the first byte, and up to the last one at its monotonic `now`.
        """
        if self.cache in _STORED:
            return 0, ""
        found = self.charged(now)
        return found.nano, found.version

    def charged(self, now: float | None = None) -> Charged:
        """Return what the call costs, or did when its answer was stored; `now` as in `cost`."""
        if self.deployment is None or self.usage is None or self.free:
            return _NOTHING
        if _by_the_second(self.deployment):
            self.usage = replace(self.usage, provider_ms=self._worked_ms(now))
        held = self.priced
        if held is not None and held[0] is self.usage and held[1] is self.deployment:
            return held[2]
        if self.adjustments or self.usage.provider_cost_usd is not None:
            found = self._adjusted(self.deployment, self.usage)
        else:
            found = Charged(*charge(self.deployment.model, self.usage, self.wall_ms, self.ceiling))
        self.priced = (self.usage, self.deployment, found)
        return found

    def _adjusted(self, deployment: Deployment, usage: Usage) -> Charged:
        from sluice.metering.adjusting import billed, charged

        found = charged(
            deployment.model,
            usage,
            self.wall_ms,
            billed(self.caller.team, deployment, self.region),
            ceiling=self.ceiling,
            adjustments=self.adjustments,
            quirks={**deployment.provider.quirks, **deployment.model.quirks},
        )
        listed = None if found.list_cost == found.cost else found.list_cost
        return Charged(found.cost, found.price_version, listed, found.adjustments)

    def trace_headers(self, attempt: int) -> dict[str, str]:
        """Return the headers that make the n-th attempt's span the parent of whatever the provider traces."""
        headers = {TRACEPARENT: self.trace.header(span_id(self.request_id, attempt))}
        return {**headers, TRACESTATE: self.trace.state} if self.trace.state else headers

    def overhead_us(self, now: float) -> int:
        """Return the microseconds up to the first byte that were spent here and not at a provider."""
        end = self.first_byte if self.first_byte is not None else now
        return max(int((end - self.started - self.waited) * 1_000_000), 0)

    def entry(self, now: float) -> LedgerEntry:
        """Close the request at monotonic second `now`."""
        charged = self.charged(now)
        cost, stored = self.cost(now)[0], self.cache in _STORED
        deployment = self.deployment
        first = self.first_byte
        return LedgerEntry(
            request_id=self.request_id,
            team=self.caller.team,
            key_id=self.caller.key.id,
            operation=self.operation,
            dialect=self.dialect,
            requested_model=self.requested,
            deployment=deployment.name if deployment is not None else "",
            provider=deployment.provider.name if deployment is not None else "",
            model=deployment.model.id if deployment is not None else "",
            status=self.status,
            outcome=self.outcome,
            usage=self.usage or _NONE,
            cost=cost,
            price_version=charged.version,
            config_version=self.config_version,
            stream=self.stream,
            started_ms=self.wall_ms,
            duration_ms=int((now - self.started) * 1000),
            first_byte_ms=None if first is None else int((first - self.started) * 1000),
            overhead_us=self.overhead_us(now),
            attempts=tuple(self.attempts),
            tags=self.caller.tags,
            session=self.caller.session,
            error_code=self.error_code,
            error_kind=self.error_kind,
            region=self.region,
            reasons=tuple(self.reasons),
            edits=self.edits,
            holds=self.holds,
            user=self.user,
            route=self.route,
            saved=self._saved(),
            lease_misses=self.lease_misses,
            trace_id=self.trace.trace_id,
            parent_span=self.trace.parent,
            cache=self.cache,
            list_cost=charged.nano if stored and charged.listed is None else charged.listed,
            adjustments=charged.adjustments,
        )

    def _saved(self) -> tuple[tuple[str, NanoUSD], ...]:
        usage, deployment = self.usage, self.deployment
        if deployment is None or usage is None or self.free:
            return ()
        other = None if self.asked is None or self.asked.name == deployment.name else self.asked.model
        stored = self.cache in _STORED
        if usage.prompt == usage.input and usage.service_tier != "batch" and other is None and not stored:
            return ()
        from sluice.metering.savings import CACHE, routing, savings

        if stored:
            whole = self.charged().nano
            return ((CACHE, whole),) if whole else ()
        found = savings(deployment.model, usage, self.wall_ms)
        if other is not None:
            found += routing(other, deployment.model, usage, self.wall_ms)
        if self.adjustments and found:
            from sluice.metering.adjusting import scaled

            found = scaled(found, self.charged().adjustments, self.adjustments)
        return found

    def _worked_ms(self, now: float | None) -> Millis:
        """Return how long the attempt took that was answered, with the stream after its first event."""
        spent = self.attempts[-1].duration_ms if self.attempts else 0
        if self.stream and now is not None and self.first_byte is not None:
            spent += int((now - self.first_byte) * 1000)
        return spent

    def _note(self, error: GatewayError) -> None:
        self.error_code = error.error_code
        self.error_kind = error.kind if isinstance(error, ProviderError) else error.type


def _by_the_second(deployment: Deployment) -> bool:
    return any("second" in tier.rates for price in deployment.model.prices for tier in price.tiers)
