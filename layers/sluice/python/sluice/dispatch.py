"""Tries the plan in order: time-outs, retries and fallback, until the first byte may be sent to the caller.

An attempt has succeeded when its answer is whole (buffered) or its first event has come (streamed); up to then a
refusal, hang, cut or garbled answer costs the caller nothing but time. After that nothing is retried.

All attempts together end within the plan's `request` seconds. Deployments that kept failing are asked last and once
(`sluice.routing.health`); retries come out of a budget there.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from sluice.errors import GatewayError, NoHealthyUpstream, ProviderError, ProviderTimeout, UnsupportedParameter
from sluice.ports import Transport, UpstreamAnswer, UpstreamCall
from sluice.providers.auth import scrubbed
from sluice.types.ledger import Attempt
from sluice.types.routes import Deployment, Plan, Planned, RetryPolicy, Timeouts

if TYPE_CHECKING:
    from sluice.routing.health import Health

KEEP_ALIVE_SECONDS = 15.0
MOST_REDIRECTS = 4
"""Of 150 seconds each, ten minutes: as long as a call may take."""
SETTLE_SECONDS = 2.0
"""Kept back from the environment's deadline so that the ledger entry can still be written."""

_STAYS = frozenset({"bad_request", "content_filter"})
"""Errors of the request itself: another deployment would give the same."""
_AGAIN = frozenset({"rate_limit", "overloaded", "server", "connection", "garbled"})


@dataclass(frozen=True, slots=True)
class Prepared:
    """One deployment's call, ready to send. `edits` are what was changed of the caller's request."""

    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    edits: tuple[str, ...] = ()
    stream: bool = False
    method: str = "POST"


