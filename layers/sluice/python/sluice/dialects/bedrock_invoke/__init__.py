"""Amazon Bedrock InvokeModel and InvokeModelWithResponseStream: passed through, since each model family has a
body of its own.

What was used is read from the headers of a whole answer, from the `amazon-bedrock-invocationMetrics` in a stream's
last chunk, and from the bodies of the families that count by themselves. Sources: AWS API reference, "InvokeModel",
recorded answers, 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, JsonObject, Outline, no_edits
from sluice.dialects.bedrock_invoke import counts as _counts
from sluice.dialects.bedrock_invoke.bounds import max_output
from sluice.dialects.bedrock_invoke.meter import StreamMeter
from sluice.dialects.eventstream import CONTENT_TYPE, Framing
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.errors import BadRequest
from sluice.types.usage import Usage

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, borrowed("bedrock_converse", *STREAMLESS, "body_error", "error_headers"))

NAME = "bedrock_invoke"
STREAM_TYPE = CONTENT_TYPE
framing = Framing
meter = StreamMeter
pass_edits = no_edits


def outline(body: JsonObject, size: int) -> Outline:
    """Return the outline of a request of `size` bytes. Raises BadRequest."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise BadRequest("Name the model in the path: POST /model/{modelId}/invoke.", param="modelId")
    return Outline(
        model=model,
        stream=body.get("stream") is True,
        include_usage=True,
        max_output=max_output(body),
        choices=1,
        prompt_bytes=size,
    )


def answer_usage(
    body: bytes,
    headers: Mapping[str, str],
    members: JsonObject,  # noqa: ARG001 - one signature
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
) -> Usage | None:
    """Return the usage of a whole 200 answer from its headers and its body, or None."""
    return _counts.of_answer(body, headers)


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage that a whole answer's body states, or None."""
    return _counts.of_answer(body, {})
