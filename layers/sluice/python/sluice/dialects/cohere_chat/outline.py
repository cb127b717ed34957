"""Checks a Cohere chat request that passes through and reads what the gateway must know of it.

Rules: only what the gateway relies on, or what no provider can serve, is refused. Imports no canonical type.
"""

from __future__ import annotations

from sluice.dialects.base import JsonObject, Outline
from sluice.errors import BadRequest

_ROLES = ("system", "user", "assistant", "tool")


def outline(body: JsonObject, size: int) -> Outline:
    """Return the outline of a request of `size` bytes. Raises BadRequest naming the parameter and the remedy."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise BadRequest("model must name a model or a route, such as 'cohere/command-a-03-2025'.", param="model")
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages must be a list with at least one message.", param="messages")
    for position, message in enumerate(messages):
        _check_message(message, f"messages[{position}]")
    stream = body.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise BadRequest("stream must be true or false.", param="stream")
    for name in ("tools", "documents"):
        if body.get(name) is not None and not isinstance(body[name], list):
            raise BadRequest(f"{name} must be a list.", param=name)
    return Outline(
        model=model,
        stream=stream is True,
        include_usage=True,
        max_output=_bound(body.get("max_tokens")),
        choices=1,
        prompt_bytes=size,
    )


def _check_message(message: object, where: str) -> None:
    if not isinstance(message, dict):
        raise BadRequest(f"{where} must be an object with role and content.", param=where)
    if message.get("role") not in _ROLES:
        raise BadRequest(f"{where}.role must be one of {', '.join(_ROLES)}.", param=f"{where}.role")
    content = message.get("content")
    if isinstance(content, list):
        for place, part in enumerate(content):
            if not isinstance(part, dict):
                raise BadRequest(
                    f"{where}.content[{place}] must be an object with a type, such as "
                    "{'type': 'text', 'text': '...'}.",
                    param=f"{where}.content[{place}]",
                )
    elif content is not None and not isinstance(content, str):
        raise BadRequest(f"{where}.content must be a string or a list of parts.", param=f"{where}.content")


def _bound(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int or value < 0:
        raise BadRequest("max_tokens must be a whole number.", param="max_tokens")
    return value
