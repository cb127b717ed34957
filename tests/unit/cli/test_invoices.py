"""`sluice invoices` shows what was compared, and ends badly when it drifts too far or could not be compared."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
import pytest

from sluice.cli import invoices


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Lay out rows under a head as the command does, without its columns."""
    return "\n".join("  ".join(map(str, row)) for row in (head, *rows))


class Terminal:
    """A session that answers with one document and keeps what was shown."""

    def __init__(self, *cards: Mapping[str, Any]) -> None:
        self.cards = list(cards)
        self.asked: list[tuple[str, str, Any]] = []
        self.text = ""

    def call(self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None) -> Any:
        self.asked.append((method, path, query))
        return {"object": "list", "data": self.cards}

    def show(self, content: object, text: str) -> None:
        self.text = text


def card(**changes: object) -> dict[str, Any]:
    made = {
        "provider": "openai",
        "day": "2026-11-20",
        "model": "*",
        "state": "final",
        "ours": {"cost": 9_900_000_000, "input": 1, "output": 1, "requests": 1},
        "theirs": {"cost": 10_000_000_000, "input": 1, "output": 1},
        "drift_bp": -100,
        "token_drift_bp": 0,
        "unmatched": {"ours": 0, "theirs": 2},
        "checked": 1_795_435_200_000,
    }
    return {**made, **changes}


def ran(terminal: Terminal, *words: str) -> None:
    parser = argparse.ArgumentParser()
    invoices.add_commands(parser.add_subparsers(), table)
    chosen = parser.parse_args(["invoices", *words])
    chosen.command(terminal, chosen)


def test_status_lists_days_with_money_drift_and_what_only_one_side_knows() -> None:
    terminal = Terminal(card())
    ran(terminal, "status", "--days", "3")
    assert terminal.asked == [("GET", "/admin/invoices", {"days": "3"})]
    assert terminal.text.splitlines()[1].split() == [
        *("openai", "2026-11-20", "all", "final", "$9.9000", "$10.0000", "-1.00", "%", "+0.00", "%", "0", "2"),
        *("2026-11-23", "12:00"),
    ]


def test_status_of_one_day_of_one_provider_lists_models() -> None:
    model = card(
        model="gpt-5", side="theirs", ours={"cost": 0}, drift_bp=-10_000, theirs={"cost": 5}, token_drift_bp=None
    )
    terminal = Terminal(card(), model)
    ran(terminal, "status", "--provider", "openai", "--day", "2026-11-20")
    assert terminal.asked[0][2] == {"provider": "openai", "day": "2026-11-20", "days": "7"}
    assert terminal.text.splitlines()[2].split()[:6] == [
        "openai",
        "2026-11-20",
        "gpt-5",
        "theirs",
        "$0.0000",
        "$0.0000",
    ]


def test_nothing_compared_is_said_and_is_no_failure() -> None:
    terminal = Terminal()
    ran(terminal, "status")
    assert terminal.text == "Nothing was compared yet."


@pytest.mark.parametrize("drift", [-101, 101])
def test_a_drift_above_the_bar_ends_with_status_1(drift: int) -> None:
    terminal = Terminal(card(drift_bp=drift), card(provider="anthropic"))
    with pytest.raises(SystemExit, match=f"openai on 2026-11-20 drifts by {drift} basis points") as end:
        ran(terminal, "status")
    assert "anthropic" not in str(end.value)
    assert terminal.text


@pytest.mark.parametrize("words", [("--bar", "101"), ("--floor", "10.01")])
def test_the_bar_and_the_floor_can_be_moved(words: tuple[str, str]) -> None:
    ran(Terminal(card(drift_bp=101)), "status", *words)


def test_a_model_by_itself_does_not_fail_what_the_day_as_a_whole_passes() -> None:
    ran(Terminal(card(), card(model="gpt-5", drift_bp=10_000)), "status")


def test_a_vendor_that_gave_no_figures_ends_with_status_1() -> None:
    failed = {"provider": "openai", "day": "2026-11-20", "model": "*", "state": "failed", "failure": "answered 429."}
    with pytest.raises(SystemExit, match="could not be compared: answered 429"):
        ran(Terminal(failed), "status")


class Deployed:
    """CloudFormation and Lambda of an account with one job."""

    def __init__(self, answer: object, error: str = "") -> None:
        self.answer, self.error = answer, error
        self.invoked: dict[str, Any] = {}
        self.outputs = [{"OutputKey": "InvoicesFunction", "OutputValue": "arn:job:live"}]

    def client(self, service: str, **_: object) -> Deployed:
        return self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - boto3 calls it so
        self.invoked["stack"] = StackName
        return {"Stacks": [{"Outputs": self.outputs}]}

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        self.invoked |= {"function": FunctionName, "event": json.loads(Payload)}
        found: dict[str, Any] = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return {**found, "FunctionError": self.error} if self.error else found


OUTCOME = {"provider": "openai", "day": "2026-11-20", "state": "provisional", "drift_bp": 0, "ours": 5, "theirs": 5}


def test_run_invokes_the_job_that_the_stack_names(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Deployed({"data": [OUTCOME]})
    monkeypatch.setattr(boto3, "client", aws.client)
    terminal = Terminal()
    ran(terminal, "run", "--provider", "openai", "--day", "2026-11-20", "--stage", "prod")
    assert aws.invoked == {
        "stack": "sluice-prod-us-east-1-jobs",
        "function": "arn:job:live",
        "event": {"provider": "openai", "days": ["2026-11-20"]},
    }
    assert "provisional" in terminal.text


def test_run_tells_what_keeps_it_from_running(monkeypatch: pytest.MonkeyPatch) -> None:
    aws = Deployed({"errorMessage": "Provider 'x' is not among those of the stage: openai."}, "Unhandled")
    monkeypatch.setattr(boto3, "client", aws.client)
    with pytest.raises(SystemExit, match="not among those"):
        ran(Terminal(), "run", "--function", "job")
    aws.outputs = []
    with pytest.raises(SystemExit, match="list vendors in its stage"):
        ran(Terminal(), "run")
