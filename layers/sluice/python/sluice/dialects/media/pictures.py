"""OpenAI's requests for pictures as canonical ones, and canonical answers as OpenAI's."""

from __future__ import annotations

import time

from sluice.dialects.base import JsonObject
from sluice.dialects.media.members import count_of, flag_of, model_of, text_of, word_of
from sluice.types.images import ImageRequest, ImageResponse, Picture
from sluice.types.usage import Usage

_KNOWN = ("model", "prompt", "n", "size", "quality", "background", "output_format", "stream", "user")


def request_of(body: JsonObject, dialect: str) -> ImageRequest:
    """Return the canonical request. Raises BadRequest."""
    user = body.get("user")
    return ImageRequest(
        model=model_of(body, "an image model"),
        prompt=text_of(body, "prompt"),
        n=count_of(body, "n"),
        size=word_of((body, "size")),
        quality=word_of((body, "quality")),
        background=word_of((body, "background")),
        output_format=word_of((body, "output_format")),
        stream=flag_of(body, "stream"),
        user=user if isinstance(user, str) else None,
        dialect=dialect,
        extras={name: value for name, value in body.items() if name not in _KNOWN and value is not None},
    )


def answer_of(response: ImageResponse) -> dict[str, object]:
    """Return the body of a whole answer."""
    body: dict[str, object] = {
        "created": response.created or int(time.time()),
        "data": [_drawn(picture) for picture in response.pictures],
    }
    kinds = {picture.mime_type.removeprefix("image/") for picture in response.pictures if picture.mime_type}
    if len(kinds) == 1:
        body["output_format"] = kinds.pop()
    if response.usage is not None:
        body["usage"] = _counts(response.usage)
    return body


def _drawn(picture: Picture) -> dict[str, object]:
    drawn: dict[str, object] = {"url": picture.url} if picture.url else {"b64_json": picture.base64}
    if picture.revised_prompt:
        drawn["revised_prompt"] = picture.revised_prompt
    return drawn


def _counts(usage: Usage) -> dict[str, object]:
    inside = {"image_tokens": usage.image_input, "text_tokens": usage.prompt - usage.image_input}
    outside = {"image_tokens": usage.image_output, "text_tokens": usage.output - usage.image_output}
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": inside,
        "output_tokens": usage.output,
        "output_tokens_details": outside,
        "total_tokens": usage.total,
    }
