"""What the running gateway says of a request afterwards, and what the simulated models cost."""

from __future__ import annotations

import time
from typing import Any, Protocol

import httpx

SECONDS = 5.0
"""How long an entry may take to stand: it is written when the last byte has left."""
PRICES: dict[str, dict[str, int]] = {
    "sim-fast": {"input": 100, "cache_read": 10, "output": 400},
    "sim-reasoner": {"input": 1_000, "cache_read": 100, "output": 4_000},
    "sim-claude": {
        "input": 1_000,
        "cache_read": 100,
        "cache_write_5m": 1_250,
        "cache_write_1h": 2_000,
        "output": 5_000,
    },
    "sim-claude-thinking": {"input": 2_000, "cache_read": 200, "output": 10_000},
    "sim-embed": {"input": 20},
}
"""Nano-USD a token, as the simulator's catalogue file states them for a million."""
_INPUT = ("input", "cache_read", "cache_write_5m", "cache_write_1h")


class Reachable(Protocol):
    """A running gateway and a key to it."""

    @property
    def url(self) -> str:
        """Its base URL."""

    @property
    def api_key(self) -> str:
        """A virtual key."""


def found(stack: Reachable, request_id: str) -> Any:
    """Return the entry of a request as the API shows it, None while there is none."""
    answer = httpx.get(
        f"{stack.url}/v1/requests/{request_id}", headers={"authorization": f"Bearer {stack.api_key}"}, timeout=10
    )
    assert answer.status_code in (200, 404), answer.text
    return answer.json() if answer.status_code == 200 else None


def entry_of(stack: Reachable, request_id: str) -> Any:
    """Return the entry of a request; waits for it as long as `SECONDS`."""
    deadline = time.monotonic() + SECONDS
    while (entry := found(stack, request_id)) is None:
        assert time.monotonic() < deadline, f"no entry for {request_id}"
        time.sleep(0.02)
    return entry


def paid(stack: Reachable, request_id: str, model: str, *, prompt: int, output: int) -> Any:
    """Return the entry of a successful request after holding it to the tokens that the caller was told."""
    entry = entry_of(stack, request_id)
    usage = entry["usage"]
    assert (entry["status"], entry["outcome"], entry["deployment"]) == (200, "ok", f"simulator/{model}")
    assert (sum(usage[name] for name in _INPUT), usage["output"], usage["estimated"]) == (prompt, output, False)
    assert entry["cost_nano_usd"] == sum(usage[name] * price for name, price in PRICES[model].items())
    assert entry["price_version"].startswith("simulated#")
    assert len(entry["attempts"]) == 1
    return entry
