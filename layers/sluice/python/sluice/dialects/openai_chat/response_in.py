"""Reads a whole answer into its canonical form."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_chat import usage as counts
from sluice.dialects.openai_chat.failures import choices_of
from sluice.dialects.openai_chat.finish import read_finish
from sluice.dialects.openai_chat.ids import synthetic_id
from sluice.dialects.openai_chat.messages_in import arguments_text, call_extras
from sluice.dialects.openai_chat.names import NAME
from sluice.dialects.openai_chat.parts_in import read_part
from sluice.dialects.openai_chat.reasoning import read_reasoning
from sluice.errors import GatewayError
from sluice.types.chat import Audio, ChatResponse, Choice, Json, Part, Refusal, Text, ToolCall

_KNOWN = frozenset({"id", "object", "created", "model", "choices", "usage"})
_CHOICE = frozenset({"index", "message", "delta", "finish_reason", "logprobs"})
_MESSAGE = frozenset(
    {
        "role", "content", "tool_calls", "function_call", "refusal", "audio", "images",
        "reasoning_content", "reasoning", "reasoning_details",
    }
)  # fmt: skip


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:
    """Return the canonical answer; see `ChatDialect.decode_response`."""
    choices = choices_of(body)
    usage = counts.read(body, quirks)
    known = _KNOWN if usage is None else _KNOWN | {"service_tier"}
    identity, created, model = body.get("id"), body.get("created"), body.get("model")
    answer_id = identity if isinstance(identity, str) else ""
    when = int(created) if isinstance(created, int | float) else 0
    return ChatResponse(
        id=answer_id,
        model=model if isinstance(model, str) else "",
        choices=tuple(
            _choice(choice, at, f"{answer_id}{when}")
            for at, choice in enumerate(choices)
            if isinstance(choice, Mapping)
        ),
        usage=usage,
        created=when,
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in known},
    )


def _choice(raw: Mapping[str, Json], position: int, seed: str) -> Choice:
    message = raw.get("message")
    said: Mapping[str, Json] = message if isinstance(message, Mapping) else EMPTY
    index = raw.get("index")
    number = index if isinstance(index, int) and not isinstance(index, bool) else position
    calls = _calls(said, f"{seed}{number}")
    parts = (*read_reasoning(said), *_content(said), *_others(said), *calls)
    refused = any(isinstance(part, Refusal) for part in parts)
    extras: dict[str, Json] = {name: value for name, value in raw.items() if name not in _CHOICE}
    own = {name: value for name, value in said.items() if name not in _MESSAGE and value not in (None, [], {}, "")}
    if own:
        extras["message"] = own
    return Choice(
        parts,
        read_finish(raw.get("finish_reason"), bool(calls), refused),
        index=number,
        logprobs=raw.get("logprobs"),
        extras=extras,
    )


def _content(said: Mapping[str, Json]) -> list[Part]:
    content = said.get("content")
    if isinstance(content, str):
        return [Text(content)] if content else []
    parts: list[Part] = []
    for item in content if isinstance(content, list) else ():
        try:
            parts.append(read_part(item, "content"))
        except GatewayError:
            continue  # an answer is never refused for an odd part
    return parts


def _others(said: Mapping[str, Json]) -> list[Part]:
    parts: list[Part] = []
    refusal, audio, images = said.get("refusal"), said.get("audio"), said.get("images")
    if isinstance(refusal, str) and refusal:
        parts.append(Refusal(refusal))
    if isinstance(audio, Mapping) and (audio.get("id") or audio.get("data")):
        parts.append(read_audio(audio))
    for item in images if isinstance(images, list) else ():  # OpenRouter: pictures the model drew
        try:
            parts.append(read_part(item, "images"))
        except GatewayError:
            continue
    return parts


def read_audio(audio: Mapping[str, Json]) -> Audio:
    """Return the sound of an answer: {"id", "data", "expires_at", "transcript"}."""
    expires = audio.get("expires_at")
    return Audio(
        data=_word(audio, "data"),
        audio_id=_word(audio, "id"),
        transcript=_word(audio, "transcript"),
        expires_at=int(expires) if isinstance(expires, int | float) else None,
    )


def _calls(said: Mapping[str, Json], seed: str) -> list[ToolCall]:
    calls: list[ToolCall] = []
    made = said.get("tool_calls")
    for position, raw in enumerate(made if isinstance(made, list) else ()):
        call = answered_call(raw, f"{seed}{position}")
        if call is not None:
            calls.append(call)
    old = said.get("function_call")
    if not calls and isinstance(old, Mapping) and old.get("name"):
        calls.append(ToolCall(synthetic_id(seed), str(old["name"]), arguments_text(old.get("arguments"))))
    return calls


def answered_call(raw: object, seed: str) -> ToolCall | None:
    """Return a tool call of an answer; one without an id gets one made of `seed`; None for what is none."""
    if not isinstance(raw, Mapping):
        return None
    custom, function = raw.get("custom"), raw.get("function")
    free = raw.get("type") == "custom" and isinstance(custom, Mapping)
    held = custom if free else function
    if not isinstance(held, Mapping) or not isinstance(held.get("name"), str) or not held["name"]:
        return None
    call_id = raw.get("id")
    return ToolCall(
        call_id if isinstance(call_id, str) and call_id else synthetic_id(seed),
        held["name"],
        arguments_text(held.get("input") if free else held.get("arguments")),
        custom=free,
        extras=call_extras(raw),
    )


def _word(held: Mapping[str, Json], name: str) -> str | None:
    value = held.get(name)
    return value if isinstance(value, str) else None
