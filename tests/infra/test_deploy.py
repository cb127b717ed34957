"""Waves: region by region, in order, the same assembly, and no further than the first that fails."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra import deploy
from infra.deploy import Wave, roll_out, waves
from infra.region_checks import RegionFailed, answers, quiet, smoked
from infra.settings import stage_named
from tests.infra.conftest import PRIMARY, SECONDARY, THIRD, Assembly

PLANNED = (Wave(PRIMARY, ("a-data", "a-api")), Wave(SECONDARY, ("b-api",)), Wave("global", ("names",)))


class FakeCdk:
    """Stands for the CDK command line: notes its calls, writes outputs, and fails for the stacks it is told to."""

    def __init__(self, *, fails: str = "", outputs: bool = True) -> None:
        self.calls: list[list[str]] = []
        self._fails = fails
        self._outputs = outputs

    def __call__(self, arguments: Sequence[str]) -> int:
        self.calls.append(list(arguments))
        if self._fails in arguments:
            return 1
        if self._outputs:
            path = Path(arguments[arguments.index("--outputs-file") + 1])
            address = {"GatewayUrl": f"https://{path.stem}.example.com"}
            path.write_text(json.dumps({"the-api": address, "the-data": {"Other": "x"}}), encoding="utf-8")
        return 0

    @property
    def deployed(self) -> list[str]:
        return [call[1] for call in self.calls]


class Checks:
    """Stands for the check of a region, which fails in one of them."""

    def __init__(self, *, fails: str = "") -> None:
        self.seen: list[tuple[str, str]] = []
        self._fails = fails

    def __call__(self, region: str, url: str) -> None:
        self.seen.append((region, url))
        if region == self._fails:
            raise RegionFailed("It answered 500.")


def test_the_waves_of_a_stage_are_its_regions_in_order_and_what_is_global_last(shaped: Assembly) -> None:
    stage = stage_named("prod", regions=f"{PRIMARY},{SECONDARY},{THIRD}")
    found = waves(shaped.folder, stage)
    assert [wave.name for wave in found] == [PRIMARY, SECONDARY, THIRD, "global"]
    for wave in found[:-1]:
        assert {f"sluice-prod-{wave.name}-{kind}" for kind in ("data", "api", "jobs")} <= set(wave.stacks)
    assert found[-1].stacks == ("sluice-prod-global",)


def test_every_stack_of_the_assembly_is_in_exactly_one_wave(shaped: Assembly, assembly: Assembly) -> None:
    three = stage_named("prod", regions=f"{PRIMARY},{SECONDARY},{THIRD}")
    planned = [name for wave in waves(shaped.folder, three) for name in wave.stacks]
    assert sorted(planned) == sorted(name.removesuffix(".template.json") for name in shaped.templates())
    # A stage that shares a folder with others: what is not its own would come last, as global.
    assert waves(assembly.folder, stage_named("prod"))[0].name == PRIMARY


def test_regions_are_deployed_one_after_the_other_from_one_assembly(tmp_path: Path) -> None:
    cdk, checks = FakeCdk(), Checks()
    result = roll_out(PLANNED, tmp_path, run=cdk, check=checks, say=lambda _: None, options=("--yes",))
    assert (result.done, result.failed, result.left) == ([PRIMARY, SECONDARY, "global"], None, [])
    assert [call[:3] for call in cdk.calls] == [
        ["deploy", "a-data", "a-api"],
        ["deploy", "b-api", "--exclusively"],
        ["deploy", "names", "--exclusively"],
    ]
    assert {call[call.index("--app") + 1] for call in cdk.calls} == {str(tmp_path)}
    assert all(call[-1] == "--yes" for call in cdk.calls)


def test_a_region_is_checked_before_the_next_one_is_touched(tmp_path: Path) -> None:
    cdk, checks = FakeCdk(), Checks()
    order: list[str] = []

    def run(arguments: Sequence[str]) -> int:
        order.append(f"deploy {arguments[1]}")
        return cdk(arguments)

    def check(region: str, url: str) -> None:
        order.append(f"check {region}")
        checks(region, url)

    roll_out(PLANNED, tmp_path, run=run, check=check, say=lambda _: None)
    assert order == ["deploy a-data", f"check {PRIMARY}", "deploy b-api", f"check {SECONDARY}", "deploy names"]
    assert checks.seen[0] == (PRIMARY, f"https://outputs-{PRIMARY}.example.com")


def test_the_first_deployment_that_fails_ends_the_run(tmp_path: Path) -> None:
    cdk, checks = FakeCdk(fails="a-api"), Checks()
    result = roll_out(PLANNED, tmp_path, run=cdk, check=checks, say=lambda _: None)
    assert (result.done, result.failed, result.left) == ([], PRIMARY, [SECONDARY, "global"])
    assert "status 1" in result.reason
    assert (cdk.deployed, checks.seen) == (["a-data"], [])


def test_a_region_that_does_not_stand_ends_the_run_before_the_next_one(tmp_path: Path) -> None:
    cdk, checks = FakeCdk(), Checks(fails=PRIMARY)
    said: list[str] = []
    result = roll_out(PLANNED, tmp_path, run=cdk, check=checks, say=said.append)
    assert (result.failed, result.reason, result.left) == (PRIMARY, "It answered 500.", [SECONDARY, "global"])
    assert cdk.deployed == ["a-data"]
    assert said[-1] == f"{PRIMARY}: It answered 500."


def test_outputs_of_an_earlier_run_are_not_taken_for_this_one(tmp_path: Path) -> None:
    (tmp_path / f"outputs-{PRIMARY}.json").write_text('{"s": {"GatewayUrl": "https://old"}}', encoding="utf-8")
    result = roll_out(PLANNED, tmp_path, run=FakeCdk(outputs=False), check=Checks(), say=lambda _: None)
    assert result.failed == PRIMARY
    assert "told 0 addresses" in result.reason


def test_an_unknown_stage_ends_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert deploy.main(["live"]) == 1
    assert capsys.readouterr().err.startswith("There is no stage 'live'.")


def serving(statuses: dict[str, list[int]]) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        left = statuses[request.url.path]
        return httpx.Response(left.pop(0) if len(left) > 1 else left[0])

    return httpx.MockTransport(answer)


class Clock:
    """A clock that goes on when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def ask(statuses: dict[str, list[int]]) -> Clock:
    clock = Clock()
    answers("https://gateway", transport=serving(statuses), sleep=clock.sleep, now=clock.now)
    return clock


