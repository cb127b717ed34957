"""Structured output in the Converse dialect: `outputConfig.textFormat`, or a tool for models that lack it.

With the quirk `json_schema: false` the answer is asked for as the input of one forced tool, whose call the decoder
turns back into text. Free JSON (`json_object`) has no form here and is asked for in words. The vendor wants every
object of a schema closed (AWS docs, "Get validated JSON results from models", 2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.dialects.base import JsonObject
from sluice.dialects.bedrock_converse.names import ANSWER_TOOL
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
        edits.change("emulated:response_format", "response_format")
        system.append({"text": _ASK})
        return
    schema = closed(output.schema)
    if schema != output.schema:
        edits.note("closed:response_format.schema")
    if quirks.get("json_schema") is False:
        edits.note("emulated:response_format")
        _write_answer_tool(body, output, schema)
        return
    write_text_format(body, output, schema)


def write_text_format(body: dict[str, object], output: OutputFormat, schema: Json) -> None:
    """Write a schema in the API's own form."""
    definition: dict[str, Json] = {"schema": json.dumps(schema, ensure_ascii=False, separators=(",", ":"))}
    if output.name is not None:
        definition["name"] = output.name
    if output.description is not None:
        definition["description"] = output.description
    config = body.get("outputConfig")
    body["outputConfig"] = {
        **(config if isinstance(config, dict) else {}),
        "textFormat": {"type": "json_schema", "structure": {"jsonSchema": definition}},
    }


def _write_answer_tool(body: dict[str, object], output: OutputFormat, schema: Json) -> None:
    config = body.get("toolConfig")
    known = config if isinstance(config, dict) else {}
    others = known.get("tools") or []
    spec = {
        "name": ANSWER_TOOL,
        "description": output.description or _TOOL_DESCRIPTION,
        "inputSchema": {"json": schema},
    }
    choice = known.get("toolChoice")
    if not others:
        choice = {"tool": {"name": ANSWER_TOOL}}
    elif choice is None or "auto" in choice:
        choice = {"any": {}}  # the caller's own tools may be called first
    body["toolConfig"] = {"tools": [*others, {"toolSpec": spec}], "toolChoice": choice}


def closed(schema: Json) -> Json:
    """Return the schema with every object closed (`additionalProperties: false`)."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    literal = ("enum", "const", "default", "examples", "required")
    written = {name: value if name in literal else closed(value) for name, value in schema.items()}
    if schema.get("type") == "object" and "additionalProperties" not in schema:
        written["additionalProperties"] = False
    return written
