"""Checks a Messages request that passes through and reads what the gateway must know of it.

Rules: only what the gateway relies on, or what no provider can serve, is refused; unknown members and block types
pass, because the vendor adds new ones often. This module imports no canonical type.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import JsonObject, Outline
from sluice.errors import BadRequest

_ROLES = ("user", "assistant", "system")
_NUMBERS = ("temperature", "top_p", "top_k")
_OBJECTS = ("metadata", "thinking", "tool_choice", "output_config")


def outline(body: JsonObject, size: int) -> Outline:
    """Return the outline of a request of `size` bytes. Raises BadRequest naming the parameter and the remedy."""
    max_tokens = body.get("max_tokens")
    if max_tokens is None:
        raise BadRequest("max_tokens is required: send the most tokens the answer may have.", param="max_tokens")
    # Zero is allowed: it fills the prompt cache without an answer (vendor docs, 2026-10).
    if type(max_tokens) is not int or max_tokens < 0:
        raise BadRequest("max_tokens must be a whole number of tokens, such as 1024.", param="max_tokens")
    stream = body.get("stream")
    if stream is not None and type(stream) is not bool:
        raise BadRequest("stream must be true or false.", param="stream")
    return Outline(
        model=checked_prompt(body),
        stream=stream is True,
        include_usage=True,
        max_output=max_tokens,
        choices=1,
        prompt_bytes=size,
    )


def checked_prompt(body: JsonObject) -> str:
    """Check everything but the bounds of the answer, and return the model. Raises BadRequest."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise BadRequest("model is required: send the name of a model or route as a string.", param="model")
    _check_members(body)
    system = body.get("system")
    if system is not None and not isinstance(system, str):
        _check_blocks(system, "system")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list with at least one message.", param="messages")
    thread = body.get("thread")
    # The new turns of a thread answer calls that stand in the turns before, which are not sent.
    calls = _Calls(open_ended=isinstance(thread, Mapping) and thread.get("type") == "continue")
    for position, message in enumerate(messages):
        _check_message(message, f"messages.{position}", calls)
    return model


class _Calls:
    """The tool calls made so far, and those that no result has answered; `open_ended`: earlier ones are unknown."""

    __slots__ = ("made", "open_ended", "waiting")

    def __init__(self, *, open_ended: bool = False) -> None:
        self.open_ended = open_ended
        self.made: set[str] = set()
        self.waiting: set[str] = set()

    def add(self, identity: str) -> None:
        self.made.add(identity)
        self.waiting.add(identity)

    def answer(self, identity: str) -> bool:
        """Take a result; False when there is no call it could answer.

        Some hosts match results by place, so a wrong id is the provider's to judge while a call waits.
        """
        if identity in self.made or self.open_ended:
            self.waiting.discard(identity)
            return True
        if not self.waiting:
            return False
        self.waiting.pop()
        return True


def _check_members(body: JsonObject) -> None:
    for name in _NUMBERS:
        value = body.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise BadRequest(f"{name} must be a number.", param=name)
    for name in _OBJECTS:
        value = body.get(name)
        if value is not None and not isinstance(value, dict):
            raise BadRequest(f"{name} must be an object.", param=name)
    stops = body.get("stop_sequences")
    if stops is not None and not (isinstance(stops, list) and all(isinstance(stop, str) for stop in stops)):
        raise BadRequest("stop_sequences must be a list of strings.", param="stop_sequences")
    tools = body.get("tools")
    if tools is not None:
        if not isinstance(tools, list):
            raise BadRequest("tools must be a list of tool definitions.", param="tools")
        for position, tool in enumerate(tools):
            _check_tool(tool, f"tools.{position}")


def _check_tool(tool: object, where: str) -> None:
    if not isinstance(tool, dict):
        raise BadRequest(f"{where} must be an object with name and input_schema.", param=where)
    if tool.get("type") in (None, "custom"):
        name = tool.get("name")
        if not isinstance(name, str) or not name:
            raise BadRequest(f"{where}.name is required: send the tool's name as a string.", param=f"{where}.name")
        schema = tool.get("input_schema")
        if schema is not None and not isinstance(schema, dict):
            raise BadRequest(f"{where}.input_schema must be a JSON Schema object.", param=f"{where}.input_schema")


def _check_message(message: object, where: str, calls: _Calls) -> None:
    if not isinstance(message, dict):
        raise BadRequest(f"{where} must be an object with role and content.", param=where)
    role = message.get("role")
    if role not in _ROLES:
        raise BadRequest(
            f"{where}.role must be 'user' or 'assistant'; put instructions into the system parameter.",
            param=f"{where}.role",
        )
    content = message.get("content")
    if isinstance(content, str):
        return
    for position, block in enumerate(_check_blocks(content, f"{where}.content")):
        kind = block["type"]
        if kind == "tool_result":
            _check_result(block, f"{where}.content.{position}", calls)
        elif role == "assistant" and kind.endswith("tool_use"):
            calls.add(str(block.get("id")))


def _check_result(block: Mapping[str, object], where: str, calls: _Calls) -> None:
    call = block.get("tool_use_id")
    if not isinstance(call, str) or not call:
        raise BadRequest(
            f"{where}.tool_use_id is required: send the id of the tool_use block this answers.",
            param=f"{where}.tool_use_id",
        )
    if not calls.answer(call):
        raise BadRequest(
            f"{where}: tool_result answers tool_use_id {call[:64]!r}, but no earlier assistant message has a tool_use "
            "block with that id; send that assistant message too, or leave the result out.",
            param=f"{where}.tool_use_id",
        )
    content = block.get("content")
    if content is not None and not isinstance(content, str):
        _check_blocks(content, f"{where}.content")


def _check_blocks(content: object, where: str) -> list[dict[str, str]]:
    if not isinstance(content, list):
        raise BadRequest(f"{where} must be a string or a list of content blocks.", param=where)
    for position, block in enumerate(content):
        if not isinstance(block, dict) or not isinstance(block.get("type"), str):
            raise BadRequest(f"{where}.{position} must be an object with a type.", param=f"{where}.{position}")
        if block["type"] == "text" and not isinstance(block.get("text"), str):
            raise BadRequest(f"{where}.{position}.text must be a string.", param=f"{where}.{position}.text")
    return content
