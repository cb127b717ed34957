"""Says in words why a recording is not served, or not replayed, by what the recorded call is."""

from __future__ import annotations

from collections.abc import Mapping

from tests.wire.embeddings.check import dialect_of
from tests.wire.recordings import Recording

CALLS: tuple[tuple[str, str], ...] = (
    ("/predictions", "an API of predictions that are fetched later; no dialect here speaks it"),
    ("/operations/", "a long-running operation of the vendor; no dialect here speaks it"),
    ("/organization/", "a report of the vendor's administration API, no call of a model"),
)
"""(part of the path, reason); these come before the endpoint's own."""
ENDPOINTS: Mapping[str, str] = {
    "batches": "batches of files; the gateway runs batches in the shape of Messages",
    "cohere.other": "Cohere's tokenizer, no call of a model",
    "conversations": "conversations stored at the vendor; the gateway goes on by previous_response_id",
    "files": "files stored at the vendor; the gateway takes large inputs by /v1/uploads",
    "gemini.cached_contents": "caches that are made by hand at the vendor and live beside the calls",
    "gemini.interactions": "the Interactions API of Google, whose state is kept at the vendor",
    "models": "the vendor's list of models; the gateway answers from its own catalogue",
    "ollama.generate": "Ollama's raw completion, besides its chat",
    "ollama.other": "Ollama's list of models; the gateway answers from its own catalogue",
    "responses.compact": "compaction of a conversation at the vendor, which only that vendor reads",
    "writer.chat": "Writer's own chat API, a vendor that the gateway does not offer",
}


def not_served(recording: Recording) -> str:
    """Return why nothing of a recording is served."""
    path = str((recording.request or {}).get("path") or "")
    for part, reason in CALLS:
        if part in path:
            return reason
    return ENDPOINTS.get(recording.endpoint, f"no dialect of the gateway speaks {recording.endpoint}")


def not_replayed(recording: Recording) -> str:
    """Return why a recording that is read is not sent through the gateway."""
    if recording.endpoint == "messages.batches":
        return "batches are run by the gateway's own jobs, call by call, and do not pass"
    if recording.endpoint == "rerank":
        return "callers rerank in the shapes of Cohere and Jina; this one is of providers only"
    if recording.endpoint in ("embeddings", "gemini.embed", "vertex.predict"):
        return f"{dialect_of(recording)} is a dialect of providers only; callers have no endpoint in it"
    if (recording.request or {}).get("method") not in (None, "POST"):
        return "it looks up what the vendor stored; the gateway does so for answers that it passed itself"
    if str((recording.request or {}).get("path") or "").endswith("/images/variations"):
        return "OpenAI has retired image variations"
    return "callers have no endpoint for this call"
