"""Make a value that validates against a JSON Schema, filled from the question where it can be.

It reads `type` (also as a list), `enum`, `const`, `properties`, `required`, `items`, `prefixItems`, `anyOf`, `oneOf`,
`allOf`, `$ref` within the document, lengths, bounds, `multipleOf`, `uniqueItems`, `format` and `pattern`.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping
from typing import Any

from sluice.local.simulator import patterns
from sluice.local.simulator.hints import Hints

Json = Any
Schema = Mapping[str, Json]

_FORMATS = {
    "date": "2026-01-01",
    "time": "12:00:00Z",
    "date-time": "2026-01-01T12:00:00Z",
    "duration": "PT1H",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_WHOLE_QUESTION = frozenset({"query", "question", "prompt", "input", "text", "message", "request", "task", "search"})
_OPTIONAL_DEPTH = 3
_DEEPEST = 16


class Filler:
    """Fills one schema; `everything` also fills optional properties, as models do in structured answers."""

    def __init__(self, root: Schema, hints: Hints, *, everything: bool) -> None:
        self._root = root
        self._hints = hints
        self._everything = everything
        self._numbers = iter(hints.numbers)
        self._names = itertools.cycle(hints.quoted + hints.names) if hints.quoted + hints.names else None

    def fill(self) -> Json:
        """Return a value for the whole schema."""
        return self._value(self._root, "", 0)

    def _value(self, schema: Json, name: str, depth: int) -> Json:
        if not isinstance(schema, Mapping):
            return None if depth else {}
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return self._chosen(schema["enum"])
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "string":
            return self._string(schema, name)
        if kind in ("number", "integer"):
            return self._number(schema, whole=kind == "integer")
        return kind == "boolean" or None

    def _resolved(self, schema: Schema, depth: int) -> Schema:
        """Follow references and choose branches until the schema stands alone."""
        for _ in range(_DEEPEST):
            if "$ref" in schema:
                schema = _merged(_pointed(self._root, str(schema["$ref"])), schema, without="$ref")
            elif "allOf" in schema:
                parts = [self._resolved(part, depth) for part in schema["allOf"]]
                merged: Schema = {}
                for part in parts:
                    merged = _merged(merged, part)
                schema = _merged(merged, schema, without="allOf")
            elif schema.get("anyOf") or schema.get("oneOf"):
                word = "anyOf" if schema.get("anyOf") else "oneOf"
                schema = _merged(self._branch(schema[word], depth), schema, without=word)
            else:
                break
        return schema

    def _branch(self, branches: list[Schema], depth: int) -> Schema:
        """Take the first branch; deep down the plainest one, so that recursive schemas end."""
        plain = [b for b in branches if _is_plain(b)]
        solid = [b for b in branches if b.get("type") != "null"]
        if depth > _OPTIONAL_DEPTH and plain:
            return next((b for b in plain if b.get("type") == "null"), plain[0])
        return (solid or branches)[0]

    def _chosen(self, options: list[Json]) -> Json:
        text = self._hints.text.lower()
        return next((o for o in options if isinstance(o, str) and o and o.lower() in text), options[0])

    def _object(self, schema: Schema, depth: int) -> dict[str, Json]:
        properties: Mapping[str, Json] = schema.get("properties") or {}
        required = [str(name) for name in schema.get("required") or ()]
        names = list(required)
        if depth <= _OPTIONAL_DEPTH and (self._everything or (depth == 0 and not required)):
            names = [*properties, *(n for n in required if n not in properties)]
        if depth > _DEEPEST:
            return {}
        extra = schema.get("additionalProperties")
        rest = extra if isinstance(extra, Mapping) else {"type": "string"}
        filled = {name: self._value(properties.get(name, rest), name, depth + 1) for name in names}
        for number in itertools.count(1):
            if len(filled) >= int(schema.get("minProperties") or 0):
                return filled
            filled.setdefault(f"key_{number}", self._value(rest, "key", depth + 1))
        return filled

    def _array(self, schema: Schema, name: str, depth: int) -> list[Json]:
        first: list[Json] = [self._value(s, name, depth + 1) for s in schema.get("prefixItems") or ()]
        items = schema.get("items", {"type": "string"})
        least = int(schema.get("minItems") or 0)
        most = int(schema.get("maxItems", max(least, 1)))
        wanted = min(max(least, 0 if depth > _OPTIONAL_DEPTH else 1), most)
        if items is False or depth > _DEEPEST:
            return first
        several = list(self._hints.listed) if name and _kind(items) == "string" and not items.get("enum") else []
        if several and least <= len(several) <= int(schema.get("maxItems", len(several))):
            wanted = max(wanted, len(several))
        while len(first) < wanted:
            first.append(self._value(items, name.removesuffix("s"), depth + 1))
        return _distinct(first, items) if schema.get("uniqueItems") else first

    def _string(self, schema: Schema, name: str) -> str:
        text = _FORMATS.get(str(schema.get("format")), "") or self._words(name)
        pattern = schema.get("pattern")
        if isinstance(pattern, str) and not re.search(pattern, text):
            text = patterns.example(pattern)
        least, most = int(schema.get("minLength") or 0), schema.get("maxLength")
        if len(text) < least:
            text += "." * (least - len(text))
        return text if most is None else text[: int(most)]

    def _words(self, name: str) -> str:
        if name.lower() in _WHOLE_QUESTION and self._hints.text:
            return self._hints.quoted[0] if self._hints.quoted else self._hints.text[:200]
        if self._names is not None:
            return next(self._names)
        return f"simulated {name}".strip()

    def _number(self, schema: Schema, *, whole: bool) -> int | float:
        step = schema.get("multipleOf") or (1 if whole else None)
        low, high = _bound(schema, "minimum", step), _bound(schema, "maximum", step)
        value = next(self._numbers, None)
        if value is None or not low <= value <= high:
            value = low if math.isfinite(low) else min(high, 1.0)
        if step:
            value = math.ceil(value / step) * step
            value = value - step if value > high else value
        return int(value) if whole or float(value).is_integer() else value


def _bound(schema: Schema, word: str, step: float | None) -> float:
    """Return the inclusive bound: an exclusive one is moved by a step, or by a thousandth."""
    sign = 1 if word == "minimum" else -1
    limit = schema.get(word, -sign * math.inf)
    beyond = schema.get(f"exclusive{word.capitalize()}")
    if isinstance(beyond, int | float) and not isinstance(beyond, bool):
        moved = beyond + sign * (step or 0.001)
        limit = max(limit, moved) if sign > 0 else min(limit, moved)
    return float(limit)


def _kind(schema: Json) -> str:
    if not isinstance(schema, Mapping):
        return "string"
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
        if "minimum" in schema or "maximum" in schema:
            kind = "number"
    return str(kind)


def _is_plain(schema: Schema) -> bool:
    return "$ref" not in schema and _kind(schema) not in ("object", "array")


def _merged(base: Schema, over: Schema, *, without: str = "") -> Schema:
    merged = {**base, **{k: v for k, v in over.items() if k != without}}
    if isinstance(base.get("properties"), Mapping) and isinstance(over.get("properties"), Mapping):
        merged["properties"] = {**base["properties"], **over["properties"]}
        merged["required"] = list(dict.fromkeys([*(base.get("required") or ()), *(over.get("required") or ())]))
    return merged


def _pointed(root: Schema, pointer: str) -> Schema:
    place: Json = root
    for step in pointer.removeprefix("#").strip("/").split("/"):
        if step:
            place = place.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(place, Mapping) else {}
    return place if isinstance(place, Mapping) else {}


def _distinct(values: list[Json], items: Json) -> list[Json]:
    """Make the members of a `uniqueItems` array differ."""
    options = items.get("enum") if isinstance(items, Mapping) else None
    if options:
        return list(options[: len(values)])
    made: list[Json] = []
    for value in values:
        variants = (_variant(value, number) for number in range(len(values) + 1))
        made.append(next((v for v in variants if v not in made), value))
    return made


def _variant(value: Json, number: int) -> Json:
    if number and isinstance(value, str):
        return f"{value} {number + 1}"
    return value + number if _is_number(value) else value


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def strict_defect(schema: Json, path: str = "()") -> str | None:
    """Return what OpenAI's strict mode would reject: objects must be closed and require every property."""
    if not isinstance(schema, Mapping):
        return None
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties") is not False:
            return f"In context={path}, 'additionalProperties' is required to be supplied and to be false."
        missing = [n for n in schema.get("properties") or {} if n not in (schema.get("required") or ())]
        if missing:
            return (
                f"In context={path}, 'required' is required to be supplied and to be an array including every key in "
                f"properties. Missing '{missing[0]}'."
            )
    for word in ("properties", "$defs", "definitions"):
        for name, part in (schema.get(word) or {}).items():
            defect = strict_defect(part, f"('{word}', '{name}')")
            if defect:
                return defect
    parts = [schema.get("items"), *(schema.get("anyOf") or ())]
    return next((d for part in parts if (d := strict_defect(part, path))), None)
