"""Moderations pass through; what is charged for and not reported is estimated."""

from __future__ import annotations

import pytest

from sluice.dialects import openai_moderations as wire
from sluice.errors import BadRequest
from sluice.types.usage import Usage


def test_openais_own_model_is_taken_where_none_is_named() -> None:
    assert wire.outline({"input": "x"}, 9).model == "omni-moderation-latest"
    assert wire.outline({"input": ["x"], "model": "m"}, 9).model == "m"
    assert wire.pass_edits({"input": "x"}) == {}


@pytest.mark.parametrize(
    ("body", "param"), [({"input": "x", "model": 7}, "model"), ({"input": []}, "input"), ({}, "input")]
)
def test_a_faulty_request_is_refused_with_the_parameter(body: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wire.outline(body, 1)
    assert refused.value.param == param


def test_a_vendor_that_does_not_meter_has_no_usage_and_one_that_does_is_read_or_estimated() -> None:
    told, asked = b'{"results":[]}', {"input": ["x" * 40, {"type": "text", "text": "y" * 8}, {"content": "z" * 4}, 7]}
    assert wire.answer_usage(told, {}, asked, {"unmetered": True}) == Usage()
    assert wire.answer_usage(told, {}, asked, {}) == Usage(input=13, estimated=True)
    assert wire.answer_usage(b'{"usage":{"prompt_tokens":5}}', {}, asked, {}) == Usage(input=5)
