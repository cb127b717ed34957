"""Values made from JSON Schemas validate against them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.local.simulator import hints, patterns
from sluice.local.simulator.schema import Filler, strict_defect

TEXT = st.text("abcdefgh ", max_size=12)
NAMES = st.sampled_from(["city", "query", "count", "items", "name"])


def fill(schema: dict[str, Any], question: str = "", *, everything: bool = True) -> Any:
    return Filler(schema, hints.read(question), everything=everything).fill()


def violation(value: Any, schema: Any, root: Any) -> str | None:
    """Return what a validator would say; it knows the keywords that these tests use."""
    if "$ref" in schema:
        return violation(value, root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "anyOf" in schema:
        return None if any(violation(value, s, root) is None for s in schema["anyOf"]) else f"{value} fits no branch"
    if "enum" in schema and value not in schema["enum"]:
        return f"{value} is not in {schema['enum']}"
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    kind = schema.get("type")
    if kind in kinds:
        if not isinstance(value, kinds[kind]):
            return f"{value!r} is no {kind}"
    elif kind in ("integer", "number") and (
        isinstance(value, bool) or not isinstance(value, int if kind == "integer" else int | float)
    ):
        return f"{value!r} is no {kind}"
    checks = {"object": _object, "array": _array, "string": _string, "integer": _number, "number": _number}
    return checks[kind](value, schema, root) if kind in checks else None


def _object(value: Any, schema: Any, root: Any) -> str | None:
    missing = [name for name in schema.get("required", ()) if name not in value]
    if missing:
        return f"{missing} missing"
    known = schema.get("properties", {})
    return next((v for n, s in known.items() if n in value and (v := violation(value[n], s, root))), None)


def _array(value: Any, schema: Any, root: Any) -> str | None:
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**6):
        return f"{len(value)} items"
    if schema.get("uniqueItems") and len({repr(v) for v in value}) < len(value):
        return f"{value} repeats"
    return next((v for item in value if (v := violation(item, schema["items"], root))), None)


def _string(value: Any, schema: Any, _: Any) -> str | None:
    if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**6):
        return f"{value!r} has the wrong length"
    return None if re.search(schema.get("pattern", ""), value) else f"{value!r} does not match"


def _number(value: Any, schema: Any, _: Any) -> str | None:
    if not schema.get("minimum", -(10**9)) <= value <= schema.get("maximum", 10**9):
        return f"{value} is out of bounds"
    if "exclusiveMinimum" in schema and value <= schema["exclusiveMinimum"]:
        return f"{value} is not over {schema['exclusiveMinimum']}"
    return None if value % schema.get("multipleOf", value or 1) == 0 else f"{value} is no multiple"


def bounded(low: str, high: str, most: int) -> st.SearchStrategy[dict[str, int]]:
    pairs = st.tuples(st.integers(0, most), st.integers(0, most)).map(sorted)
    return pairs.map(lambda pair: {low: pair[0], high: pair[1]})


LEAVES = st.one_of(
    bounded("minLength", "maxLength", 20).map(lambda b: {"type": "string", **b}),
    st.lists(TEXT, min_size=1, max_size=4).map(lambda e: {"type": "string", "enum": e}),
    bounded("minimum", "maximum", 50).map(lambda b: {"type": "integer", **b}),
    bounded("minimum", "maximum", 50).map(lambda b: {"type": "number", **b}),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": "string", "pattern": "^[A-Z]{2}-\\d{3}$"}]),
    st.integers(0, 30).map(lambda n: {"type": "integer", "exclusiveMinimum": n, "multipleOf": 5}),
)


def nested(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    objects = st.dictionaries(NAMES, inner, max_size=3).flatmap(
        lambda p: (
            st.lists(st.sampled_from(sorted(p)), unique=True).map(
                lambda r: {"type": "object", "properties": p, "required": r}
            )
            if p
            else st.just({"type": "object", "properties": {}})
        )
    )
    arrays = st.tuples(inner, bounded("minItems", "maxItems", 4)).map(
        lambda t: {"type": "array", "items": t[0], **t[1]}
    )
    branches = st.lists(inner, min_size=1, max_size=3).map(lambda b: {"anyOf": b})
    return st.one_of(objects, arrays, branches)


SCHEMAS = st.dictionaries(NAMES, st.recursive(LEAVES, nested, max_leaves=8), max_size=4).map(
    lambda p: {"type": "object", "properties": p, "required": sorted(p)}
)


@given(SCHEMAS, st.sampled_from(["", "How many of 7 boats are in Paris and Rome?", 'look for "abc"']), st.booleans())
def test_filled_value_validates(schema: dict[str, Any], question: str, everything: bool) -> None:
    value = Filler(schema, hints.read(question), everything=everything).fill()
    assert violation(value, schema, schema) is None


def test_references_may_be_recursive() -> None:
    node = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
        },
        "required": ["name", "next", "children"],
    }
    schema = {"$ref": "#/$defs/node", "$defs": {"node": node}}
    assert violation(fill(schema), schema, schema) is None


def test_all_of_is_merged() -> None:
    parts = [{"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}]
    parts.append({"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]})
    assert set(fill({"allOf": parts})) == {"a", "b"}


def test_unique_items_differ() -> None:
    for items in ({"type": "string"}, {"type": "integer"}, {"type": "string", "enum": ["x", "y", "z"]}):
        schema = {"type": "array", "items": items, "minItems": 3, "uniqueItems": True}
        value = fill({"type": "object", "properties": {"list": schema}})["list"]
        assert len(set(value)) == 3


def test_prefix_items_come_first() -> None:
    schema = {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": False}
    assert fill({"type": "object", "properties": {"pair": schema}})["pair"] == [1, True]


def test_open_objects_get_the_number_of_members_they_need() -> None:
    schema = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 4}, "minProperties": 2}
    assert fill(schema) == {"key_1": 4, "key_2": 4}


def test_values_are_taken_from_the_question() -> None:
    properties = {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["fahrenheit", "celsius"]}}
    schema = {"type": "object", "properties": properties, "required": ["city", "days", "unit"]}
    asked = "What is the weather in Oslo for 3 days, in celsius?"
    assert fill(schema, asked) == {"city": "Oslo", "days": 3, "unit": "celsius"}


def test_list_argument_takes_all_names_of_the_question() -> None:
    schema = {"type": "object", "properties": {"cities": {"type": "array", "items": {"type": "string"}}}}
    assert fill(schema, "Compare the cities Oslo, Bergen and Narvik")["cities"] == ["Oslo", "Bergen", "Narvik"]


def test_tool_arguments_leave_optional_members_out() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]}
    assert set(fill(schema, everything=False)) == {"a"}


@pytest.mark.parametrize(
    "pattern",
    ["^\\d{3}-\\d{4}$", "^(cat|dog)s?$", "[^a-z]+", "^\\w+@\\w+\\.com$", "^[0-9a-f]{8}$", "^.{3}$", "^a\\sb$"],
)
def test_pattern_gets_a_matching_text(pattern: str) -> None:
    assert re.search(pattern, patterns.example(pattern))


def test_pattern_that_cannot_be_read_gives_nothing() -> None:
    assert patterns.example("(") == ""
    assert patterns.example("^(?=.*x)y$") == ""


def test_strict_mode_finds_open_objects_at_any_depth() -> None:
    closed = {"type": "object", "properties": {}, "additionalProperties": False}
    assert strict_defect(closed) is None
    within = {**closed, "properties": {"a": {"type": "array", "items": {"type": "object"}}}, "required": ["a"]}
    assert "additionalProperties" in (strict_defect(within) or "")
    behind = {**closed, "$defs": {"x": {"type": "object", "properties": {}}}}
    assert "'$defs', 'x'" in (strict_defect(behind) or "")
