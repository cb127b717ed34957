"""Pictures of Gemini's image models for callers of OpenAI's images API: `generateContent` that answers in pictures.

A provider's format only: who speaks Gemini asks for pictures with `generateContent` itself. One request makes one
picture; its shape is the nearest of the ratios that the models know, and what else OpenAI's API can ask for is left
out and reported (Gemini API reference, image generation, 2026-11).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sluice.dialects.base import EMPTY, Encoded, JsonObject
from sluice.dialects.gemini.casing import camel, word
from sluice.dialects.gemini.usage import of as usage_of
from sluice.dialects.lazy import borrowed, lazily
from sluice.errors import ProviderError, ProviderGarbled, UnsupportedParameter
from sluice.types.images import ImageRequest, ImageResponse, Picture
from sluice.types.usage import Usage

if not TYPE_CHECKING:
    __getattr__ = lazily(__name__, borrowed("gemini", "decode_error", "stream_error"))

NAME = "gemini_images"
RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")


def encode_request(request: ImageRequest, model: str, quirks: JsonObject, strict: bool) -> Encoded:  # noqa: ARG001
    """Return the provider's request body; the model stands in its path. Raises UnsupportedParameter."""
    for asked, name, remedy in (
        (request.n > 1, "n", "makes one picture a request; send it several times"),
        (request.stream, "stream", "does not stream pictures; ask for the whole one"),
        (request.background == "transparent", "background", "paints no transparent ground"),
    ):
        if asked:
            raise UnsupportedParameter(f"{model} {remedy}.", param=name)
    config: dict[str, object] = {"responseModalities": ["IMAGE"]}
    edits: list[str] = []
    if request.size is not None:
        ratio = _ratio(request.size)
        config["imageConfig"] = {"aspectRatio": ratio}
        edits.append(f"nearest:size={ratio}")
    left_out = [name for name in ("quality", "background", "output_format", "user") if getattr(request, name)]
    left_out += sorted(request.extras)
    if strict and left_out:
        raise UnsupportedParameter(
            f"{model} cannot take '{left_out[0]}'. Leave it out, or use a route that is not strict about parameters.",
            param=left_out[0],
        )
    body: dict[str, object] = {"contents": [{"role": "user", "parts": [{"text": request.prompt}]}]}
    body["generationConfig"] = config
    return Encoded(body, (*edits, *(f"dropped:{name}" for name in left_out)))


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ImageResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer.

    Raises:
        ProviderError: the model refused to paint, or answered with words alone.
        ProviderGarbled: the body is no answer of Gemini's.
    """
    answer = camel(body)
    candidates = answer.get("candidates")
    if not isinstance(candidates, list) and "promptFeedback" not in answer:
        raise ProviderGarbled("The provider's answer holds no candidates.")
    pictures: list[Picture] = []
    reason = word(camel(answer.get("promptFeedback")).get("blockReason"))
    for candidate in candidates if isinstance(candidates, list) else ():
        told = camel(candidate)
        reason = reason or word(told.get("finishReason"))
        parts = camel(told.get("content")).get("parts")
        pictures += [found for part in (parts if isinstance(parts, list) else ()) if (found := _picture(part))]
    if not pictures:
        raise ProviderError(
            f"The model made no picture (it says {reason[:40] or 'nothing of why'}). Word the prompt otherwise.",
            provider_status=400,
            kind="content_filter",
        )
    usage = usage_of(answer) or Usage(estimated=True)
    drawn = usage.image_output or usage.output - usage.reasoning
    return ImageResponse(tuple(pictures), replace(usage, images=len(pictures), image_output=drawn))


def _picture(part: object) -> Picture | None:
    """Return the picture of a part; thoughts may hold drafts, which are no answer."""
    said = camel(part)
    inline = camel(said.get("inlineData"))
    content, kind = inline.get("data"), inline.get("mimeType")
    if said.get("thought") is True or not isinstance(content, str) or not content:
        return None
    return Picture(base64=content, mime_type=kind if isinstance(kind, str) else "")


def _ratio(size: str) -> str:
    """Return the nearest shape to a size such as 1536x1024. Raises UnsupportedParameter for what is no size."""
    width, _, height = size.partition("x")
    if not (width.isdigit() and height.isdigit() and int(width) and int(height)):
        raise UnsupportedParameter("'size' must be like 1024x1024 for this model.", param="size")
    wanted = int(width) / int(height)
    return min(RATIOS, key=lambda ratio: abs(wanted - int(ratio.partition(":")[0]) / int(ratio.partition(":")[2])))
