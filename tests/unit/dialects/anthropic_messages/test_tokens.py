"""Token counting: the request's check, the answer, and the estimate."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects.anthropic_messages import tokens
from sluice.errors import BadRequest, ProviderGarbled


def body(content: Any = "Hello", **members: Any) -> dict[str, Any]:
    return {"model": "claude", "messages": [{"role": "user", "content": content}], **members}


def test_a_count_needs_no_max_tokens() -> None:
    assert tokens.outline(body(), 9).model == "claude"


def test_a_count_needs_messages() -> None:
    with pytest.raises(BadRequest) as caught:
        tokens.outline({"model": "claude"}, 9)
    assert caught.value.param == "messages"


def test_a_count_does_not_stream() -> None:
    with pytest.raises(BadRequest) as caught:
        tokens.outline(body(stream=True), 9)
    assert caught.value.param == "stream"


def test_a_count_is_written_and_read() -> None:
    assert tokens.encode_count(12) == {"input_tokens": 12}
    assert tokens.decode_count({"input_tokens": 12, "more": 1}) == 12


@pytest.mark.parametrize("answer", [{}, {"input_tokens": "12"}, {"input_tokens": -1}])
def test_an_answer_without_a_count_is_garbled(answer: dict[str, Any]) -> None:
    with pytest.raises(ProviderGarbled):
        tokens.decode_count(answer)


def test_prose_is_about_a_token_a_word() -> None:
    words = "the river runs past the old mill and under the bridge " * 40
    assert 350 <= tokens.estimate(body(words)) <= 550


@given(st.text(max_size=200), st.text(max_size=200))
def test_more_text_is_never_fewer_tokens(text: str, more: str) -> None:
    assert 1 <= tokens.estimate(body(text)) <= tokens.estimate(body(text + " " + more))


def test_everything_the_model_sees_is_counted() -> None:
    plain = tokens.estimate(body())
    tool = {"name": "look", "description": "Looks things up", "input_schema": {"type": "object"}}
    assert tokens.estimate(body(system="Be brief and kind.")) > plain
    assert tokens.estimate(body(tools=[tool])) > plain
    assert (
        tokens.estimate(body(output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}})) > plain
    )
    call = [{"type": "tool_use", "id": "t", "name": "look", "input": {"where": "in the garden"}}]
    assert tokens.estimate(body(call)) > plain


def test_a_picture_costs_within_the_vendors_bounds() -> None:
    picture = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 10_000_000}}]
    linked = [{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]
    assert 1600 <= tokens.estimate(body(picture)) <= 1620
    assert 300 <= tokens.estimate(body(linked)) <= 320


def test_a_text_document_is_counted_as_its_text() -> None:
    document = [{"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "one two three"}}]
    assert tokens.estimate(body(document)) < 20


@pytest.mark.parametrize("odd", [{}, {"messages": 5}, {"messages": [5, {"content": {"a": [1]}}], "tools": "x"}])
def test_an_odd_body_is_estimated_too(odd: dict[str, Any]) -> None:
    assert tokens.estimate(odd) >= 1
