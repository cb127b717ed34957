"""`sluice budgets` and `sluice limits` against the real admin API, its stores in memory."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sluice.aws.admin_api import AdminApi
from sluice.cli.budgets import add_commands
from sluice.cli.session import CommandFailed, Session
from sluice.control.budget_status import Totals
from tests.unit.aws.test_admin_api import Api
from tests.unit.control.budgets import USD, Books


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    add_commands(made.add_subparsers())
    return made


class Terminal(Session):
    """A session whose gateway is in this process."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.printed: list[str] = []
        super().__init__("http://gateway", "key", as_json, self.printed.append)
        self.books = Books()
        self.api = Api()
        self.api.app = AdminApi(replace(self.api.app._plane, counters=self.books.counters_of()))
        self.before_put = lambda: None

    def call(self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None) -> Any:
        if method == "PUT":
            self.before_put()
        status, content = self.api.call(method, path, body, query=dict(query) if query else None)
        if status >= 400:
            raise CommandFailed(content["error"]["message"])
        return content

    def run(self, line: str) -> str:
        chosen = parser().parse_args(line.split())
        chosen.command(self, chosen)
        return self.printed[-1]

    def rule(self, member: str, rule_id: str) -> dict[str, Any]:
        return dict(self.api.call("GET", f"/admin/{member}/{rule_id}")[1])


def test_a_budget_is_made_listed_changed_and_deleted() -> None:
    terminal = Terminal()
    made = terminal.run("budgets set search --scope team:search --amount 500 --window month --time-zone Europe/Berlin")
    assert made.startswith("search is made; version ")
    head, row = terminal.run("budgets list").splitlines()
    assert head.split() == ["id", "scope", "amount", "window", "kind", "thresholds", "downgrade"]
    assert row.split() == ["search", "team:search", "$500.00", "month", "(Europe/Berlin)", "hard", "50,80,100", "-"]
    assert "changed" in terminal.run("budgets set search --amount 600.5 --grace 10 --threshold 75 --threshold 90")
    rule = terminal.rule("budgets", "search")
    assert (rule["amount_usd"], rule["grace_usd"], rule["thresholds"]) == ("600.50", "10.00", [75, 90])
    assert rule["window"]["time_zone"] == "Europe/Berlin"
    assert "deleted" in terminal.run("budgets delete search")
    assert terminal.run("budgets list") == "There are no budgets."


def test_every_option_of_a_budget_reaches_the_gateway() -> None:
    terminal = Terminal()
    terminal.run(
        "budgets set b --scope tag:env=prod --amount 5 --window rolling:86400 --per-request 0.25 --strict "
        "--downgrade openai/gpt-4o-mini --downgrade-at 80 --share us-east-1=700 --share us-west-2=300 "
        "--min-output 16 --shards 2"
    )
    rule = terminal.rule("budgets", "b")
    assert rule["scope"] == {"kind": "tag", "name": "env", "value": "prod"}
    assert rule["window"] == {"kind": "rolling", "time_zone": "UTC", "seconds": 86_400}
    assert (rule["per_request_usd"], rule["strict"], rule["shards"], rule["min_output"]) == ("0.25", True, 2, 16)
    assert (rule["downgrade"], rule["downgrade_at"]) == ("openai/gpt-4o-mini", 80)
    assert rule["shares"] == {"us-east-1": 700, "us-west-2": 300}
    shown = terminal.run("budgets list")
    assert "last 86400 s" in shown
    assert "hard, strict" in shown
    assert "openai/gpt-4o-mini at 80 %" in shown
    terminal.run("budgets set b --no-hard --no-strict --window day")
    rule = terminal.rule("budgets", "b")
    assert (rule["hard"], rule["strict"], rule["window"]["kind"], rule["window"]["seconds"]) == (False, False, "day", 0)


def test_a_downgrade_can_be_taken_back() -> None:
    terminal = Terminal()
    terminal.run("budgets set b --scope organisation --amount 5 --window day --downgrade openai/gpt-4o-mini")
    chosen = parser().parse_args(["budgets", "set", "b", "--downgrade", ""])
    chosen.command(terminal, chosen)
    assert "downgrade" not in terminal.rule("budgets", "b")


