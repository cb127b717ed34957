"""What docs/prices.md prints is what the gateway does: its examples can be published, its sums are right."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sluice.control.configurations import Configurations
from sluice.control.lint import complaints
from sluice.metering.adjusting import adjusted
from sluice.metering.pricing import cost, price_of
from sluice.metering.savings import savings
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse
from sluice.routing.router import Router
from sluice.types.adjustments import Adjustment
from sluice.types.catalogue import PriceTier
from sluice.types.routes import Configuration
from sluice.types.usage import Usage
from tests.unit.control.test_configurations import Store

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "prices.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
NOON = 1_795_435_200_000
"""2026-11-23T12:00Z."""
USED = Usage(input=60_000, cache_read=150_000, output=2_000, search_requests=1)


def published(example: str) -> Configuration:
    control = Configurations(Store(), parse, partial(complaints, catalogue=Registry(), local=False))
    return parse(control.lint(json.loads(example)), "v")


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_valid_configuration(example: str) -> None:
    assert published(example)


def test_the_worked_example_comes_to_what_the_page_says() -> None:
    configuration, registry = published(EXAMPLES[0]), Registry()
    ((provider, listed),) = registry.resolve("openai/gpt-5.4")
    model = Router(registry, lambda _: True, lambda *_: True).priced(listed, provider, configuration)
    price = price_of(model, "2026-11-23T12:00")
    assert price is not None
    found = cost(USED, price)
    for component, nano in found.breakdown.items():
        assert f"{nano:,} |" in row({"cache_read": "cached input"}.get(component, component))
    assert row("**list cost**").endswith(f"**{found.nano:,}** |")
    charged = adjusted(found.nano, configuration.adjustments)
    assert row("less 12 %, plus 2.5 %").endswith(f"**{charged:,}** |")
    assert (
        f"cost {charged}, list_cost {found.nano}, adjustments `{json.dumps(ids(configuration.adjustments))}`" in prose()
    )
    ((kind, saved),) = savings(model, USED, NOON)
    assert kind == "prompt_cache"
    assert f"the provider's cache saved {adjusted(saved, configuration.adjustments):,} against" in prose()


def row(name: str) -> str:
    (found,) = re.findall(rf"^\| {re.escape(name)} \|.*$", PAGE, re.MULTILINE)
    return str(found)


def prose() -> str:
    return " ".join(PAGE.split())


def ids(adjustments: tuple[Adjustment, ...]) -> list[str]:
    return [each.id for each in adjustments]


def test_the_examples_in_units_come_to_what_the_page_says() -> None:
    example = next(each for each in EXAMPLES if "snowflake_credit" in each)
    configuration, registry = published(example), Registry()
    router = Router(registry, lambda _: True, lambda *_: True)

    def rates(name: str) -> Any:
        model = configuration.models[name]
        provider = registry.provider(model.provider)
        assert provider is not None
        return router.priced(model, provider, configuration).prices[0].tiers

    assert rates("snowflake_cortex/own-model") == (PriceTier(0, {"input": 3_300_000_000, "output": 16_500_000_000}),)
    assert rates("databricks/own-endpoint") == (PriceTier(0, {"input": 1_000_020_000, "output": 2_999_990_000}),)
    assert rates("modal/own") == (PriceTier(0, {"second": 2_194_000}),)


def test_every_component_of_a_price_is_explained() -> None:
    from typing import get_args

    from sluice.control.catalogue_schema import Component

    for component in get_args(Component):
        assert f"`{component}`" in PAGE, component
