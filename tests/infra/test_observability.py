"""What a region is watched with, as its template declares it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.constructs.published import Published, queue_label
from infra.costs.idle import idle_bills
from infra.observability.alarms import alarms, told
from infra.observability.model import Alarm
from infra.observability.queries import QUERIES
from infra.observability.widgets import rows
from infra.settings import RegionSettings, stage_named
from infra.stacks.observability import place_of
from infra.watch import Watch
from sluice import metrics
from tests.infra.conftest import CUSTOMER_KEY, PRIMARY, SECONDARY, Assembly

ALARM, COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
MOST_DOLLARS = 13
"""A month, for one region's alarms and dashboard; docs/dashboards.md says so."""


def properties(assembly: Assembly, of_type: str, region: str = PRIMARY) -> list[dict[str, Any]]:
    return [item["Properties"] for item in assembly.resources("observability", of_type, region=region).values()]


def by_name(assembly: Assembly, region: str = PRIMARY) -> dict[str, dict[str, Any]]:
    found = [*properties(assembly, ALARM, region), *properties(assembly, COMPOSITE, region)]
    return {each["AlarmName"].removeprefix("sluice-prod-"): each for each in found}


def topic(assembly: Assembly, severity: str) -> dict[str, str]:
    found = assembly.resources("observability", "AWS::SNS::Topic")
    (name,) = [key for key, item in found.items() if item["Properties"]["TopicName"] == f"sluice-prod-{severity}"]
    return {"Ref": name}


def body(assembly: Assembly, region: str = PRIMARY) -> dict[str, Any]:
    """Return the dashboard, with `<logical id>` where the deployment puts something in."""
    (dashboard,) = properties(assembly, "AWS::CloudWatch::Dashboard", region)
    parts = dashboard["DashboardBody"]["Fn::Join"][1]
    text = "".join(part if isinstance(part, str) else f"<{part['Ref']}>" for part in parts)
    return dict(json.loads(text))


