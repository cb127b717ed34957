"""A declared parameter policy is applied to wire JSON in one documented order, and says exactly what it did."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import chat_dialect
from sluice.dialects.base import REMOVED
from sluice.dialects.edits import Edits
from sluice.dialects.policy import POLICY, Changes, apply, changes_of, merged, reports
from sluice.dialects.quirks import QUIRKS, check
from sluice.errors import UnsupportedParameter

NAMES = st.sampled_from(["a", "b", "c", "d", "in.a", "in.b", "camelCase"])
VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=2)
BODIES = st.dictionaries(st.sampled_from(["a", "b", "c", "camel_case"]), VALUES).flatmap(
    lambda top: st.one_of(VALUES, st.dictionaries(st.sampled_from("ab"), VALUES)).map(
        lambda inner: {**top, "in": inner}
    )
)
RANGES = st.tuples(st.integers(-5, 5), st.integers(-5, 5)).map(sorted)
POLICIES = st.fixed_dictionaries(
    {},
    optional={
        "rename": st.dictionaries(NAMES, NAMES),
        "drop": st.lists(NAMES),
        "clamp": st.dictionaries(NAMES, RANGES),
        "defaults": st.dictionaries(NAMES, st.integers()),
    },
)


def settled(body: dict[str, Any], quirks: dict[str, Any], *inside: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the body that is sent on, and what is reported."""
    edits, sent = Edits(), dict(body)
    apply(sent, changes_of(body, quirks, inside), edits)
    return sent, edits.all()


def test_each_kind_of_edit_is_reported_by_its_name() -> None:
    body = {"a": 1, "b": 2, "c": 3, "e": None}
    quirks = {"rename": {"a": "z"}, "drop": ["b"], "clamp": {"c": [0, 1]}, "defaults": {"d": 4, "e": 5}}
    assert check(quirks) == []
    assert settled(body, quirks) == (
        {"z": 1, "c": 1, "d": 4, "e": 5},
        ("renamed:a", "dropped:b", "clamped:c", "default:d", "default:e"),
    )


def test_the_steps_see_what_the_one_before_left() -> None:
    quirks = {"rename": {"a": "b", "c": "d"}, "drop": ["b"], "clamp": {"d": [None, 2]}, "defaults": {"a": 9, "b": 9}}
    assert settled({"a": 1, "c": 3}, quirks) == (
        {"d": 2, "b": 9},
        ("renamed:a", "renamed:c", "dropped:b", "clamped:d", "default:b"),
    )


def test_a_value_under_the_new_name_wins_over_the_old_one() -> None:
    assert settled({"a": 1, "b": 2}, {"rename": {"a": "b"}}) == ({"b": 2}, ("dropped:a",))
    assert settled({"a": 1, "b": None}, {"rename": {"a": "b"}}) == ({"b": 1}, ("renamed:a",))
    assert settled({"a": None}, {"rename": {"a": "b"}}) == ({}, ())


def test_null_counts_as_not_sent() -> None:
    quirks = {"refuse": ["a"], "drop": ["b"], "clamp": {"c": [0, 1]}}
    assert settled({"a": None, "b": None, "c": None}, quirks) == ({"a": None, "c": None}, ())


def test_what_may_not_be_left_out_is_refused_by_name_on_any_route() -> None:
    with pytest.raises(UnsupportedParameter, match=r"does not take 'a'.*choose another model") as refused:
        changes_of({"a": False}, {"refuse": ["a"]})
    assert refused.value.param == "a"


def test_members_inside_sections_are_found_by_path_and_by_bare_name() -> None:
    body = {"generationConfig": {"temperature": 1.7, "topK": 5, "seed": 1}, "contents": []}
    quirks = {
        "clamp": {"generationConfig.temperature": [0, 1]},
        "drop": ["topK"],
        "defaults": {"generationConfig.n": 1},
    }
    sent, edits = settled(body, quirks, "generationConfig")
    assert sent == {"generationConfig": {"temperature": 1, "seed": 1, "n": 1}, "contents": []}
    assert edits == ("dropped:topK", "clamped:generationConfig.temperature", "default:generationConfig.n")
    assert body["generationConfig"] == {"temperature": 1.7, "topK": 5, "seed": 1}, "the caller's own is not touched"


