"""Reads the messages of a request."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects.openai_chat.parts_in import read_content, read_mark
from sluice.dialects.openai_chat.reasoning import read_reasoning
from sluice.errors import BadRequest
from sluice.types.chat import Audio, Json, Message, Part, Refusal, Role, ToolCall, ToolResult

_PLAIN: dict[object, Role] = {"system": "system", "developer": "developer", "user": "user"}
_KNOWN = frozenset(
    {
        "role", "content", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "audio",
        "reasoning_content", "reasoning", "reasoning_details", "cache_control", "prompt_cache_breakpoint",
    }
)  # fmt: skip
_CALL = frozenset({"id", "type", "function", "custom", "index", "cache_control", "prompt_cache_breakpoint"})


def read_messages(messages: list[Mapping[str, Json]]) -> tuple[Message, ...]:
    """Return the canonical messages of a list that `outline` has accepted.

    Raises:
        BadRequest: a message or a part is not what its role or type promises.
    """
    legacy: list[str] = []  # ids given to calls of the old `functions` form, not answered yet
    return tuple(_message(message, f"messages[{at}]", legacy) for at, message in enumerate(messages))


def _message(raw: Mapping[str, Json], param: str, legacy: list[str]) -> Message:
    role = raw.get("role")
    name = raw.get("name")
    title = name if isinstance(name, str) and role != "function" else None
    extras = {key: value for key, value in raw.items() if key not in _KNOWN}
    if role == "assistant":
        return Message("assistant", _said(raw, param, legacy), name=title, extras=extras)
    parts = read_content(raw.get("content"), f"{param}.content")
    mark = read_mark(raw)
    if role in ("tool", "function"):
        call_id = raw.get("tool_call_id") if role == "tool" else _answered(raw, legacy)
        result = ToolResult(str(call_id or ""), parts, cache=mark)
        return Message("tool", (result,), name=title, extras=extras)
    if mark is not None:  # some hosts take the mark on the message; it means its last part
        extras["cache_control"] = raw.get("cache_control")
    return Message(_PLAIN[role], parts, name=title, extras=extras)


def _said(raw: Mapping[str, Json], param: str, legacy: list[str]) -> tuple[Part, ...]:
    parts: list[Part] = [*read_reasoning(raw), *read_content(raw.get("content"), f"{param}.content")]
    refusal, audio = raw.get("refusal"), raw.get("audio")
    if isinstance(refusal, str) and refusal:
        parts.append(Refusal(refusal))
    if isinstance(audio, Mapping) and isinstance(audio.get("id"), str) and audio["id"]:
        parts.append(Audio(audio_id=audio["id"]))
    calls = raw.get("tool_calls")
    if isinstance(calls, list):
        parts.extend(read_call(call, f"{param}.tool_calls[{at}]") for at, call in enumerate(calls))
    old = raw.get("function_call")
    if isinstance(old, Mapping) and old.get("name"):
        call_id = f"call_{len(legacy)}_{param[9:-1]}"
        legacy.append(call_id)
        parts.append(ToolCall(call_id, str(old["name"]), arguments_text(old.get("arguments"))))
    return tuple(parts)


def read_call(raw: object, param: str) -> ToolCall:
    """Return one tool call of an assistant message.

    Raises:
        BadRequest: it holds neither a function nor a custom tool's input.
    """
    if not isinstance(raw, Mapping):
        raise BadRequest(f"{param} must be an object.", param=param)
    call_id = raw.get("id")
    held = raw.get("custom") if raw.get("type") == "custom" else raw.get("function")
    if not isinstance(held, Mapping) or not isinstance(held.get("name"), str):
        raise BadRequest(f"{param}.function must hold the function's name and arguments.", param=param)
    custom = raw.get("type") == "custom"
    return ToolCall(
        call_id if isinstance(call_id, str) else "",
        held["name"],
        arguments_text(held.get("input") if custom else held.get("arguments")),
        cache=read_mark(raw),
        custom=custom,
        extras=call_extras(raw),
    )


def call_extras(raw: Mapping[str, Json]) -> dict[str, Json]:
    """Return what else a host says about a call (Gemini: `extra_content` with the signature it wants back)."""
    return {name: value for name, value in raw.items() if name not in _CALL and value is not None}


def arguments_text(value: object) -> str:
    """Return arguments as text; some hosts give the object itself."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _answered(raw: Mapping[str, Json], legacy: list[str]) -> str:
    return legacy[-1] if legacy else f"call_{raw.get('name') or 'function'}"
