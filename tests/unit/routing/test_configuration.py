"""Configuration documents: one text, one hash, and a reading that names what is wrong."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.routing.configuration import canonical_json, parse, version_of
from sluice.types.catalogue import Model, Price, PriceTier
from sluice.types.routes import Configuration, ProviderSettings, RetryPolicy, Route, RouteTarget, Timeouts

FULL = {
    "routes": {
        "fast": {
            "strategy": "weighted",
            "targets": [
                {"model": "openai/gpt-4o-mini", "weight": 3, "region": "eu-west-1"},
                {"model": "anthropic/claude-haiku"},
            ],
            "timeouts": {"connect": 1, "first_byte": 30.5, "idle": 20, "total": 100},
            "retry": {"attempts": 3, "base": 0, "longest": 4},
            "strict_parameters": True,
        },
        "plain": {"targets": [{"model": "openai/gpt-4o"}]},
    },
    "providers": {
        "openai": {
            "base_url": "http://127.0.0.1:1/v1",
            "enabled": False,
            "allow_loopback": True,
            "headers": {"x-org": "a"},
        },
        "groq": {},
    },
    "models": {
        "openai/team/own": {
            "prices": [
                {"starts": "2026-06-01", "tiers": [{"over": 200_000, "rates": {"input": 4}}, {"rates": {"input": 2}}]},
                {"tiers": [{"over": 0, "rates": {"input": 3, "output": 5}}]},
            ],
            "aliases": ["own"],
            "context": 1000,
            "max_output": 100,
            "inputs": ["text", "image"],
            "outputs": ["text"],
            "capabilities": ["tools"],
            "operations": ["chat", "embeddings"],
            "dialects": ["openai_chat"],
            "quirks": {"max_tokens": "max_completion_tokens"},
        }
    },
    "unpriced_ceiling": {"input": 10, "output": 20},
}
JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


def test_a_full_document_is_read_completely() -> None:
    version = version_of(FULL)
    configuration = parse(FULL, version)
    price_version = f"configuration#{version[:12]}"
    assert configuration == Configuration(
        version=version,
        routes={
            "fast": Route(
                name="fast",
                targets=(
                    RouteTarget("openai/gpt-4o-mini", 3, "eu-west-1"),
                    RouteTarget("anthropic/claude-haiku", 1, None),
                ),
                strategy="weighted",
                timeouts=Timeouts(1.0, 30.5, 20.0, 100.0),
                retry=RetryPolicy(3, 0.0, 4.0),
                cold_starts=False,
                strict_parameters=True,
            ),
            "plain": Route("plain", (RouteTarget("openai/gpt-4o"),)),
        },
        providers={
            "openai": ProviderSettings("http://127.0.0.1:1/v1", False, True, {"x-org": "a"}),
            "groq": ProviderSettings(),
        },
        models={
            "openai/team/own": Model(
                id="team/own",
                provider="openai",
                prices=(
                    Price("", (PriceTier(0, {"input": 3, "output": 5}),), version=price_version),
                    Price(
                        "2026-06-01",
                        (PriceTier(0, {"input": 2}), PriceTier(200_000, {"input": 4})),
                        version=price_version,
                    ),
                ),
                aliases=("own",),
                context=1000,
                max_output=100,
                inputs=("text", "image"),
                capabilities=frozenset({"tools"}),
                operations=("chat", "embeddings"),
                dialects=("openai_chat",),
                quirks={"max_tokens": "max_completion_tokens"},
            )
        },
        unpriced_ceiling={"input": 10, "output": 20},
    )


def test_an_empty_document_is_an_empty_configuration() -> None:
    assert parse({}, "v") == Configuration("v")


def test_storing_responses_is_on_unless_it_was_turned_off() -> None:
    assert [parse(d, "v").stored_responses for d in ({}, {"stored_responses": True})] == [True, True]
    assert parse({"stored_responses": False}, "v").stored_responses is False


def test_members_that_this_version_does_not_know_are_passed_over() -> None:
    document = {
        "later": 1,
        "routes": {"r": {"targets": [{"model": "a/b", "x": 1}], "hedge": {}, "timeouts": {"dns": "soon"}}},
    }
    assert parse(document, "v").routes["r"] == Route("r", (RouteTarget("a/b"),))


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"routes": [1]}, "routes must be an object"),
        ({"routes": {"r": 1}}, r"routes\.r: it must be an object"),
        ({"routes": {"r": {}}}, r"routes\.r: 'targets' is missing"),
        ({"routes": {"r": {"targets": []}}}, r"routes\.r: targets must name a model"),
        ({"routes": {"r": {"targets": "a/b"}}}, "targets must be a list"),
        ({"routes": {"r": {"targets": ["a/b"]}}}, "each target must be an object"),
        ({"routes": {"r": {"targets": [{"weight": 1}]}}}, r"routes\.r: 'model' is missing"),
        ({"routes": {"r": {"targets": [{"model": "a", "weight": -1}]}}}, "weight must be a whole number"),
        ({"routes": {"r": {"targets": [{"model": "a", "weight": True}]}}}, "weight must be a whole number"),
        ({"routes": {"r": {"targets": [{"model": "a"}], "strategy": "luck"}}}, "strategy must be one of"),
        ({"routes": {"r": {"targets": [{"model": "a"}], "timeouts": {"idle": 0}}}}, "idle must be a number of seconds"),
        ({"routes": {"r": {"targets": [{"model": "a"}], "retry": {"attempts": 0}}}}, "attempts must be at least 1"),
        ({"routes": {"r": {"targets": [{"model": "a"}], "strict_parameters": 1}}}, "strict_parameters must be true"),
        ({"providers": {"p": {"enabled": "yes"}}}, r"providers\.p: enabled must be true or false"),
        ({"providers": {"p": {"headers": {"a": 1}}}}, r"providers\.p: a must be text"),
        ({"models": {"bare": {}}}, r"models\.bare: the name must be provider/model"),
        ({"models": {"a/b": {"prices": [{"tiers": []}]}}}, r"models\.a/b: tiers must hold one"),
        ({"models": {"a/b": {"prices": [{"tiers": [{"rates": {"input": 1.5}}]}]}}}, r"rates\.input must be a whole"),
        ({"unpriced_ceiling": {"input": "1"}}, r"unpriced_ceiling\.input must be a whole number"),
        ({"stored_responses": "no"}, "stored_responses must be true or false"),
    ],
)
def test_a_wrong_member_is_named(document: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse(document, "v")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "routes": st.dictionaries(st.text(max_size=3), st.one_of(JSON, st.fixed_dictionaries({"targets": JSON}))),
            "providers": JSON,
            "models": st.dictionaries(st.just("a/b"), st.fixed_dictionaries({"prices": JSON, "context": JSON})),
            "unpriced_ceiling": JSON,
            "stored_responses": JSON,
        },
    )
)
def test_any_json_is_read_or_refused_with_a_value_error(document: dict[str, object]) -> None:
    try:
        version = parse(document, "v").version
    except ValueError as error:
        version = "v" if str(error) else ""
    assert version == "v"


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_the_version_depends_on_the_content_alone(document: dict[str, object]) -> None:
    turned = dict(reversed(list(json.loads(json.dumps(document)).items())))
    assert version_of(turned) == version_of(document)
    assert json.loads(canonical_json(document)) == document
    document.pop("another", None)
    assert version_of({**document, "another": 1}) != version_of(document)


def test_the_version_is_the_sha256_of_the_canonical_text() -> None:
    document = {"b": [1, {"d": "é", "c": None}], "a": True}
    text = '{"a":true,"b":[1,{"c":null,"d":"é"}]}'
    assert canonical_json(document) == text
    assert version_of(document) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("document", [{"a": float("nan")}, {"a": {1}}, {"a": "\ud800"}])
def test_what_is_not_json_has_no_version(document: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        version_of(document)
