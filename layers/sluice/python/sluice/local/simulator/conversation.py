"""What both dialects read a request into, and what the script answers: plain values without a wire format."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sluice.local.simulator import tokens
from sluice.local.simulator.directives import Directive
from sluice.local.simulator.models import Model

Json = Any
Object = dict[str, Any]


class Refused(Exception):
    """The request is answered with an error of its dialect; `told` is the code or type that a directive asked for."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        told: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.told = told
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool the model may call. `custom` tools take free text instead of JSON."""

    name: str
    description: str = ""
    parameters: Mapping[str, Json] = field(default_factory=dict)
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """Something that came with the question: `kind` is "image", "document" or "audio", `size` its bytes."""

    kind: str
    media_type: str
    size: int | None = None
    width: int | None = None
    height: int | None = None
    source: str = ""

    @property
    def tokens(self) -> int:
        """What it costs: pixels / 750 as Anthropic counts, a token for 750 bytes where there are no pixels."""
        if self.width and self.height:
            return max(1, self.width * self.height // 750)
        return max(85, (self.size or 0) // 750)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool answered."""

    name: str
    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the prompt. `mark` is the cache breakpoint behind it: "5m", "1h" or None.

    `seen` tells that it stands before the last assistant turn, so an earlier request carried it too.
    """

    tokens: int
    mark: str | None = None
    seen: bool = False


@dataclass(frozen=True, slots=True)
class Prompt:
    """Prompt tokens by how the cache served them; the classes are disjoint."""

    fresh: int
    read: int = 0
    write_5m: int = 0
    write_1h: int = 0

    @property
    def total(self) -> int:
        """All of the prompt."""
        return self.fresh + self.read + self.write_5m + self.write_1h


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. `thinking` is the number of thinking tokens wanted; `schema` {} asks for any JSON object."""

    model: Model
    digest: str
    question: str
    directive: Directive
    prompt: Prompt
    turn: int = 1
    attachments: tuple[Attachment, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    offers: tuple[Offer, ...] = ()
    choice: Literal["auto", "none", "required"] = "auto"
    forced: str | None = None
    parallel: bool = True
    schema: Mapping[str, Json] | None = None
    thinking: int = 0
    show_thinking: bool = True
    max_tokens: int | None = None
    stops: tuple[str, ...] = ()
    stream: bool = False
    include_usage: bool = False
    answers: int = 1
    top_logprobs: int | None = None
    """How many alternatives each token's log probability comes with; None: no log probabilities."""


@dataclass(frozen=True, slots=True)
class Thought:
    """Thinking before the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Say:
    """Text."""

    text: str


@dataclass(frozen=True, slots=True)
class Decline:
    """The refusal of an answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call; `arguments` is JSON text, or free text for a custom tool."""

    id: str
    name: str
    arguments: str
    custom: bool = False


Piece = Thought | Say | Decline | Call
Stop = Literal["end", "length", "calls", "sequence", "refusal", "filter"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `output` counts all its tokens, `thinking` those of them that were thinking."""

    pieces: tuple[Piece, ...]
    stop: Stop
    output: int
    thinking: int = 0
    stop_sequence: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event as it goes out, and how many tokens it brings."""

    payload: bytes
    tokens: int = 0


def digest(body: Json) -> str:
    """Return 64 hex digits that stand for the request; `stream` and its options do not change them."""
    named = {k: v for k, v in body.items() if k not in ("stream", "stream_options")} if type(body) is dict else body
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()


def cached_by_marks(segments: Sequence[Segment]) -> Prompt:
    """Split the prompt by its cache breakpoints; see the package's docstring for the rule."""
    total = sum(s.tokens for s in segments)
    marks = [i for i, s in enumerate(segments) if s.mark]
    if not marks:
        return Prompt(total)
    covered = segments[: marks[-1] + 1]
    read = sum(s.tokens for s in covered if s.seen)
    written = sum(s.tokens for s in covered) - read
    hour = segments[marks[-1]].mark == "1h"
    return Prompt(total - read - written, read, 0 if hour else written, written if hour else 0)


def cached_by_blocks(segments: Sequence[Segment]) -> Prompt:
    """Split the prompt as automatic caching does: whole blocks of 128 tokens from 1,024 up."""
    total = sum(s.tokens for s in segments)
    seen = sum(s.tokens for s in segments if s.seen)
    read = seen // 128 * 128 if seen >= 1024 else 0
    return Prompt(total - read, read)


def with_cached(prompt: Prompt, cached: int | None) -> Prompt:
    """Apply the directive `cached=N`."""
    if cached is None:
        return prompt
    read = min(cached, prompt.total)
    return Prompt(prompt.total - read, read)


def size_of(body: Json) -> int:
    """Return the tokens of any JSON value, written compactly."""
    return tokens.count(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
