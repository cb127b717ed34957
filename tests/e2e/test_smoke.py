"""`sluice smoke` against the running stack, and against what is not one."""

from __future__ import annotations

import json

import pytest

from sluice.cli.main import main
from sluice.cli.smoke import Failed, cheapest
from tests.stacks import Stack

pytestmark = pytest.mark.stack


def test_a_gateway_that_works_passes_every_check(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLUICE_API_KEY", stack.api_key)
    assert main(["smoke", stack.url, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["passed"] is True
    assert [each["check"] for each in told["checks"] if not each["passed"]] == []
    assert len(told["checks"]) == 8
    assert stack.api_key not in json.dumps(told)


def test_the_model_may_be_chosen(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLUICE_API_KEY", stack.api_key)
    assert main(["smoke", stack.url, "--model", "simulator/sim-claude"]) == 0
    assert "simulator/sim-claude, ok" in capsys.readouterr().out


def test_a_key_that_is_not_valid_fails_and_says_where(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLUICE_API_KEY", "sk-sluice-" + "b" * 44)
    assert main(["smoke", stack.url]) == 1
    printed = capsys.readouterr()
    assert "FAILED" in printed.out
    assert "models can be called" in printed.err
    assert "the gateway is up" not in printed.err


def test_a_place_without_a_gateway_fails_every_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLUICE_API_KEY", "sk-sluice-" + "b" * 44)
    # Nothing listens on the discard port.
    assert main(["smoke", "http://127.0.0.1:9"]) == 1
    assert "8 of 8 checks failed" in capsys.readouterr().err


def test_without_a_key_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.delenv("SLUICE_API_KEY", raising=False)
    assert main(["smoke", "http://127.0.0.1:9"]) == 1
    assert "SLUICE_API_KEY" in capsys.readouterr().err


def test_the_cheapest_model_that_chats_is_asked() -> None:
    def card(name: str, price: str | None, **more: object) -> dict[str, object]:
        pricing = None if price is None else {"prompt": price, "completion": "0.000001"}
        return {"id": name, "operations": ["chat"], "pricing": pricing, **more}

    models = [
        card("dear", "0.00001"),
        card("cheap", "0.0000001"),
        card("old", "0.00000001", deprecated="2026-01-01"),
        card("vectors", "0.00000001", operations=["embeddings"]),
        card("unpriced", None),
    ]
    assert cheapest(models) == "cheap"
    assert cheapest([card("unpriced", None)]) == "unpriced"
    assert cheapest([{"id": "a-route"}]) == "a-route"
    with pytest.raises(Failed, match="--model"):
        cheapest([card("vectors", "0.1", operations=["embeddings"])])
