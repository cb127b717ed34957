"""What the page about identity shows can be published and does what it says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sluice.routing.configuration import parse
from sluice.types.tenancy import SCOPES
from tests.unit.control.test_identity_schema import control

PAGE = (Path(__file__).parents[3] / "docs" / "identity.md").read_text(encoding="utf-8")
EXAMPLES = [text for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if '"identity"' in text]


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_can_be_published_and_is_not_doubted(text: str) -> None:
    made = control()
    version = made.publish(json.loads(text))
    assert parse(made.document(version), version).identity is not None
    assert made.doubts(version) == []


def test_the_page_has_examples_of_issuers_and_of_principals() -> None:
    assert len(EXAMPLES) == 2
    assert '"issuers"' in EXAMPLES[0]
    assert '"principals"' in EXAMPLES[1]


def test_every_scope_is_explained() -> None:
    table = PAGE.partition("| scope | allows |")[2].partition("```")[0]
    assert set(re.findall(r"`([a-z]+(?::[a-z]+)?)`", table.partition("\n\n")[0])) >= set(SCOPES)


def test_a_budget_may_mean_all_tokens_of_an_issuer() -> None:
    rule = {"scope": "key:oidc:okta", "amount": "5", "window": "month"}
    made = control()
    document = made.document(made.publish({"budgets": {"tokens": rule}}))
    assert parse(document, "v").budgets["tokens"].scope.value == "oidc:okta"
