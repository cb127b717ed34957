"""Checks a Responses request that passes through and reads what the gateway must know of it.

Rules: only what the gateway relies on, or what no provider can serve, is refused; unknown members, items and tools
pass, because the vendor adds new ones often. Item ids, calls without an answer and the like are the provider's to
judge, for it may keep the rest of the conversation. This module imports no canonical type.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import JsonObject, Outline
from sluice.errors import BadRequest

_NUMBERS = ("temperature", "top_p", "top_logprobs")
_FLAGS = ("stream", "store", "background", "parallel_tool_calls")
_OBJECTS = ("reasoning", "text", "metadata", "stream_options")
_STATE = ("prompt", "conversation", "previous_response_id")


def outline(body: JsonObject, size: int) -> Outline:
    """Return the outline of a request of `size` bytes. Raises BadRequest naming the parameter and the remedy."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise BadRequest("model is required: send the name of a model or route as a string.", param="model")
    _check_members(body)
    _check_input(body)
    _check_tools(body.get("tools"))
    bound = body.get("max_output_tokens")
    if bound is not None and (type(bound) is not int or bound < 1):
        raise BadRequest("max_output_tokens must be a whole number of tokens, such as 1024.", param="max_output_tokens")
    return Outline(
        model=model,
        stream=body.get("stream") is True,
        include_usage=True,
        max_output=bound if isinstance(bound, int) else None,
        choices=1,
        prompt_bytes=size,
    )


def _check_members(body: JsonObject) -> None:
    for name in _FLAGS:
        if body.get(name) is not None and type(body[name]) is not bool:
            raise BadRequest(f"{name} must be true or false.", param=name)
    for name in _NUMBERS:
        value = body.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise BadRequest(f"{name} must be a number.", param=name)
    for name in _OBJECTS:
        if body.get(name) is not None and not isinstance(body[name], Mapping):
            raise BadRequest(f"{name} must be an object.", param=name)
    include = body.get("include")
    if include is not None and not isinstance(include, list):
        raise BadRequest("include must be a list of strings.", param="include")


def _check_input(body: JsonObject) -> None:
    given = body.get("input")
    if given is None:
        if all(body.get(name) is None for name in _STATE):
            raise BadRequest("input is required: send a string or a list of input items.", param="input")
        return
    if isinstance(given, str):
        return
    if not isinstance(given, list):
        raise BadRequest("input must be a string or a list of input items.", param="input")
    for position, item in enumerate(given):
        _check_item(item, f"input[{position}]")


def _check_item(item: object, where: str) -> None:
    if not isinstance(item, Mapping):
        raise BadRequest(f"{where} must be an object with a type, or with role and content.", param=where)
    kind = item.get("type")
    if kind is not None and not isinstance(kind, str):
        raise BadRequest(f"{where}.type must be a string.", param=f"{where}.type")
    if kind in (None, "message"):
        if kind is None and "role" not in item and isinstance(item.get("id"), str):
            return  # an item_reference may leave its type out
        if not isinstance(item.get("role"), str):
            raise BadRequest(f"{where}.role is required: 'user', 'assistant', 'system' or 'developer'.", param=where)
        content = item.get("content")
        if not isinstance(content, str | list):
            raise BadRequest(f"{where}.content must be a string or a list of parts.", param=f"{where}.content")
        for place, part in enumerate(content if isinstance(content, list) else ()):
            if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
                raise BadRequest(f"{where}.content[{place}] must be an object with a type.", param=f"{where}.content")
    elif kind in ("function_call", "custom_tool_call"):
        _check_strings(item, where, "call_id", "name", "input" if kind == "custom_tool_call" else "arguments")
    elif kind in ("function_call_output", "custom_tool_call_output"):
        _check_strings(item, where, "call_id")
        if not isinstance(item.get("output"), str | list):
            raise BadRequest(f"{where}.output must be a string or a list of parts.", param=f"{where}.output")


def _check_strings(item: Mapping[str, object], where: str, *members: str) -> None:
    for name in members:
        if not isinstance(item.get(name), str):
            raise BadRequest(f"{where}.{name} is required and must be a string.", param=f"{where}.{name}")


def _check_tools(tools: object) -> None:
    if tools is None:
        return
    if not isinstance(tools, list):
        raise BadRequest("tools must be a list of tool definitions.", param="tools")
    for position, tool in enumerate(tools):
        where = f"tools[{position}]"
        if not isinstance(tool, Mapping) or not isinstance(tool.get("type"), str):
            raise BadRequest(f"{where} must be an object with a type.", param=where)
        if tool["type"] in ("function", "custom") and not (isinstance(tool.get("name"), str) and tool["name"]):
            raise BadRequest(
                f"{where}.name is required: in this API a function tool's name stands beside its type, not inside "
                "'function'.",
                param=f"{where}.name",
            )
