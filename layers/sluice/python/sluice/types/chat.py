"""The canonical chat: what every chat dialect decodes into and encodes from.

It is built only when the caller's dialect and the provider's differ. What one dialect has and no other can
say travels in `extras` (request, response, message, part, tool) or as an `Opaque` part, tagged with the dialect it
came from (extras of a part belong to the dialect of its request or response): the same dialect writes it back,
another one drops it and reports the drop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sluice.types.usage import Usage

Json = object
"""A JSON value: dict, list, str, int, float, bool or None."""

Role = Literal["system", "developer", "user", "assistant", "tool"]
StopReason = Literal[
    "stop", "length", "tool_calls", "stop_sequence", "refusal", "content_filter", "pause", "error", "unknown"
]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


@dataclass(frozen=True, slots=True)
class CacheMark:
    """A prompt-cache breakpoint behind the part that carries it. `ttl` is "5m", "1h" or None (default)."""

    ttl: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text; `citations` are kept as the dialect wrote them."""

    text: str
    cache: CacheMark | None = None
    citations: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: base64 `data` with `media_type`, or a `url`, or a provider's `file_id`."""

    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    cache: CacheMark | None = None
    extras: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """A document: base64 `data`, plain `text`, a `url` or a `file_id`."""

    data: str | None = None
    media_type: str | None = None
    text: str | None = None
    url: str | None = None
    file_id: str | None = None
    name: str | None = None
    context: str | None = None
    citations: bool = False
    cache: CacheMark | None = None
    extras: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audio:
    """Sound: base64 `data` in `format` ("wav", "mp3"), or the `audio_id` of an earlier answer."""

    data: str | None = None
    format: str | None = None
    audio_id: str | None = None
    transcript: str | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model makes. `arguments` is JSON text exactly as the model wrote it; "" for none."""

    id: str
    name: str
    arguments: str
    cache: CacheMark | None = None
    custom: bool = False
    """True for free-text ("custom") tools, whose `arguments` are not JSON."""
    extras: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a tool answered to the call `call_id`."""

    call_id: str
    parts: tuple[Part, ...]
    is_error: bool = False
    cache: CacheMark | None = None
    extras: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Thinking:
    """Reasoning text with the provider's `signature`; `redacted` holds the encrypted form instead of text.

    `details` keeps a dialect's structured form (OpenRouter `reasoning_details`) and `field` the name under
    which the text came ("reasoning_content", "reasoning"), so that it can be written back unchanged.
    """

    text: str = ""
    signature: str | None = None
    redacted: str | None = None
    details: tuple[Json, ...] = ()
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model's refusal, as text."""

    text: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """A block that only its own dialect understands (server tools, container uploads, ...)."""

    dialect: str
    payload: Mapping[str, Json]


Part = Text | Image | Document | Audio | ToolCall | ToolResult | Thinking | Refusal | Opaque


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. A tool's answers are `ToolResult` parts of a message with role "tool" or "user"."""

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    extras: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may call; `parameters` is a JSON Schema. `opaque` holds a server-side tool."""

    name: str
    description: str | None = None
    parameters: Mapping[str, Json] | None = None
    strict: bool | None = None
    cache: CacheMark | None = None
    opaque: Opaque | None = None
    extras: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`mode` "named" forces the tool `name`; `parallel` None leaves it to the provider."""

    mode: Literal["auto", "none", "required", "named"] | None = None
    name: str | None = None
    parallel: bool | None = None
    opaque: Opaque | None = None


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """Structured output: free JSON, or JSON that follows `schema`."""

    kind: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    schema: Mapping[str, Json] | None = None
    strict: bool | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How much the model should think: an `effort`, a token `budget`, `adaptive`, or `enabled` False."""

    effort: Effort | None = None
    budget: int | None = None
    adaptive: bool = False
    enabled: bool | None = None
    display: str | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat request. `extras` are members of the caller's dialect that have no canonical form."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    output_format: OutputFormat | None = None
    reasoning: Reasoning | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    n: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    stream: bool = False
    include_usage: bool = False
    user: str | None = None
    metadata: Mapping[str, Json] | None = None
    service_tier: str | None = None
    echo: bool = False
    """True: each answer begins with the prompt (legacy completions; the caller's own dialect puts it there)."""
    dialect: str = ""
    extras: Mapping[str, Json] = field(default_factory=dict)
    bound: Mapping[str, str] = field(default_factory=dict)
    """Parameters that only the vendor of `dialect` can serve, from state it keeps, each with what to do instead."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a response."""

    parts: tuple[Part, ...]
    stop: StopReason | None
    index: int = 0
    stop_sequence: str | None = None
    logprobs: Json = None
    extras: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChatResponse:
    """One whole answer. `created` is epoch seconds; `usage` None when the provider reported nothing."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    usage: Usage | None = None
    created: int = 0
    dialect: str = ""
    extras: Mapping[str, Json] = field(default_factory=dict)
