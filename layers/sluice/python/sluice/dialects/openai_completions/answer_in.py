"""Reads a whole answer into its canonical form."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import EMPTY, JsonObject
from sluice.dialects.openai_chat import usage as counts
from sluice.dialects.openai_chat.failures import choices_of
from sluice.dialects.openai_chat.finish import read_finish
from sluice.dialects.openai_completions.logprobs import read_logprobs
from sluice.dialects.openai_completions.names import NAME
from sluice.errors import ProviderGarbled
from sluice.types.chat import ChatResponse, Choice, Json, Text

_KNOWN = frozenset({"id", "object", "created", "model", "choices", "usage"})
_CHOICE = frozenset({"index", "text", "finish_reason", "logprobs"})


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> ChatResponse:
    """Return the canonical answer; see `ChatDialect.decode_response`."""
    choices = choices_of(body)
    usage = counts.read(body, quirks)
    known = _KNOWN if usage is None else _KNOWN | {"service_tier"}
    identity, created, model = body.get("id"), body.get("created"), body.get("model")
    return ChatResponse(
        id=identity if isinstance(identity, str) else "",
        model=model if isinstance(model, str) else "",
        choices=tuple(_choice(raw, at) for at, raw in enumerate(choices) if isinstance(raw, Mapping)),
        usage=usage,
        created=int(created) if isinstance(created, int | float) else 0,
        dialect=NAME,
        extras={name: value for name, value in body.items() if name not in known},
    )


def _choice(raw: Mapping[str, Json], position: int) -> Choice:
    text = raw.get("text")
    if not isinstance(text, str):
        raise ProviderGarbled(f"Choice {position} of the provider's answer holds no text.")
    index = raw.get("index")
    return Choice(
        (Text(text),) if text else (),
        read_finish(raw.get("finish_reason"), calls=False, refused=False),
        index=index if isinstance(index, int) and not isinstance(index, bool) else position,
        logprobs=read_logprobs(raw.get("logprobs")),
        extras={name: value for name, value in raw.items() if name not in _CHOICE},
    )
