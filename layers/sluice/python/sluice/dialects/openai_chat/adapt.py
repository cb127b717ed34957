"""Applies a provider's declared quirks to a request body that is otherwise of this dialect.

It works on wire JSON, so pass-through and translation share it. Nothing given is changed; new values are returned.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import REMOVED, JsonObject
from sluice.dialects.policy import Changes, changes_of

_BOUNDS = ("max_tokens", "max_completion_tokens")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def adapt_members(body: JsonObject, quirks: JsonObject) -> Changes:
    """Return the top-level members to set: the declared policy, the name of the bound on output, and two switches.

    Raises:
        UnsupportedParameter: a member is present that the provider rejects and that may not be left out.
    """
    bound = quirks.get("max_tokens_field")
    if bound in _BOUNDS and (other := _BOUNDS[1 - _BOUNDS.index(bound)]) in body:
        declared = quirks.get("rename")
        quirks = {**quirks, "rename": {other: bound, **(declared if isinstance(declared, Mapping) else {})}}
    changes = changes_of(body, quirks)
    for name in _SWITCHED:
        if name in body and quirks.get(name) is False:
            changes[name] = REMOVED
            if name == "parallel_tool_calls" and body[name] is False:
                changes.lose(f"dropped:{name}", name, _ONE_CALL, name)
            else:
                changes.silence(name)  # nothing was lost: usage is read elsewhere, several calls are the default
    return changes


_SWITCHED = ("parallel_tool_calls", "stream_options")
_ONE_CALL = (
    "This model cannot be told to make one tool call at a time (parallel_tool_calls). Leave it out, or use a route "
    "that is not strict about parameters."
)


def adapt_messages(messages: object, quirks: JsonObject) -> list[object] | None:
    """Return the messages as the provider wants them; None when they may stay."""
    developer = quirks.get("developer_role") is False
    strings = quirks.get("content_parts") is False
    length = quirks.get("tool_id_length")
    if not (developer or strings or length) or not isinstance(messages, list):
        return None
    adapted: list[object] = []
    for message in messages:
        changed = dict(message) if isinstance(message, Mapping) else message
        if isinstance(changed, dict):
            if developer and changed.get("role") == "developer":
                changed["role"] = "system"
            if strings:
                _join_text(changed)
            if isinstance(length, int):
                _map_ids(changed, length)
        adapted.append(changed)
    return None if adapted == messages else adapted


def _join_text(message: dict[str, object]) -> None:
    content = message.get("content")
    if not isinstance(content, list):
        return
    texts = [part.get("text") for part in content if isinstance(part, Mapping) and part.get("type") == "text"]
    strings = [text for text in texts if isinstance(text, str)]
    if len(strings) == len(content):
        message["content"] = "\n".join(strings)


def _map_ids(message: dict[str, object], length: int) -> None:
    if isinstance(answered := message.get("tool_call_id"), str):
        message["tool_call_id"] = short_id(answered, length)
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [
            {**call, "id": short_id(call["id"], length)}
            if isinstance(call, Mapping) and isinstance(call.get("id"), str)
            else call
            for call in calls
        ]


def short_id(identity: str, length: int) -> str:
    """Return a tool call's id in exactly `length` letters and digits; the same id always becomes the same."""
    if len(identity) == length and identity.isascii() and identity.isalnum():
        return identity
    from hashlib import sha256

    number = int.from_bytes(sha256(identity.encode("utf-8", "surrogatepass")).digest(), "big")
    letters: list[str] = []
    for _ in range(length):
        number, at = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[at])
    return "".join(letters)


def adapt_tools(tools: object, quirks: JsonObject) -> list[object] | None:
    """Return the tools as the provider wants them; None when they may stay."""
    if quirks.get("strict_tools") is not False or not isinstance(tools, list):
        return None
    adapted: list[object] = []
    for tool in tools:
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if isinstance(function, Mapping) and "strict" in function:
            kept = {name: value for name, value in function.items() if name != "strict"}
            adapted.append({**tool, "function": kept})
        else:
            adapted.append(tool)
    return None if adapted == tools else adapted
