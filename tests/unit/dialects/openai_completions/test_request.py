"""Requests of the legacy completions API: checked, read, and written for providers of this and of other dialects."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects import anthropic_messages as messages
from sluice.dialects import openai_chat as chat
from sluice.dialects import openai_completions as wire
from sluice.dialects.base import Encoded
from sluice.errors import BadRequest, UnsupportedParameter
from sluice.types.chat import Message, Text

TEXT = {"model": "m", "prompt": "Once upon a time"}


def from_chat(body: dict[str, Any], quirks: dict[str, Any] | None = None, strict: bool = False) -> Encoded:
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], **body}
    return wire.encode_request(chat.decode_request(asked), "up", quirks or {}, strict)


@pytest.mark.parametrize("prompt", ["Once upon a time", ["Once upon a time"]])
def test_one_text_is_one_user_message(prompt: object) -> None:
    request = wire.decode_request({"model": "m", "prompt": prompt, "stop": "END", "max_tokens": 5})
    assert request.messages == (Message("user", (Text("Once upon a time"),)),)
    assert (request.stop, request.max_tokens, dict(request.bound)) == (("END",), 5, {})


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2, 3]}, "prompt"),
        ({"prompt": [[1, 2], [3]]}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"suffix": "the end"}, "suffix"),
        ({"echo": True, "logprobs": 1}, "echo"),
        ({"max_tokens": 0, "echo": True}, "max_tokens"),
    ],
)
def test_what_only_a_completions_endpoint_can_serve_is_bound_to_one(changes: dict[str, Any], param: str) -> None:
    request = wire.decode_request({**TEXT, **changes})
    assert list(request.bound) == [param]
    assert wire.encode_request(request, "m", {}, True).body.get(param) == changes.get(param)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"model": ""}, "model"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a", [1]]}, "prompt"),
        ({"prompt": [[1], []]}, "prompt[1]"),
        ({"prompt": [[1], ["a"]]}, "prompt[1]"),
        ({"prompt": [True]}, "prompt[0]"),
        ({"prompt": ["a"] * 2049}, "prompt"),
        ({"n": 0}, "n"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"n": 3, "best_of": 2}, "best_of"),
        ({"temperature": "hot"}, "temperature"),
        ({"stop": [1]}, "stop"),
        ({"echo": "yes"}, "echo"),
        ({"suffix": 1}, "suffix"),
        ({"stream_options": "usage"}, "stream_options"),
    ],
)
def test_a_wrong_parameter_is_named(changes: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wire.outline({**TEXT, **changes}, 1)
    assert refused.value.param == param


def test_the_outline_counts_every_answer_that_is_paid_for() -> None:
    sketch = wire.outline({**TEXT, "prompt": ["a", "b"], "n": 2, "best_of": 3, "max_tokens": 9}, 70)
    assert (sketch.choices, sketch.max_output, sketch.prompt_bytes) == (6, 9, 70)


def test_a_chat_model_is_asked_with_what_it_knows_and_the_rest_is_reported() -> None:
    request = wire.decode_request({**TEXT, "best_of": 2, "logit_bias": {"5": 1}, "echo": True, "user": "u"})
    encoded = messages.encode_request(request, "claude", {"max_output": 100}, False)
    assert encoded.body["messages"] == [{"role": "user", "content": "Once upon a time"}]
    assert {"dropped:best_of", "dropped:logit_bias"} <= set(encoded.edits)
    assert not any("echo" in edit for edit in encoded.edits), "the gateway itself repeats the prompt"
    with pytest.raises(UnsupportedParameter):
        messages.encode_request(request, "claude", {}, True)


def test_probabilities_are_asked_for_in_the_chats_way() -> None:
    request = wire.decode_request({**TEXT, "logprobs": 3})
    body = chat.encode_request(request, "gpt", {}, True).body
    assert (body["logprobs"], body["top_logprobs"]) == (True, 3)


def test_a_chat_of_one_text_becomes_a_prompt_with_a_bound() -> None:
    encoded = from_chat({"temperature": 0.5, "stop": ["x"], "logprobs": True, "top_logprobs": 9})
    assert encoded.body == {
        "model": "up", "prompt": "Hello", "max_tokens": 1024, "temperature": 0.5, "stop": ["x"], "logprobs": 5,
    }  # fmt: skip
    assert encoded.edits == ("default:max_tokens", "clamped:top_logprobs")
    assert from_chat({"max_completion_tokens": 7}).body["max_tokens"] == 7
    assert from_chat({}, {"max_output": 300}).body["max_tokens"] == 300


@pytest.mark.parametrize(
    "changes",
    [
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]},
        {"messages": [{"role": "assistant", "content": "Hello"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}
            ]
        },
        {"tools": [{"type": "function", "function": {"name": "look"}}]},
        {"response_format": {"type": "json_object"}},
    ],
)
def test_any_other_chat_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedParameter, match="only completes a text"):
        from_chat(changes)


def test_what_a_prompt_cannot_say_is_dropped_and_reported_or_refused_by_a_strict_route() -> None:
    changes = {"reasoning_effort": "low", "metadata": {"a": "b"}, "service_tier": "flex", "top_k": 3, "store": True}
    encoded = from_chat(changes)
    assert set(encoded.edits) == {
        "default:max_tokens", "dropped:reasoning", "dropped:metadata", "dropped:service_tier", "dropped:top_k",
        "dropped:store",
    }  # fmt: skip
    with pytest.raises(UnsupportedParameter, match="Completions API cannot take"):
        from_chat(changes, strict=True)


def test_a_stream_asks_for_usage_unless_the_provider_rejects_it() -> None:
    request = wire.decode_request({**TEXT, "stream": True})
    assert wire.encode_request(request, "m", {}, True).body["stream_options"] == {"include_usage": True}
    assert "stream_options" not in wire.encode_request(request, "m", {"stream_options": False}, True).body
    assert wire.pass_edits({**TEXT, "stream": True}, {}) == {"stream_options": {"include_usage": True}}
    kept = {**TEXT, "stream": True, "stream_options": {"include_usage": True}}
    assert wire.pass_edits(kept, {}) == {}
    assert wire.stream_filter(kept) is None


def test_the_bound_keeps_its_name_whatever_the_chat_endpoint_calls_it() -> None:
    assert wire.pass_edits({**TEXT, "max_tokens": 5}, {"max_tokens_field": "max_completion_tokens"}) == {}