def series_of(alarm: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "MetricName" in alarm:
        yield alarm
    yield from (query["MetricStat"]["Metric"] for query in alarm.get("Metrics", ()) if "MetricStat" in query)


@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
def test_every_alarm_of_the_list_is_in_the_template(assembly: Assembly, region: str) -> None:
    (parameters,) = [assembly.template("observability", region=region)["Parameters"]]
    jobs = sorted(re.findall(r"/sluice-prod/functions/(\w+)", json.dumps(parameters)))
    assert {"rollup", "reconcile", "export"} <= set(jobs)
    assert ("alerts" in jobs) == (region == PRIMARY)
    names = set(by_name(assembly, region))
    place = place_of(stage_named("prod"), region, published(assembly, region))
    assert names == {alarm.name for alarm in alarms(place)}


def published(assembly: Assembly, region: str) -> Published:
    names = [
        item["Properties"]["Name"] for item in assembly.resources("jobs", "AWS::SSM::Parameter", region=region).values()
    ]
    functions, queues = (
        [name.rpartition("/")[2] for name in names if f"/{kind}/" in name] for kind in ("functions", "queues")
    )
    return Published(tuple(sorted(functions)), tuple(sorted(queues)))


def test_every_function_and_every_queue_is_published_under_its_name(assembly: Assembly) -> None:
    for kind in ("api", "jobs"):
        parameters = [item["Properties"] for item in assembly.resources(kind, "AWS::SSM::Parameter").values()]
        referred = {parameter["Value"]["Ref"] for parameter in parameters if "/functions/" in parameter["Name"]}
        assert referred == set(assembly.resources(kind, "AWS::Lambda::Function"))
    queues = [
        item["Properties"]["Value"]["Fn::GetAtt"][0]
        for item in assembly.resources("jobs", "AWS::SSM::Parameter").values()
        if "/queues/" in item["Properties"]["Name"]
    ]
    assert set(queues) == set(assembly.resources("jobs", "AWS::SQS::Queue"))
    assert queues


@pytest.mark.parametrize(("construct", "label"), [("RollupLeft", "rollup-left"), ("Left", "left")])
def test_a_queue_is_called_as_its_construct(construct: str, label: str) -> None:
    assert queue_label(construct) == label


def test_names_that_the_stack_reads_are_published_in_the_same_region(assembly: Assembly) -> None:
    for region in (PRIMARY, SECONDARY):
        parameters = assembly.template("observability", region=region)["Parameters"].values()
        read = {each["Default"] for each in parameters if str(each.get("Default")).startswith("/sluice-prod/")}
        there = {
            item["Properties"]["Name"]
            for kind in ("api", "jobs")
            for item in assembly.resources(kind, "AWS::SSM::Parameter", region=region).values()
        }
        assert read <= there
        assert len(read) > 5


def test_alarms_tell_the_topic_of_their_severity_and_pages_also_end(assembly: Assembly) -> None:
    page, ticket = topic(assembly, "page"), topic(assembly, "ticket")
    expected = {
        alarm.name: alarm.severity
        for alarm in alarms(place_of(stage_named("prod"), PRIMARY, published(assembly, PRIMARY)))
    }
    for name, alarm in by_name(assembly).items():
        actions = (alarm.get("AlarmActions"), alarm.get("OKActions"))
        assert actions == {"page": ([page], [page]), "ticket": ([ticket], None), "part": (None, None)}[expected[name]]


def test_only_the_sweep_is_missed_and_only_once_it_has_reported(assembly: Assembly) -> None:
    # An alarm begins without data, and tells of that state only when it comes to it from another one.
    found = {name: alarm for name, alarm in by_name(assembly).items() if "InsufficientDataActions" in alarm}
    assert set(found) == {"rollup-behind"}
    assert found["rollup-behind"]["InsufficientDataActions"] == [topic(assembly, "page")]
    assert found["rollup-behind"]["TreatMissingData"] == "missing"


def test_alarms_of_other_stacks_steer_releases_and_routing_and_tell_nobody(assembly: Assembly) -> None:
    for name, template in assembly.templates().items():
        if "observability" not in name:
            for item in template["Resources"].values():
                if item["Type"] in (ALARM, COMPOSITE):
                    assert not item["Properties"].get("AlarmActions"), name


def test_each_alarm_leads_to_its_runbook(assembly: Assembly) -> None:
    for name, alarm in by_name(assembly).items():
        says, _, link = alarm["AlarmDescription"].partition("\n\nRunbook: docs/runbooks/")
        assert says.endswith("."), name
        assert re.fullmatch(r"[a-z-]+\.md", link), name
        assert len(alarm["AlarmDescription"]) <= 1024


def test_the_page_alarm_joins_both_fast_burn_rates(assembly: Assembly) -> None:
    alarm = by_name(assembly)["error-budget-burning"]
    assert alarm["AlarmRule"] == (
        '(ALARM("sluice-prod-burn-14x-1h") AND ALARM("sluice-prod-burn-14x-5m"))'
        ' OR (ALARM("sluice-prod-burn-6x-6h") AND ALARM("sluice-prod-burn-6x-30m"))'
    )


def test_a_joined_alarm_is_made_after_its_parts(assembly: Assembly) -> None:
    plain = assembly.resources("observability", ALARM)
    for composite in assembly.resources("observability", COMPOSITE).values():
        named = set(re.findall(r'ALARM\("([^"]+)"\)', composite["Properties"]["AlarmRule"]))
        assert {plain[each]["Properties"]["AlarmName"] for each in composite["DependsOn"]} == named


def test_unusual_cost_is_what_lies_above_the_band(assembly: Assembly) -> None:
    found = by_name(assembly)
    assert found["cost-unusual"]["AlarmRule"] == (
        '(ALARM("sluice-prod-cost-above-band") AND ALARM("sluice-prod-cost-worth-a-look"))'
    )
    assert (found["cost-worth-a-look"]["MetricName"], found["cost-worth-a-look"]["Threshold"]) == ("CostUSD", 5)
    alarm = found["cost-above-band"]
    assert alarm["ComparisonOperator"] == "GreaterThanUpperThreshold"
    assert alarm["ThresholdMetricId"] == "band"
    watched, band = alarm["Metrics"]
    assert watched["MetricStat"]["Metric"]["MetricName"] == "CostUSD"
    assert (watched["ReturnData"], watched["MetricStat"]["Period"]) == (True, 3600)
    assert band["Expression"] == "ANOMALY_DETECTION_BAND(cost, 4)"
    assert "Threshold" not in alarm


def test_no_alarm_looks_at_more_metrics_than_cloudwatch_takes(assembly: Assembly) -> None:
    for template in assembly.templates().values():
        for item in template["Resources"].values():
            if item["Type"] == ALARM:
                queries = item["Properties"].get("Metrics", ())
                assert len([query for query in queries if "MetricStat" in query]) <= 10
                assert len(queries) <= 20


def test_own_metrics_of_a_template_are_declared_and_stand_in_the_stages_namespace(assembly: Assembly) -> None:
    declared = [(name, dimensions) for name, dimensions in metrics.series()]
    namespaces = set()
    for alarm in properties(assembly, ALARM):
        for series in series_of(alarm):
            namespaces.add(series["Namespace"])
            if series["Namespace"].startswith("Sluice"):
                dimensions = {each["Name"]: each["Value"] for each in series["Dimensions"]}
                assert (series["MetricName"], dimensions) in declared
    assert namespaces == {"Sluice/prod", "AWS/ApiGateway", "AWS/Lambda", "AWS/Usage", "AWS/DynamoDB", "AWS/SQS"}


def test_series_of_functions_and_queues_carry_the_deployed_names(assembly: Assembly) -> None:
    parameters = assembly.template("observability")["Parameters"]
    for alarm in properties(assembly, ALARM):
        for series in series_of(alarm):
            for dimension in series["Dimensions"]:
                if dimension["Name"] in ("FunctionName", "QueueName"):
                    assert parameters[dimension["Value"]["Ref"]]["Default"].startswith("/sluice-prod/")
                if dimension["Name"] == "TableName":
                    assert dimension["Value"].startswith("sluice-prod-")


def test_the_api_is_named_as_its_own_stack_names_it(assembly: Assembly) -> None:
    (api,) = assembly.resources("api", "AWS::ApiGateway::RestApi").values()
    (stage,) = assembly.resources("api", "AWS::ApiGateway::Stage").values()
    found = [
        {each["Name"]: each["Value"] for each in series["Dimensions"]}
        for alarm in properties(assembly, ALARM)
        for series in series_of(alarm)
        if series["Namespace"] == "AWS/ApiGateway"
    ]
    expected = {"ApiName": api["Properties"]["Name"], "Stage": stage["Properties"]["StageName"]}
    assert found
    assert all(each == expected for each in found)
    assert stage["Properties"]["MethodSettings"][0]["MetricsEnabled"] is True


@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
def test_the_dashboard_shows_its_own_region_under_a_name_of_its_own(assembly: Assembly, region: str) -> None:
    (dashboard,) = properties(assembly, "AWS::CloudWatch::Dashboard", region)
    assert dashboard["DashboardName"] == f"sluice-prod-{region}"
    shown = body(assembly, region)["widgets"]
    assert {tile["properties"]["region"] for tile in shown if tile["type"] in ("metric", "log")} == {region}
    place = place_of(stage_named("prod"), region, published(assembly, region))
    assert len(shown) == sum(len(row) for row in rows(place)) < 500


def test_the_dashboard_lists_every_alarm_that_tells_somebody(assembly: Assembly) -> None:
    (panel,) = [tile for tile in body(assembly)["widgets"] if tile["type"] == "alarm"]
    names = [arn.rpartition(":")[2].removeprefix("sluice-prod-") for arn in panel["properties"]["alarms"]]
    assert names == [alarm.name for alarm in told(place_of(stage_named("prod"), PRIMARY, published(assembly, PRIMARY)))]
    assert all(arn.startswith(f"arn:aws:cloudwatch:{PRIMARY}:") for arn in panel["properties"]["alarms"])
    # One widget takes a hundred of them.
    assert len(names) <= 100


def test_formulas_and_series_are_told_apart_in_the_body(assembly: Assembly) -> None:
    for tile in body(assembly)["widgets"]:
        for row in tile["properties"].get("metrics", ()):
            *names, options = row
            assert isinstance(options, dict)
            assert ("expression" in options) == (names == [])
            assert not names or len(names) % 2 == 0


def test_saved_queries_and_tables_read_log_groups_that_exist(assembly: Assembly) -> None:
    groups = {
        item["Properties"]["LogGroupName"]
        for kind in ("api", "jobs")
        for item in assembly.resources(kind, "AWS::Logs::LogGroup").values()
    }
    saved = properties(assembly, "AWS::Logs::QueryDefinition")
    # There is no exporter in a stage that lists no target.
    expected = {f"sluice-prod/{query.name}" for query in QUERIES if query.groups != ("exporter",)}
    assert {each["Name"] for each in saved} == expected
    for each in saved:
        assert set(each["LogGroupNames"]) <= groups, each["Name"]
    for tile in body(assembly)["widgets"]:
        if tile["type"] == "log":
            sources = set(re.findall(r"SOURCE '([^']+)'", tile["properties"]["query"]))
            assert sources
            assert sources <= groups


@pytest.mark.parametrize("severity", ["page", "ticket"])
def test_cloudwatch_alone_may_publish_to_a_topic_and_only_over_tls(assembly: Assembly, severity: str) -> None:
    policies = properties(assembly, "AWS::SNS::TopicPolicy")
    (policy,) = [each for each in policies if each["Topics"] == [topic(assembly, severity)]]
    statements = {each["Effect"]: each for each in policy["PolicyDocument"]["Statement"]}
    assert set(statements) == {"Allow", "Deny"}
    allowed = statements["Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert allowed["Action"] == "sns:Publish"
    assert allowed["Resource"] == topic(assembly, severity)
    assert allowed["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert statements["Deny"]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_customers_key_does_not_stand_between_an_alarm_and_its_topic(assembly: Assembly) -> None:
    template = assembly.template("observability", stage="pr-2")
    assert CUSTOMER_KEY not in json.dumps(template)
    assert not [1 for item in template["Resources"].values() if "KmsMasterKeyId" in item.get("Properties", {})]


def test_addresses_of_the_stage_are_told_by_severity(tmp_path: Path) -> None:
    from aws_cdk import App

    from infra.app import add_stage, context_of_project
    from infra.constructs.layers import Platform

    watch = Watch(page_emails=("oncall@example.com",), ticket_emails=("team@example.com", "boss@example.com"))
    stage = dataclasses.replace(stage_named("pr-9", regions=PRIMARY), watch=watch)
    app = App(context=context_of_project(), outdir=str(tmp_path), analytics_reporting=False)
    add_stage(app, stage, Platform(skip_layers=True))
    template = app.synth().get_stack_by_name(f"sluice-pr-9-{PRIMARY}-observability").template
    names = {
        key: item["Properties"].get("TopicName", "")
        for key, item in template["Resources"].items()
        if item["Type"] == "AWS::SNS::Topic"
    }
    found = [item["Properties"] for item in template["Resources"].values() if item["Type"] == "AWS::SNS::Subscription"]
    assert sorted((names[each["TopicArn"]["Ref"]], each["Endpoint"]) for each in found) == [
        ("sluice-pr-9-page", "oncall@example.com"),
        ("sluice-pr-9-ticket", "boss@example.com"),
        ("sluice-pr-9-ticket", "team@example.com"),
    ]


def test_watching_a_region_costs_little_while_nobody_calls(assembly: Assembly) -> None:
    (items,) = idle_bills({PRIMARY: [assembly.template("observability")]}).values()
    assert {item.what for item in items} == {"dashboards", "metrics that alarms look at", "composite alarms"}
    assert 5 < sum(item.dollars for item in items) < MOST_DOLLARS


def test_a_region_may_have_thresholds_of_its_own() -> None:
    strict = Watch(first_byte_p99_ms=2_000)
    stage = dataclasses.replace(stage_named("prod"), per_region={SECONDARY: RegionSettings(watch=strict)})
    jobs = Published((), ("rollup-left",))
    places = {region: place_of(stage.at(region), region, jobs) for region in stage.regions}
    found = {
        region: [
            alarm.threshold for alarm in alarms(place) if isinstance(alarm, Alarm) and alarm.name == "first-byte-slow"
        ]
        for region, place in places.items()
    }
    assert found == {PRIMARY: [30_000], SECONDARY: [2_000]}
