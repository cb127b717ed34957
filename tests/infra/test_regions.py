"""What regions have in common, what may differ, and how callers find the nearest healthy one."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from infra.capacity import Capacity, InvalidCapacity
from infra.domain import Domain, InvalidDomain
from infra.settings import InvalidStage, RegionSettings, Stage
from tests.infra.conftest import PRIMARY, SECONDARY, THIRD, Assembly

REGIONS = (PRIMARY, SECONDARY, THIRD)
HASHED = re.compile(r"(CurrentVersion)[0-9A-F]{8}[0-9a-f]{32}|(AllowEventRule)\w+")
"""Logical ids that carry a digest of what they stand for, or the name of their stack."""


def only(found: dict[str, Any], beginning: str = "") -> dict[str, Any]:
    (item,) = [item["Properties"] for name, item in found.items() if name.startswith(beginning)]
    return dict(item)


def normal(assembly: Assembly, kind: str, region: str) -> Any:
    text = json.dumps(assembly.template(kind, region=region), sort_keys=True)
    return json.loads(HASHED.sub(r"\1\2", text).replace(",".join(REGIONS), "ALL").replace(region, "HERE"))


def test_the_findings_of_a_stage_with_every_setting_are_all_decided(shaped: Assembly) -> None:
    assert shaped.findings() == []


def test_a_synth_asks_nothing_of_aws(shaped: Assembly, assembly: Assembly) -> None:
    for each in (shaped, assembly):
        manifest = json.loads((each.folder / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["artifacts"]
        # What the CDK would have to look up in the account stands here (zones, images, networks).
        assert "missing" not in manifest


@pytest.mark.parametrize("kind", ["data", "jobs"])
def test_a_region_more_is_one_line_and_gets_what_the_others_have(shaped: Assembly, kind: str) -> None:
    ours, theirs = normal(shaped, kind, THIRD), normal(shaped, kind, SECONDARY)
    if kind == "jobs":
        # The second region differs in memory, by its own settings; the names of versions hide it.
        for template in (ours, theirs):
            for item in template["Resources"].values():
                item["Properties"].pop("MemorySize", None)
    assert ours == theirs


def test_a_region_more_changes_in_the_others_only_replicas_and_what_functions_know_of_it(
    assembly: Assembly, shaped: Assembly
) -> None:
    before, after = (each.template("data")["Resources"] for each in (assembly, shaped))
    assert set(before) == set(after)
    changed = {
        (item["Type"].rpartition("::")[2], name)
        for key, item in before.items()
        for name, value in item["Properties"].items()
        if after[key]["Properties"][name] != value
    }
    assert changed == {("GlobalTable", "Replicas"), ("Secret", "ReplicaRegions")}
    for region in (PRIMARY, SECONDARY):
        functions = shaped.resources("api", "AWS::Lambda::Function", region=region).values()
        told = {item["Properties"]["Environment"]["Variables"]["SLUICE_REGIONS"] for item in functions}
        assert told == {",".join(REGIONS)}


def test_a_region_may_differ_in_size_limits_firewall_and_release(shaped: Assembly) -> None:
    def seen(region: str) -> tuple[Any, ...]:
        function = only(shaped.resources("api", "AWS::Lambda::Function", region=region), "StreamingFunction")
        (settings,) = only(shaped.resources("api", "AWS::ApiGateway::Stage", region=region))["MethodSettings"]
        walls = shaped.resources("api", "AWS::WAFv2::WebACL", region=region)
        scaled = shaped.resources("api", "AWS::ApplicationAutoScaling::ScalableTarget", region=region)
        return function["MemorySize"], settings["ThrottlingRateLimit"], len(walls), len(scaled)

    assert seen(PRIMARY) == (512, 1_000, 1, 1)
    assert seen(SECONDARY) == (256, 50, 0, 0)
    assert seen(THIRD) == seen(PRIMARY)


def test_nothing_is_kept_ready_or_set_aside_unless_it_is_said(assembly: Assembly, shaped: Assembly) -> None:
    for name, template in assembly.templates().items():
        text = json.dumps(template)
        assert '"ProvisionedConcurrencyConfig":' not in text, name
        assert "ReservedConcurrentExecutions" not in text, name
    target = only(shaped.resources("api", "AWS::ApplicationAutoScaling::ScalableTarget"))
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 20)
    policy = only(shaped.resources("api", "AWS::ApplicationAutoScaling::ScalingPolicy"))
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 0.7
    aliases = shaped.resources("api", "AWS::Lambda::Alias")
    ready = only(aliases, "Routing")["ProvisionedConcurrencyConfig"]
    assert ready == {"ProvisionedConcurrentExecutions": 1}
    # Scaling sets the number of this one.
    assert "ProvisionedConcurrencyConfig" not in only(aliases, "Streaming")
    function = only(shaped.resources("api", "AWS::Lambda::Function"), "RoutingFunction")
    assert function["ReservedConcurrentExecutions"] == 50


def test_the_firewall_looks_at_addresses_and_at_no_body(shaped: Assembly, assembly: Assembly) -> None:
    acl = only(shaped.resources("api", "AWS::WAFv2::WebACL"))
    statements = {rule["Name"]: rule["Statement"] for rule in acl["Rules"]}
    managed = statements.pop("Reputation")["ManagedRuleGroupStatement"]
    assert (managed["VendorName"], managed["Name"]) == ("AWS", "AWSManagedRulesAmazonIpReputationList")
    limit = statements.pop("Rate")["RateBasedStatement"]
    assert (limit["AggregateKeyType"], limit["Limit"], limit["EvaluationWindowSec"]) == ("IP", 2_000, 300)
    assert statements == {}
    assert not any(rule["VisibilityConfig"]["SampledRequestsEnabled"] for rule in acl["Rules"])
    association = only(shaped.resources("api", "AWS::WAFv2::WebACLAssociation"))
    assert "ApiRestApiDeploymentStage" in json.dumps(association["ResourceArn"])
    assert "WAFv2" not in json.dumps(assembly.templates())


def test_who_is_blocked_reads_why_in_both_dialects(assembly: Assembly) -> None:
    found = assembly.resources("api", "AWS::ApiGateway::GatewayResponse").values()
    (blocked,) = [item["Properties"] for item in found if item["Properties"]["ResponseType"] == "WAF_FILTERED"]
    body = json.loads(blocked["ResponseTemplates"]["application/json"])
    assert (blocked["StatusCode"], body["type"], body["error"]["type"]) == ("403", "error", "permission_error")


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_answers_to_the_common_name_and_to_its_own_with_one_certificate(shaped: Assembly, region: str) -> None:
    certificate = only(shaped.resources("api", "AWS::CertificateManager::Certificate", region=region))
    own = f"{region}.llm.example.com"
    assert (certificate["DomainName"], certificate["SubjectAlternativeNames"]) == ("llm.example.com", [own])
    # So that CloudFormation proves the names by itself.
    assert {each["HostedZoneId"] for each in certificate["DomainValidationOptions"]} == {"Z0123456789ABCDEFGHIJ"}
    names = shaped.resources("api", "AWS::ApiGateway::DomainName", region=region).values()
    assert {item["Properties"]["DomainName"] for item in names} == {"llm.example.com", own}
    assert {item["Properties"]["SecurityPolicy"] for item in names} == {"TLS_1_2"}
    assert {tuple(item["Properties"]["EndpointConfiguration"]["Types"]) for item in names} == {("REGIONAL",)}
    assert len(shaped.resources("api", "AWS::ApiGateway::BasePathMapping", region=region)) == 2
    api = only(shaped.resources("api", "AWS::ApiGateway::RestApi", region=region))
    assert api["DisableExecuteApiEndpoint"] is True
    assert shaped.template("api", region=region)["Outputs"]["GatewayUrl"]["Value"] == f"https://{own}"


def global_resources(assembly: Assembly, of_type: str) -> list[dict[str, Any]]:
    path = assembly.folder / "sluice-prod-global.template.json"
    template = json.loads(path.read_text(encoding="utf-8"))
    assert template["Resources"]
    return [item["Properties"] for item in template["Resources"].values() if item["Type"] == of_type]


def test_callers_are_sent_to_the_nearest_region_whose_alarm_is_quiet(shaped: Assembly) -> None:
    checks = global_resources(shaped, "AWS::Route53::HealthCheck")
    watched = [check["HealthCheckConfig"] for check in checks]
    assert [each["AlarmIdentifier"] for each in watched] == [
        {"Name": "sluice-prod-health", "Region": region} for region in REGIONS
    ]
    assert {(each["Type"], each["InsufficientDataHealthStatus"]) for each in watched} == {
        ("CLOUDWATCH_METRIC", "Healthy")
    }
    records = global_resources(shaped, "AWS::Route53::RecordSet")
    assert [(each["Name"], each["Region"], each["SetIdentifier"]) for each in records] == [
        ("llm.example.com.", region, region) for region in REGIONS
    ]
    assert all("HealthCheckId" in each for each in records)


@pytest.mark.parametrize("region", REGIONS)
def test_what_the_common_record_points_at_is_a_record_of_that_region(shaped: Assembly, region: str) -> None:
    (common,) = [each for each in global_resources(shaped, "AWS::Route53::RecordSet") if each["Region"] == region]
    records = shaped.resources("api", "AWS::Route53::RecordSet", region=region).values()
    targets = {item["Properties"]["Name"]: item["Properties"]["AliasTarget"] for item in records}
    assert common["AliasTarget"]["HostedZoneId"] == "Z0123456789ABCDEFGHIJ"
    assert targets[common["AliasTarget"]["DNSName"]]["DNSName"]["Fn::GetAtt"][0].startswith("DomainCommon")
    assert targets[f"{region}.llm.example.com."]["DNSName"]["Fn::GetAtt"][0].startswith("DomainOwn")


@pytest.mark.parametrize("region", REGIONS)
def test_the_alarm_of_a_region_is_one_that_route_53_can_read(shaped: Assembly, region: str) -> None:
    alarms = shaped.resources("api", "AWS::CloudWatch::Alarm", region=region).values()
    (health,) = [item["Properties"] for item in alarms if item["Properties"].get("AlarmName") == "sluice-prod-health"]
    assert "Metrics" not in health
    assert (health["MetricName"], health["Statistic"], health["Threshold"]) == ("5XXError", "Average", 0.4)
    # No "M out of N" either.
    assert health.get("DatapointsToAlarm", health["EvaluationPeriods"]) == health["EvaluationPeriods"]
    api = only(shaped.resources("api", "AWS::ApiGateway::RestApi", region=region))
    assert {each["Name"]: each["Value"] for each in health["Dimensions"]} == {"ApiName": api["Name"], "Stage": "api"}


def test_without_a_domain_there_is_no_global_stack(assembly: Assembly) -> None:
    assert not [name for name in assembly.templates() if "global" in name]
    api = only(assembly.resources("api", "AWS::ApiGateway::RestApi"))
    assert not api.get("DisableExecuteApiEndpoint")


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (lambda: Capacity(ready=-1), "ready is -1"),
        (lambda: Capacity(ready_limit=5), "ready_limit is 5"),
        (lambda: Capacity(ready=5, ready_limit=5), "ready_limit is 5"),
        (lambda: Capacity(ready=5, reserved=4), "reserved is 4"),
        (lambda: Capacity(ready=5, ready_limit=9, reserved=8), "at least the 9"),
        (lambda: Stage("dev", regions=(PRIMARY,), capacity={"rollup": Capacity()}), "a function is 'rollup'"),
    ],
)
def test_a_capacity_that_lambda_would_refuse_is_refused_by_name(made: Any, named: str) -> None:
    with pytest.raises(InvalidCapacity, match=named):
        made()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"name": "https://llm.example.com"}, "name"),
        ({"zone": "example.org"}, "zone"),
        ({"zone_id": "example"}, "zone_id"),
        ({"unhealthy_percent": 0}, "unhealthy_percent"),
    ],
)
def test_a_domain_that_does_not_fit_its_zone_is_refused_by_name(wrong: dict[str, Any], named: str) -> None:
    given = {"name": "llm.example.com", "zone": "example.com", "zone_id": "Z0123456789ABCDEFGHIJ", **wrong}
    with pytest.raises(InvalidDomain, match=f"{named} is"):
        Domain(**given)


def test_what_differs_in_a_region_is_checked_like_the_stage_itself() -> None:
    with pytest.raises(InvalidStage, match=r"burst is 0; it must be 1 to 5000"):
        Stage("dev", regions=(PRIMARY,), per_region={PRIMARY: RegionSettings(burst=0)})
    with pytest.raises(InvalidStage, match=r"per_region is .*for regions of the stage \(us-east-1\)"):
        Stage("dev", regions=(PRIMARY,), per_region={"eu-west-1": RegionSettings()})
    with pytest.raises(InvalidStage, match=r"firewall_rate is 9"):
        Stage("dev", regions=(PRIMARY,), firewall_rate=9)


def test_a_region_that_does_not_differ_is_the_stage() -> None:
    stage = Stage("dev", regions=(PRIMARY, SECONDARY), per_region={SECONDARY: RegionSettings(burst=7)})
    assert stage.at(PRIMARY) is stage
    assert (stage.at(SECONDARY).burst, stage.at(SECONDARY).regions) == (7, stage.regions)
