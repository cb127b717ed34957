"""What holds for any request, answer and stream of this dialect."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import openai_completions as wire
from sluice.types.chat import ChatRequest
from sluice.types.stream import Start

WORDS = st.text(max_size=12)
TOKENS = st.lists(st.integers(0, 9), min_size=1, max_size=3)
PROMPTS = st.one_of(
    WORDS, TOKENS, st.lists(WORDS, min_size=1, max_size=3), st.lists(TOKENS, min_size=1, max_size=3), st.none()
)
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "max_tokens": st.integers(0, 99),
    "temperature": st.floats(0, 2),
    "top_p": st.floats(0, 1),
    "n": st.integers(1, 2),
    "best_of": st.integers(2, 3),
    "logprobs": st.one_of(st.integers(0, 5), st.booleans()),
    "echo": st.booleans(),
    "stop": st.one_of(WORDS, st.lists(WORDS, max_size=2)),
    "suffix": WORDS,
    "seed": st.integers(),
    "presence_penalty": st.floats(-2, 2),
    "logit_bias": st.dictionaries(WORDS, st.integers(-9, 9), max_size=2),
    "user": WORDS,
    "stream": st.booleans(),
    "stream_options": st.sampled_from([{"include_usage": True}, {"include_usage": True, "include_obfuscation": False}]),
    "some_future_member": st.integers(),
}
REQUESTS = st.builds(
    lambda prompt, options: {"model": "m", "prompt": prompt, **options},
    PROMPTS,
    st.fixed_dictionaries({}, optional=OPTIONS),
)
CHOICES = st.lists(
    st.fixed_dictionaries(
        {
            "text": WORDS,
            "finish_reason": st.sampled_from(["stop", "length", "content_filter"]),
            "logprobs": st.one_of(
                st.none(),
                st.builds(
                    lambda tokens: {
                        "tokens": tokens,
                        "token_logprobs": [-0.5] * len(tokens),
                        "top_logprobs": [{token: -0.5} for token in tokens],
                        "text_offset": [0] * len(tokens),
                    },
                    st.lists(WORDS, min_size=1, max_size=3),
                ),
            ),
        },
        optional={"content_filter_results": st.just({"hate": {"filtered": False}})},
    ),
    min_size=1,
    max_size=3,
)
ANSWERS = st.builds(
    lambda choices, extra: {
        "id": "cmpl-1",
        "object": "text_completion",
        "created": 7,
        "model": "m",
        "choices": [{"index": at, **choice} for at, choice in enumerate(choices)],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
        **extra,
    },
    CHOICES,
    st.fixed_dictionaries({}, optional={"system_fingerprint": WORDS, "prompt_filter_results": st.just([])}),
)
ASKED = ChatRequest("m", (), stream=True, include_usage=True)


@given(REQUESTS)
def test_a_request_says_the_same_after_another_round(body: dict[str, Any]) -> None:
    request = wire.decode_request(body)
    encoded = wire.encode_request(request, "m", {}, True)
    again = wire.decode_request(json.loads(json.dumps(encoded.body)))
    assert replace(again, include_usage=request.include_usage) == request
    assert encoded.edits == ()


@given(ANSWERS)
def test_an_answer_says_the_same_after_another_round(body: dict[str, Any]) -> None:
    response = wire.decode_response(body)
    assert wire.decode_response(json.loads(json.dumps(wire.encode_response(response, ASKED)))) == response


@given(ANSWERS, st.lists(st.integers(0, 2000), max_size=8))
def test_an_answer_told_as_a_stream_survives_the_wire_cut_anywhere(body: dict[str, Any], places: list[int]) -> None:
    told = list(wire.decode_stream([json.dumps(body).encode()]))
    written = b"".join(wire.encode_stream(told, ASKED))
    bounds = sorted({0, len(written), *(place for place in places if place < len(written))})
    pieces = [written[a:b] for a, b in pairwise(bounds)]
    again = list(wire.decode_stream(pieces))
    assert _texts(again) == _texts(told)
    assert again[-1] == told[-1]


def _texts(events: list[Any]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for event in events:
        if not isinstance(event, Start) and hasattr(event, "text"):
            text, logprobs = found.get(event.choice, ("", []))
            more = event.logprobs["content"] if event.logprobs else []
            found[event.choice] = (text + event.text, logprobs + more)
        elif hasattr(event, "stop"):
            found["stop", event.choice] = event.stop
        elif hasattr(event, "usage") and not isinstance(event, Start):
            found["usage"] = event.usage
    return {key: value for key, value in found.items() if value != ("", [])}
