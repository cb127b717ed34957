"""Reads an Ollama chat request into the canonical one.

Rules: a member or option with a canonical form is read into it, every other one is kept in `extras`, so that the same
dialect writes the request back whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from sluice.dialects.base import JsonObject
from sluice.dialects.functions import read_function
from sluice.dialects.ollama_chat.messages_in import Conversation
from sluice.dialects.ollama_chat.names import NAME
from sluice.dialects.ollama_chat.outline import outline
from sluice.types.chat import ChatRequest, Effort, Json, OutputFormat, Reasoning, Tool

_READ = ("model", "messages", "tools", "format", "options", "think", "stream", "logprobs", "top_logprobs")
_OPTIONS = (
    "num_predict", "temperature", "top_p", "top_k", "seed", "stop", "presence_penalty", "frequency_penalty",
)  # fmt: skip
_EFFORTS = frozenset(get_args(Effort))


def decode_request(body: JsonObject) -> ChatRequest:
    """Return the canonical request. Raises BadRequest naming the parameter and the remedy."""
    seen = outline(body, 0)
    extras: dict[str, Json] = {name: value for name, value in body.items() if name not in _READ}
    options = body.get("options")
    stated: Mapping[str, Json] = options if isinstance(options, Mapping) else {}
    rest = {name: value for name, value in stated.items() if name not in _OPTIONS}
    if "num_predict" in stated and seen.max_output is None:
        rest["num_predict"] = stated["num_predict"]
    if rest:
        extras["options"] = rest
    reader = Conversation()
    messages = cast(list[Mapping[str, Json]], body["messages"])
    logprobs = body.get("logprobs")
    return ChatRequest(
        model=seen.model,
        messages=tuple(reader.read(raw, position) for position, raw in enumerate(messages)),
        tools=_tools(body),
        output_format=_output_format(body, extras),
        reasoning=_reasoning(body, extras),
        max_tokens=seen.max_output,
        temperature=_number(stated, "temperature"),
        top_p=_number(stated, "top_p"),
        top_k=_whole(stated, "top_k"),
        stop=_stop(stated.get("stop")),
        seed=_whole(stated, "seed"),
        presence_penalty=_number(stated, "presence_penalty"),
        frequency_penalty=_number(stated, "frequency_penalty"),
        logprobs=logprobs if isinstance(logprobs, bool) else None,
        top_logprobs=_whole(body, "top_logprobs"),
        stream=seen.stream,
        include_usage=True,
        dialect=NAME,
        extras=extras,
    )


def _tools(body: JsonObject) -> tuple[Tool, ...]:
    found = body.get("tools")
    return (
        tuple(read_function(raw, NAME) for raw in found if isinstance(raw, Mapping)) if isinstance(found, list) else ()
    )


def _output_format(body: JsonObject, extras: dict[str, Json]) -> OutputFormat | None:
    wanted = body.get("format")
    if isinstance(wanted, Mapping):
        return OutputFormat("json_schema", schema=wanted)
    if wanted == "json":
        return OutputFormat("json_object")
    if wanted not in (None, ""):
        extras["format"] = wanted
    return None


def _reasoning(body: JsonObject, extras: dict[str, Json]) -> Reasoning | None:
    wanted = body.get("think")
    if isinstance(wanted, bool):
        return Reasoning(enabled=wanted)
    if isinstance(wanted, str) and wanted in _EFFORTS:
        return Reasoning(cast(Effort, wanted), enabled=wanted != "none")
    if wanted is not None:
        extras["think"] = wanted
    return None


def _stop(found: Json) -> tuple[str, ...]:
    if isinstance(found, str):
        return (found,)
    return tuple(stop for stop in found if isinstance(stop, str)) if isinstance(found, list) else ()


def _number(held: Mapping[str, Json], name: str) -> float | None:
    value = held.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(held: Mapping[str, Json], name: str) -> int | None:
    value = _number(held, name)
    return None if value is None else int(value)