class Reader(Protocol):
    """What dispatch needs of the deployment's dialect."""

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Return the error that an answer with an error status reports."""

    def body_error(self, body: bytes, headers: Mapping[str, str]) -> ProviderError | None:
        """Return the error that a whole 200 answer reports, if it is one. Raises ProviderError for a garbled answer."""

    def first_events(self, chunks: Iterator[bytes], sent: Deployment) -> bytes:
        """Return the first whole events of a stream. Raises ProviderError when they report an error or end early."""


@dataclass(slots=True)
class Exchange:
    """A successful attempt: `body` of a buffered answer, or `first` and `chunks` of a stream."""

    deployment: Deployment
    prepared: Prepared
    answer: UpstreamAnswer
    body: bytes = b""
    first: bytes = b""
    chunks: Iterator[bytes] | None = None


@dataclass(slots=True)
class Trail:
    """What happened so far, kept also when the request fails in the end.

    `waited` is the seconds spent waiting for providers (and between retries), which is not the gateway's overhead.
    `trace` gives the headers by which the n-th attempt joins the trace, for providers that may know of it.
    """

    attempts: list[Attempt] = field(default_factory=list)
    waited: float = 0.0
    reasons: list[str] = field(default_factory=list)
    trace: Callable[[int], Mapping[str, str]] | None = None


class RawError(ProviderError):
    """A provider's error answer with its own bytes, so that a pass-through can hand them on."""

    def __init__(self, cause: ProviderError, deployment: Deployment, answer: UpstreamAnswer, body: bytes) -> None:
        super().__init__(
            cause.message,
            provider_status=cause.provider_status,
            kind=cause.kind,
            provider=deployment.provider.name,
            provider_type=cause.provider_type,
            provider_code=cause.error_code,
            param=cause.param,
            retry_after=cause.retry_after,
        )
        self.deployment = deployment
        self.answer_status = answer.status
        self.headers = answer.headers
        self.body = body


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, so that tests need neither."""

    monotonic: Callable[[], float] = time.monotonic
    epoch: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    random: Callable[[], float] = random.random


def _silent(line: str) -> None:
    """Write nothing."""


class Dispatcher:
    """Sends the calls of a plan.

    `refresh_credential(provider, headers)` re-reads the secret after a 401 to a call with these headers and tells
    whether there is another key to show; `tell` writes a log line when a deployment is ejected or restored.
    """

    def __init__(
        self,
        transport: Transport,
        refresh_credential: Callable[[str, Mapping[str, str]], bool],
        clock: Clock,
        tell: Callable[[str], None] = _silent,
    ) -> None:
        self._transport = transport
        self._refresh_credential = refresh_credential
        self._clock = clock
        self._tell = tell
        self._health: Health | None = None
        """None until something has failed."""

    def run(
        self,
        plan: Plan,
        prepare: Callable[[Deployment], Prepared],
        reader: Callable[[Deployment], Reader],
        *,
        trail: Trail,
        deadline: float | None,
    ) -> Exchange:
        """Return the first success.

        Raises:
            UnsupportedParameter: no deployment of the plan can express the request.
            ProviderError: the last error, when every deployment failed.
        """
        failure: GatewayError | None = None
        deadline = self._limit(plan, deadline)
        order = self._order(plan, trail)
        for place, planned in enumerate(order, 1):
            try:
                return self._deploy(
                    planned.deployment, plan, prepare, reader, trail, deadline, last=place == len(order)
                )
            except UnsupportedParameter as error:
                trail.reasons.append(f"{planned.deployment.name}: {error.message}")
                failure = failure or error
            except ProviderError as error:
                failure = error
                if error.kind in _STAYS or self._late(deadline):
                    break
        if failure is None:
            raise NoHealthyUpstream(f"The plan for {plan.requested[:128]!r} is empty.")
        raise failure

    def close(self, deployment: Deployment, outcome: str, kind: str) -> None:
        """Note how an answer ended that `run` returned the beginning of: the outcome and error kind of its entry."""
        if outcome == "failed":
            self._failed(deployment, kind, None)
        elif outcome in ("ok", "aborted") and self._health is not None:
            self._health.succeeded(_place(deployment))

    def _limit(self, plan: Plan, deadline: float | None) -> float:
        """Return the monotonic second by which all attempts are over, with the time to settle behind it."""
        own = self._clock.monotonic() + plan.timeouts.request + SETTLE_SECONDS
        return own if deadline is None else min(own, deadline)

    def _order(self, plan: Plan, trail: Trail) -> Sequence[Planned]:
        """Return the plan's choices, ejected ones last."""
        if self._health is None or len(plan.choices) < 2:
            return plan.choices
        first: list[Planned] = []
        last: list[Planned] = []
        for planned in plan.choices:
            reason = self._health.ejected(_place(planned.deployment))
            (last if reason else first).append(planned)
            if reason:
                trail.reasons.append(f"{planned.deployment.name}: asked last, {reason}")
        return first + last

    def _failed(self, deployment: Deployment, kind: str, retry_after: float | None) -> None:
        if self._health is None:
            from sluice.routing.health import WEIGHTS, Health

            if kind not in WEIGHTS:
                return
            self._health = Health(self._clock.epoch, self._clock.random, self._tell)
        self._health.failed(_place(deployment), kind, retry_after)

    def _deploy(  # noqa: PLR0917 - private; mirrors `run`
        self,
        deployment: Deployment,
        plan: Plan,
        prepare: Callable[[Deployment], Prepared],
        reader: Callable[[Deployment], Reader],
        trail: Trail,
        deadline: float,
        *,
        last: bool,
    ) -> Exchange:
        tries, refreshed = 0, False
        again = self._health is None or self._health.begin(_place(deployment))
        while True:
            try:
                prepared = prepare(deployment)
            except ProviderError as error:
                trail.reasons.append(f"{deployment.name}: {error.message}")
                raise
            try:
                call = self._call(deployment, prepared, plan, deadline, last=last)
                return self._attempt(deployment, prepared, call, reader(deployment), trail)
            except ProviderError as error:
                tries += 1
                if error.kind == "authentication" and not refreshed:
                    refreshed = True
                    if self._refresh_credential(deployment.provider.name, prepared.headers):
                        continue
                self._failed(deployment, error.kind, error.retry_after)
                pause = self._pause(error, tries, plan.retry) if again else None
                if pause is None or self._late(deadline, pause) or not self._may_retry(deployment):
                    raise
                self._clock.sleep(pause)
                trail.waited += pause

    def _attempt(
        self,
        deployment: Deployment,
        prepared: Prepared,
        call: UpstreamCall,
        reader: Reader,
        trail: Trail,
    ) -> Exchange:
        started, started_ms = self._clock.monotonic(), int(self._clock.epoch() * 1000)
        status, outcome, message, upstream_id = 0, "ok", "", ""
        answer: UpstreamAnswer | None = None
        if deployment.provider.propagate_trace and trail.trace is not None:
            call = replace(call, headers={**call.headers, **trail.trace(len(trail.attempts) + 1)})
        try:
            answer = self._sent(call, deployment)
            status, upstream_id = answer.status, _upstream_id(answer.headers, prepared.headers)
            return _accept(deployment, prepared, answer, reader)
        except ProviderError as error:
            error.provider = deployment.provider.name
            error.message = scrubbed(error.message.encode("utf-8", "replace"), prepared.headers).decode()
            error.args = (error.message,)
            outcome, message = error.kind, error.message[:200]
            status = status or error.provider_status
            if answer is not None:
                answer.close()
            raise
        except BaseException as error:
            outcome, message = "aborted", type(error).__name__
            if answer is not None:
                answer.close()
            raise
        finally:
            spent = self._clock.monotonic() - started
            trail.waited += spent
            trail.attempts.append(
                Attempt(deployment.name, status, outcome, started_ms, int(spent * 1000), upstream_id, message)
            )

    def _sent(self, call: UpstreamCall, deployment: Deployment) -> UpstreamAnswer:
        """Send a call; a host that starts models on demand may say with a 303 where on it the answer will come.

        https://modal.com/docs/guide/webhook-timeouts (2026-11): after 150 seconds, again and again.
        """
        answer = self._transport.send(call)
        for _ in range(MOST_REDIRECTS if deployment.provider.first_byte_seconds else 0):
            place = _same_host(call.url, answer.headers.get("location", "")) if answer.status == 303 else ""
            if not place:
                break
            answer.close()
            call = replace(call, method="GET", url=place, body=b"")
            answer = self._transport.send(call)
        return answer

    def _pause(self, error: ProviderError, tries: int, retry: RetryPolicy) -> float | None:
        """Return the seconds to wait before trying the same deployment again, None to leave it."""
        again = error.kind in _AGAIN or (isinstance(error, ProviderTimeout) and error.phase == "connect")
        if not again or tries >= retry.attempts:
            return None
        backoff = min(retry.base * 2.0 ** (tries - 1), retry.longest)
        pause = backoff * (0.5 + self._clock.random() / 2)
        if error.retry_after is not None:
            # Longer than we would ever wait: the next deployment is the better place.
            return None if error.retry_after > retry.longest else max(error.retry_after, pause)
        return pause

    def _may_retry(self, deployment: Deployment) -> bool:
        return self._health is None or self._health.may_retry(_place(deployment))

    def _late(self, deadline: float, pause: float = 0.0) -> bool:
        return self._clock.monotonic() + pause >= deadline - SETTLE_SECONDS

    def _call(
        self, deployment: Deployment, prepared: Prepared, plan: Plan, deadline: float, *, last: bool
    ) -> UpstreamCall:
        timeouts, ends = patience(deployment, plan), deadline - SETTLE_SECONDS
        if not last:
            # Who comes next must have time as well.
            half = max((ends - self._clock.monotonic()) / 2, 0.001)
            if half < timeouts.first_byte:
                timeouts = replace(timeouts, first_byte=half)
        return UpstreamCall(
            method=prepared.method,
            url=prepared.url,
            headers=prepared.headers,
            body=prepared.body,
            timeouts=timeouts,
            deadline=ends,
            allow_loopback=deployment.provider.allow_loopback,
        )


