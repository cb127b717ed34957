"""Functions, layers, aliases and logs as the templates declare them."""

from __future__ import annotations

from typing import Any

import pytest

from infra.build import ROOT
from sluice.endpoints import ENDPOINTS
from sluice.settings import Settings
from tests.infra.conftest import PRIMARY, Assembly

STREAMED = {"streaming", "completion"}
WITH_DEPENDENCIES = {"admin", "reconcile", "export"}
FUNCTIONS = {
    "streaming": "api",
    "completion": "api",
    "routing": "api",
    "admin": "api",
    "reconcile": "jobs",
    "rollup": "jobs",
    "export": "jobs",
}


def function(assembly: Assembly, name: str, stage: str = "prod") -> dict[str, Any]:
    found = assembly.resources(FUNCTIONS[name], "AWS::Lambda::Function", stage=stage)
    (properties,) = [
        item["Properties"] for key, item in found.items() if key.startswith(f"{name.capitalize()}Function")
    ]
    return dict(properties)


def test_every_function_of_the_endpoint_table_exists() -> None:
    assert {endpoint.function for endpoint in ENDPOINTS} <= set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_on_arm64_under_the_managed_runtime(assembly: Assembly, name: str) -> None:
    properties = function(assembly, name)
    assert properties["Architectures"] == ["arm64"]
    assert properties["Runtime"] == "python3.13"
    assert properties["Handler"] == "handler.handler"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_functions_folder_holds_its_handler(name: str) -> None:
    assert (ROOT / "functions" / name / "handler.py").is_file()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_settings_of_a_function_can_be_read_from_its_variables(assembly: Assembly, name: str) -> None:
    variables = function(assembly, name)["Environment"]["Variables"]
    read = Settings.from_environment(variables | {"AWS_REGION": PRIMARY})
    assert read.stage == "prod"
    assert read.table("ledger") == "sluice-prod-ledger"
    assert read.provider_secret == "sluice-prod/providers"
    assert read.gateway_secret == "sluice-prod/gateway"
    assert read.ledger_days == 400
    assert (read.local, read.endpoint_url) == (False, None)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_streaming_functions_start_the_streaming_loop(assembly: Assembly, name: str) -> None:
    wrapper = function(assembly, name)["Environment"]["Variables"].get("AWS_LAMBDA_EXEC_WRAPPER")
    assert wrapper == ("/opt/streaming-wrapper" if name in STREAMED else None)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_the_layers_that_it_needs_and_no_other(assembly: Assembly, name: str) -> None:
    layers = assembly.resources(FUNCTIONS[name], "AWS::Lambda::LayerVersion")
    attached = [layers[item["Ref"]]["Properties"]["Description"] for item in function(assembly, name)["Layers"]]
    expected = ["Sluice: dependencies"] * (name in WITH_DEPENDENCIES) + ["Sluice: runtime"] * (name in STREAMED)
    assert attached == [*expected, "Sluice: sluice"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_alias_live_points_at_a_published_version(assembly: Assembly, name: str) -> None:
    kind = FUNCTIONS[name]
    aliases = assembly.resources(kind, "AWS::Lambda::Alias")
    (alias,) = [item["Properties"] for key, item in aliases.items() if key.startswith(f"{name.capitalize()}Live")]
    version, attribute = alias["FunctionVersion"]["Fn::GetAtt"]
    versions = assembly.resources(kind, "AWS::Lambda::Version")
    assert (alias["Name"], attribute) == ("live", "Version")
    assert versions[version]["Properties"]["FunctionName"] == alias["FunctionName"]
    assert versions[version]["DeletionPolicy"] == "Retain"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_logs_json_into_a_group_of_its_own(assembly: Assembly, name: str) -> None:
    logging = function(assembly, name)["LoggingConfig"]
    assert logging["LogFormat"] == "JSON"
    assert logging["LogGroup"]["Ref"] in assembly.resources(FUNCTIONS[name], "AWS::Logs::LogGroup")


def test_every_log_group_forgets_after_the_days_that_the_stage_sets(assembly: Assembly) -> None:
    for stage, days in (("prod", 90), ("pr-1", 1)):
        groups = [
            item
            for kind in ("api", "jobs")
            for item in assembly.resources(kind, "AWS::Logs::LogGroup", stage=stage).values()
        ]
        assert len(groups) == 10
        assert {item["Properties"]["RetentionInDays"] for item in groups} == {days}


def test_memory_follows_the_stage_but_for_the_control_plane(assembly: Assembly) -> None:
    assert function(assembly, "streaming")["MemorySize"] == 512
    assert function(assembly, "streaming", stage="pr-1")["MemorySize"] == 256
    assert function(assembly, "admin", stage="pr-1")["MemorySize"] == 512


def test_the_sweep_runs_on_a_schedule_longer_than_it_may_take(assembly: Assembly) -> None:
    rules = assembly.resources("jobs", "AWS::Events::Rule")
    (rule,) = [item for name, item in rules.items() if name.startswith("ReconcileSchedule")]
    assert rule["Properties"]["ScheduleExpression"] == "rate(5 minutes)"
    assert function(assembly, "reconcile")["Timeout"] == 240
    (target,) = rule["Properties"]["Targets"]
    assert "ReconcileLive" in str(target["Arn"])


def test_the_roll_up_is_fed_from_the_ledgers_stream_and_answers_for_each_record(assembly: Assembly) -> None:
    (mapping,) = assembly.resources("jobs", "AWS::Lambda::EventSourceMapping").values()
    properties = mapping["Properties"]
    assert "ledgerstream" in properties["EventSourceArn"]["Ref"]
    assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert properties["BisectBatchOnFunctionError"] is True
    assert properties["StartingPosition"] == "TRIM_HORIZON"
    assert properties["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert "RollupLeft" in str(properties["DestinationConfig"]["OnFailure"]["Destination"])
    assert "RollupLive" in str(properties["FunctionName"])
    (parameter,) = assembly.resources("data", "AWS::SSM::Parameter").values()
    assert parameter["Properties"]["Name"] == "/sluice-prod/ledger-stream"
    assert "StreamArn" in str(parameter["Properties"]["Value"])


def test_the_export_goes_on_three_times_a_night(assembly: Assembly) -> None:
    rules = assembly.resources("jobs", "AWS::Events::Rule")
    (rule,) = [item["Properties"] for name, item in rules.items() if name.startswith("ExportSchedule")]
    assert rule["ScheduleExpression"] == "cron(10 2-4 * * ? *)"
    variables = function(assembly, "export")["Environment"]["Variables"]
    assert "sluice-prod-exports-" in str(variables["SLUICE_EXPORT_BUCKET"])
