"""Applies a provider's declared quirks to a request body that is otherwise of this dialect.

It works on wire JSON, so pass-through and translation share it. Nothing given is changed; new values are returned.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import REMOVED, JsonObject
from sluice.errors import UnsupportedParameter

_BOUNDS = ("max_tokens", "max_completion_tokens")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def adapt_members(body: JsonObject, quirks: JsonObject) -> tuple[dict[str, object], list[str]]:
    """Return the top-level members to set (REMOVED takes one away) and what to report.

    Raises:
        UnsupportedParameter: a member is present that the provider rejects and that may not be left out.
    """
    changes: dict[str, object] = {}
    notes: list[str] = []
    for old, new in _renames(quirks).items():
        if old in body:
            changes[old] = REMOVED
            if body[old] is not None and body.get(new) is None:
                changes[new] = body[old]
                notes.append(f"renamed:{old}")
    dropped = [*_names(quirks, "drop"), *(name for name in _SWITCHED if quirks.get(name) is False)]
    for name in dropped:
        if name in body:
            changes[name] = REMOVED
            notes.append(f"dropped:{name}")
    for name in _names(quirks, "refuse"):
        if body.get(name) is not None:
            raise UnsupportedParameter(
                f"This model's provider does not take '{name}'. Leave it out or choose another model.", param=name
            )
    defaults = quirks.get("defaults")
    for name, value in defaults.items() if isinstance(defaults, Mapping) else ():
        if body.get(name) is None:
            changes[name] = value
    return changes, notes


_SWITCHED = ("parallel_tool_calls", "stream_options")


def _renames(quirks: JsonObject) -> dict[str, str]:
    given = quirks.get("rename")
    renames = {str(old): str(new) for old, new in given.items()} if isinstance(given, Mapping) else {}
    bound = quirks.get("max_tokens_field")
    if bound in _BOUNDS:
        renames[_BOUNDS[1 - _BOUNDS.index(bound)]] = bound
    return renames


def _names(quirks: JsonObject, quirk: str) -> list[str]:
    value = quirks.get(quirk)
    return [str(name) for name in value] if isinstance(value, list | tuple) else []


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
