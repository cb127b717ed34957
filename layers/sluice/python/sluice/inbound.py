"""Callers' dialects that say in the path what others say in the body."""

from __future__ import annotations

from dataclasses import replace

from sluice.endpoints import Match
from sluice.errors import BadRequest, NotFound
from sluice.types.http import Request

GEMINI_METHODS = {"generateContent": False, "streamGenerateContent": True}
"""Method -> whether it streams (Gemini API reference, 2026-11)."""


def gemini_request(request: Request, match: Match) -> Request:
    """Return a `/v1beta/models/{model}:{method}` request with its model and stream flag as members.

    Raises:
        NotFound: no such method.
        BadRequest: a stream was not asked for as server-sent events.
    """
    model, _, method = match.param("call").rpartition(":")
    if not model or method not in GEMINI_METHODS:
        raise NotFound(
            f"There is no method {method[:64]!r}; models take {' and '.join(GEMINI_METHODS)}.", code="unknown_endpoint"
        )
    stream = GEMINI_METHODS[method]
    if stream and request.query.get("alt") != "sse":
        raise BadRequest("Streams are served as server-sent events; add ?alt=sse to the path.", param="alt")
    return replace(request, members={"model": model, "stream": stream})
