"""The public API as one table; API Gateway (deployed and local) and the application route by it.

`function` names the Lambda that serves the endpoint. `operation` selects the use case, `dialect` the shape of its
bodies and errors. A path segment `{name}` matches one segment, `{name+}` the rest of the path. This module
imports nothing of Sluice, so the CDK app reads the same table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method and path."""

    method: str
    path: str
    operation: str
    dialect: str
    function: str
    public: bool = False
    """True: answers without a key."""


OPENAI = "openai_chat"
ANTHROPIC = "anthropic_messages"
GEMINI = "gemini"
RESPONSES = "openai_responses"
COMPLETIONS = "openai_completions"
EMBEDDINGS = "openai_embeddings"
RERANK = "jina_rerank"
MODERATIONS = "openai_moderations"
COUNT_TOKENS = "anthropic_count_tokens"
COHERE = "cohere_chat"
OLLAMA = "ollama_chat"
BEDROCK = "bedrock_converse"
IMAGES = "openai_images"
IMAGE_EDITS = "openai_image_edits"
TRANSCRIPTIONS = "openai_transcriptions"
TRANSLATIONS = "openai_translations"
SPEECH = "openai_speech"

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint("POST", "/v1/chat/completions", "chat", OPENAI, "streaming"),
    Endpoint("POST", "/chat/completions", "chat", OPENAI, "streaming"),
    Endpoint("POST", "/v1/messages", "chat", ANTHROPIC, "streaming"),
    # Where services call Snowflake Cortex today; only their base URL changes.
    Endpoint("POST", "/api/v2/cortex/v1/chat/completions", "chat", OPENAI, "streaming"),
    Endpoint("POST", "/api/v2/cortex/v1/messages", "chat", ANTHROPIC, "streaming"),
    Endpoint("POST", "/v1/responses", "responses", RESPONSES, "streaming"),
    Endpoint("POST", "/v1/responses/input_tokens", "response_input_tokens", RESPONSES, "streaming"),
    Endpoint("GET", "/v1/responses/{response_id}", "response_retrieve", RESPONSES, "streaming"),
    Endpoint("DELETE", "/v1/responses/{response_id}", "response_delete", RESPONSES, "streaming"),
    Endpoint("POST", "/v1/responses/{response_id}/cancel", "response_cancel", RESPONSES, "streaming"),
    Endpoint("GET", "/v1/responses/{response_id}/input_items", "response_input_items", RESPONSES, "streaming"),
    Endpoint("POST", "/api/v2/cortex/inference:complete", "chat", "snowflake_complete", "streaming"),
    Endpoint("POST", "/api/v2/cortex/inference:embed", "embeddings", "snowflake_embeddings", "completion"),
    Endpoint("POST", "/v1/completions", "completions", COMPLETIONS, "streaming"),
    Endpoint("POST", "/completions", "completions", COMPLETIONS, "streaming"),
    Endpoint("POST", "/v1beta/models/{call+}", "generate_content", GEMINI, "streaming"),
    Endpoint("POST", "/model/{call+}", "bedrock", BEDROCK, "streaming"),
    Endpoint("POST", "/v2/chat", "chat", COHERE, "streaming"),
    Endpoint("POST", "/api/chat", "chat", OLLAMA, "streaming"),
    Endpoint("POST", "/v1/messages/batches", "message_batch_create", ANTHROPIC, "completion"),
    Endpoint("GET", "/v1/messages/batches", "message_batch_list", ANTHROPIC, "completion"),
    Endpoint("GET", "/v1/messages/batches/{batch_id}", "message_batch_show", ANTHROPIC, "completion"),
    Endpoint("DELETE", "/v1/messages/batches/{batch_id}", "message_batch_delete", ANTHROPIC, "completion"),
    Endpoint("GET", "/v1/messages/batches/{batch_id}/results", "message_batch_results", ANTHROPIC, "completion"),
    Endpoint("POST", "/v1/messages/batches/{batch_id}/cancel", "message_batch_cancel", ANTHROPIC, "completion"),
    Endpoint("POST", "/v1/messages/count_tokens", "count_tokens", COUNT_TOKENS, "completion"),
    Endpoint("POST", "/v1/embeddings", "embeddings", EMBEDDINGS, "completion"),
    Endpoint("POST", "/embeddings", "embeddings", EMBEDDINGS, "completion"),
    Endpoint("POST", "/v2/embed", "embeddings", "cohere_embeddings", "completion"),
    Endpoint("POST", "/v1/rerank", "rerank", RERANK, "completion"),
    Endpoint("POST", "/rerank", "rerank", RERANK, "completion"),
    Endpoint("POST", "/v2/rerank", "rerank", "cohere_rerank", "completion"),
    Endpoint("POST", "/v1/moderations", "moderations", MODERATIONS, "completion"),
    Endpoint("POST", "/moderations", "moderations", MODERATIONS, "completion"),
    # Pictures and sound are streamed whatever was asked for: they outlast the 29 s and outgrow the 6 MB of a buffered
    # answer, and a streamed one needs no Base64.
    Endpoint("POST", "/v1/images/generations", "images", IMAGES, "streaming"),
    Endpoint("POST", "/images/generations", "images", IMAGES, "streaming"),
    Endpoint("POST", "/v1/images/edits", "image_edits", IMAGE_EDITS, "streaming"),
    Endpoint("POST", "/images/edits", "image_edits", IMAGE_EDITS, "streaming"),
    Endpoint("POST", "/v1/audio/transcriptions", "transcriptions", TRANSCRIPTIONS, "streaming"),
    Endpoint("POST", "/audio/transcriptions", "transcriptions", TRANSCRIPTIONS, "streaming"),
    Endpoint("POST", "/v1/audio/translations", "translations", TRANSLATIONS, "streaming"),
    Endpoint("POST", "/audio/translations", "translations", TRANSLATIONS, "streaming"),
    Endpoint("POST", "/v1/audio/speech", "speech", SPEECH, "streaming"),
    Endpoint("POST", "/audio/speech", "speech", SPEECH, "streaming"),
    Endpoint("GET", "/v1/models", "models", OPENAI, "routing"),
    Endpoint("GET", "/models", "models", OPENAI, "routing"),
    Endpoint("GET", "/v1/models/{model+}", "model", OPENAI, "routing"),
    Endpoint("GET", "/models/{model+}", "model", OPENAI, "routing"),
    Endpoint("POST", "/v1/route", "route", OPENAI, "routing"),
    Endpoint("GET", "/v1/requests/{request_id}", "request", OPENAI, "routing"),
    Endpoint("GET", "/v1/usage", "usage", OPENAI, "routing"),
    Endpoint("POST", "/v1/uploads", "upload_create", OPENAI, "routing"),
    Endpoint("GET", "/v1/uploads/{upload_id}", "upload_show", OPENAI, "routing"),
    Endpoint("DELETE", "/v1/uploads/{upload_id}", "upload_delete", OPENAI, "routing"),
    Endpoint("GET", "/health", "health", OPENAI, "routing", public=True),
    # By the function that serves chats, so that it tells whether callers of this region reach them.
    Endpoint("GET", "/health/ready", "ready", OPENAI, "streaming", public=True),
    Endpoint("ANY", "/admin/{path+}", "admin", OPENAI, "admin"),
)
"""The spine's endpoints."""


