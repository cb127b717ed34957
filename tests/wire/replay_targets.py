"""Where a recorded request is replayed: the caller's path and dialect, and the bytes that the provider answered."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.dialects.multipart import parse_form
from sluice.types.http import Request
from tests.wire.bedrock.check import framed
from tests.wire.completions.check import OTHERS as NOT_COMPLETIONS
from tests.wire.embeddings.check import dialect_of, outside
from tests.wire.recordings import Recording
from tests.wire.rerank.check import dialect_of as rerank_dialect

EVENT_STREAM = "application/vnd.amazon.eventstream"


@dataclass(frozen=True)
class Target:
    """One dialect as callers reach it. `{model}` in a path: the body then names no model and no stream flag.

    `host` names a provider of its own, `answers` the path where it answers, when these are not those of the dialect.
    """

    dialect: str
    operation: str
    path: str
    stream_path: str = ""
    host: str = ""
    answers: str = ""

    @property
    def provider(self) -> str:
        """The provider of the replay that speaks it."""
        return f"replay-{self.host or self.dialect}".replace("_", "-")

    @property
    def offered(self) -> str:
        """The operation that its models must have."""
        return "chat" if self.operation == "input_tokens" else self.operation

    @property
    def in_path(self) -> bool:
        """Whether the model stands in the path."""
        return "{model}" in self.path

    def endpoint(self) -> dict[str, str]:
        """Return its endpoint in the provider's catalogue file."""
        path = self.answers or ("/answer/{model}" if self.in_path else "/answer")
        return {"operation": self.operation, "dialect": self.dialect, "path": path}


_GEMINI = "/v1beta/models/{model}:"
CHAT = Target("openai_chat", "chat", "/v1/chat/completions")
TARGETS: Mapping[str, Target] = {
    "chat.completions": CHAT,
    "messages": Target("anthropic_messages", "chat", "/v1/messages"),
    "responses": Target("openai_responses", "chat", "/v1/responses"),
    "completions": Target("openai_completions", "completions", "/v1/completions"),
    "gemini.generate": Target("gemini", "chat", f"{_GEMINI}generateContent", f"{_GEMINI}streamGenerateContent"),
    "gemini.stream": Target("gemini", "chat", f"{_GEMINI}generateContent", f"{_GEMINI}streamGenerateContent"),
    "bedrock.converse": Target("bedrock_converse", "chat", "/model/{model}/converse", "/model/{model}/converse-stream"),
    "bedrock.converse_stream": Target(
        "bedrock_converse", "chat", "/model/{model}/converse", "/model/{model}/converse-stream"
    ),
    "bedrock.invoke": Target("bedrock_invoke", "invoke", "/model/{model}/invoke"),
    "bedrock.invoke_stream": Target(
        "bedrock_invoke", "invoke", "/model/{model}/invoke", "/model/{model}/invoke-with-response-stream"
    ),
    "bedrock.count_tokens": Target("bedrock_count_tokens", "count_tokens", "/model/{model}/count-tokens"),
    "cohere.chat_v2": Target("cohere_chat", "chat", "/v2/chat"),
    "ollama.chat": Target("ollama_chat", "chat", "/api/chat"),
    "vertex.raw_predict": Target(
        "anthropic_messages", "chat", "/v1/messages", host="vertex", answers="/models/{model}:rawPredict"
    ),
    "responses.input_tokens": Target("openai_responses", "input_tokens", "/v1/responses/input_tokens"),
    "moderations": Target("openai_moderations", "moderations", "/v1/moderations"),
    "messages.count_tokens": Target("anthropic_count_tokens", "count_tokens", "/v1/messages/count_tokens"),
    "images": Target("openai_images", "images", "/v1/images/generations"),
    "audio.transcriptions": Target("openai_transcriptions", "transcriptions", "/v1/audio/transcriptions"),
    "audio.translations": Target("openai_translations", "translations", "/v1/audio/translations"),
}
"""Recorded endpoint -> target, where the endpoint's name alone tells it."""

EMBEDDINGS: Mapping[str, Target] = {
    "openai_embeddings": Target("openai_embeddings", "embeddings", "/v1/embeddings"),
    "cohere_embeddings": Target("cohere_embeddings", "embeddings", "/v2/embed"),
    "gemini_embed_content": Target("gemini_embed_content", "embeddings", f"{_GEMINI}embedContent"),
    "gemini_embeddings": Target("gemini_embeddings", "embeddings", f"{_GEMINI}batchEmbedContents"),
}
RERANK: Mapping[str, Target] = {
    "cohere_rerank": Target("cohere_rerank", "rerank", "/v2/rerank"),
    "jina_rerank": Target("jina_rerank", "rerank", "/v1/rerank"),
}
EDITS = Target("openai_image_edits", "image_edits", "/v1/images/edits")
ENDPOINTS = (*TARGETS, "embeddings", "gemini.embed", "rerank")
"""The recorded endpoints that are replayed."""


def targets() -> Iterator[Target]:
    """Yield every target, each provider and operation once."""
    seen: set[tuple[str, str]] = set()
    for target in (*TARGETS.values(), *EMBEDDINGS.values(), *RERANK.values(), EDITS):
        if (target.provider, target.operation) not in seen:
            seen.add((target.provider, target.operation))
            yield target


