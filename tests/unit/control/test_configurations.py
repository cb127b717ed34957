"""Configuration versions: validated, published, promoted, rolled back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import pytest

from sluice.control.catalogue_schema import ModelSchema
from sluice.control.configurations import Configurations, Conflict, Live
from sluice.control.lint import complaints
from sluice.errors import BadRequest, NotFound
from sluice.providers.listing import read_model
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse, version_of
from sluice.types.audit import Change

REGISTRY = Registry()
PRICED = {"prices": [{"tiers": [{"rates": {"input": 1, "output": 2}}]}]}


class Store:
    def __init__(self) -> None:
        self.documents: dict[str, Mapping[str, object]] = {}
        self.pointer = Live(None, None, 0)

        self.changes: list[Change | None] = []

    def publish(self, document: Mapping[str, object], change: Change | None = None) -> str:
        self.changes.append(change)
        version = version_of(document)
        self.documents[version] = document
        return version

    def document(self, version: str) -> Mapping[str, object]:
        return self.documents[version]

    def live(self) -> Live:
        return self.pointer

    def promote(self, version: str, expected_revision: int, change: Change | None = None) -> Live:
        self.changes.append(change)
        if expected_revision != self.pointer.revision:
            raise Conflict("moved")
        if version == self.pointer.version:
            return self.pointer
        self.pointer = Live(version, self.pointer.version, self.pointer.revision + 1)
        return self.pointer


def configurations(*, local: bool = False) -> Configurations:
    return Configurations(Store(), parse, partial(complaints, catalogue=REGISTRY, local=local))


def test_a_version_is_published_promoted_and_rolled_back() -> None:
    control = configurations()
    first = control.publish({"unpriced_ceiling": {"input": 1}})
    second = control.publish({"unpriced_ceiling": {"input": 2}})
    assert control.live().version is None
    control.promote(first)
    assert control.promote(second) == Live(second, first, 2)
    assert control.rollback().version == first
    assert any(line.startswith("+") for line in control.diff(first, second))


def test_storing_responses_can_be_turned_off() -> None:
    full = configurations().lint({"stored_responses": False})
    assert parse(full, "v").stored_responses is False
    assert "stored_responses" not in configurations().lint({})


def test_the_same_document_is_the_same_version() -> None:
    control = configurations()
    assert control.publish({"routes": {}}) == control.publish({})


def test_a_pointer_that_was_moved_in_between_is_not_moved_again() -> None:
    control = configurations()
    version = control.publish({})
    control.promote(version)
    with pytest.raises(Conflict):
        control.promote(version, expected_revision=0)


def test_what_does_not_exist_cannot_go_live() -> None:
    control = configurations()
    with pytest.raises(NotFound, match="no configuration version"):
        control.promote("f" * 64)
    with pytest.raises(NotFound, match="no earlier"):
        control.rollback()


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"route": {}}, "route: Extra inputs"),
        ({"routes": {"r": {"targets": []}}}, "routes.r.targets"),
        ({"routes": {"r": {"targets": [{"model": "openai/no-such-model-x"}]}}}, "no provider of the catalogue offers"),
        ({"routes": {"a/b": {"targets": [{"model": "openai/gpt-4o"}]}}}, "holds no slash"),
        ({"routes": {"r": {"targets": [{"model": "openai/gpt-4o"}], "retry": {"attempts": 9}}}}, "attempts"),
        ({"providers": {"nobody": {}}}, "no such provider"),
        ({"providers": {"openai": {"base_url": "http://api.example.com"}}}, "providers.openai.base_url"),
        ({"providers": {"openai": {"base_url": "https://169.254.169.254"}}}, "providers.openai.base_url"),
        ({"providers": {"openai": {"allow_loopback": True}}}, "local stack only"),
        ({"providers": {"openai": {"headers": {"Authorization": "x"}}}}, "provider secret"),
        ({"models": {"openai/mine": {}}}, "without a price is refused"),
        ({"models": {"nobody/mine": PRICED}}, "must be provider/model"),
        ({"models": {"openai/mine": {**PRICED, "quirks": {"nonsense": 1}}}}, "Unknown quirk"),
        ({"models": {"openai/mine": {**PRICED, "quirks": {"clmap": {}}}}}, "Did you mean 'clamp'"),
        ({"models": {"openai/mine": {**PRICED, "quirks": {"clamp": {"top_p": [1, 0]}}}}}, "the lower end comes first"),
    ],
)
def test_a_faulty_document_is_refused_with_the_place_of_the_fault(document: dict[str, object], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        configurations().publish(document)


def test_a_custom_model_may_be_a_target() -> None:
    document = {"models": {"openai/mine": PRICED}, "routes": {"r": {"targets": [{"model": "openai/mine"}]}}}
    assert configurations().publish(document)


def test_the_local_stack_may_point_to_this_machine() -> None:
    document = {"providers": {"openai": {"base_url": "http://127.0.0.1:1/v1", "allow_loopback": True}}}
    assert configurations(local=True).publish(document)


def test_a_custom_model_can_say_all_that_the_catalogue_can() -> None:
    """Entry for entry: what the schema of the catalogue knows of a model, a configuration can state."""
    own = {
        "prices": [
            {"tiers": [{"rates": {"input": 5, "second": 7, "request": 9}}, {"over": 1000, "rates": {"input": 6}}]},
            {"starts": "2026-12-01", "tiers": [{"rates": {"input": 4, "image/1024x1024": 3}}]},
            {"starts": "2026-12-01", "hours": [["01:00", "09:00"]], "tiers": [{"rates": {"input": 3}}]},
            {"service_tiers": ["batch"], "tiers": [{"rates": {"input": 2}}]},
        ],
        "aliases": ["mine"],
        "context": 32000,
        "max_output": 4000,
        "inputs": ["text", "image"],
        "outputs": ["text", "audio"],
        "capabilities": ["tools", "reasoning"],
        "operations": ["chat", "embeddings", "images"],
        "dialects": ["openai_chat"],
        "deprecated": "until the next one is trained",
        "unpriced": "",
        "quirks": {"drop": ["seed"], "max_tokens_field": "max_completion_tokens"},
    }
    stated = set(ModelSchema.model_fields) - {"prefixes", "listed", "price_source"}
    assert set(own) == stated, "the configuration names its models one by one, and is the source of its prices"
    full = configurations().lint({"models": {"openai_compatible/own": own}})
    model = parse(full, "v1").models["openai_compatible/own"]
    entry = read_model("openai_compatible", "own", own, source="configuration")
    for name in stated - {"prices"}:
        assert getattr(model, name) == getattr(entry, name), name
    shown, wanted = ({repr(replace(price, version="")) for price in owner.prices} for owner in (model, entry))
    assert shown == wanted


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"prices": [{"tiers": [{"rates": {"inputs": 1}}]}]}, "rates"),
        ({"prices": [{"tiers": [{"rates": {"second": -1}}]}]}, "second"),
        ({**PRICED, "capabilities": ["telepathy"]}, "capabilities"),
        ({**PRICED, "operations": ["dance"]}, "operations"),
        ({**PRICED, "dialects": ["esperanto"]}, "dialects"),
        ({**PRICED, "inputs": ["smell"]}, "inputs"),
    ],
)
def test_a_word_of_a_custom_model_that_nothing_reads_is_refused(entry: dict[str, object], place: str) -> None:
    with pytest.raises(BadRequest, match=place):
        configurations().lint({"models": {"openai_compatible/own": entry}})


def test_a_route_that_states_no_first_byte_leaves_it_to_the_provider() -> None:
    target = [{"model": "openai/gpt-4o-mini"}]
    routes = {"patient": {"targets": target, "timeouts": {"total": 300}}, "own": {"targets": target}}
    stated = {"hasty": {"targets": target, "timeouts": {"first_byte": 20}}}
    providers = {"openai_compatible": {"first_byte_seconds": 240}}
    full = configurations().lint({"routes": {**routes, **stated}, "providers": providers})
    read = parse(full, "v1")
    assert {name: route.cold_starts for name, route in read.routes.items()} == {
        "patient": True,
        "own": True,
        "hasty": False,
    }
    assert (read.routes["patient"].timeouts.first_byte, read.routes["hasty"].timeouts.first_byte) == (120.0, 20.0)
    assert read.providers["openai_compatible"].first_byte_seconds == 240
