"""Stages: what may be said, and what is refused before anything is synthesized."""

from __future__ import annotations

from dataclasses import replace

import pytest

from infra.settings import STAGES, InvalidStage, Stage, stage_named


def test_names_of_tables_secrets_and_stacks_follow_from_the_stage() -> None:
    stage = stage_named("prod")
    assert stage.prefix == "sluice-prod"
    assert stage.provider_secret == "sluice-prod/providers"
    assert stage.gateway_secret == "sluice-prod/gateway"
    assert stage.primary == stage.regions[0]


def test_a_pull_requests_stage_needs_no_entry_and_leaves_nothing_behind() -> None:
    stage = stage_named("pr-1234")
    assert stage.ephemeral
    assert stage.regions == STAGES["dev"].regions
    assert stage.log_days == 1


def test_regions_and_account_can_be_given_when_deploying() -> None:
    stage = stage_named("dev", regions="eu-central-1, eu-west-1", account="123456789012")
    assert stage.regions == ("eu-central-1", "eu-west-1")
    assert stage.primary == "eu-central-1"
    assert stage.account == "123456789012"


def test_an_unknown_stage_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(InvalidStage, match=r"no stage 'live'.*dev, prod, pr-<anything>"):
        stage_named("live")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("name", "Prod"),
        ("name", "a-name-of-over-20-chars"),
        ("regions", ()),
        ("regions", ("us-east-1", "us-east-1")),
        ("regions", ("virginia",)),
        ("account", "1234"),
        ("memory_mb", 300),
        ("log_days", 31),
        ("ledger_days", 0),
        ("requests_per_second", 0),
        ("burst", 5_001),
        ("customer_key", "alias/ours"),
        ("ephemeral", True),
    ],
)
def test_a_setting_that_aws_would_refuse_is_refused_by_name(setting: str, value: object) -> None:
    with pytest.raises(InvalidStage, match=rf"{setting} is .*; it must be"):
        replace(Stage("dev", regions=("us-east-1",)), **{setting: value})


def test_a_stage_named_ephemeral_must_be_so() -> None:
    with pytest.raises(InvalidStage, match="true exactly for names in pr-"):
        Stage("pr-9", regions=("us-east-1",))
