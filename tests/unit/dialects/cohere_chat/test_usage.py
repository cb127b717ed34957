"""Token counts: what is billed counts, whatever else the vendor counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects.cohere_chat.usage import read, write
from sluice.types.usage import Usage


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        # The vendor's template is neither billed nor counted, and what was cached of it saves nobody anything.
        (
            {
                "billed_units": {"input_tokens": 27, "output_tokens": 68},
                "tokens": {"input_tokens": 556, "output_tokens": 71, "reasoning_tokens": 30},
                "cached_tokens": 480,
            },
            Usage(input=27, output=68, reasoning=30),
        ),
        # Pictures are billed with the prompt, and counted apart.
        (
            {
                "billed_units": {"input_tokens": 267, "output_tokens": 52},
                "tokens": {"input_tokens": 34, "output_tokens": 56, "image_tokens": 259},
                "cached_tokens": 0,
            },
            Usage(input=267, output=52, image_input=259),
        ),
        # All of the prompt is billed: then the cached tokens are among them.
        (
            {
                "billed_units": {"input_tokens": 100, "output_tokens": 5},
                "tokens": {"input_tokens": 100, "output_tokens": 5},
                "cached_tokens": 60,
            },
            Usage(input=40, cache_read=60, output=5),
        ),
        ({"tokens": {"input_tokens": 9.0, "output_tokens": 2}}, Usage(input=9, output=2)),
        ({"billed_units": {"search_units": 1}}, None),
        ({}, None),
        (None, None),
        ({"billed_units": {"input_tokens": True, "output_tokens": -3}}, Usage()),
    ],
)
def test_usage_is_what_was_billed(raw: Any, usage: Usage | None) -> None:
    assert read(raw) == usage


COUNT = st.integers(0, 10**6)


@given(COUNT, COUNT, COUNT, COUNT, COUNT)
def test_what_is_written_is_read_again(fresh: int, cached: int, output: int, reasoning: int, images: int) -> None:
    usage = Usage(
        input=fresh,
        cache_read=cached,
        output=output,
        reasoning=min(reasoning, output),
        image_input=min(images, fresh),
    )
    assert read(write(usage)) == usage