BINARY_MEDIA_TYPES = ("multipart/form-data", "application/octet-stream")
"""Bodies that API Gateway hands to a function in Base64; all others go as text. Named one by one: */* would make every
chat a third larger."""


SIGNED_PREFIX = "/iam"
"""Where the same paths stand once more for callers that sign with AWS credentials (SigV4) instead of sending a key."""


@dataclass(frozen=True, slots=True)
class Match:
    """An endpoint and the values of its path parameters."""

    endpoint: Endpoint
    params: tuple[tuple[str, str], ...] = ()

    def param(self, name: str) -> str:
        """Return one path parameter, "" when the endpoint has none of that name."""
        return dict(self.params).get(name, "")


_EXACT = {(e.method, e.path): Match(e) for e in ENDPOINTS if "{" not in e.path}
_PATTERNS = tuple(e for e in ENDPOINTS if "{" in e.path)


def find(method: str, path: str) -> Match | None:
    """Return the endpoint that serves `method` and `path`, or None."""
    exact = _EXACT.get((method, path))
    if exact is not None:
        return exact
    for endpoint in _PATTERNS:
        if endpoint.method in (method, "ANY"):
            params = _match(endpoint.path, path)
            if params is not None:
                return Match(endpoint, params)
    return None


def methods_of(path: str) -> tuple[str, ...]:
    """Return the methods that some endpoint offers at `path`; empty when the path is unknown."""
    return tuple(sorted({e.method for e in ENDPOINTS if e.path == path or _match(e.path, path) is not None}))


def _match(pattern: str, path: str) -> tuple[tuple[str, str], ...] | None:
    want, have = pattern.strip("/").split("/"), path.strip("/").split("/")
    params: list[tuple[str, str]] = []
    for position, segment in enumerate(want):
        if segment.endswith("+}"):
            rest = "/".join(have[position:])
            return (*params, (segment[1:-2], rest)) if rest else None
        if position >= len(have):
            return None
        if segment.startswith("{"):
            if not have[position]:
                return None
            params.append((segment[1:-1], have[position]))
        elif segment != have[position]:
            return None
    return tuple(params) if len(want) == len(have) else None
