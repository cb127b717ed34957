"""When a provider's stream has begun, and whether a whole answer is an error.

`response.created` and `response.in_progress` only announce an answer: the refusal of a busy model comes behind them
(recorded traffic, 2026-11). They are held back until an event carries output or ends the answer, so that such a failure
can still go to another deployment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from sluice.dialects import sse
from sluice.dialects.openai_responses.failures import failure_in, tells_no_error
from sluice.errors import ProviderError, ProviderGarbled

ANNOUNCING = ("response.created", "response.queued", "response.in_progress")
"""Types of the events that come before any output."""

_TYPE = re.compile(r'"type"\s*:\s*"([^"]*)"').search
_BROKEN = (b'"failed"', b'"cancelled"')


class Framing(sse.Framing):
    """See `sluice.dialects.base.Framing`."""

    __slots__ = ()

    def begun(self, block: bytes) -> bool:
        """Return whether `block` holds more than the announcement of an answer. Raises ProviderGarbled."""
        return super().begun(block) and not only_announces(block)


def only_announces(block: bytes) -> bool:
    """Return whether all events of a block only announce an answer."""
    for name, text in sse.events((block,)):
        kind = name or _type_of(text)
        if kind not in ANNOUNCING:
            return False
    return True


def _type_of(text: str) -> str:
    """Return an event's type; vendors write it first, and where something else has a type before it, all is read."""
    found = _TYPE(text)
    if found is not None and text[: found.start()].strip() == "{":
        return found[1]
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    return str(event.get("type")) if isinstance(event, dict) else ""


def body_error(body: bytes, headers: Mapping[str, str]) -> ProviderError | None:  # noqa: ARG001 - one signature
    """Return the error that a whole 200 answer reports, None when it is none.

    Every answer holds `"error": null`, so only one that says something else is parsed. Raises ProviderGarbled for a
    cut answer.
    """
    whole = body.strip()
    if whole[:1] != b"{" or whole[-1:] != b"}":
        raise ProviderGarbled("The provider's answer is not a whole JSON object.")
    if tells_no_error(body) and not any(word in body for word in _BROKEN):
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return failure_in(found) if isinstance(found, dict) else None
