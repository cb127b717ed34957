"""Schemas: JSON Schema reduced to what Gemini takes, and the OpenAPI subset told as JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects.gemini.schema import from_openapi, reduced, to_openapi


def test_keywords_that_json_schema_members_do_not_take_are_left_out() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "a": {"type": "string", "pattern": "^x", "const": "x1"},
            "pattern": {"type": "array", "items": {"$ref": "#/definitions/B"}, "uniqueItems": True},
        },
        "definitions": {"B": {"type": "integer", "exclusiveMinimum": 0, "minimum": 1}},
    }
    assert reduced(schema) == {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "a": {"type": "string", "enum": ["x1"]},
            "pattern": {"type": "array", "items": {"$ref": "#/$defs/B"}},
        },
        "$defs": {"B": {"type": "integer", "minimum": 1}},
    }


def test_a_plain_schema_stays_as_it_is() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        "required": ["a"],
    }
    assert reduced(schema) == schema


@pytest.mark.parametrize(
    ("schema", "openapi"),
    [
        ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}),
        ({"const": "a"}, {"enum": ["a"], "type": "STRING"}),
        ({"enum": [1, 2]}, {"description": "One of: 1, 2.", "type": "INTEGER"}),
        ({"type": "string", "format": "email"}, {"type": "STRING"}),
        ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
        ({"type": "integer", "format": "int32"}, {"type": "INTEGER", "format": "int32"}),
        ({"oneOf": [{"type": "string"}, {"type": "number"}]}, {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]}),
        ({"allOf": [{"type": "object"}, {"title": "T"}]}, {"type": "OBJECT", "title": "T"}),
        ({"items": {}}, {"items": {"type": "STRING"}, "type": "ARRAY"}),
    ],
)
def test_what_openapi_says_otherwise_is_translated(schema: dict[str, Any], openapi: dict[str, Any]) -> None:
    assert to_openapi(schema) == openapi


def test_a_schema_that_refers_to_itself_ends() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/N"}}}
    found: Any = to_openapi({"$ref": "#/$defs/N", "$defs": {"N": node}})
    for _ in range(20):
        found = found["properties"]["next"]
    assert found["type"] == "OBJECT"


def test_openapi_schemas_become_json_schema() -> None:
    openapi = {
        "type": "OBJECT",
        "properties": {"type": {"type": "STRING", "nullable": True}, "any": {"anyOf": [{"type": "NUMBER"}]}},
        "propertyOrdering": ["type"],
    }
    assert from_openapi(openapi) == {
        "type": "object",
        "properties": {"type": {"type": ["string", "null"]}, "any": {"anyOf": [{"type": "number"}]}},
    }
    assert from_openapi({"anyOf": [{"type": "STRING"}], "nullable": True}) == {
        "anyOf": [{"type": "string"}, {"type": "null"}]
    }


KINDS = st.sampled_from(["string", "integer", "number", "boolean"])
SCHEMAS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.fixed_dictionaries({"type": KINDS}),
    lambda inner: (
        st.fixed_dictionaries({"type": st.just("array"), "items": inner})
        | st.fixed_dictionaries({"type": st.just("object"), "properties": st.dictionaries(st.text(max_size=5), inner)})
    ),
    max_leaves=6,
)


@given(SCHEMAS)
def test_what_both_can_say_survives_the_way_there_and_back(schema: dict[str, Any]) -> None:
    assert from_openapi(to_openapi(schema)) == schema
    assert reduced(schema) == schema
