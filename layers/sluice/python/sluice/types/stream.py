"""The canonical stream: the events of one chat answer, in the order in which they arrive.

Order within a choice: `Start`, then for each part `PartStart`, its deltas, `PartStop`, then `Finish`, then at
most one final `UsageReport` and `End`. `part` numbers the parts of one choice from 0 in order of appearance;
parts of one choice may interleave only for parallel tool calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sluice.errors import GatewayError
from sluice.types.chat import Json, StopReason
from sluice.types.usage import Usage

PartKind = Literal["text", "thinking", "tool_call", "refusal", "audio", "opaque"]


@dataclass(frozen=True, slots=True)
class Start:
    """The answer begins."""

    id: str
    model: str
    created: int = 0
    usage: Usage | None = None


@dataclass(frozen=True, slots=True)
class PartStart:
    """A part begins; `id` and `name` belong to tool calls, `payload` to opaque and redacted parts.

    The payload of redacted thinking is its encrypted text, that of an opaque part the block of `dialect`, that of a
    tool call the members only `dialect` knows.
    """

    part: int
    kind: PartKind
    id: str = ""
    name: str = ""
    payload: Json = None
    choice: int = 0
    dialect: str = ""
    custom: bool = False
    """True for calls of free-text tools (`ToolCall.custom`)."""
    field: str | None = None
    """The member in which thinking text comes (`Thinking.field`)."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of a text, thinking or refusal part."""

    part: int
    text: str
    choice: int = 0
    logprobs: Json = None


@dataclass(frozen=True, slots=True)
class ArgumentsDelta:
    """More JSON text of a tool call's arguments."""

    part: int
    fragment: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class SignatureDelta:
    """The signature of a thinking part."""

    part: int
    signature: str
    choice: int = 0


@dataclass(frozen=True, slots=True)
class OpaqueDelta:
    """A delta only its own dialect understands (citations, reasoning details, audio chunks)."""

    part: int
    dialect: str
    payload: Json
    choice: int = 0


@dataclass(frozen=True, slots=True)
class PartStop:
    """A part is complete."""

    part: int
    choice: int = 0


@dataclass(frozen=True, slots=True)
class Finish:
    """One choice is complete; `extras` are what only the provider's dialect says about its end."""

    stop: StopReason
    stop_sequence: str | None = None
    choice: int = 0
    extras: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UsageReport:
    """Token counts so far (cumulative)."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class StreamFailed:
    """The provider reported an error inside the stream; nothing follows."""

    error: GatewayError


@dataclass(frozen=True, slots=True)
class Idle:
    """The provider has been silent for a while (a b"" item reached `decode_stream`): time to keep the caller alive."""


@dataclass(frozen=True, slots=True)
class End:
    """The provider said that the stream is over."""


StreamEvent = (
    Start
    | PartStart
    | TextDelta
    | ArgumentsDelta
    | SignatureDelta
    | OpaqueDelta
    | PartStop
    | Finish
    | UsageReport
    | StreamFailed
    | Idle
    | End
)
