"""Usage as it is asked for: sums, groups, series, filters, CSV and a forecast."""

from __future__ import annotations

import csv
import io
import json
from calendar import timegm
from collections.abc import Iterator
from typing import Any

import pytest

from sluice.endpoints import Match, find
from sluice.errors import BadRequest
from sluice.governance.authentication import Authenticator
from sluice.metering import request_ids
from sluice.metering.rollup import Cells, add, entry_cells
from sluice.types.http import Request
from sluice.types.usage import Usage
from sluice.usage_reports import UsageReports, answer
from tests.fakes import KEY, PEPPER, MemoryKeys, virtual_key
from tests.unit.aws.entries import typical

REGION = "eu-west-1"
DAY, HOUR = 86_400, 3_600
START = timegm((2026, 11, 20, 0, 0, 0))
NOW = START + 3 * DAY + 12 * HOUR


class Cellar:
    """Cells in memory."""

    def __init__(self) -> None:
        self.kept: Cells = {}

    def cells(self, partition: str, prefix: str = "") -> Iterator[tuple[tuple[str, str], dict[str, int]]]:
        for (pk, sk), columns in sorted(self.kept.items()):
            if pk == partition and sk.startswith(prefix):
                yield (pk, sk), columns

    def put(self, hours: int, cost: int, *, team: str = "search", region: str = REGION, **changes: object) -> None:
        request_id = request_ids.new((START + hours * HOUR + 7) * 1000, team)
        values: dict[str, object] = {"usage": Usage(input=10, output=5), "saved": (), "tags": (), **changes}
        add(self.kept, entry_cells(typical(request_id=request_id, team=team, cost=cost, **values), region))


@pytest.fixture
def usage() -> Cellar:
    cellar = Cellar()
    cellar.put(1, 100, deployment="openai/a", user="ann")
    cellar.put(2, 30, deployment="openai/b", user="bob", outcome="failed")
    cellar.put(26, 7, deployment="openai/a", region="us-east-1", tags=(("env", "prod"), ("app", "x")))
    cellar.put(27, 1000, team="chat", deployment="openai/b", saved=(("cache", 40), ("prompt_cache", -3)))
    return cellar


def asked(usage: Cellar, now: float = NOW, **query: str) -> Any:
    given = {"from": "2026-11-20", "to": "2026-11-24", **query}
    kind, text = answer(given, usage, now)
    assert kind == "application/json"
    return json.loads(text)


def test_a_total_is_of_everybody_and_of_all_regions(usage: Cellar) -> None:
    total = asked(usage)["total"]
    assert (total["requests"], total["errors"], total["input"], total["output"]) == (4, 1, 40, 20)
    assert (total["cost_nano_usd"], total["cost_usd"]) == (1137, "0.000001137")
    assert (total["saved_cache_nano_usd"], total["saved_prompt_cache_nano_usd"], total["saved_nano_usd"]) == (
        40,
        -3,
        37,
    )


def test_a_team_sees_its_own(usage: Cellar) -> None:
    found = asked(usage, team="search", by="model")
    assert found["total"]["cost_nano_usd"] == 137
    assert [(group["value"], group["cost_nano_usd"]) for group in found["groups"]] == [
        ("openai/a", 107),
        ("openai/b", 30),
    ]


def test_groups_come_dearest_first(usage: Cellar) -> None:
    groups = asked(usage, by="team")["groups"]
    assert [(group["value"], group["cost_nano_usd"]) for group in groups] == [("chat", 1000), ("search", 137)]


def test_a_filter_keeps_one_value(usage: Cellar) -> None:
    found = asked(usage, model="openai/b")
    assert [group["value"] for group in found["groups"]] == ["openai/b"]
    assert found["total"]["requests"] == 2


def test_tags_have_no_total_because_a_request_may_have_several(usage: Cellar) -> None:
    found = asked(usage, by="tag")
    assert {group["value"] for group in found["groups"]} == {"env=prod", "app=x"}
    assert found["total"] is None
    assert asked(usage, tag="env=prod")["total"]["cost_nano_usd"] == 7


