"""Tells callers how their rate limits stand, in the headers that the SDKs of OpenAI and Anthropic read.

OpenAI: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`, the reset as a length of time such as `6m0s` (OpenAI
API guide "Rate limits", 2026-11); it knows one kind of tokens, so the tighter of input and output stands there.
Anthropic: `anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining,reset}`, the reset as an
RFC 3339 moment, `tokens` being the tightest (Anthropic API reference "Rate limits", 2026-11).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

from sluice.errors import RateLimited
from sluice.governance.buckets import Limited, Status

_TOKENS = ("input", "output")
_KINDS = {
    "requests": "requests",
    "input": "input tokens",
    "output": "output tokens",
    "concurrent": "requests at a time",
}
_ANTHROPIC = {"requests": "requests", "input": "input-tokens", "output": "output-tokens"}


def refusal(limited: Limited, headers: Mapping[str, str]) -> RateLimited:
    """Return the error (429) of a request that a limit turned away, with `headers` that tell how limits stand."""
    demand, kind = limited.demand, _KINDS.get(limited.kind, limited.kind)
    identity = demand.name.split("#")[1] if "#" in demand.name else demand.name
    wait = "" if limited.wait is None else f" Try again in {_seconds(limited.wait)} s."
    return RateLimited(
        f"Limit {identity!r} lets {limited.most} {kind} pass at once; {limited.needed} are needed and "
        f"{limited.remaining} are left.{wait}",
        headers={**headers, **retry_headers(limited.wait)},
    )


def openai_headers(statuses: Iterable[Status]) -> dict[str, str]:
    """Return the headers for callers of OpenAI's APIs; of several limits the tightest is told."""
    tightest = _tightest(statuses)
    shown = {"requests": tightest.get("requests"), "tokens": _tokens(tightest)}
    headers: dict[str, str] = {}
    for name, status in shown.items():
        if status is not None:
            headers[f"x-ratelimit-limit-{name}"] = str(status.limit)
            headers[f"x-ratelimit-remaining-{name}"] = str(status.remaining)
            headers[f"x-ratelimit-reset-{name}"] = duration(status.reset)
    return headers


def anthropic_headers(statuses: Iterable[Status], now: float) -> dict[str, str]:
    """Return the headers for callers of Anthropic's API; `now` in epoch seconds."""
    tightest = _tightest(statuses)
    shown = {name: tightest.get(kind) for kind, name in _ANTHROPIC.items()}
    shown["tokens"] = _tokens(tightest)
    headers: dict[str, str] = {}
    for name, status in shown.items():
        if status is not None:
            moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(-(-(now + status.reset) // 1)))
            headers[f"anthropic-ratelimit-{name}-limit"] = str(status.limit)
            headers[f"anthropic-ratelimit-{name}-remaining"] = str(status.remaining)
            headers[f"anthropic-ratelimit-{name}-reset"] = moment
    return headers


def retry_headers(wait: float | None) -> dict[str, str]:
    """Return when to try again: whole seconds, at least one, and milliseconds for SDKs that read them.

    Both SDKs prefer `retry-after-ms` and obey neither beyond a minute. None says that no wait helps.
    """
    if wait is None:
        return {"x-should-retry": "false"}
    milliseconds = max(1, int(-(-wait * 1000 // 1)))
    return {"retry-after": str(max(1, -(-milliseconds // 1000))), "retry-after-ms": str(milliseconds)}


def duration(seconds: float) -> str:
    """Return a length of time as OpenAI writes it: `12ms`, `1s`, `1.5s`, `6m0s`, `1h0m5s`."""
    milliseconds = max(0, int(-(-seconds * 1000 // 1)))
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    whole, rest = divmod(milliseconds, 1000)
    minutes, last = divmod(whole, 60)
    fraction = f".{rest:03d}".rstrip("0") if rest else ""
    if minutes >= 60:
        return f"{minutes // 60}h{minutes % 60}m{last}{fraction}s"
    return f"{minutes}m{last}{fraction}s" if minutes else f"{last}{fraction}s"


def _seconds(wait: float) -> str:
    return f"{max(wait, 0.001):.3g}" if wait < 999 else str(int(-(-wait // 1)))


def _tightest(statuses: Iterable[Status]) -> dict[str, Status]:
    found: dict[str, Status] = {}
    for status in statuses:
        known = found.get(status.kind)
        if known is None or _share(status) < _share(known):
            found[status.kind] = status
    return found


def _tokens(tightest: dict[str, Status]) -> Status | None:
    tokens = [tightest[kind] for kind in _TOKENS if kind in tightest]
    return min(tokens, key=_share) if tokens else None


def _share(status: Status) -> float:
    return status.remaining / max(status.limit, 1)
