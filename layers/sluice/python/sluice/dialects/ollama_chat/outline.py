"""Checks an Ollama chat request that passes through and reads what the gateway must know of it.

Rules: an answer is streamed unless the caller says `"stream": false` (vendor docs, "Chat", 2026-11). Only what the
gateway relies on, or what no host can serve, is refused. Imports no canonical type.
"""

from __future__ import annotations

from sluice.dialects.base import JsonObject, Outline
from sluice.errors import BadRequest


def outline(body: JsonObject, size: int) -> Outline:
    """Return the outline of a request of `size` bytes. Raises BadRequest naming the parameter and the remedy."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise BadRequest("model must name a model or a route, such as 'ollama/qwen3:4b'.", param="model")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list with at least one message.", param="messages")
    for position, message in enumerate(messages):
        _check_message(message, f"messages[{position}]")
    stream, options = body.get("stream"), body.get("options")
    if stream is not None and not isinstance(stream, bool):
        raise BadRequest("stream must be true or false.", param="stream")
    if options is not None and not isinstance(options, dict):
        raise BadRequest("options must be an object, such as {'temperature': 0.2}.", param="options")
    if body.get("tools") is not None and not isinstance(body["tools"], list):
        raise BadRequest("tools must be a list.", param="tools")
    return Outline(
        model=model,
        stream=stream is not False,
        include_usage=True,
        max_output=_bound((options or {}).get("num_predict")),
        choices=1,
        prompt_bytes=size,
    )


def _check_message(message: object, where: str) -> None:
    if not isinstance(message, dict):
        raise BadRequest(f"{where} must be an object with role and content.", param=where)
    if not isinstance(message.get("role"), str):
        raise BadRequest(f"{where}.role must be 'system', 'user', 'assistant' or 'tool'.", param=f"{where}.role")
    content, images = message.get("content"), message.get("images")
    if content is not None and not isinstance(content, str):
        raise BadRequest(
            f"{where}.content must be a string; pictures stand in {where}.images.", param=f"{where}.content"
        )
    if images is not None and not (isinstance(images, list) and all(isinstance(image, str) for image in images)):
        raise BadRequest(f"{where}.images must be a list of base64 strings.", param=f"{where}.images")


def _bound(value: object) -> int | None:
    """Return the bound on output; -1 and -2 mean that there is none, or only the context."""
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int:
        raise BadRequest("options.num_predict must be a whole number.", param="options.num_predict")
    return value if value > 0 else None
