"""Words of the Ollama chat dialect that several of its modules share."""

from __future__ import annotations

NAME = "ollama_chat"

SECTIONS = ("options",)
"""Members in which a parameter policy finds bare names (`sluice.dialects.policy`)."""

OWN_ID = "ollama_"
"""Begins the ids given to tool calls that came without one; they are never sent back to the host."""

DONE_REASONS = {"stop": "stop", "length": "length", "load": "stop", "unload": "stop"}
"""Wire word -> canonical word (vendor docs, "Chat", `done_reason`, 2026-11); any other is `unknown`."""

WIRE_STOPS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "stop",
    "stop_sequence": "stop",
    "refusal": "stop",
    "content_filter": "stop",
    "pause": "stop",
    "error": "stop",
    "unknown": "stop",
}
"""Canonical word -> wire word: the format knows two reasons to end."""

KEEP_ALIVE = (
    b'{"model":"","created_at":"1970-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":false}\n'
)
"""The line that keeps an idle stream open: clients parse every line, so it says nothing in the format itself."""