def target_of(recording: Recording) -> Target | None:
    """Return where a recording is replayed; None for one that callers of this gateway cannot send."""
    if str((recording.request or {}).get("method") or "POST") != "POST":
        return None
    if recording.endpoint in ("embeddings", "gemini.embed"):
        return None if outside(recording) else EMBEDDINGS.get(dialect_of(recording))
    if recording.endpoint == "rerank":
        return RERANK.get(rerank_dialect(recording))
    path = str((recording.request or {}).get("path") or "")
    if recording.endpoint == "images" and path.endswith(("/edits", "/variations")):
        return EDITS if path.endswith("/edits") else None
    if any(part in path for part in NOT_COMPLETIONS) and recording.endpoint == "completions":
        return None
    if recording.endpoint == "audio.transcriptions" and path.endswith("/audio/translations"):
        return TARGETS["audio.translations"]
    return TARGETS.get(recording.endpoint)


@dataclass
class Sent:
    """A request as the caller sends it."""

    target: Target
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False
    model: str = ""


def sent(recording: Recording, target: Target) -> Sent:
    """Return the recorded request, addressed to the replay's provider, or a plain one where only an answer is known."""
    request = recording.request or {}
    stream = streams(recording)
    name = recording.model or "unnamed"
    body = request.get("body")
    if isinstance(body, dict) and isinstance(body.get("model"), str) and body["model"]:
        name = body["model"]
    model = f"{target.provider}/{name}"
    path = (target.stream_path if stream and target.stream_path else target.path).replace("{model}", escaped(model))
    query = {"alt": "sse"} if target.dialect == "gemini" and stream and not _is_array(recording) else {}
    headers = {"content-type": "application/json"}
    if isinstance(body, dict) or body is None:
        plain = dict(body) if isinstance(body, dict) else _plain(target, stream)
        if not target.in_path:
            plain["model"] = model
        raw = json.dumps(plain, ensure_ascii=False).encode("utf-8", "surrogatepass")
    else:
        raw = json.dumps(body).encode()
    if body is None and request.get("body_base64"):
        raw = base64.b64decode(request["body_base64"])
    elif body is None and request.get("body_text"):
        raw = request["body_text"].encode()
    kind = str((request.get("headers") or {}).get("content-type") or "")
    if kind.startswith("multipart/"):
        headers["content-type"] = kind
        form = parse_form(Request("POST", path, headers, raw))
        model = f"{target.provider}/{form.members.get('model') or name}"
        raw = form.edited({"model": model})
    return Sent(target, path, raw, headers, query, stream, model)


def escaped(model: str) -> str:
    """Return a model as SDKs write it into a path."""
    return "".join(c if c.isalnum() or c in "-._~/:@" else f"%{ord(c):02X}" for c in model)


def _plain(target: Target, stream: bool) -> dict[str, Any]:
    chats: dict[str, dict[str, Any]] = {
        "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]},
        "bedrock_converse": {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]},
        "bedrock_invoke": {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 10},
        "openai_responses": {"input": "Hello"},
        "openai_completions": {"prompt": "Hello"},
        "openai_images": {"prompt": "A pixel"},
        "openai_moderations": {"input": "Hello"},
        "cohere_rerank": {"query": "Hello", "documents": ["Hello"] * 1000},
        "jina_rerank": {"query": "Hello", "documents": ["Hello"] * 1000},
    }
    body = chats.get(target.dialect, {"messages": [{"role": "user", "content": "Hello"}]})
    if target.operation == "embeddings":
        texts: dict[str, dict[str, Any]] = {
            "gemini_embed_content": {"content": {"parts": [{"text": "Hello"}]}},
            "gemini_embeddings": {"requests": [{"model": "models/m", "content": {"parts": [{"text": "Hello"}]}}]},
        }
        body = texts.get(target.dialect, {"input": "Hello"})
    if target.dialect in ("anthropic_messages",):
        body["max_tokens"] = 100
    if not target.in_path:
        body["stream"] = stream
    return body


def streams(recording: Recording) -> bool:
    """Return whether the caller asked for a stream."""
    body = recording.request_body
    if recording.endpoint in ("gemini.stream", "bedrock.converse_stream", "bedrock.invoke_stream"):
        return True
    if recording.endpoint == "ollama.chat" and isinstance(body, dict):
        return body.get("stream") is not False
    if isinstance(body, dict) and "stream" in body:
        return body["stream"] is True
    return recording.stream


def answer(recording: Recording) -> tuple[str, bytes]:
    """Return the content type and the body that the provider answers with."""
    kind = recording.headers.get("content-type", "application/json")
    start = recording.body.lstrip()[:6]
    if recording.endpoint == "gemini.stream" and start[:1] == b"[" and recording.status == 200:
        # The caller had not asked for events, and got an array; the gateway always asks for events.
        return "text/event-stream", b"".join(
            b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\r\n\r\n"
            for event in json.loads(recording.body)
        )
    if recording.endpoint.startswith("bedrock.") and recording.endpoint.endswith("_stream") and recording.status == 200:
        return EVENT_STREAM, framed(recording.body)
    if start.startswith((b"data:", b"event:", b":")):
        return "text/event-stream", recording.body
    if recording.endpoint == "ollama.chat" and recording.stream:
        return "application/x-ndjson", recording.body
    if "event-stream" in kind and start[:1] in (b"{", b"["):
        return "application/json", recording.body
    return kind, recording.body


def _is_array(recording: Recording) -> bool:
    return recording.body.lstrip()[:1] == b"["
