"""What a Gemini embeddings request that stays in its dialect needs: its check, the model's name in each request, and
the tokens it used. This module imports no canonical type.

Source: ai.google.dev/api/embeddings (2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from sluice.dialects.base import EMPTY, JsonObject, Outline
from sluice.dialects.gemini import usage as counts
from sluice.dialects.gemini.casing import camel
from sluice.errors import BadRequest
from sluice.types.usage import Usage

NAME = "gemini_embeddings"
REQUEST_LIMIT = 100
"""Requests in one batch (the vendor's error message, 2026-11)."""

_MODELS = "models/"


def outline(body: JsonObject, size: int) -> Outline:
    """Check a batch. Raises BadRequest naming the parameter and the remedy."""
    requests = body.get("requests")
    if not isinstance(requests, list) or not requests:
        raise BadRequest("'requests' must be a list of embedContent requests.", param="requests")
    if len(requests) > REQUEST_LIMIT:
        raise BadRequest(
            f"'requests' has {len(requests)} items; the limit is {REQUEST_LIMIT}. Split it.", param="requests"
        )
    for place, request in enumerate(requests):
        _check(request, f"requests[{place}]")
    return _outlined(body, size)


def outline_one(body: JsonObject, size: int) -> Outline:
    """Check a request for one content. Raises BadRequest naming the parameter and the remedy."""
    _check(body, "")
    return _outlined(body, size)


def _check(request: object, where: str) -> None:
    content = request.get("content") if isinstance(request, Mapping) else None
    if not isinstance(content, Mapping | str) or not content:
        name = f"{where}.content" if where else "content"
        raise BadRequest(f"{name!r} must be an object with 'parts'.", param=name)


def _outlined(body: JsonObject, size: int) -> Outline:
    model = bare(body.get("model"))
    if not model:
        raise BadRequest("The model stands in the path: /v1beta/models/{model}:batchEmbedContents.", param="model")
    return Outline(model, stream=False, include_usage=False, max_output=0, choices=1, prompt_bytes=size)


def bare(name: object) -> str:
    """Return a model's name without `models/`."""
    return name.removeprefix(_MODELS) if isinstance(name, str) else ""


def model_edits(body: JsonObject, model: str) -> dict[str, object]:
    """Return the requests with the model's name at the vendor: it must be the one in the path."""
    requests = body.get("requests")
    wanted = _MODELS + model
    if not isinstance(requests, list) or all(
        isinstance(request, Mapping) and request.get("model") == wanted for request in requests
    ):
        return {}
    return {
        "requests": [{**request, "model": wanted} if isinstance(request, Mapping) else request for request in requests]
    }


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole 200 answer, or None where it reports none, as older models do."""
    place = max(body.rfind(b'"usageMetadata"'), body.rfind(b'"usage_metadata"'))
    if place < 0:
        return None
    try:
        text = body[body.find(b":", place) + 1 :].decode("utf-8", "replace").lstrip()
        return usage_of(json.JSONDecoder().raw_decode(text)[0])
    except (ValueError, RecursionError):
        return None


def usage_of(found: object) -> Usage | None:
    """Return the usage of a `usageMetadata` member; embeddings name the details without a plural s."""
    raw = camel(found)
    details = raw.get("promptTokensDetails") or raw.get("promptTokenDetails")
    return counts.read({**raw, "promptTokensDetails": details})


def answer_usage(body: bytes, headers: Mapping[str, str], members: JsonObject, quirks: JsonObject) -> Usage | None:  # noqa: ARG001
    """Return the usage of an answer; where it reports none, an estimate from the texts sent, four bytes a token."""
    reported = read_usage(body)
    if reported is not None:
        return reported
    size = sum(len(text.encode("utf-8", "replace")) for text in _texts(members))
    return Usage(input=max(-(-size // 4), 1), estimated=True)


def _texts(members: JsonObject) -> Iterator[str]:
    requests = members.get("requests")
    for request in requests if isinstance(requests, list) else [members]:
        content = request.get("content") if isinstance(request, Mapping) else None
        if isinstance(content, str):
            yield content
        parts = content.get("parts") if isinstance(content, Mapping) else None
        for part in parts if isinstance(parts, list) else [parts]:
            text = part.get("text") if isinstance(part, Mapping) else part
            if isinstance(text, str):
                yield text