def test_a_caller_who_writes_snake_case_to_gemini_is_held_to_the_same_policy() -> None:
    body = {"contents": [], "generation_config": {"max_output_tokens": 900}}
    changes = chat_dialect("gemini").pass_edits(body, {"clamp": {"generationConfig.maxOutputTokens": [1, 800]}})
    assert changes == {"generation_config": {"max_output_tokens": 800}}


def test_a_rename_inside_a_section_stays_there() -> None:
    assert settled({"options": {"num_predict": 4}}, {"rename": {"num_predict": "max"}}, "options") == (
        {"options": {"max": 4}},
        ("renamed:num_predict",),
    )


def test_a_default_is_not_forced_into_what_is_no_object() -> None:
    assert settled({"in": "text"}, {"defaults": {"in.a": 1}}) == ({"in": "text"}, ())
    assert settled({}, {"defaults": {"in.a": 1}}) == ({"in": {"a": 1}}, ("default:in.a",))


@pytest.mark.parametrize(
    ("sent", "bounds", "used"),
    [(2, [0, 1], 1), (-1, [0, 1], 0), (0.5, [0, 1], 0.5), (7, [None, 5], 5), (1, [3, None], 3), (1, [1, 1], 1)],
)
def test_numbers_are_brought_to_the_nearest_end(sent: float, bounds: list[float], used: float) -> None:
    assert settled({"n": sent}, {"clamp": {"n": bounds}})[0] == {"n": used}


@pytest.mark.parametrize("odd", [True, "2", [2], {"x": 2}])
def test_what_is_no_number_is_left_to_the_provider(odd: object) -> None:
    assert settled({"n": odd}, {"clamp": {"n": [0, 1]}}) == ({"n": odd}, ())


def test_strict_routes_refuse_drops_and_clamps_with_the_limit_and_the_remedy() -> None:
    dropped = changes_of({"seed": 3}, {"drop": ["seed"]})
    with pytest.raises(UnsupportedParameter, match=r"'seed'.*Leave it out.*not strict") as refused:
        dropped.check()
    assert refused.value.param == "seed"
    clamped = changes_of({"temperature": 1.7}, {"clamp": {"temperature": [0, 1]}})
    with pytest.raises(UnsupportedParameter, match=r"'temperature' is 1.7; this model takes 0 to 1\. Send a value"):
        clamped.check()


def test_strict_routes_allow_required_renames_and_defaults() -> None:
    changes = changes_of({"max_tokens": 5}, {"rename": {"max_tokens": "max_completion_tokens"}, "defaults": {"n": 1}})
    changes.check()
    assert changes.reported() == ("renamed:max_tokens", "default:n")


def test_changes_nobody_spoke_of_are_reported_as_what_they_are() -> None:
    changes = Changes()
    changes.update({"model": "m", "thread": REMOVED, "messages": [], "store": REMOVED})
    changes.silence("store")
    assert changes.reported(("model",)) == ("dropped:thread", "set:messages")
    assert reports({"a": 1, "b": REMOVED}, ("c",)) == ("set:a", "dropped:b")


def test_a_models_policy_adds_to_its_providers() -> None:
    provider = {"drop": ["user"], "clamp": {"t": [0, 2], "p": [0, 1]}, "top_k": True, "defaults": {"n": 1}}
    model = {"drop": ["seed"], "clamp": {"t": [0, 1], "p": None}, "top_k": False}
    assert merged(provider, model) == {
        "drop": ["user", "seed"],
        "clamp": {"t": [0, 1]},
        "top_k": False,
        "defaults": {"n": 1},
    }


def test_a_model_can_lift_its_providers_policy() -> None:
    provider = {"drop": ["user", "seed"], "refuse": ["n"], "rename": {"a": "b"}}
    assert merged(provider, {"drop": []})["drop"] == []
    assert merged(provider, {"drop": ["!user"]})["drop"] == ["seed"]
    assert merged(provider, {"rename": {}})["rename"] == {}


def test_what_a_model_drops_its_provider_no_longer_refuses() -> None:
    quirks = merged({"refuse": ["n", "logprobs"], "drop": ["seed"]}, {"drop": ["n"]})
    assert (quirks["refuse"], quirks["drop"]) == (["logprobs"], ["seed", "n"])
    assert settled({"n": 2}, quirks) == ({}, ("dropped:n",))


@given(BODIES, POLICIES)
def test_a_policy_holds_for_any_body(body: dict[str, Any], quirks: dict[str, Any]) -> None:
    before = json.dumps(body)
    changes = changes_of(body, quirks, ("in",))
    assert json.dumps(body) == before, "the caller's body is never changed in place"
    told = {edit.partition(":")[0] for edit in changes.reported()}
    assert told <= {"renamed", "dropped", "clamped", "default"}


