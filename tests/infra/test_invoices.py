"""The nightly comparison with invoices exists where a stage lists vendors, and may read exactly what it lists."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from infra.invoice_checks import BillingExport, InvalidChecks, InvoiceChecks, SnowflakeUsage
from infra.settings import STAGES, stage_named
from sluice.control.invoices.options import options_from
from sluice.settings import Settings, metric_namespace
from tests.infra.conftest import PRIMARY, SECONDARY, Assembly

EXPORT = BillingExport("company-bills", "bedrock", prefix="/exports/cur/")
WITH_EXPORT = InvoiceChecks(
    providers=("openai", "bedrock", "snowflake_cortex"),
    bar_bp=50,
    export=EXPORT,
    snowflake=SnowflakeUsage("https://org-account.snowflakecomputing.com", warehouse="XS", usd_per_credit="2.50"),
    names={"bedrock": {"Titan": "amazon.titan-x"}},
)
WITH_COSTS = InvoiceChecks(providers=("anthropic", "bedrock"))


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Assembly:
    """Two stages with checks, looked over by cdk-nag: pr-7 reads an export, pr-8 Cost Explorer."""
    from aws_cdk import App, Validations
    from cdk_nag import AwsSolutionsChecks

    from infra.app import add_stage, context_of_project
    from infra.constructs.layers import Platform

    folder = tmp_path_factory.mktemp("cdk.invoices")
    app = App(context=context_of_project(), outdir=str(folder), analytics_reporting=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    platform = Platform(skip_layers=True)
    two_regions = stage_named("pr-7", regions=f"{PRIMARY},{SECONDARY}")
    add_stage(app, dataclasses.replace(two_regions, invoices=WITH_EXPORT), platform)
    add_stage(app, dataclasses.replace(stage_named("pr-8", regions=PRIMARY), invoices=WITH_COSTS), platform)
    try:
        app.synth()
    except RuntimeError as failure:
        if "ValidationFailed" not in str(failure):
            raise
    return Assembly(folder)


def only(found: dict[str, Any], beginning: str) -> dict[str, Any]:
    (item,) = [item["Properties"] for name, item in found.items() if name.startswith(beginning)]
    return dict(item)


def statements(assembly: Assembly, stage: str) -> dict[str, dict[str, Any]]:
    role = only(assembly.resources("jobs", "AWS::IAM::Role", stage=stage), "InvoicesJobRole")
    found = [part for policy in role["Policies"] for part in policy["PolicyDocument"]["Statement"]]
    return {part["Sid"]: part for part in found}


def test_a_stage_that_lists_no_vendor_has_no_job(assembly: Assembly) -> None:
    assert all(not stage.invoices.providers for stage in STAGES.values())
    for name, template in assembly.templates().items():
        assert "SLUICE_INVOICES" not in json.dumps(template), name


def test_only_the_primary_region_compares(checked: Assembly) -> None:
    made = {
        region: checked.resources("jobs", "AWS::Lambda::Function", stage="pr-7", region=region)
        for region in (PRIMARY, SECONDARY)
    }
    assert [any(name.startswith("Invoices") for name in made[region]) for region in (PRIMARY, SECONDARY)] == [
        True,
        False,
    ]


def test_the_job_runs_at_night_and_its_output_tells_what_to_invoke(checked: Assembly) -> None:
    rule = only(checked.resources("jobs", "AWS::Events::Rule", stage="pr-7"), "InvoicesSchedule")
    assert rule["ScheduleExpression"] == "cron(17 5 * * ? *)"
    assert "InvoicesJobLive" in str(rule["Targets"])
    output = checked.template("jobs", stage="pr-7")["Outputs"]["InvoicesFunction"]
    assert "InvoicesJobLive" in str(output["Value"])


def test_the_job_reads_its_options_as_the_stage_wrote_them(checked: Assembly) -> None:
    function = only(checked.resources("jobs", "AWS::Lambda::Function", stage="pr-7"), "InvoicesJobFunction")
    told = Settings.from_environment(function["Environment"]["Variables"] | {"AWS_REGION": PRIMARY})
    options = options_from(told.invoices)
    assert options.providers == ("openai", "bedrock", "snowflake_cortex")
    assert options.bar_bp == 50
    assert options.export is not None
    assert (options.export.bucket, options.export.name) == ("company-bills", "bedrock")
    assert options.snowflake is not None
    assert str(options.snowflake.usd_per_credit) == "2.50"
    assert options.names == {"bedrock": {"Titan": "amazon.titan-x"}}


def test_the_job_may_do_exactly_what_its_checks_need(checked: Assembly) -> None:
    found = statements(checked, "pr-7")
    assert set(found) == {"Logs", "UsageTable", "Secrets", "Export"}
    assert found["UsageTable"]["Action"] == [
        f"dynamodb:{name}" for name in ("DeleteItem", "GetItem", "PutItem", "Query")
    ]
    assert found["Secrets"]["Action"] == "secretsmanager:GetSecretValue"
    assert str(found["Secrets"]["Resource"]).count("sluice-pr-7/providers-??????") == 1
    assert found["Export"]["Action"] == "s3:GetObject"
    assert found["Export"]["Resource"] == [
        "arn:aws:s3:::company-bills/exports/cur/bedrock/data/BILLING_PERIOD=*",
        "arn:aws:s3:::company-bills/exports/cur/bedrock/metadata/BILLING_PERIOD=*",
    ]


def test_cost_explorer_is_granted_where_no_export_is_named(checked: Assembly) -> None:
    found = statements(checked, "pr-8")
    assert "Export" not in found
    assert (found["Costs"]["Action"], found["Costs"]["Resource"]) == ("ce:GetCostAndUsage", "*")


def test_one_alarm_watches_the_drift_of_every_listed_provider(checked: Assembly) -> None:
    found = checked.resources("observability", "AWS::CloudWatch::Alarm", stage="pr-7").values()
    (alarm,) = [item["Properties"] for item in found if item["Properties"]["AlarmName"] == "sluice-pr-7-invoice-drift"]
    series = [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]
    assert {each["MetricName"] for each in series} == {"InvoiceDrift"}
    assert {each["Namespace"] for each in series} == {metric_namespace("pr-7")}
    watched = sorted(each["Dimensions"][0]["Value"] for each in series)
    assert watched == ["bedrock", "openai", "snowflake_cortex"]
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (50, "GreaterThanThreshold")
    assert alarm["TreatMissingData"] == "notBreaching"


def test_stages_without_checks_have_no_alarm_on_them(assembly: Assembly) -> None:
    found = assembly.resources("observability", "AWS::CloudWatch::Alarm").values()
    assert not [item for item in found if "InvoiceDrift" in json.dumps(item)]


def test_cdk_nag_finds_nothing(checked: Assembly) -> None:
    assert checked.findings() == []


@pytest.mark.parametrize(
    "made",
    [
        lambda: InvoiceChecks(providers=("cohere",)),
        lambda: InvoiceChecks(providers=("openai", "openai")),
        lambda: InvoiceChecks(providers=("snowflake_cortex",)),
        lambda: InvoiceChecks(snowflake=SnowflakeUsage("https://a.snowflakecomputing.com")),
        lambda: InvoiceChecks(providers=("openai",), export=EXPORT),
        lambda: InvoiceChecks(bar_bp=-1),
        lambda: InvoiceChecks(floor_usd="free"),
        lambda: BillingExport("bills", "*"),
        lambda: BillingExport("bills", "cur", prefix="a?b"),
        lambda: BillingExport("Bills*", "cur"),
        lambda: BillingExport("bills", "cur", region="somewhere"),
        lambda: SnowflakeUsage("http://a.snowflakecomputing.com"),
        lambda: SnowflakeUsage("https://a.snowflakecomputing.com.example.com"),
        lambda: SnowflakeUsage("https://a.snowflakecomputing.com", usd_per_credit="cheap"),
    ],
)
def test_checks_that_would_say_nothing_or_reach_too_far_cannot_be_deployed(made: Any) -> None:
    with pytest.raises(InvalidChecks, match="Invoice checks"):
        made()
