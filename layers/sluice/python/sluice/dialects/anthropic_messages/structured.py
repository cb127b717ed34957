"""Structured output in the Messages dialect: `output_config.format`, or a tool for models that lack it.

With the quirk `json_schema: false` the answer is asked for as the input of one forced tool, whose call the decoder
turns back into text. Free JSON (`json_object`) has no form here and is asked for in words.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.anthropic_messages.names import ANSWER_TOOL
from sluice.dialects.base import JsonObject
from sluice.dialects.edits import Edits
from sluice.types.chat import Json, OutputFormat

_ASK = "Answer with one JSON object and nothing else: no words around it and no code fence."
_TOOL_DESCRIPTION = "Gives the final answer in the shape that was asked for."


def write_output_format(
    body: dict[str, object],
    output: OutputFormat | None,
    system: list[dict[str, Json]],
    quirks: JsonObject,
    edits: Edits,
) -> None:
    """Write what makes the model keep to the format into `body` or, as words, into `system`."""
    if output is None or output.kind == "text":
        return
    if output.kind == "json_object" or output.schema is None:
        edits.change("emulated:response_format")
        system.append({"type": "text", "text": _ASK})
        return
    schema = _closed(output.schema)
    if schema != output.schema:
        edits.note("closed:response_format.schema")
    if quirks.get("json_schema") is not False:
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        return
    edits.note("emulated:response_format")
    _write_answer_tool(body, output, schema)


def _write_answer_tool(body: dict[str, object], output: OutputFormat, schema: Json) -> None:
    tools = body.get("tools")
    others = tools if isinstance(tools, list) else []
    tool = {"name": ANSWER_TOOL, "description": output.description or _TOOL_DESCRIPTION, "input_schema": schema}
    body["tools"] = [*others, tool]
    choice = body.get("tool_choice")
    kind = choice.get("type") if isinstance(choice, dict) else "auto"
    if others and kind != "none":
        if kind == "auto":
            # The model may still call the caller's tools first; the answer, when it comes, has the shape.
            body["tool_choice"] = {**(choice if isinstance(choice, dict) else {}), "type": "any"}
        return
    body["tool_choice"] = {"type": "tool", "name": ANSWER_TOOL}


def _closed(schema: Json) -> Json:
    """Return the schema with every object closed, as the vendor demands (`additionalProperties: false`)."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    closed: dict[str, Json] = {}
    for name, value in schema.items():
        literal = name in ("enum", "const", "default", "examples", "required")
        closed[name] = value if literal else _closed(value)
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        closed["additionalProperties"] = False
    return closed
