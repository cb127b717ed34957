"""Amazon Bedrock InvokeModel and InvokeModelWithResponseStream: passed through, since each model family has a
body of its own.

What was used is read from the headers of a whole answer, from the `amazon-bedrock-invocationMetrics` in a stream's
last chunk, and from the bodies of the families that count by themselves. Sources: AWS API reference, "InvokeModel",
recorded answers, 2026-11.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sluice.dialects import eventstream
from sluice.dialects.base import EMPTY, JsonObject, Meter, Outline
from sluice.dialects.bedrock_converse import keep_alive
from sluice.dialects.bedrock_converse.failures import (
    body_error,
    decode_error,
    encode_error,
    error_headers,
    stream_error,
    stream_error_bytes,
)
from sluice.dialects.bedrock_invoke import counts as _counts
from sluice.dialects.bedrock_invoke import meter as _meter
from sluice.dialects.bedrock_invoke.bounds import max_output
from sluice.dialects.eventstream import Framing
from sluice.errors import BadRequest
from sluice.types.usage import Usage

__all__ = [
    "NAME",
    "STREAM_TYPE",
    "answer_usage",
    "body_error",
    "decode_error",
    "encode_error",
    "error_headers",
    "framing",
    "keep_alive",
    "meter",
    "outline",
    "pass_edits",
    "read_usage",
    "stream_error",
    "stream_error_bytes",
    "stream_filter",
]

NAME = "bedrock_invoke"
STREAM_TYPE = eventstream.CONTENT_TYPE


def framing() -> Framing:
    """Return a fresh reader of one streamed answer's frames."""
    return Framing()


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


def pass_edits(body: JsonObject, quirks: JsonObject) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return nothing: the body is the model's own."""
    return {}


def stream_filter(body: JsonObject) -> Callable[[bytes], bytes] | None:  # noqa: ARG001 - one signature
    """Return None: every frame belongs to the caller."""
    return None


def meter(quirks: JsonObject = EMPTY) -> Meter:  # noqa: ARG001 - one signature
    """Return a fresh meter for one stream."""
    return _meter.StreamMeter()


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
