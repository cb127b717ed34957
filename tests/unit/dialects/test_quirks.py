"""The table of declared quirks tells a catalogue's author what is wrong."""

from __future__ import annotations

import pytest

from sluice.dialects.quirks import QUIRKS, check


def test_declared_quirks_of_the_right_type_pass() -> None:
    assert check({"max_tokens_field": "max_tokens", "cache_control": True, "drop": ["n"], "tool_id_length": 9}) == []


def test_a_misspelt_name_is_told_with_the_known_ones() -> None:
    (problem,) = check({"max_token_field": "max_tokens"})
    assert "'max_token_field'" in problem
    assert "max_tokens_field" in problem


def test_a_wrong_type_or_word_is_told() -> None:
    problems = check({"cache_control": "yes", "reasoning_request": "loudly", "tool_id_length": True})
    assert [problem.split("'")[1] for problem in problems] == ["cache_control", "reasoning_request", "tool_id_length"]
    assert "not str" in problems[0]
    assert "'effort'" in problems[1]


def test_every_quirk_says_what_it_means_and_who_reads_it() -> None:
    assert all(quirk.meaning.endswith(".") and quirk.dialects and quirk.types for quirk in QUIRKS)
    assert len({quirk.name for quirk in QUIRKS}) == len(QUIRKS)


@pytest.mark.parametrize(
    ("quirks", "words"),
    [
        ({"clmap": {}}, "Did you mean 'clamp'"),
        ({"clamp": {"temperature": [2, 0]}}, "the range 2 to 0; the lower end comes first"),
        ({"clamp": {"temperature": [None, None]}}, "no end"),
        ({"clamp": {"temperature": ["0", 1]}}, "[low, high] of numbers or null"),
        ({"clamp": {"temperature": 1}}, "[low, high] of numbers or null"),
        ({"clamp": {"temperature": [0, True]}}, "[low, high] of numbers or null"),
        ({"clamp": [0, 1]}, "must be dict, not list"),
        ({"drop": "seed"}, "must be list, not str"),
        ({"drop": [3]}, "must list names"),
        ({"rename": {"a": 1}}, "must give 'a' another name"),
        ({"rename": {"a": "a"}}, "must give 'a' another name"),
        ({"drop": ["model"]}, "which the gateway itself sets"),
        ({"drop": ["n"], "refuse": ["n"]}, "both dropped and refused"),
        ({"least_thinking": 2, "most_thinking": 1}, "above 'most_thinking', 1"),
        ({"max_stop": -1}, "at least 0"),
    ],
)
def test_a_policy_that_cannot_hold_is_told(quirks: dict[str, object], words: str) -> None:
    (problem,) = check(quirks)
    assert words in problem


def test_a_model_may_lift_entries_of_its_providers_policy() -> None:
    assert check({"drop": ["!user"], "clamp": {"t": None}, "rename": {"a": None}, "defaults": {"n": None}}) == []
