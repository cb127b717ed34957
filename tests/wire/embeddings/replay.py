"""Sends recorded embeddings and rerank requests through the whole gateway, to a provider that gives the recorded bytes.

In the same dialect the caller must get those bytes back, the provider must be asked what the caller asked but for the
model's name, and what the vendor counted must be charged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sluice.types.routes import ProviderSettings
from tests.fakes import FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, custom
from tests.wire.recordings import Recording


@dataclass(frozen=True)
class Door:
    """Where callers of a dialect come in, and the provider that speaks it."""

    path: str
    provider: str
    operation: str


DOORS: Mapping[str, Door] = {
    "openai_embeddings": Door("/v1/embeddings", "openai", "embeddings"),
    "cohere_embeddings": Door("/v2/embed", "cohere", "embeddings"),
    "gemini_embeddings": Door("/v1beta/models/{model}:batchEmbedContents", "gemini", "embeddings"),
    "gemini_embed_content": Door("/v1beta/models/{model}:embedContent", "gemini", "embeddings"),
    "cohere_rerank": Door("/v2/rerank", "cohere", "rerank"),
    "jina_rerank": Door("/v1/rerank", "jina", "rerank"),
    "openai_moderations": Door("/v1/moderations", "openai", "moderations"),
}


def replayed(recording: Recording, tongue: str) -> tuple[Any, int, bytes, dict[str, Any]]:
    """Return the ledger entry, the caller's status and bytes, and what the provider was asked."""
    door = DOORS[tongue]
    kind = recording.headers.get("content-type", "application/json")
    transport = ScriptedTransport(lambda call: Scripted(recording.status, recording.body, {"content-type": kind}))
    name = f"{door.provider}/replayed"
    live = configuration(
        models={name: custom(name, operations=(door.operation,))},
        providers={door.provider: ProviderSettings(base_url="https://provider.example", enabled=True)},
        routes={},
    )
    opened = Gateway(transport, secrets=FixedSecrets(**{door.provider: "k"}), live=live)
    body = dict(recording.request_body)
    if "{model}" not in door.path:
        body["model"] = name
    response, answer = opened.ask(door.path.replace("{model}", name), body)
    return opened.ledger.only, response.status, answer, transport.sent() if transport.calls else {}


def differences(recording: Recording, tongue: str) -> list[str]:
    """Return what a replay changed that it must not."""
    entry, status, answer, asked = replayed(recording, tongue)
    if not asked:
        alike = recording.status >= 400 and 400 <= status < 500  # refused by the gateway before the provider would
        return [] if alike else [f"refused with {status}: {answer[:200]!r}"]
    found: list[str] = []
    if (status, answer) != (recording.status, recording.body) and b"[masked]" not in answer:
        found.append(f"status {status}, {len(answer)} bytes of {len(recording.body)}")
    if _bare(asked) != _bare(recording.request_body):
        found.append("the provider was asked something else")
    if recording.status == 200 and entry.cost == 0 and entry.usage.prompt:
        found.append("nothing was charged")
    return found


def _bare(body: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in body.items() if name != "model"}
    if "requests" in kept:
        kept["requests"] = [_bare(request) for request in kept["requests"]]
    return json.loads(json.dumps(kept))  # type: ignore[no-any-return]
