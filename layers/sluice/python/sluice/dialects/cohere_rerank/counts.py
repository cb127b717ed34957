"""What a rerank call used: search units (Cohere: one is a query with up to 100 documents), tokens, or both.

This module imports no canonical type. Sources: docs.cohere.com/reference/rerank, jina.ai/reranker (2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.types.usage import Usage


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole 200 answer, or None."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return read(found) if isinstance(found, dict) else None


def read(body: Mapping[str, object]) -> Usage | None:
    """Return the usage that an answer reports, None where it reports none."""
    meta, usage = _object(body.get("meta")), _object(body.get("usage"))
    units, tokens = _object(meta.get("billed_units")), _object(meta.get("tokens"))
    searches = _count(units.get("search_units"))
    used = next(
        (
            count
            for count in (
                _count(usage.get("prompt_tokens")),
                _count(usage.get("input_tokens")),
                _count(usage.get("total_tokens")),
                _count(units.get("input_tokens")),
                _count(units.get("total_tokens")),
                _count(tokens.get("input_tokens")),
            )
            if count is not None
        ),
        None,
    )
    if searches is None and used is None:
        return None
    return Usage(input=used or 0, output=_count(units.get("output_tokens")) or 0, search_requests=searches or 0)


def write(usage: Usage) -> dict[str, object]:
    """Return the members `meta` and `usage` of an answer; `read` gives the same figures back."""
    units: dict[str, object] = {"search_units": usage.search_requests} if usage.search_requests else {}
    written: dict[str, object] = {"meta": {"api_version": {"version": "2"}, "billed_units": units}}
    if usage.prompt:
        units["input_tokens"] = usage.prompt
        written["usage"] = {"prompt_tokens": usage.prompt, "total_tokens": usage.prompt}
    return written


def _object(found: object) -> Mapping[str, object]:
    return found if isinstance(found, Mapping) else EMPTY


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return None
    return int(value)
