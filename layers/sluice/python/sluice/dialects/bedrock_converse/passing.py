"""What a request that stays in this dialect needs on its way through: nothing, but for declared quirks and for
reasoning of another vendor, which the gateway sealed for the caller and this vendor would refuse."""

from __future__ import annotations

from sluice.dialects.base import REMOVED, JsonObject
from sluice.dialects.bedrock_converse.names import SEAL, SECTIONS
from sluice.dialects.policy import Changes, changes_of

_IN_PATH = ("model", "stream")
_SEALED = "c2x1aWNlMS"
"""How the base64 of `SEAL` begins."""


def pass_edits(body: JsonObject, quirks: JsonObject) -> Changes:
    """Return the top-level members to set, with the declared policy.

    Raises:
        UnsupportedParameter: the provider rejects a member that may not be left out.
    """
    edits = changes_of(body, quirks, SECTIONS)
    for name in _IN_PATH:
        if name in body:
            edits[name] = REMOVED
            edits.silence(name)
    messages = without_sealed(body.get("messages"))
    if messages is not None:
        edits["messages"] = messages
        edits.say("dropped:reasoningContent", "messages")
    return edits


def without_sealed(messages: object) -> list[object] | None:
    """Return the messages without sealed reasoning; None when there is none."""
    if not isinstance(messages, list) or not any(_holds_sealed(message) for message in messages):
        return None
    kept: list[object] = []
    for message in messages:
        if not _holds_sealed(message):
            kept.append(message)
        elif content := [block for block in message["content"] if not _is_sealed(block)]:
            kept.append({**message, "content": content})
    return kept


def _holds_sealed(message: object) -> bool:
    content = message.get("content") if isinstance(message, dict) else None
    return isinstance(content, list) and any(_is_sealed(block) for block in content)


def _is_sealed(block: object) -> bool:
    reasoning = block.get("reasoningContent") if isinstance(block, dict) else None
    if not isinstance(reasoning, dict):
        return False
    text, secret = reasoning.get("reasoningText"), reasoning.get("redactedContent")
    signature = text.get("signature") if isinstance(text, dict) else None
    return (isinstance(signature, str) and signature.startswith(SEAL)) or (
        isinstance(secret, str) and secret.startswith(_SEALED)
    )
