"""The simulated moderation: words decide, the same text is judged the same, and odd requests are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sluice.local.simulator.playback import Reply

Post = Callable[..., Reply]
PATH = "/openai/v1/moderations"


def results(reply: Reply) -> Any:
    assert reply.status == 200, reply.body
    assert isinstance(reply.body, dict)
    return reply.body["results"]


def test_each_text_is_judged_by_its_words(post: Post) -> None:
    asked = {"model": "sim-moderation", "input": ["I will kill them", "Have a great day"]}
    violent, kind = results(post(PATH, asked))
    assert (violent["flagged"], kind["flagged"]) == (True, False)
    assert [name for name, hit in violent["categories"].items() if hit] == ["violence"]
    assert violent["category_scores"]["violence"] > 0.9 > 0.01 > kind["category_scores"]["violence"]
    assert violent["category_applied_input_types"]["violence"] == ["text"]
    assert results(post(PATH, asked)) == [violent, kind]


def test_parts_of_one_input_are_judged_together(post: Post) -> None:
    parts = [{"type": "text", "text": "stupid"}, {"type": "image_url", "image_url": {"url": "https://x.example/p"}}]
    (only,) = results(post(PATH, {"model": "sim-moderation", "input": parts}))
    assert only["categories"]["harassment"] is True
    assert len(results(post(PATH, {"model": "sim-moderation", "input": "hello"}))) == 1


@pytest.mark.parametrize("change", [{"input": ""}, {"input": []}, {"input": [7]}, {"input": 7}, {"surprise": 1}])
def test_an_odd_request_is_refused(post: Post, change: dict[str, object]) -> None:
    assert post(PATH, {"model": "sim-moderation", "input": "x", **change}).status == 400
