"""What a request that stays in this dialect needs on its way through: nothing, but for declared quirks and for
thinking of another vendor, which the gateway sealed for the caller and this vendor would refuse."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.anthropic_messages.names import SEAL
from sluice.dialects.base import REMOVED, JsonObject
from sluice.dialects.policy import Changes, changes_of
from sluice.errors import ThreadNotKept


def pass_edits(body: JsonObject, quirks: JsonObject) -> Changes:
    """Return the top-level members to set, with the declared policy.

    Raises:
        UnsupportedParameter: the provider rejects a member that may not be left out.
    """
    edits = changes_of(body, quirks)
    messages = without_sealed(body.get("messages"))
    if messages is not None:
        edits["messages"] = messages
        edits.say("dropped:thinking", "messages")
    if continues(body) and quirks.get("message_threads") is not True:
        raise thread_not_kept()
    if "thread" in body and quirks.get("message_threads") is not True:
        edits["thread"] = REMOVED
    return edits


def continues(body: JsonObject) -> bool:
    """Return whether `body` holds only the new turns of a thread (message threads, beta since 2026-11)."""
    thread = body.get("thread")
    return isinstance(thread, Mapping) and thread.get("type") == "continue"


def thread_not_kept() -> ThreadNotKept:
    """Return the error at which clients send the whole conversation again, as they must be ready to."""
    return ThreadNotKept(
        "The model that serves this request does not hold the thread; send the whole conversation.",
        param="thread.previous_message_id",
    )


def without_sealed(messages: object) -> list[object] | None:
    """Return the messages without sealed thinking; None when there is none."""
    if not isinstance(messages, list) or not any(_sealed(message) for message in messages):
        return None
    kept: list[object] = []
    for message in messages:
        if _sealed(message):
            content = [block for block in message["content"] if not _is_sealed(block)]
            if content:
                kept.append({**message, "content": content})
        else:
            kept.append(message)
    return kept


def _sealed(message: object) -> bool:
    if not isinstance(message, dict) or message.get("role") != "assistant":
        return False
    content = message.get("content")
    return isinstance(content, list) and any(_is_sealed(block) for block in content)


def _is_sealed(block: object) -> bool:
    if not isinstance(block, dict):
        return False
    kind = block.get("type")
    secret = block.get({"thinking": "signature", "redacted_thinking": "data"}.get(str(kind), ""))
    return isinstance(secret, str) and secret.startswith(SEAL)
