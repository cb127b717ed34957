"""Whether this region can serve: what a health check of DNS asks before it sends callers here.

`GET /health` says that a function runs. `GET /health/ready` reads, afresh, what a request cannot do without: the live
configuration and the provider keys, and the table of counters. It runs in the streaming function, so it also tells that
chats reach their function. 200 when all is well, 503 when something is not; either within `LIMIT_SECONDS` and a little,
since Route 53 wants an answer within 2 seconds (Developer Guide, "How Amazon Route 53 determines whether a health check
is healthy", 2026-11). The answer is kept for `FRESH_SECONDS`, so that anybody may ask and nobody can make it expensive.

A region that is not ready may still serve: warm environments go on with what they hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from sluice.errors import GatewayError
from sluice.types.http import Response

FRESH_SECONDS = 5.0
LIMIT_SECONDS = 1.5
Probe = Callable[[], object]


class Readiness:
    """Asks the probes, in their order; one that raises has failed. `now` gives seconds."""

    def __init__(self, probes: Mapping[str, Probe], now: Callable[[], float]) -> None:
        self._probes = probes
        self._now = now
        self._told: dict[str, str] = {}
        self._until = float("-inf")

    def answer(self) -> Response:
        """Return 200 or 503 with one word about each probe: "ok", the code of what failed, or "not asked"."""
        if self._now() >= self._until:
            self._told = self._ask()
            self._until = self._now() + FRESH_SECONDS
        ready = all(word == "ok" for word in self._told.values())
        body = {"status": "ready" if ready else "not ready", "checks": self._told}
        headers = {"content-type": "application/json", "cache-control": "no-store"}
        return Response(200 if ready else 503, headers, json.dumps(body).encode())

    def _ask(self) -> dict[str, str]:
        late = self._now() + LIMIT_SECONDS
        told = dict.fromkeys(self._probes, "not asked")
        for name, probe in self._probes.items():
            told[name] = _asked(probe)
            if told[name] != "ok":
                break  # the answer is known, and who asks waits
            if self._now() > late:
                told[name] = "too slow"
                break
        return told


def _asked(probe: Probe) -> str:
    try:
        probe()
    except GatewayError as error:
        return error.error_code
    except Exception as error:
        return type(error).__name__
    return "ok"