@given(BODIES, POLICIES)
def test_a_body_that_nothing_was_said_of_goes_on_as_it_was(body: dict[str, Any], quirks: dict[str, Any]) -> None:
    sent, edits = settled(body, quirks, "in")
    if not edits:
        assert _told(sent) == _told(body)


@given(BODIES, st.lists(NAMES))
def test_dropped_members_are_gone_and_doing_it_again_changes_nothing(body: dict[str, Any], dropped: list[str]) -> None:
    once, _ = settled(body, {"drop": dropped}, "in")
    assert settled(once, {"drop": dropped}, "in") == (once, ())


@given(BODIES, st.dictionaries(NAMES, RANGES))
def test_clamped_numbers_stay_where_they_are(body: dict[str, Any], clamp: dict[str, Any]) -> None:
    once, _ = settled(body, {"clamp": clamp})
    twice, edits = settled(once, {"clamp": clamp})
    assert (twice, edits) == (once, ())


@given(POLICIES, POLICIES)
def test_a_model_without_a_word_has_its_providers_policy(provider: dict[str, Any], model: dict[str, Any]) -> None:
    assert merged(provider, {}) == provider
    assert merged({}, model) == model
    assert merged(provider, model).keys() == provider.keys() | model.keys()


def _told(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a body says; null says nothing."""
    inner = body.get("in")
    said = {name: value for name, value in body.items() if value is not None}
    return {**said, "in": {n: v for n, v in inner.items() if v is not None}} if isinstance(inner, dict) else said


DIALECTS = (
    "openai_chat",
    "anthropic_messages",
    "openai_responses",
    "gemini",
    "bedrock_converse",
    "cohere_chat",
    "ollama_chat",
    "openai_completions",
    "snowflake_complete",
)


def test_the_table_of_quirks_says_who_reads_a_policy() -> None:
    readers = {quirk.name: set(quirk.dialects) for quirk in QUIRKS if quirk.name in POLICY}
    assert readers == {name: set(DIALECTS) for name in POLICY}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_applies_the_whole_policy_on_the_way_through(dialect: str) -> None:
    quirks = {"rename": {"old": "new"}, "drop": ["left"], "clamp": {"number": [0, 1]}, "defaults": {"more": True}}
    changes = chat_dialect(dialect).pass_edits({"old": 1, "left": 2, "number": 3}, quirks)
    assert isinstance(changes, Changes)
    assert changes == {"old": REMOVED, "new": 1, "left": REMOVED, "number": 1, "more": True}
    assert changes.reported() == ("renamed:old", "dropped:left", "clamped:number", "default:more")
    with pytest.raises(UnsupportedParameter, match="'left'"):
        changes.check()
    with pytest.raises(UnsupportedParameter, match="'left'"):
        chat_dialect(dialect).pass_edits({"left": 2}, {"refuse": ["left"]})


BOUNDS = {
    "openai_chat": "max_tokens",
    "anthropic_messages": "max_tokens",
    "openai_responses": "max_output_tokens",
    "gemini": "generationConfig.maxOutputTokens",
    "bedrock_converse": "inferenceConfig.maxTokens",
    "cohere_chat": "max_tokens",
    "ollama_chat": "options.num_predict",
    "openai_completions": "max_tokens",
    "snowflake_complete": "max_tokens",
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_applies_the_whole_policy_to_what_it_translates(dialect: str) -> None:
    asked = chat_dialect("gemini" if dialect == "openai_chat" else "openai_chat")
    body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 50}
    if dialect == "openai_chat":
        body = {
            "model": "m",
            "contents": [{"role": "user", "parts": [{"text": "Hi"}]}],
            "generationConfig": {"maxOutputTokens": 50},
        }
    request, path = asked.decode_request(body), BOUNDS[dialect]
    quirks = {"clamp": {path: [1, 20]}, "defaults": {"more": True}}
    encoded = chat_dialect(dialect).encode_request(request, "m", quirks, False)
    value: Any = encoded.body
    for name in path.split("."):
        value = value[name]
    assert (value, encoded.body["more"]) == (20, True)
    assert encoded.edits[-2:] == (f"clamped:{path}", "default:more")
    with pytest.raises(UnsupportedParameter, match="this model takes 1 to 20"):
        chat_dialect(dialect).encode_request(request, "m", quirks, True)
