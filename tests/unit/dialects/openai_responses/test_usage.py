"""Token counts of the Responses dialect."""

from __future__ import annotations

from sluice.dialects.openai_responses.usage import read


def test_reasoning_is_counted_once_at_a_host_that_leaves_it_out_of_chat_completions() -> None:
    counts = {"input_tokens": 20, "output_tokens": 50, "output_tokens_details": {"reasoning_tokens": 40}}
    usage = read({"usage": {**counts, "total_tokens": 70}}, {"reasoning_outside_completion": True})
    assert usage is not None
    assert (usage.prompt, usage.output, usage.reasoning, usage.total) == (20, 50, 40, 70)
