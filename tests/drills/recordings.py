"""Recorded traffic through both chat dialects and the whole gateway: decoded, translated back, replayed."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable

from tests.wire import replay
from tests.wire.chat_completions import check as chat
from tests.wire.messages import check as messages


def _part(name: str, part: Callable[[], int]) -> tuple[int, object]:
    """Run one part, print what it prints, and return its status with its summary."""
    heard = io.StringIO()
    with contextlib.redirect_stdout(heard):
        status = part()
    text = heard.getvalue()
    print(f"== {name}\n{text}", end="")
    return status, json.loads(text.strip().splitlines()[-1])


def main() -> int:
    """Print the tables and one summary; 1 when a part is under its bar."""
    parts = {
        "chat.completions": _part("chat.completions", chat.main),
        "messages": _part("messages", messages.main),
        "replay": _part("replay through the gateway", replay.main),
    }
    print(json.dumps({name: summary for name, (_, summary) in parts.items()}))
    return max(status for status, _ in parts.values())


if __name__ == "__main__":
    sys.exit(main())
