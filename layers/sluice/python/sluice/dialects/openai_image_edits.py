"""OpenAI image edits, passed through: a form with files, or a JSON body with URLs, data URLs or file ids.

Both forms are documented (OpenAI API reference, images/edits, 2026-11); answers, streams and usage are those of image
generation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sluice.dialects.base import Body, JsonObject, Outline
from sluice.dialects.lazy import STREAMLESS, borrowed, lazily
from sluice.dialects.media.members import files_in
from sluice.dialects.multipart import is_form, parse_form
from sluice.dialects.openai_images import outline as outline_of_generation
from sluice.dialects.splice import parse_body
from sluice.errors import BadRequest
from sluice.types.http import Request

if not TYPE_CHECKING:
    __getattr__ = lazily(
        __name__, borrowed("openai_images", *STREAMLESS, "answer_usage", "pass_edits", "read_usage", "request_meter")
    )


NAME = "openai_image_edits"
IMAGE_LIMIT = 16
"""Pictures in one request (OpenAI API reference, images/edits, 2026-11)."""


def parse(request: Request) -> Body:
    """Return the request's body, a form or a JSON object. Raises BadRequest."""
    return parse_form(request) if is_form(request) else parse_body(request.body)


def content_type(request: Request) -> str:
    """Return the content type in which the body goes on."""
    return request.headers["content-type"] if is_form(request) else "application/json"


def outline(body: JsonObject, size: int) -> Outline:
    """Check a request for edited pictures. Raises BadRequest naming the parameter and the remedy."""
    outlined = outline_of_generation(body, size)
    sent = files_in(body.get("image")) + files_in(body.get("images"))
    if not sent:
        raise BadRequest(
            "'image' is missing: send the picture to edit as a file of the form, or 'images' with URLs in JSON.",
            param="image",
        )
    if sent > IMAGE_LIMIT:
        raise BadRequest(f"The request holds {sent} pictures; the limit is {IMAGE_LIMIT}.", param="image")
    return outlined
