"""What a Cohere embeddings request that stays in its dialect needs: its check, and the units it was billed.

This module imports no canonical type. Cohere's reference for `/v2/embed`: docs.cohere.com/reference/embed (2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject, Outline
from sluice.errors import BadRequest
from sluice.types.usage import Usage

NAME = "cohere_embeddings"
INPUT_LIMIT = 96
"""Texts or inputs in one request (vendor docs, 2026-11)."""

INPUT_FIELDS = ("texts", "inputs", "images")


def outline(body: JsonObject, size: int) -> Outline:
    """Check an embeddings request. Raises BadRequest naming the parameter and the remedy."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("'model' must be the name of an embedding model.", param="model")
    sent = [name for name in INPUT_FIELDS if body.get(name)]
    if len(sent) != 1:
        raise BadRequest(f"Send one of {', '.join(INPUT_FIELDS)}, and no two of them.", param="texts")
    items = body[sent[0]]
    if not isinstance(items, list):
        raise BadRequest(f"{sent[0]!r} must be a list.", param=sent[0])
    if len(items) > INPUT_LIMIT:
        raise BadRequest(f"{sent[0]!r} has {len(items)} items; the limit is {INPUT_LIMIT}. Split it.", param=sent[0])
    if sent[0] != "inputs" and not all(isinstance(item, str) and item for item in items):
        raise BadRequest(f"{sent[0]!r} must hold texts that are not empty.", param=sent[0])
    dimensions = body.get("output_dimension")
    if dimensions is not None and (type(dimensions) is not int or dimensions < 1):
        raise BadRequest("'output_dimension' must be a whole number of at least 1.", param="output_dimension")
    kinds = body.get("embedding_types")
    if kinds is not None and not (isinstance(kinds, list) and all(isinstance(kind, str) for kind in kinds)):
        raise BadRequest("'embedding_types' must be a list of words.", param="embedding_types")
    return Outline(model, stream=False, include_usage=False, max_output=0, choices=1, prompt_bytes=size)


def pass_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return no edits: the request is Cohere's own."""
    return {}


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole 200 answer, or None. The vectors are not parsed where `meta` is the last of it."""
    place = body.rfind(b'"meta"')
    text = body[body.find(b":", place) + 1 :].decode("utf-8", "replace").lstrip() if place >= 0 else ""
    try:
        meta = json.JSONDecoder().raw_decode(text)[0] if text else None
    except (ValueError, RecursionError):
        return None
    return usage_of(meta)


def usage_of(meta: object) -> Usage | None:
    """Return the usage that a `meta` member reports: what was billed, of which the pictures' tokens are a part.

    Models before v4 count pictures instead of their tokens.
    """
    units = meta.get("billed_units") if isinstance(meta, Mapping) else None
    if not isinstance(units, Mapping) or not {"input_tokens", "image_tokens", "images"} & units.keys():
        return None
    text, pictures = _count(units.get("input_tokens")), _count(units.get("image_tokens"))
    return Usage(input=text + pictures, image_input=pictures, images_sent=_count(units.get("images")))


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return 0
    return int(value)
