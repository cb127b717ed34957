"""What a dialect says that passes bytes on as they are: nothing is edited, nothing is kept back.

Members that stand in the path (`model`, and `stream` as the address says it) are put into the body by the inbound side;
they are no change of the caller's body, and taken away again.
"""

from __future__ import annotations

from collections.abc import Callable

from sluice.dialects.base import EMPTY, REMOVED, JsonObject


def no_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return no edits: the body is the provider's own."""
    return {}


def path_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Take the members away that stand in the path."""
    return {name: REMOVED for name in ("model", "stream") if name in body}


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG001 - one signature
    """Return None: every event of a stream belongs to the caller."""
    return None