def test_a_region_stands_that_is_healthy_and_turns_strangers_away() -> None:
    assert ask({"/health": [200], "/v1/models": [401]}).seconds == 0


def test_a_region_is_asked_again_until_its_name_is_known() -> None:
    assert ask({"/health": [403, 503, 200], "/v1/models": [401]}).seconds == 10


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ({"/health": [500], "/v1/models": [401]}, "/health answered 500; it must answer 200"),
        ({"/health": [200], "/v1/models": [200]}, "/v1/models answered 200; it must answer 401"),
    ],
)
def test_a_region_that_answers_wrongly_for_a_minute_has_failed(statuses: dict[str, list[int]], told: str) -> None:
    with pytest.raises(RegionFailed, match=told):
        ask(statuses)


def test_a_region_is_smoked_where_a_key_is_at_hand() -> None:
    ran: list[Sequence[str]] = []

    def run(command: Sequence[str]) -> int:
        ran.append(command)
        return 0

    assert smoked("https://gateway", {}, run) is False
    assert ran == []
    assert smoked("https://gateway", {"SLUICE_API_KEY": "sk-sluice-x"}, run) is True
    ((program, *words),) = ran
    assert (Path(program).name, words) == ("sluice", ["smoke", "https://gateway"])


def test_a_region_that_fails_its_smoke_has_failed() -> None:
    with pytest.raises(RegionFailed, match="sluice smoke https://gateway ended with status 1"):
        smoked("https://gateway", {"SLUICE_API_KEY": "sk-sluice-x"}, lambda _: 1)


class Alarms:
    """Stands for CloudWatch: after some looks one alarm goes off."""

    def __init__(self, *, after: int) -> None:
        self.looks = 0
        self.asked: dict[str, Any] = {}
        self._after = after

    def get_paginator(self, _: str) -> Alarms:
        return self

    def paginate(self, **asked: Any) -> list[dict[str, Any]]:
        self.asked = asked
        self.looks += 1
        raised = [{"AlarmName": "sluice-prod-us-east-1-api-ReleaseFailed"}] if self.looks > self._after else []
        return [{"MetricAlarms": []}, {"MetricAlarms": raised}]


def test_alarms_are_looked_at_for_the_whole_bake_time() -> None:
    clock, alarms = Clock(), Alarms(after=100)
    quiet("sluice-prod", PRIMARY, 60, client=alarms, sleep=clock.sleep, now=clock.now)
    assert (clock.seconds, alarms.looks) == (60, 5)
    assert alarms.asked == {"AlarmNamePrefix": "sluice-prod", "StateValue": "ALARM"}


def test_an_alarm_during_the_bake_time_fails_the_region_by_name() -> None:
    clock = Clock()
    with pytest.raises(RegionFailed, match="In alarm in us-east-1: sluice-prod-us-east-1-api-ReleaseFailed"):
        quiet("sluice-prod", PRIMARY, 60, client=Alarms(after=2), sleep=clock.sleep, now=clock.now)
    assert clock.seconds == 30
