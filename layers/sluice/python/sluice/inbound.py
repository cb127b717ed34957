"""Callers' dialects that say in the path what others say in the body."""

from __future__ import annotations

from dataclasses import replace

from sluice.endpoints import Match
from sluice.errors import NotFound
from sluice.types.http import Request, Response

GEMINI_METHODS = {"generateContent": False, "streamGenerateContent": True}
"""Method -> whether it streams (Gemini API reference, 2026-11)."""


def gemini_request(request: Request, match: Match) -> Request:
    """Return a `/v1beta/models/{model}:{method}` request with its model and stream flag as members.

    Raises NotFound for another method.
    """
    model, _, method = match.param("call").rpartition(":")
    if not model or method not in GEMINI_METHODS:
        raise NotFound(
            f"There is no method {method[:64]!r}; models take {' and '.join(GEMINI_METHODS)}.", code="unknown_endpoint"
        )
    return replace(request, members={"model": model, "stream": GEMINI_METHODS[method]})


def gemini_framed(request: Request, response: Response) -> Response:
    """Return a streamed answer as the JSON array that callers without `?alt=sse` expect; others as they are."""
    if isinstance(response.body, bytes) or request.query.get("alt") == "sse":
        return response
    from sluice.dialects.gemini.json_array import as_array

    headers = {**response.headers, "content-type": "application/json; charset=utf-8"}
    return replace(response, headers=headers, body=as_array(response.body))
