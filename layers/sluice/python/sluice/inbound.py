"""Callers' dialects that say in the path what others say in the body."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sluice.endpoints import Match
from sluice.errors import NotFound
from sluice.types.http import Request, Response


@dataclass(frozen=True, slots=True)
class Method:
    """What a method of a Gemini model does: the operation, the dialect of its bodies, the stream flag if it has one."""

    operation: str
    dialect: str
    stream: bool | None = None


GEMINI_METHODS = {
    "generateContent": Method("chat", "gemini", stream=False),
    "streamGenerateContent": Method("chat", "gemini", stream=True),
    "embedContent": Method("embeddings", "gemini_embed_content"),
    "batchEmbedContents": Method("embeddings", "gemini_embeddings"),
    "countTokens": Method("count_tokens", "gemini_count_tokens"),
}
"""The methods by name (Gemini API reference, 2026-11)."""


def gemini_call(request: Request, match: Match) -> tuple[Request, Method]:
    """Return a `/v1beta/models/{model}:{method}` request, its model and stream flag as members, and its method.

    Raises NotFound for another method.
    """
    model, _, method = match.param("call").rpartition(":")
    if not model or method not in GEMINI_METHODS:
        raise NotFound(
            f"There is no method {method[:64]!r}; models take {', '.join(GEMINI_METHODS)}.", code="unknown_endpoint"
        )
    found = GEMINI_METHODS[method]
    members = {"model": model} if found.stream is None else {"model": model, "stream": found.stream}
    return replace(request, members=members), found


def gemini_framed(request: Request, response: Response) -> Response:
    """Return a streamed answer as the JSON array that callers without `?alt=sse` expect; others as they are."""
    if isinstance(response.body, bytes) or request.query.get("alt") == "sse":
        return response
    from sluice.dialects.gemini.json_array import as_array

    headers = {**response.headers, "content-type": "application/json; charset=utf-8"}
    return replace(response, headers=headers, body=as_array(response.body))
