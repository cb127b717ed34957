"""JSON Schema against the schemas of the Gemini dialect.

Rules: `responseJsonSchema` and `parametersJsonSchema` take JSON Schema with fewer keywords; the older `responseSchema`
and `parameters` take the OpenAPI 3.0 subset, without references, unions of types or open objects (vendor docs,
"Structured output" and "Schema", 2026-11). What a keyword forbids beyond that is not enforced by the model.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.types.chat import Json

Schema = Mapping[str, Json]

_COMMON = (
    "type", "title", "description", "format", "enum", "items", "minItems", "maxItems", "minimum", "maximum", "anyOf",
    "properties", "required",
)  # fmt: skip
_JSON = frozenset(
    {*_COMMON, "$id", "$defs", "$ref", "$anchor", "prefixItems", "oneOf", "additionalProperties", "propertyOrdering"}
)
_OPENAPI = frozenset(
    {*_COMMON, "nullable", "propertyOrdering", "minProperties", "maxProperties", "minLength", "maxLength", "pattern",
     "example", "default"}
)  # fmt: skip
_NAMED = ("properties", "$defs", "definitions", "patternProperties")
_LITERAL = ("enum", "const", "default", "examples", "example", "required", "propertyOrdering")
_DEPTH = 24
_STRING_FORMATS = ("enum", "date-time")


def reduced(schema: Schema) -> dict[str, Json]:
    """Return a schema with only the keywords that the JSON Schema members take."""
    return _reduced(_inlined_names(schema))


def _inlined_names(schema: Schema) -> Schema:
    """Write the older `definitions` as `$defs`."""
    older = schema.get("definitions")
    if not isinstance(older, Mapping) or "$defs" in schema:
        return schema
    return {**{name: value for name, value in schema.items() if name != "definitions"}, "$defs": older}


def _reduced(schema: Schema) -> dict[str, Json]:
    written: dict[str, Json] = {}
    for name, value in schema.items():
        if name == "const" and "enum" not in schema:
            written["enum"] = [value]
        elif name == "$ref" and isinstance(value, str):
            written[name] = value.replace("#/definitions/", "#/$defs/")
        elif name in _JSON:
            written[name] = value if name in _LITERAL else _walked(name, value, _reduced)
    return written


def _walked(name: str, value: Json, step: object) -> Json:
    convert = step if callable(step) else dict
    if name in _NAMED and isinstance(value, Mapping):
        return {key: convert(item) if isinstance(item, Mapping) else item for key, item in value.items()}
    if isinstance(value, Mapping):
        return convert(value)
    if isinstance(value, list):
        return [convert(item) if isinstance(item, Mapping) else item for item in value]
    return value


def to_openapi(schema: Schema) -> dict[str, Json]:
    """Return a JSON Schema as the OpenAPI subset: references resolved, unions with null as `nullable`."""
    found = schema.get("$defs", schema.get("definitions"))
    return _openapi(schema, found if isinstance(found, Mapping) else {}, 0)


def _openapi(schema: Schema, defs: Schema, depth: int) -> dict[str, Json]:
    if depth > _DEPTH:
        return {"type": "OBJECT"}  # a reference to itself has no end
    schema = _resolved(schema, defs)
    written: dict[str, Json] = {}
    for name, value in schema.items():
        if name == "const":
            written.setdefault("enum", [value])
        elif name in ("anyOf", "oneOf"):
            written.update(_union(value, defs, depth))
        elif name == "type":
            written.update(_type(value))
        elif name in _OPENAPI:
            written[name] = (
                value if name in _LITERAL else _walked(name, value, lambda item: _openapi(item, defs, depth + 1))
            )
    if "enum" in written:
        _write_enum(written)
    if written.get("type") == "STRING" and written.get("format") not in (None, *_STRING_FORMATS):
        del written["format"]  # the vendor knows two formats of strings
    if "type" not in written and "anyOf" not in written:
        written["type"] = "OBJECT" if "properties" in written else "ARRAY" if "items" in written else "STRING"
    return written


def _resolved(schema: Schema, defs: Schema) -> Schema:
    for _ in range(_DEPTH):
        target = schema.get("$ref")
        if not isinstance(target, str):
            break
        found = defs.get(target.rpartition("/")[2])
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        schema = {**found, **rest} if isinstance(found, Mapping) else rest
    parts = schema.get("allOf")
    if isinstance(parts, list):
        merged: dict[str, Json] = {}
        for part in parts:
            merged.update(_resolved(part, defs) if isinstance(part, Mapping) else {})
        schema = {**merged, **{name: value for name, value in schema.items() if name != "allOf"}}
    return schema


def _union(value: Json, defs: Schema, depth: int) -> dict[str, Json]:
    options = [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
    kept = [_openapi(item, defs, depth + 1) for item in options if item.get("type") != "null"]
    written: dict[str, Json] = dict(kept[0]) if len(kept) == 1 else {"anyOf": kept}
    return {**written, "nullable": True} if len(kept) < len(options) else written


def _type(value: Json) -> dict[str, Json]:
    if isinstance(value, str):
        return {"type": value.upper()}
    names = [str(name).upper() for name in value if name != "null"] if isinstance(value, list) else []
    written: dict[str, Json] = {"type": names[0]} if len(names) == 1 else {"anyOf": [{"type": name} for name in names]}
    return {**written, "nullable": True} if isinstance(value, list) and len(names) < len(value) else written


def _write_enum(written: dict[str, Json]) -> None:
    """The vendor takes enums of strings only."""
    values = written["enum"]
    if isinstance(values, list) and all(isinstance(value, str) for value in values):
        written.setdefault("type", "STRING")
        return
    del written["enum"]
    if isinstance(values, list) and values:
        listed = ", ".join(str(value) for value in values)
        written["description"] = f"{written.get('description') or ''} One of: {listed}.".strip()
        kinds = {bool: "BOOLEAN", int: "INTEGER", float: "NUMBER"}
        written.setdefault("type", kinds.get(type(values[0]), "STRING"))


def from_openapi(schema: Schema) -> dict[str, Json]:
    """Return a schema of the OpenAPI subset as JSON Schema."""
    written: dict[str, Json] = {}
    for name, value in schema.items():
        if name == "type" and isinstance(value, str):
            written[name] = value.lower()
        elif name in ("any_of", "anyOf"):
            written["anyOf"] = _walked("anyOf", value, from_openapi)
        elif name not in ("nullable", "propertyOrdering", "property_ordering", "example") and value is not None:
            written[name] = value if name in _LITERAL else _walked(name, value, from_openapi)
    if schema.get("nullable") is True:
        kind = written.get("type")
        if isinstance(kind, str):
            written["type"] = [kind, "null"]
        elif isinstance(options := written.get("anyOf"), list):
            written["anyOf"] = [*options, {"type": "null"}]
    return written
