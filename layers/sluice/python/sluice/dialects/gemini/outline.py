"""Checks a generateContent request that passes through and reads what the gateway must know of it.

Rules: the model and whether to stream stand in the path, not in the body; the inbound side adds them as members
`model` and `stream`. Only what the gateway relies on, or what no provider can serve, is refused. This module imports
no canonical type.
"""

from __future__ import annotations

from sluice.dialects.base import JsonObject, Outline
from sluice.dialects.gemini.casing import camel
from sluice.errors import BadRequest

_ROLES = ("user", "model", "function")
_OBJECTS = ("generationConfig", "toolConfig")
MODEL_PREFIX = "models/"


def outline(body: JsonObject, size: int) -> Outline:
    """Return the outline of a request of `size` bytes. Raises BadRequest naming the parameter and the remedy."""
    members = _once(body, "The body")
    model = members.get("model")
    if not isinstance(model, str) or not model.removeprefix(MODEL_PREFIX).strip():
        raise BadRequest("The path must name a model or route: /v1beta/models/{model}:generateContent.", param="model")
    _check(members)
    config = _once(members.get("generationConfig"), "generationConfig")
    return Outline(
        model=model.removeprefix(MODEL_PREFIX),
        stream=members.get("stream") is True,
        include_usage=True,
        max_output=_whole(config, "maxOutputTokens"),
        choices=_whole(config, "candidateCount") or 1,
        prompt_bytes=size,
    )


def _once(found: object, where: str) -> dict[str, object]:
    """Return an object's members in camelCase. Raises BadRequest for one in both spellings, which the vendor's parser
    could merge into bounds that nobody has set money aside for."""
    members = camel(found)
    if isinstance(found, dict) and len(members) < sum(value is not None for value in found.values()):
        spelled = [next(iter(camel({name: 0}))) for name, value in found.items() if value is not None]
        twice = next(name for name in spelled if spelled.count(name) > 1)
        raise BadRequest(f"{where} names {twice!r} twice, in two spellings; send it once.", param=twice[:64])
    return members


def _check(members: dict[str, object]) -> None:
    for name in _OBJECTS:
        if members.get(name) is not None and not isinstance(members[name], dict):
            raise BadRequest(f"{name} must be an object.", param=name)
    if members.get("tools") is not None and not isinstance(members["tools"], list | dict):
        raise BadRequest("tools must be a list of tool objects.", param="tools")
    contents = members.get("contents")
    if isinstance(contents, dict):
        contents = [contents]  # the vendor's parser takes one where a list is meant
    if not isinstance(contents, list) or not contents:
        raise BadRequest("contents must be a list with at least one turn.", param="contents")
    for position, content in enumerate(contents):
        _check_content(content, f"contents[{position}]")


def _check_content(content: object, where: str) -> None:
    if not isinstance(content, dict):
        raise BadRequest(f"{where} must be an object with role and parts.", param=where)
    role = content.get("role")
    if role and role not in _ROLES:
        raise BadRequest(f"{where}.role must be 'user' or 'model'.", param=f"{where}.role")
    parts = content.get("parts")
    for position, part in enumerate(parts if isinstance(parts, list) else (parts or {},)):
        if not isinstance(part, dict):
            raise BadRequest(
                f"{where}.parts[{position}] must be an object, such as {{'text': '...'}}.",
                param=f"{where}.parts[{position}]",
            )


def _whole(config: dict[str, object], name: str) -> int | None:
    value = config.get(name)
    if value is None:
        return None
    if (isinstance(value, float) and value.is_integer()) or (isinstance(value, str) and value.isdecimal()):
        value = int(value)  # the vendor's parser takes both
    if type(value) is not int or value < 0:
        raise BadRequest(f"generationConfig.{name} must be a whole number.", param=f"generationConfig.{name}")
    return value
