"""The page on observability says what the code does."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.exporters import ExporterTarget, text_of
from infra.metrics_page import PAGE, main, page, table
from sluice import metrics
from sluice.aws import ledger_record
from sluice.control.configurations import ConfigurationModel
from sluice.routing.configuration import parse
from sluice.telemetry.options import HELD_AS, options_from
from sluice.telemetry.targets import authorization
from tests.unit.aws.entries import typical

TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_table_of_metrics_is_the_declaration() -> None:
    assert page(TEXT) == TEXT, "run: python -m infra.metrics_page"
    assert main(["--check"]) == 0
    assert all(f"`{metric.name}`" in table() for metric in metrics.METRICS)


def test_the_parts_of_the_reckoning_are_its_sum() -> None:
    parts = [int(number) for number in re.findall(r"= (\d+)$", table(), re.MULTILINE)]
    assert sum(parts) == len(list(metrics.series()))
    assert f"**{sum(parts)}** of at most 100" in table()


def test_every_member_of_a_line_is_explained() -> None:
    told = set(re.findall(r"`([a-z_]+)`", TEXT))
    members = {*ledger_record._TEXTS, *ledger_record._NUMBERS, *ledger_record.to_record(typical())}
    also = {"asked", "outcome", "cache", "stream", "first_ms", "version", "list", "deployment", "adjusted"}
    assert not (members | also) - told


@pytest.mark.parametrize("number", range(2))
def test_the_examples_of_configuration_are_valid(number: int) -> None:
    documents: list[dict[str, Any]] = [json.loads(block) for block in blocks("json")]
    configurations = [each for each in documents if not any(name.startswith(HELD_AS) for name in each)]
    ConfigurationModel.model_validate(configurations[number])
    found = parse(configurations[number], "v")
    assert found.providers["vllm"].propagate_trace if number == 0 else found.routes["support"].archive is not None


def test_the_examples_of_exporters_can_be_deployed_and_have_credentials() -> None:
    (code,) = blocks("python")
    namespace: dict[str, Any] = {}
    exec(code, namespace)
    targets: tuple[ExporterTarget, ...] = namespace["exporters"]
    assert {target.kind for target in targets} == {"otlp", "helicone", "s3"}
    told = options_from(text_of(targets))
    (held,) = [each for each in map(json.loads, blocks("json")) if any(name.startswith(HELD_AS) for name in each)]
    for target in told:
        if target.kind != "s3":
            assert authorization(held[HELD_AS + target.name])
