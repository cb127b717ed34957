"""What docs/budgets.md prints can be published as it stands."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path

import pytest

from sluice.control.configurations import Configurations
from sluice.control.lint import complaints
from sluice.providers.registry import Registry
from sluice.routing.configuration import parse
from tests.unit.control.test_configurations import Store

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "budgets.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_a_valid_configuration(example: str) -> None:
    control = Configurations(Store(), parse, partial(complaints, catalogue=Registry(), local=False))
    assert control.publish(json.loads(example))


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 5
