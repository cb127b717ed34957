"""Words of the Responses dialect that several of its modules share."""

from __future__ import annotations

NAME = "openai_responses"

FORMAT = "openai-responses-v1"
"""The `format` of `reasoning_details` that hold OpenAI's encrypted reasoning (OpenRouter docs, 2026-08). Canonical
thinking keeps reasoning items as such entries, so that they travel through Chat Completions callers too."""

SEAL = "sluice1."
"""Begins `encrypted_content` that is not this vendor's (see `sluice.dialects.openai_chat.reasoning`): the gateway made
it for callers of this dialect, so that reasoning of another vendor finds its way back."""

UNSIGNED = SEAL + "unsigned"
"""The `encrypted_content` of reasoning that nobody signed or encrypted."""

KEEP_ALIVE = b": keep-alive\n\n"
"""A comment; clients skip it."""

ENCRYPTED = "reasoning.encrypted_content"
"""The word in `include` that asks for reasoning which the caller can send back."""

TERMINAL = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
"""Types of the events that end a stream."""

RUNNING = ("queued", "in_progress")
"""Statuses of an answer that the vendor still works on in the background."""

STORED = {
    "previous_response_id": "the answer that previous_response_id names is kept by another vendor; send the whole "
    "conversation as input instead",
    "conversation": "a conversation object is kept by another vendor; send the whole conversation as input instead",
    "prompt": "a prompt template is kept by another vendor; send its text as instructions and input instead",
    "background": "background answers are kept by another vendor; send the request without background, or stream it",
}
"""Members that need state which only the vendor of this dialect keeps, and what to do instead."""

REFERENCES = frozenset({"item_reference", "compaction"})
"""Input items that stand for what only the vendor of this dialect can read."""
