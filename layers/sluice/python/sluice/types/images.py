"""The canonical request for pictures, and the answer: what formats for making pictures are translated through.

As in `types/chat`, it is built only when the caller's dialect and the provider's differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sluice.types.chat import Json
from sluice.types.usage import Usage


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """A request for `n` pictures of `prompt`; `size` is "1024x1024", None where the model may choose."""

    model: str
    prompt: str
    n: int = 1
    size: str | None = None
    quality: str | None = None
    background: str | None = None
    output_format: str | None = None
    stream: bool = False
    user: str | None = None
    dialect: str = ""
    extras: Mapping[str, Json] = field(default_factory=dict)
    bound: Mapping[str, str] = field(default_factory=dict)
    """Parameters that only the vendor of `dialect` can serve, each with what to do instead; none as yet."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: its base64 and media type, or where it can be fetched."""

    base64: str = ""
    mime_type: str = ""
    url: str = ""
    revised_prompt: str = ""


@dataclass(frozen=True, slots=True)
class ImageResponse:
    """An answer. `created` is epoch seconds, 0 where the provider does not say."""

    pictures: tuple[Picture, ...]
    usage: Usage | None = None
    created: int = 0