def patience(deployment: Deployment, plan: Plan) -> Timeouts:
    """Return the seconds allowed to one deployment: a host that has to start its model first gets the time it needs."""
    least = deployment.provider.first_byte_seconds
    if not plan.cold_starts or least <= plan.timeouts.first_byte:
        return plan.timeouts
    return replace(plan.timeouts, first_byte=least)


def _place(deployment: Deployment) -> str:
    """Return the name under which a deployment's health is kept: a model in another region fails by itself."""
    return f"{deployment.name} in {deployment.region}" if deployment.region else deployment.name


def _same_host(url: str, location: str) -> str:
    """Return the whole address of a redirect that stays where it was, "" for any other: the key goes along."""
    scheme, _, rest = url.partition("://")
    origin = f"{scheme}://{rest.partition('/')[0]}"
    if location.startswith("/") and not location.startswith("//"):
        return origin + location
    return location if location.startswith(f"{origin}/") else ""


def _accept(deployment: Deployment, prepared: Prepared, answer: UpstreamAnswer, reader: Reader) -> Exchange:
    exchange = Exchange(deployment, prepared, answer)
    if not 200 <= answer.status < 300:
        body = scrubbed(answer.read(), prepared.headers)
        cause = reader.decode_error(answer.status, answer.headers, body)
        raise RawError(cause, deployment, answer, body)
    if not prepared.stream or _is_one_object(answer.headers.get("content-type", "")):
        exchange.body = answer.read()
        reported = reader.body_error(exchange.body, answer.headers)
        if reported is not None:
            raise RawError(reported, deployment, answer, scrubbed(exchange.body, prepared.headers))
        return exchange
    exchange.chunks = answer.chunks(KEEP_ALIVE_SECONDS)
    exchange.first = reader.first_events(exchange.chunks, deployment)
    return exchange


def _is_one_object(content_type: str) -> bool:
    """Return whether an answer is one JSON value, not a stream of them (application/x-ndjson)."""
    return "json" in content_type and not any(word in content_type for word in ("ndjson", "jsonl", "stream"))


def _upstream_id(headers: Mapping[str, str], sent: Mapping[str, str]) -> str:
    for name in ("x-request-id", "request-id", "x-amzn-requestid", "cf-ray"):
        if name in headers:
            return scrubbed(headers[name].encode("utf-8", "replace"), sent).decode()[:128]
    return ""
