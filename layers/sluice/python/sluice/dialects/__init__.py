"""Wire formats: one module each, loaded when first needed.

A request is translated only inside its family; the formats in `ALONE` are passed through and nothing else. What a
module may leave out (its framing, the check of a whole answer, content types) has the defaults of `dialects.base`.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from sluice.dialects.base import Body, ChatDialect, Framing, JsonObject, Meter
from sluice.dialects.splice import parse_body
from sluice.dialects.sse import Framing as EventFraming
from sluice.types.http import Request

FAMILIES: tuple[tuple[str, ...], ...] = (
    (
        "openai_chat",
        "anthropic_messages",
        "openai_responses",
        "gemini",
        "bedrock_converse",
        "cohere_chat",
        "ollama_chat",
        "openai_completions",
        "snowflake_complete",
    ),
    (
        "openai_embeddings",
        "cohere_embeddings",
        "gemini_embeddings",
        "gemini_embed_content",
        "vertex_embeddings",
        "ollama_embeddings",
        "bedrock_embeddings",
        "snowflake_embeddings",
    ),
    ("cohere_rerank", "jina_rerank", "voyage_rerank", "nvidia_ranking"),
    ("openai_images", "gemini_images"),
)
"""Dialects that share one canonical form: chat, embeddings, rerank, pictures."""

ALONE: tuple[str, ...] = (
    "anthropic_batches",
    "anthropic_count_tokens",
    "gemini_count_tokens",
    "bedrock_count_tokens",
    "bedrock_invoke",
    "openai_moderations",
    "openai_image_edits",
    "openai_transcriptions",
    "openai_translations",
    "openai_speech",
)
_FAMILY = {name: family for family in FAMILIES for name in family}
EVENTS = "text/event-stream; charset=utf-8"
JSON = "application/json"
_LOADED: dict[str, object] = {}


def chat_dialect(name: str) -> ChatDialect:
    """Return the module of a dialect. Raises KeyError for a name that is none."""
    module = _LOADED.get(name)
    if module is None:
        if name not in _FAMILY and name not in ALONE:
            raise KeyError(name)
        module = _LOADED[name] = import_module(f"sluice.dialects.{name}")
    return cast(ChatDialect, module)


def translates(caller: str, provider: str) -> bool:
    """Return whether requests of the `caller` dialect can be served by a `provider` dialect."""
    return caller == provider or provider in _FAMILY.get(caller, ())


def framing(dialect: ChatDialect) -> Framing:
    """Return a fresh reader of one streamed answer."""
    return cast(Framing, getattr(dialect, "framing", EventFraming)())


def meter_of(dialect: ChatDialect, members: JsonObject, quirks: JsonObject) -> Meter:
    """Return a fresh meter for the stream that answers a request with these members."""
    own = getattr(dialect, "request_meter", None)
    return dialect.meter(quirks) if own is None else cast(Meter, own(members, quirks))


def stream_type(dialect: ChatDialect) -> str:
    """Return the content type of a streamed answer."""
    return str(getattr(dialect, "STREAM_TYPE", EVENTS))


def accepted(dialect: ChatDialect, stream: bool) -> str:
    """Return what a provider of the dialect is asked for."""
    if stream:
        return stream_type(dialect).partition(";")[0] or "*/*"
    return str(getattr(dialect, "ACCEPT", JSON))


def parse(dialect: ChatDialect, request: Request) -> Body:
    """Return the caller's body. Raises BadRequest."""
    own = getattr(dialect, "parse", None)
    return parse_body(request.body) if own is None else cast(Body, own(request))


def content_type(dialect: ChatDialect, request: Request) -> str:
    """Return the content type in which the caller's own body goes on."""
    own = getattr(dialect, "content_type", None)
    return JSON if own is None else str(own(request))
