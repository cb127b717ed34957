"""Writes a canonical answer as a completions caller expects it.

Only text has a place here: reasoning and everything else a chat model may add are left out, a refusal is text.
"""

from __future__ import annotations

import time

from sluice.dialects.openai_chat import usage as counts
from sluice.dialects.openai_completions.logprobs import write_logprobs
from sluice.dialects.openai_completions.names import NAME
from sluice.types.chat import ChatRequest, ChatResponse, Choice, Json, Refusal, StopReason, Text
from sluice.types.usage import Usage

_FINISH: dict[StopReason | None, str] = {
    "length": "length",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "error": "error",
}


def encode_response(response: ChatResponse, request: ChatRequest) -> dict[str, object]:
    """Return the body of a whole answer; see `ChatDialect.encode_response`."""
    native = response.dialect in ("", NAME)
    echoed = "" if native else echo_of(request)
    body: dict[str, object] = {
        "id": answer_id(response.id, native),
        "object": "text_completion",
        "created": response.created if response.created or native else int(time.time()),
        "model": response.model,
        "choices": [_choice(choice, native, echoed) for choice in response.choices],
    }
    if response.usage is not None:
        body.update(write_usage(response.usage))
    return {**body, **response.extras} if native else body


def echo_of(request: ChatRequest) -> str:
    """Return the text that stands before each answer: the prompt where the caller asked for its echo."""
    if not request.echo:
        return ""
    return "".join(part.text for message in request.messages for part in message.parts if isinstance(part, Text))


def answer_id(identity: str, native: bool) -> str:
    """Return the id of an answer; another dialect's gets the prefix that callers of this one know."""
    return identity if native or identity.startswith("cmpl-") else f"cmpl-{identity}"


def write_finish(stop: StopReason | None) -> str:
    """Return the word for `finish_reason`: length, content_filter, error or stop."""
    return _FINISH.get(stop, "stop")


def write_usage(usage: Usage) -> dict[str, object]:
    """Return what an answer or its last chunk says of its tokens."""
    written: dict[str, object] = {"usage": counts.write(usage)}
    if usage.service_tier is not None:
        written["service_tier"] = usage.service_tier
    return written


def _choice(choice: Choice, native: bool, echoed: str) -> dict[str, Json]:
    text = "".join(part.text for part in choice.parts if isinstance(part, Text | Refusal))
    return {
        "text": echoed + text,
        "index": choice.index,
        "logprobs": write_logprobs(choice.logprobs, len(echoed)),
        "finish_reason": write_finish(choice.stop),
        **(choice.extras if native else {}),
    }
