"""How directives are read."""

from __future__ import annotations

import pytest

from sluice.local.simulator import directives
from sluice.local.simulator.directives import Attempts, Directive


def test_words_and_flags_are_read_in_any_order() -> None:
    wishes = directives.parse("hang_after=2, slow=15 no_usage hang=0")
    assert wishes == {"hang_after": 2, "slow": 15.0, "no_usage": True, "hang": False}


@pytest.mark.parametrize("text", ["status", "status=200", "status=abc", "delay=-1", "times=2", "unknown=1"])
def test_what_cannot_be_read_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match=text.partition("=")[0]):
        directives.parse(text)


def test_prompt_gives_up_its_directives() -> None:
    prompt = "Hello [[fault: status=500]] there [[simulate: tokens=3]]"
    assert directives.found_in(prompt) == ["status=500", "tokens=3"]
    assert directives.without(prompt) == "Hello  there"


def test_later_directive_wins() -> None:
    settled = Attempts().settle(["status=500 delay=1", "status=503"], model="sim-fast", dialect="openai")
    assert settled == Directive(status=503, delay=1.0)