def test_a_series_has_a_point_for_each_hour_or_day_with_usage(usage: Cellar) -> None:
    hours = asked(usage, interval="hour")["series"]
    assert [(point["start"], point["cost_nano_usd"]) for point in hours] == [
        ("2026-11-20T01:00:00Z", 100),
        ("2026-11-20T02:00:00Z", 30),
        ("2026-11-21T02:00:00Z", 7),
        ("2026-11-21T03:00:00Z", 1000),
    ]
    days = asked(usage, interval="day", by="model")["series"]
    assert [(point["start"][:10], point["value"], point["cost_nano_usd"]) for point in days] == [
        ("2026-11-20", "openai/a", 100),
        ("2026-11-20", "openai/b", 30),
        ("2026-11-21", "openai/a", 7),
        ("2026-11-21", "openai/b", 1000),
    ]


def test_parts_of_days_are_summed_from_their_hours(usage: Cellar) -> None:
    found = asked(usage, **{"from": "2026-11-20T02", "to": "2026-11-21T03:00"})
    assert found["total"]["cost_nano_usd"] == 37


def test_the_forecast_goes_on_at_the_pace_of_the_window(usage: Cellar) -> None:
    expected = asked(usage, to="2026-11-27")["forecast"]
    assert expected == {"until": "2026-11-27T00:00:00Z", "cost_nano_usd": 2274, "cost_usd": "0.000002274"}
    assert "forecast" not in asked(usage, now=NOW + 30 * DAY)


def test_csv_has_a_line_for_each_group_or_point(usage: Cellar) -> None:
    kind, text = answer({"from": "2026-11-20", "to": "2026-11-24", "by": "model", "format": "csv"}, usage, NOW)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert kind == "text/csv"
    assert [(row["model"], row["cost_nano_usd"]) for row in rows] == [("openai/a", "107"), ("openai/b", "1030")]
    _, text = answer({"from": "2026-11-20", "to": "2026-11-24", "interval": "day", "format": "csv"}, usage, NOW)
    assert [row["start"] for row in csv.DictReader(io.StringIO(text))] == [
        "2026-11-20T00:00:00Z",
        "2026-11-21T00:00:00Z",
    ]


def test_no_name_of_a_callers_choice_becomes_a_formula_in_a_spreadsheet(usage: Cellar) -> None:
    usage.put(1, 1, user="=cmd()")
    _, text = answer({"from": "2026-11-20", "to": "2026-11-24", "by": "user", "format": "csv"}, usage, NOW)
    assert "\n'=cmd()," in text


def test_the_window_is_this_month_unless_another_is_asked_for(usage: Cellar) -> None:
    found = json.loads(answer({}, usage, NOW)[1])
    assert (found["from"], found["to"]) == ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    assert found["total"]["requests"] == 4


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"by": "moon"}, "by"),
        ({"interval": "minute"}, "interval"),
        ({"format": "xml"}, "format"),
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-11-20", "to": "2026-11-20"}, "to"),
        ({"from": "2026-01-01", "to": "2026-11-20", "interval": "hour"}, "from"),
        ({"by": "model", "user": "ann"}, "user"),
        ({"provider": "x", "user": "ann"}, "provider"),
        ({"by": "team", "team": "search"}, "by"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_the_parameter(
    usage: Cellar, query: dict[str, str], parameter: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        answer(query, usage, NOW)
    assert refused.value.param == parameter


def test_callers_see_their_own_team_whatever_they_ask_for(usage: Cellar) -> None:
    reports = UsageReports(Authenticator(MemoryKeys(virtual_key(KEY)), lambda: PEPPER, lambda: NOW), usage)
    query = {"team": "chat", "from": "2026-11-20", "to": "2026-11-24"}
    headers = {"authorization": f"Bearer {KEY}"}
    request = Request("GET", "/v1/usage", headers, query=query, received_ms=NOW * 1000)
    match = find("GET", "/v1/usage")
    assert isinstance(match, Match)
    response = reports.show(request, match)
    assert isinstance(response.body, bytes)
    told = json.loads(response.body)
    assert (told["team"], told["total"]["cost_nano_usd"]) == ("search", 137)
