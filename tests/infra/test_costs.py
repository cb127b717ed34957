"""Idle cost, from the synthesized templates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from benchmarks.costs import DOCUMENT, IDLE_BAR, by_region, idle_table, total, written
from infra.costs import idle
from infra.costs.idle import FREE, IDLE_METRICS, RULES, UnknownPrice, idle_bills, runs_a_month
from sluice.metrics import METRICS
from tests.infra.conftest import PRIMARY, SECONDARY, Assembly


def bill(*resources: dict[str, Any], region: str = PRIMARY) -> dict[str, Decimal]:
    """Return the bill of one region by item, in dollars; resources are called r0, r1, ..."""
    template = {"Resources": {f"r{number}": resource for number, resource in enumerate(resources)}}
    return {item.what: item.dollars for item in idle_bills({region: [template]})[region]}


def test_every_region_of_production_stays_under_the_bar(assembly: Assembly) -> None:
    bills = idle_bills(by_region(assembly.folder, (PRIMARY, SECONDARY)))
    assert {region for region, items in bills.items() if items} >= {PRIMARY, SECONDARY}
    for region, items in bills.items():
        assert Decimal(0) < total(items) < IDLE_BAR, region


def test_the_page_on_costs_says_what_the_templates_cost(assembly: Assembly) -> None:
    bills = idle_bills(by_region(assembly.folder, (PRIMARY, SECONDARY)))
    page = DOCUMENT.read_text(encoding="utf-8")
    assert written(page, "idle", idle_table(bills)) == page, "run: make costs COSTS=--write"


def test_secrets_and_tables_cost_where_their_replicas_stand(assembly: Assembly) -> None:
    bills = idle_bills(by_region(assembly.folder, (PRIMARY, SECONDARY)))
    counted = {region: {item.what: item.quantity for item in items} for region, items in bills.items()}
    assert counted[PRIMARY]["secrets"] == counted[SECONDARY]["secrets"] >= 2
    assert counted[PRIMARY]["GB in tables"] == counted[SECONDARY]["GB in tables"]


def test_a_type_without_a_price_is_refused() -> None:
    with pytest.raises(UnknownPrice, match="AWS::EC2::NatGateway"):
        bill({"Type": "AWS::EC2::NatGateway", "Properties": {}})


def test_no_type_is_both_free_and_priced() -> None:
    assert not set(FREE) & set(RULES)


def test_what_jobs_feed_is_declared() -> None:
    assert set(IDLE_METRICS) <= set(METRICS)


def test_an_alarm_costs_by_the_metrics_it_looks_at() -> None:
    stat = {"MetricStat": {"Period": 300}}
    band = {"Expression": "ANOMALY_DETECTION_BAND(m1, 2)"}
    plain = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Period": 60}}
    ratio = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [stat, stat, {"Expression": "m1/m2"}]}}
    unusual = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": [stat, band]}}
    assert bill(plain) == {"metrics that alarms look at": Decimal("0.10")}
    assert bill(ratio) == {"metrics that alarms look at": Decimal("0.20")}
    assert bill(unusual) == {"metrics that alarms look at": Decimal("0.30")}


def test_a_fast_alarm_costs_three_times_as_much() -> None:
    fast = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Period": 10}}
    assert bill(fast) == {"metrics that fast alarms look at": Decimal("0.30")}


def test_provisioned_concurrency_costs_by_memory_and_number() -> None:
    function = {"Type": "AWS::Lambda::Function", "Properties": {"MemorySize": 512}}
    alias = {
        "Type": "AWS::Lambda::Alias",
        "Properties": {
            "FunctionName": {"Ref": "r0"},
            "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 10},
        },
    }
    # 10 environments of half a GB, 730 hours: AWS's price of a GB-second, 2026-11.
    expected = Decimal(5) * 730 * 3600 * Decimal("0.0000033334")
    assert bill(function, alias) == {"GB-hours of provisioned concurrency": expected}


def test_a_schedule_pays_for_its_runs_and_its_logs() -> None:
    function = {"Type": "AWS::Lambda::Function", "Properties": {"MemorySize": 1024}}
    alias = {"Type": "AWS::Lambda::Alias", "Properties": {"FunctionName": {"Fn::GetAtt": ["r0", "Arn"]}}}
    rule = {
        "Type": "AWS::Events::Rule",
        "Properties": {"ScheduleExpression": "rate(1 hour)", "Targets": [{"Arn": {"Ref": "r1"}}]},
    }
    found = bill(function, alias, rule)
    assert found["GB-hours of scheduled runs"] == Decimal(720) * idle.RUN_SECONDS * Decimal("0.0000133334")
    assert "metric series that jobs feed" in found


def test_a_health_check_over_https_pays_for_what_it_asks() -> None:
    def check(kind: str) -> dict[str, Any]:
        return {"Type": "AWS::Route53::HealthCheck", "Properties": {"HealthCheckConfig": {"Type": kind}}}

    assert bill(check("CLOUDWATCH_METRIC")) == {"health checks": Decimal("0.50")}
    # 15 places, twice a minute for 30 days.
    asked = Decimal(15 * 2 * 60 * 24 * 30) / 1_000_000 * Decimal("3.70")
    assert bill(check("HTTPS")) == {
        "health checks": Decimal("0.50"),
        "features of health checks": Decimal(1),
        "million requests of health checks": asked,
    }


@pytest.mark.parametrize(
    ("schedule", "runs"),
    [
        ("rate(5 minutes)", 8_640),
        ("rate(1 minute)", 43_200),
        ("rate(1 day)", 30),
        ("cron(10 2-4 * * ? *)", 90),
        ("cron(0/15 * * * ? *)", 2_880),
        ("cron(0,30 6 * * ? *)", 60),
    ],
)
def test_schedules_are_counted(schedule: str, runs: int) -> None:
    assert runs_a_month(schedule) == runs


def test_a_schedule_that_cannot_be_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be counted"):
        runs_a_month("cron(0 6 1 * ? *)")
