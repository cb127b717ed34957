"""OpenAI image generation, whole or streamed in parts: passed through, and translated to Gemini's image models.

Pictures are never decoded. Usage is the tokens an answer reports, and the pictures in it with their size and quality
for vendors that charge by them (OpenAI API reference, images, 2026-11; xAI, Together AI and others keep its shape).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, JsonObject, Outline
from sluice.dialects.lazy import ERRORS, borrowed, lazily
from sluice.dialects.media.figures import tokens
from sluice.dialects.media.members import count_of, files_in, flag_of, model_of, text_of, word_of
from sluice.dialects.media.meters import EventMeter
from sluice.dialects.media.wire import parsed
from sluice.types.usage import Usage

if TYPE_CHECKING:
    from sluice.types.images import ImageRequest, ImageResponse
else:
    __getattr__ = lazily(
        __name__,
        {**borrowed("media.wire", *ERRORS, "keep_alive", "stream_filter"), **borrowed("media.members", "pass_edits")},
    )


NAME = "openai_images"
ENDS = ("image_generation.completed", "image_edit.completed")


def outline(body: JsonObject, size: int) -> Outline:  # noqa: ARG001 - pictures in a body are no prompt
    """Check a request for pictures. Raises BadRequest naming the parameter and the remedy."""
    model = model_of(body, "an image model")
    prompt = text_of(body, "prompt")
    return Outline(
        model,
        stream=flag_of(body, "stream"),
        include_usage=False,
        max_output=None,
        choices=count_of(body, "n"),
        prompt_bytes=len(prompt.encode("utf-8", "replace")),
    )


def decode_request(body: JsonObject) -> ImageRequest:
    """Return the canonical request. Raises BadRequest."""
    from sluice.dialects.media.pictures import request_of

    return request_of(body, NAME)


def encode_response(response: ImageResponse, request: ImageRequest) -> dict[str, object]:  # noqa: ARG001 - one signature
    """Return the body of a whole answer."""
    from sluice.dialects.media.pictures import answer_of

    return answer_of(response)


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:
    """Return the usage of a whole answer, or None."""
    return answer_usage(body, {}, EMPTY, quirks)


def answer_usage(
    body: bytes,
    headers: Mapping[str, str],  # noqa: ARG001 - one signature
    members: JsonObject,
    quirks: JsonObject = EMPTY,  # noqa: ARG001 - one signature
) -> Usage | None:
    """Return the usage of a whole answer to a request with these members; None when it holds no pictures."""
    answer = parsed(body)
    made = answer.get("data")
    count = len(made) if isinstance(made, list) else 0
    if not count and "usage" not in answer:
        return None
    return _drawn(answer, members, count)


def meter(quirks: JsonObject = EMPTY) -> EventMeter:
    """Return a fresh meter for one stream."""
    return request_meter(EMPTY, quirks)


def request_meter(members: JsonObject, quirks: JsonObject = EMPTY) -> EventMeter:  # noqa: ARG001 - one signature
    """Return a fresh meter for the stream that answers a request with these members."""
    return EventMeter(
        ENDS, lambda event: _drawn(event, members, 1), lambda _: Usage(images_sent=_sent(members), estimated=True)
    )


def _drawn(answer: JsonObject, members: JsonObject, count: int) -> Usage:
    found = _with_drawing(tokens(answer, drawn=True) or Usage(), answer)
    size = word_of((answer, "size"), (members, "size"), (members, "resolution"))
    width, height = members.get("width"), members.get("height")
    if size is None and type(width) is int and type(height) is int:
        size = f"{width}x{height}"[:32]
    return replace(
        found,
        images=count,
        image_size=size,
        image_quality=word_of((answer, "quality"), (members, "quality")),
        images_sent=_sent(members),
    )


def _with_drawing(usage: Usage, answer: JsonObject) -> Usage:
    """Add the tokens of the model that wrote a vector drawing, which OpenAI reports beside those of the picture."""
    written = answer.get("svg_usage")
    found = tokens({"usage": written}) if isinstance(written, Mapping) else None
    if found is None:
        return usage
    return replace(usage, input=usage.input + found.input, output=usage.output + found.output)


def _sent(members: JsonObject) -> int:
    return files_in(members.get("image")) + files_in(members.get("images"))
