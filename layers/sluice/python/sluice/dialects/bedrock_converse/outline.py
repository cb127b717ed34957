"""Checks a Converse request and reads what the gateway must know of it.

Rules: the model and whether to stream stand in the members that the inbound side added, since this API states them in
the path. Only what the gateway relies on is refused; unknown members and blocks pass. This module imports no canonical
chat type.
"""

from __future__ import annotations

from sluice.dialects.base import JsonObject, Outline
from sluice.errors import BadRequest

_ROLES = ("user", "assistant", "system")
_OBJECTS = ("inferenceConfig", "toolConfig", "additionalModelRequestFields", "outputConfig", "guardrailConfig")


def outline(body: JsonObject, size: int) -> Outline:
    """Return the outline of a request of `size` bytes. Raises BadRequest naming the parameter and the remedy."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise BadRequest("Name the model in the path: POST /model/{modelId}/converse.", param="modelId")
    for name in _OBJECTS:
        if body.get(name) is not None and not isinstance(body[name], dict):
            raise BadRequest(f"{name} must be an object.", param=name)
    _check_system(body.get("system"))
    _check_messages(body)
    _check_tools(body.get("toolConfig"))
    return Outline(
        model=model,
        stream=body.get("stream") is True,
        include_usage=True,
        max_output=_max_tokens(body.get("inferenceConfig")),
        choices=1,
        prompt_bytes=size,
    )


def _max_tokens(config: object) -> int | None:
    bound = config.get("maxTokens") if isinstance(config, dict) else None
    if bound is None:
        return None
    if type(bound) is not int or bound < 1:
        raise BadRequest(
            "inferenceConfig.maxTokens must be a whole number of tokens, such as 1024.",
            param="inferenceConfig.maxTokens",
        )
    return bound


def _check_system(system: object) -> None:
    if system is None:
        return
    if not isinstance(system, list) or not all(isinstance(block, dict) for block in system):
        raise BadRequest('system must be a list of blocks, such as [{"text": "..."}].', param="system")


def _check_messages(body: JsonObject) -> None:
    messages = body.get("messages")
    if messages is None and body.get("promptVariables") is not None:
        return  # the prompt is kept by the vendor
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list with at least one message.", param="messages")
    for position, message in enumerate(messages):
        _check_message(message, f"messages.{position}")


def _check_message(message: object, where: str) -> None:
    if not isinstance(message, dict):
        raise BadRequest(f"{where} must be an object with role and content.", param=where)
    if message.get("role") not in _ROLES:
        raise BadRequest(
            f"{where}.role must be 'user' or 'assistant'; put instructions into the system parameter.",
            param=f"{where}.role",
        )
    content = message.get("content")
    if not isinstance(content, list) or not all(isinstance(block, dict) for block in content):
        raise BadRequest(
            f'{where}.content must be a list of content blocks, such as [{{"text": "..."}}].', param=f"{where}.content"
        )


def _check_tools(config: object) -> None:
    tools = config.get("tools") if isinstance(config, dict) else None
    if tools is None:
        return
    if not isinstance(tools, list):
        raise BadRequest("toolConfig.tools must be a list of tools.", param="toolConfig.tools")
    for position, tool in enumerate(tools):
        where = f"toolConfig.tools.{position}"
        spec = tool.get("toolSpec") if isinstance(tool, dict) else None
        if not isinstance(tool, dict) or ("toolSpec" in tool and not isinstance(spec, dict)):
            raise BadRequest(f"{where} must be an object with toolSpec.", param=where)
        if isinstance(spec, dict) and (not isinstance(spec.get("name"), str) or not spec["name"]):
            raise BadRequest(
                f"{where}.toolSpec.name is required: send the tool's name as a string.", param=f"{where}.toolSpec.name"
            )
