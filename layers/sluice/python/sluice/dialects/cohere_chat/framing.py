"""When a Cohere stream has begun: `message-start` only announces the answer, so a failure right behind it can still go
to another deployment."""

from __future__ import annotations

from sluice.dialects import sse

_ANNOUNCED = b'"message-start"'


class Framing(sse.Framing):
    """Blocks of whole events, and whether the answer has begun."""

    __slots__ = ()

    def begun(self, block: bytes) -> bool:
        """Return whether `block` holds an event of the answer itself. Raises ProviderGarbled."""
        if not super().begun(block):
            return False
        if _ANNOUNCED not in block:
            return True
        return sum(1 for _, data in sse.events((block,)) if _ANNOUNCED.decode() not in data) > 0
