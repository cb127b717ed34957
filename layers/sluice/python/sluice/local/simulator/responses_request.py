"""Read a Responses request by turning it into the Chat Completions request that asks for the same."""

from __future__ import annotations

from typing import Any

from sluice.local.simulator.conversation import Refused
from sluice.local.simulator.shape import Json, Object, expect, optional, typed

_WORDS = """
background client_metadata conversation include input instructions max_output_tokens max_tool_calls metadata model
moderation parallel_tool_calls previous_response_id prompt prompt_cache_key prompt_cache_retention reasoning
safety_identifier
service_tier store stream stream_options temperature text tool_choice tools top_logprobs top_p truncation user
"""
_MEMBERS = frozenset(_WORDS.split())
_SAME = ("model", "parallel_tool_calls", "stream", "temperature", "top_p", "user", "metadata")
_TEXTS = ("input_text", "output_text", "text")


def items_of(body: Object) -> list[Object]:
    """Return the input items of a request."""
    given = body.get("input")
    if isinstance(given, str):
        return [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": given}]}]
    items = typed([] if given is None else given, list, "input")
    return [typed(item, dict, f"input[{place}]") for place, item in enumerate(items)]


def chat_request(body: Object, items: list[Object]) -> Object:
    """Return the Chat Completions request for a request whose whole conversation is `items`.

    Raises:
        Refused: OpenAI would answer 400.
    """
    for name in body:
        expect(name in _MEMBERS, f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    chat: Object = {name: body[name] for name in _SAME if body.get(name) is not None}
    chat["messages"] = _messages(body.get("instructions"), items)
    if body.get("max_output_tokens") is not None:
        chat["max_completion_tokens"] = body["max_output_tokens"]
    effort = (optional(body, "reasoning", dict) or {}).get("effort")
    if effort is not None:
        chat["reasoning_effort"] = effort
    offered = [typed(tool, dict, "tools") for tool in optional(body, "tools", list) or ()]
    tools = [_tool(tool) for tool in offered if tool.get("type") not in _UNUSED]
    if tools:
        chat["tools"] = tools
    choice = body.get("tool_choice")
    if choice is not None and tools:
        chat["tool_choice"] = choice if isinstance(choice, str) else _named(typed(choice, dict, "tool_choice"))
    shape = (optional(body, "text", dict) or {}).get("format") or {}
    if shape.get("type") == "json_schema":
        inner = {name: value for name, value in shape.items() if name != "type"}
        chat["response_format"] = {"type": "json_schema", "json_schema": inner}
    return chat


def _messages(instructions: Json, items: list[Object]) -> list[Object]:
    messages: list[Object] = [{"role": "developer", "content": instructions}] if instructions else []
    for place, item in enumerate(items):
        kind = item.get("type", "message")
        if kind == "message":
            messages.append({"role": item.get("role"), "content": _content(item.get("content"))})
        elif kind == "function_call":
            call = {
                "id": item.get("call_id"),
                "type": "function",
                "function": {"name": item.get("name"), "arguments": item.get("arguments")},
            }
            if not messages or "tool_calls" not in messages[-1]:
                messages.append({"role": "assistant", "content": None, "tool_calls": []})
            messages[-1]["tool_calls"].append(call)
        elif kind == "function_call_output":
            output = item.get("output")
            content = output if isinstance(output, str) else _content(output)
            messages.append({"role": "tool", "tool_call_id": item.get("call_id"), "content": content})
        elif kind != "reasoning":
            raise Refused(400, f"Invalid value: '{kind}'.", param=f"input[{place}]", code="invalid_value")
    return messages


def _content(content: Json) -> Json:
    if not isinstance(content, list):
        return content
    parts: list[Any] = []
    for part in content:
        kind = part.get("type")
        if kind in _TEXTS:
            parts.append({"type": "text", "text": part.get("text")})
        elif kind == "input_image":
            parts.append({"type": "image_url", "image_url": {"url": part.get("image_url")}})
        elif kind == "refusal":
            parts.append({"type": "refusal", "refusal": part.get("refusal")})
        else:
            raise Refused(400, f"Invalid value: '{kind}'.", param="input", code="invalid_value")
    return parts


_UNUSED = ("web_search", "namespace")
"""Tools that are taken and that this model never feels a need for."""


def _tool(tool: Object) -> Object:
    kind = tool.get("type")
    expect(kind == "function", f"The simulator has no tool of type '{kind}'.", "tools", "unsupported_value")
    return {"type": "function", "function": {name: tool[name] for name in tool if name != "type"}}


def _named(choice: Object) -> Object:
    return {"type": "function", "function": {"name": choice.get("name")}}
