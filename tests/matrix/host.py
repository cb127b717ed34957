"""Both ends of the matrix: a caller of one dialect and a provider of another, with the whole gateway between them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sluice.dialects import FAMILIES, chat_dialect, stream_type
from sluice.errors import GatewayError, ProviderError
from sluice.ports import UpstreamCall
from sluice.types.chat import ChatRequest
from sluice.types.http import Request, Response
from sluice.types.stream import StreamEvent, StreamFailed
from tests.fakes import KEY, FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, custom
from tests.matrix import conversations

PROVIDER = "matrix"
OUT = FAMILIES[0]
CALLS: Mapping[str, tuple[str, str]] = {
    "openai_chat": ("/v1/chat/completions", ""),
    "anthropic_messages": ("/v1/messages", ""),
    "openai_responses": ("/v1/responses", ""),
    "openai_completions": ("/v1/completions", ""),
    "cohere_chat": ("/v2/chat", ""),
    "ollama_chat": ("/api/chat", ""),
    "snowflake_complete": ("/api/v2/cortex/inference:complete", ""),
    "gemini": ("/v1beta/models/{model}:generateContent", "/v1beta/models/{model}:streamGenerateContent"),
    "bedrock_converse": ("/model/{model}/converse", "/model/{model}/converse-stream"),
}
"""Caller's dialect -> the path of a whole answer, and of a streamed one where it is another."""


@dataclass
class Host:
    """A provider that speaks one dialect: it reads what it is asked, and answers the canonical answer of a case."""

    dialect: str
    case: str = "text"
    failure: tuple[int, ProviderError] | None = None
    breaks_after: int | None = None
    asked: list[ChatRequest] = field(default_factory=list)

    def __call__(self, call: UpstreamCall) -> Scripted:
        wire = chat_dialect(self.dialect)
        body = json.loads(call.body)
        streams = call.headers["accept"] != "application/json" or call.url.endswith("stream")
        members = {"model": "m", "stream": streams} if "{model" in self.path else {}
        request = wire.decode_request({**body, **members})
        self.asked.append(request)
        if self.failure is not None:
            status, error = self.failure
            own = getattr(wire, "error_headers", None)
            headers = {"content-type": "application/json", **({} if own is None else own(error))}
            return Scripted(status, json.dumps(wire.encode_error(error, "req_host")).encode(), headers)
        if not streams:
            body = wire.encode_response(conversations.response(self.case), request)
            return Scripted(200, json.dumps(body).encode())
        told = b"".join(wire.encode_stream(self._events(), request))
        return Scripted(200, headers={"content-type": stream_type(wire)}, parts=list(cut(told)))

    @property
    def path(self) -> str:
        """Where the provider's catalogue file puts the dialect."""
        return f"/{self.dialect}" + ("/{model}" if CALLS[self.dialect][1] else "")

    def _events(self) -> list[StreamEvent]:
        events = conversations.stream(self.case)
        return events if self.breaks_after is None else [*events[: self.breaks_after], StreamFailed(overloaded())]


def overloaded() -> ProviderError:
    """Return the failure that breaks a stream."""
    return ProviderError("The model is overloaded.", provider_status=529, kind="overloaded", provider=PROVIDER)


def cut(body: bytes, seed: int = 5) -> list[bytes]:
    """Cut bytes anywhere."""
    chance = random.Random(seed)
    places = sorted(chance.sample(range(1, max(len(body), 2)), min(max(len(body) - 1, 1), 25)))
    return [body[a:b] for a, b in zip([0, *places], [*places, len(body)], strict=True) if a < b]


@dataclass
class Answered:
    """What the caller got."""

    response: Response
    body: bytes
    entry: Any
    sent: ChatRequest
    """The request as the caller's own dialect could say it."""

    @property
    def edits(self) -> str:
        return self.response.headers.get("x-sluice-edits", "")

    @property
    def problem(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@contextmanager
def between(host: Host, folder: Path) -> Iterator[Gateway]:
    """Compose a gateway whose only provider is `host`."""
    endpoint = {"operation": "chat", "dialect": host.dialect, "path": host.path}
    if CALLS[host.dialect][1]:
        endpoint["stream_path"] = f"{host.path}/stream"
    provider = {
        "name": PROVIDER,
        "title": "Matrix",
        "base_url": "https://matrix.example",
        "auth": {"scheme": "bearer"},
        "endpoints": [endpoint],
        "models": {},
    }
    (folder / f"{PROVIDER}.json").write_text(json.dumps(provider))
    live = configuration(models={f"{PROVIDER}/m": custom(f"{PROVIDER}/m")}, routes={}, providers={})
    yield Gateway(ScriptedTransport(host), live=live, secrets=FixedSecrets(**{PROVIDER: "k"}), catalogues=(folder,))


def ask(gateway: Gateway, dialect: str, request: ChatRequest, *, stream: bool) -> Answered:
    """Send a canonical request in the caller's dialect. Raises GatewayError when the dialect cannot say it."""
    wire = chat_dialect(dialect)
    model = f"{PROVIDER}/m"
    wanted = replace(request, stream=stream, include_usage=stream, dialect="canonical")
    body = dict(wire.encode_request(wanted, model, {}, False).body)
    whole, streamed = CALLS[dialect]
    sent = wire.decode_request({**body, **({"model": model, "stream": stream} if streamed else {})})
    path = (streamed if stream and streamed else whole).replace("{model}", model)
    if streamed:
        body.pop("model", None)
        body.pop("stream", None)
    query = {"alt": "sse"} if dialect == "gemini" else {}
    headers = {"authorization": f"Bearer {KEY}"}
    answer = gateway.app.handle(Request("POST", path, headers, json.dumps(body).encode(), query))
    read = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
    if answer.after is not None:
        answer.after()
    return Answered(answer, read, next(iter(gateway.ledger.entries.values()), None), sent)


def expressible(dialect: str, request: ChatRequest) -> bool:
    """Return whether a caller of the dialect can say all of a request."""
    try:
        chat_dialect(dialect).encode_request(replace(request, dialect="canonical"), "m", {}, False)
    except GatewayError:
        return False
    return True
