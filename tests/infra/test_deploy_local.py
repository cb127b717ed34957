"""The rehearsal's summary says that all went well only where it did."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from infra.deploy_local import ROTATED, summary
from infra.drill.access import Access
from infra.drill.report import Elsewhere, Report


def good() -> Report:
    return Report(
        waves=("us-east-1", "eu-west-1"),
        health=200,
        without_key=401,
        unknown_path=(404, "{}"),
        others={"/v1/messages": "200"},
        items=[{"pk": {"S": "team#day#0"}}],
        swept={"seen": 1, "restored": 1, "lost": 0},
        regions={"eu-west-1": Elsewhere(health=200, without_key=401, models=200, pieces=9, entry=200, items=1)},
        traffic={"requests": 4, "failed": 0},
        rotated=dict(ROTATED),
        traffic_rotating={"requests": 2, "failed": 0},
        exported=("focus/day=d/region=us-east-1/a.gz", "focus/day=d/region=eu-west-1/a.gz"),
        alerted={"alerts": 1, "failed": 0},
        redriven={"messages": 1, "wrong": 0, "corrected": 0, "left": 0},
        entries=7,
        counted=7,
    )


def test_a_rehearsal_without_a_fault_is_well_and_its_summary_one_line_of_json() -> None:
    line = json.dumps(summary(good()))
    assert json.loads(line)["ok"] is True
    assert "\n" not in line


@pytest.mark.parametrize(
    "spoil",
    [
        lambda report: setattr(report, "health", 500),
        lambda report: setattr(report, "without_key", 200),
        lambda report: report.others.update({"/v1/embeddings": "500"}),
        lambda report: report.swept.update(restored=0),
        lambda report: setattr(report.regions["eu-west-1"], "pieces", 1),
        lambda report: report.traffic.update(failed=1),
        lambda report: report.traffic_rotating.update(failed=1),
        lambda report: report.rotated.update(in_force=False),
        lambda report: setattr(report, "exported", report.exported[:1]),
        lambda report: report.alerted.update(alerts=0),
        lambda report: report.redriven.update(left=1),
        lambda report: setattr(report, "counted", 6),
        lambda report: setattr(report, "denied", [("role", Access("s3:GetObject", "arn"))]),
        lambda report: setattr(report, "left", ("sluice-pr-local-config",)),
    ],
)
def test_one_fault_is_enough(spoil: Callable[[Report], Any]) -> None:
    report = good()
    spoil(report)
    assert summary(report)["ok"] is False
