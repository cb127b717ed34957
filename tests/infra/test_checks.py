"""What others check: cfn-lint reads the templates, cdk-nag the constructs."""

from __future__ import annotations

from collections.abc import Iterable

import cfnlint.api

from tests.infra.conftest import PRIMARY, SECONDARY, Assembly

LINTED = (
    f"sluice-prod-{PRIMARY}-data",
    f"sluice-prod-{PRIMARY}-api",
    f"sluice-prod-{PRIMARY}-jobs",
    f"sluice-prod-{PRIMARY}-observability",
    f"sluice-prod-{SECONDARY}-data",
    f"sluice-pr-2-{PRIMARY}-data",
)
"""One of each kind: the other regions' and stages' templates differ from these in names and figures only."""


def test_cdk_nag_finds_nothing_that_was_not_decided(assembly: Assembly) -> None:
    assert assembly.findings() == []


SHAPED = (f"sluice-prod-{PRIMARY}-api", "sluice-prod-global")
"""What the settings of a stage's shape add to."""


def linted(assembly: Assembly, names: Iterable[str]) -> list[str]:
    # W3005: the CDK states dependencies that a reference implies already.
    configuration = cfnlint.api.ManualArgs(regions=[PRIMARY], ignore_checks=["W3005"])
    return [
        f"{name}: {match}"
        for name in names
        for match in cfnlint.api.lint_file(assembly.folder / f"{name}.template.json", config=configuration)
    ]


def test_cfn_lint_finds_nothing(assembly: Assembly) -> None:
    assert linted(assembly, LINTED) == []


def test_cfn_lint_finds_nothing_in_a_stage_with_every_setting(shaped: Assembly) -> None:
    assert linted(shaped, SHAPED) == []