def test_a_limit_is_made_changed_listed_and_deleted() -> None:
    terminal = Terminal()
    terminal.run("limits set each-key --scope key --requests 60:10 --output-tokens 20000 --concurrent 8")
    _, row = terminal.run("limits list").splitlines()
    assert row.split() == ["each-key", "key:*", "60", "(burst", "10)", "-", "20000", "8", "hard"]
    terminal.run("limits set each-key --input-tokens 5000 --concurrent 0")
    rule = terminal.rule("limits", "each-key")
    assert rule["input_tokens"] == {"per_minute": 5000, "burst": 0}
    assert "concurrent" not in rule
    assert rule["requests"] == {"per_minute": 60, "burst": 10}
    assert "deleted" in terminal.run("limits delete each-key")


def test_an_edit_that_another_one_overtakes_is_refused_in_words() -> None:
    terminal = Terminal()
    terminal.run("budgets set a --scope organisation --amount 5 --window day")

    def meddle() -> None:
        terminal.before_put = lambda: None
        other = {"scope": "team:x", "amount": "1", "window": "day"}
        assert terminal.api.call("PUT", "/admin/budgets/other", other)[0] == 200

    terminal.before_put = meddle
    with pytest.raises(CommandFailed, match="no longer live: somebody moved it"):
        terminal.run("budgets set a --amount 6")
    assert terminal.rule("budgets", "a")["amount_usd"] == "5.00"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("budgets set b --scope department:x --amount 5 --window day", "unknown scope 'department'"),
        ("budgets set b --scope organisation --amount 5.5.5 --window day", "write US dollars as text"),
        ("budgets set b --scope organisation --amount 5 --time-zone Europe/Berlin", "Say which window"),
        ("budgets set b --scope organisation --amount 5 --window rolling:soon", "'soon' is no whole number"),
        ("budgets set b --scope organisation --amount 5 --window day --share us-east-1", "no whole number"),
        ("budgets delete nothing", "There is no budget 'nothing'"),
        ("limits set l --scope key", "a limit states requests"),
        ("limits set l --scope key --requests many", "'many' is no whole number"),
        ("budgets status nothing", "There is no budget 'nothing'"),
    ],
)
def test_a_mistake_is_told_in_words(line: str, said: str) -> None:
    with pytest.raises(CommandFailed) as refused:
        Terminal().run(line)
    assert said in str(refused.value)


def test_what_is_doubtful_is_told_beside_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(as_json=True)
    edited = json.loads(terminal.run("budgets set each-user --scope user --amount 5 --window day"))
    told = capsys.readouterr()
    assert "sluice: warning: budgets.each-user: a hard budget on the end user's name" in told.err
    assert (edited["id"], told.out) == ("each-user", "")


def test_the_status_is_a_table_or_json() -> None:
    terminal = Terminal()
    assert terminal.run("budgets status").startswith("There is nothing to tell")
    terminal.run("budgets set each --scope team --amount 100 --window month")
    terminal.books.counters["budget#each#ads#1970-01"] = Totals(60 * USD + 1_234_567, 40 * USD, 5 * USD)
    head, row = terminal.run("budgets status").splitlines()
    assert "remaining" in head
    words = "each ads 1970-01 (to 02-01 00:00 UTC) $55.00 $100.00 55 $40.00 $39.99 - -"
    assert row.split() == words.split()
    terminal.books.counters["budget#each#ads#1970-01"] = Totals(1_234_567, 1_234_567)
    assert "$0.001234" in terminal.run("budgets status each")
    terminal.as_json = True
    (found,) = json.loads(terminal.run("budgets status each"))["data"]
    assert found["data"][0]["used"] == 1_234_567


def test_lists_are_json_when_that_is_asked_for() -> None:
    terminal = Terminal(as_json=True)
    assert json.loads(terminal.run("limits list"))["data"] == []
