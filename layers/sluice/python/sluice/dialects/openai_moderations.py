"""Moderations (`/v1/moderations`), passed through: OpenAI's shape, which Mistral shares.

OpenAI neither counts nor charges them (quirk `unmetered`); where a vendor charges and reports nothing, the tokens are
estimated. Sources: developers.openai.com/api/docs/guides/moderation, docs.mistral.ai (2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, JsonObject, Outline, no_edits
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.dialects.openai_chat import read_usage as read_counts
from sluice.errors import BadRequest
from sluice.types.usage import Usage

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, borrowed("unstreamed", *STREAMLESS))


NAME = "openai_moderations"
pass_edits = no_edits
DEFAULT_MODEL = "omni-moderation-latest"
"""What OpenAI takes when no model is named (API reference, 2026-11)."""


def outline(body: JsonObject, size: int) -> Outline:
    """Check a moderation request. Raises BadRequest naming the parameter and the remedy."""
    model = body.get("model")
    if model is None:
        model = DEFAULT_MODEL
    if not isinstance(model, str) or not model:
        raise BadRequest("'model' must be the name of a moderation model.", param="model")
    given = body.get("input")
    if not isinstance(given, str | list) or not given:
        raise BadRequest("'input' must be text, or a list of texts or parts, that is not empty.", param="input")
    return Outline(model, stream=False, include_usage=False, max_output=0, choices=1, prompt_bytes=size)


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:
    """Return the usage of a whole 200 answer, or None; nothing where the vendor does not meter."""
    return Usage() if quirks.get("unmetered") is True else read_counts(body, quirks)


def answer_usage(body: bytes, headers: Mapping[str, str], members: JsonObject, quirks: JsonObject) -> Usage:  # noqa: ARG001
    """Return the usage of an answer, estimated from the texts sent where it reports none, four bytes a token."""
    reported = read_usage(body, quirks)
    if reported is not None:
        return reported
    return Usage(input=max(-(-_size(members.get("input")) // 4), 1), estimated=True)


def _size(given: object) -> int:
    if isinstance(given, str):
        return len(given.encode("utf-8", "replace"))
    if isinstance(given, Mapping):
        return _size(given.get("text")) + _size(given.get("content"))
    return sum(_size(item) for item in given) if isinstance(given, list) else 0
