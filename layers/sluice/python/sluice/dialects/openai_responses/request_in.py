"""Reads a whole request into its canonical form.

Members that only stored state of the vendor can serve are listed in `bound`, so that no other dialect gets the request.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from sluice.dialects.base import JsonObject
from sluice.dialects.openai_responses.items_in import read_messages
from sluice.dialects.openai_responses.names import NAME, REFERENCES, STORED
from sluice.dialects.openai_responses.outline import outline
from sluice.dialects.openai_responses.tools import read_choice, read_tools
from sluice.types.chat import ChatRequest, Effort, Json, Message, OutputFormat, Reasoning, Text

_EFFORTS = frozenset(get_args(Effort))
_KNOWN = frozenset(
    {
        "model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "stream", "text", "reasoning",
        "max_output_tokens", "temperature", "top_p", "top_logprobs", "include", "user", "metadata", "service_tier",
    }
)  # fmt: skip
LOGPROBS = "message.output_text.logprobs"


def decode_request(body: JsonObject) -> ChatRequest:
    """Return the canonical request; see `ChatDialect.decode_request`."""
    sketch = outline(body, 0)
    extras: dict[str, Json] = {name: value for name, value in body.items() if name not in _KNOWN and value is not None}
    include = _list(body.get("include"))
    metadata, tier, user = body.get("metadata"), body.get("service_tier"), body.get("user")
    return ChatRequest(
        model=sketch.model,
        messages=_messages(body),
        tools=read_tools(body),
        tool_choice=read_choice(body),
        output_format=_output_format(body.get("text"), extras),
        reasoning=_reasoning(body.get("reasoning"), extras),
        max_tokens=sketch.max_output,
        temperature=_number(body.get("temperature")),
        top_p=_number(body.get("top_p")),
        logprobs=True if LOGPROBS in include or _whole(body.get("top_logprobs")) else None,
        top_logprobs=_whole(body.get("top_logprobs")),
        stream=sketch.stream,
        include_usage=True,
        user=user if isinstance(user, str) else None,
        metadata=dict(metadata) if isinstance(metadata, Mapping) else None,
        service_tier=tier if isinstance(tier, str) else None,
        dialect=NAME,
        extras=_with_include(extras, include),
        bound=_bound(body),
    )


def _messages(body: JsonObject) -> tuple[Message, ...]:
    given, instructions = body.get("input"), body.get("instructions")
    first: tuple[Message, ...] = ()
    if isinstance(instructions, str) and instructions:
        first = (Message("system", (Text(instructions),), extras={"instructions": True}),)
    elif isinstance(instructions, list):
        first = read_messages(instructions)
    if isinstance(given, str):
        return (*first, Message("user", (Text(given),)))
    return (*first, *read_messages(_list(given)))


def _output_format(text: Json, extras: dict[str, Json]) -> OutputFormat | None:
    """Read `text`; its `verbosity` and a format without a canonical form stay in `extras`."""
    if not isinstance(text, Mapping):
        return None
    if isinstance(text.get("verbosity"), str):
        extras["verbosity"] = text["verbosity"]
    shape = text.get("format")
    if not isinstance(shape, Mapping):
        return None
    kind, strict, name, told = (shape.get(member) for member in ("type", "strict", "name", "description"))
    schema = shape.get("schema")
    if kind == "json_schema":
        return OutputFormat(
            "json_schema",
            name=name if isinstance(name, str) else None,
            schema=dict(schema) if isinstance(schema, Mapping) else None,
            strict=strict if isinstance(strict, bool) else None,
            description=told if isinstance(told, str) else None,
        )
    if kind == "json_object":
        return OutputFormat("json_object")
    if kind == "text":
        return OutputFormat("text")
    extras["text"] = {"format": dict(shape)}
    return None


def _reasoning(asked: Json, extras: dict[str, Json]) -> Reasoning | None:
    """Read `reasoning`; what is no effort word stays in `extras` under a name of its own."""
    if not isinstance(asked, Mapping):
        return None
    word = asked.get("effort")
    effort = cast(Effort, word) if isinstance(word, str) and word in _EFFORTS else None
    rest = {name: value for name, value in asked.items() if value is not None and (name != "effort" or effort is None)}
    if rest:
        extras["reasoning"] = rest
    return Reasoning(effort=effort) if effort is not None else None


def _with_include(extras: dict[str, Json], include: list[Json]) -> dict[str, Json]:
    others = [word for word in include if word != LOGPROBS]
    return {**extras, "include": others} if others else extras


def _bound(body: JsonObject) -> dict[str, str]:
    """Return the parameters that tie the request to what its vendor keeps, and what to do instead."""
    found = {name: reason for name, reason in STORED.items() if body.get(name) not in (None, False)}
    for position, item in enumerate(_list(body.get("input"))):
        kind = item.get("type") if isinstance(item, Mapping) else None
        alone = isinstance(item, Mapping) and kind is None and "role" not in item
        if kind in REFERENCES or alone:
            found.setdefault(
                f"input[{position}]",
                f"only its own vendor can read an item of type {kind or 'item_reference'}; send the items themselves",
            )
    return found


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _number(value: Json) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: Json) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
