"""Checks a request without building anything from it; members that are not known pass."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import JsonObject, Outline
from sluice.errors import BadRequest

ROLES = ("system", "user", "assistant")
_OBJECTS = ("response_format", "guardrails", "tool_choice", "anthropic", "openai")


def outline(body: JsonObject, size: int) -> Outline:
    """Check the caller's request; see `ChatDialect.outline`. Answers stream unless `stream` is false."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise bad("model", "must be a string that names a model; GET /v1/models lists what this key may call")
    _check_members(body)
    _check_messages(body.get("messages"))
    return Outline(
        model=model,
        stream=body.get("stream") is not False,
        include_usage=True,
        max_output=bound_of(body),
        choices=1,
        prompt_bytes=size,
    )


def bound_of(body: JsonObject) -> int | None:
    """Return the bound on output tokens, under its own or its older name; 0 stands for none."""
    for name in ("max_tokens", "max_output_tokens"):
        value = body.get(name)
        if isinstance(value, int | float) and value > 0:
            return int(value)
    return None


def _check_members(body: JsonObject) -> None:
    for name in ("max_tokens", "max_output_tokens"):
        value = body.get(name)
        if value is not None and (type(value) not in (int, float) or value < 0 or value != int(value)):  # type: ignore
            raise bad(name, "must be a whole number of at least 0")
    for name in ("temperature", "top_p"):
        value = body.get(name)
        if value is not None and type(value) not in (int, float):
            raise bad(name, "must be a number")
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise bad("stream", "must be true or false")
    for name in _OBJECTS:
        if body.get(name) is not None and not isinstance(body[name], Mapping):
            raise bad(name, "must be an object")
    tools = body.get("tools")
    if tools is None:
        return
    for position, tool in enumerate(tools if isinstance(tools, list) else [None]):
        spec = tool.get("tool_spec") if isinstance(tool, Mapping) else None
        if not isinstance(spec, Mapping) or not isinstance(spec.get("name"), str) or not spec["name"]:
            raise bad(f"tools[{position}].tool_spec", "must be an object with the type and name of a tool")


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list) or not messages:
        raise bad("messages", "must be a list of at least one message such as {'role': 'user', 'content': 'Hello'}")
    for position, message in enumerate(messages):
        param = f"messages[{position}]"
        if not isinstance(message, Mapping):
            raise bad(param, "must be an object with role and content")
        if message.get("role", "user") not in ROLES:
            raise bad(f"{param}.role", f"must be one of {', '.join(ROLES)}")
        content, items = message.get("content"), message.get("content_list")
        if content is not None and not isinstance(content, str):
            raise bad(f"{param}.content", "must be a string; other content stands in content_list")
        if items is not None and not (isinstance(items, list) and all(isinstance(item, Mapping) for item in items)):
            raise bad(f"{param}.content_list", "must be a list of objects with a type")
        if content is None and not items:
            raise bad(f"{param}.content", "is missing; it must be a string, or content_list must hold something")


def bad(param: str, problem: str) -> BadRequest:
    """Return the refusal of one parameter."""
    return BadRequest(f"{param} {problem}.", param=param)
