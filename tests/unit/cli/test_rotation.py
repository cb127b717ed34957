"""`sluice rotation`: states are shown, keys are handed in, and no value ever comes out again."""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Mapping
from typing import Any

import pytest

from sluice.cli.rotation import add_commands
from sluice.cli.session import CommandFailed, Session, table
from sluice.control.rotation.status import status
from tests.emulator import Emulator
from tests.unit.control.rotation.fakes import DAY, Scene

KEY = "sk-ant-handed-in"


class Account:
    """The rotation function and the secret, in memory."""

    def __init__(self) -> None:
        self.scene = Scene()
        self.held: dict[str, Any] = {}
        self.rotations = 0

    def invoke(self, event: Mapping[str, Any]) -> Any:
        if event == {"sluice": "rotate"}:
            return {"version": self.scene.rotate()[:8]}
        return status(self.scene.vault, self.scene.options, self.scene.now())

    def staged(self) -> dict[str, Any]:
        return self.held

    def stage(self, document: Mapping[str, Any]) -> None:
        self.held = dict(document)

    def rotate(self) -> str:
        self.rotations += 1
        return "version-0009-000000"


class Terminal:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.account, self.printed = Account(), list[str]()
        self._stdin = monkeypatch

    def run(self, *arguments: str, typed: str = "", as_json: bool = False) -> str:
        self._stdin.setattr("sys.stdin", io.StringIO(typed))
        parser = argparse.ArgumentParser()
        add_commands(parser.add_subparsers(), table, lambda chosen: self.account)
        chosen = parser.parse_args(["rotation", *arguments])
        chosen.command(Session("", "", as_json, self.printed.append), chosen)
        return self.printed[-1]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    return Terminal(monkeypatch)


def test_the_status_is_a_table_of_states_without_any_value(terminal: Terminal) -> None:
    terminal.account.scene.rotate()
    terminal.account.scene.now.seconds += 12 * DAY
    shown = terminal.run("status")
    assert "openai    openai_service_account  12.0 d" in shown
    assert "AWSCURRENT" in shown
    assert terminal.account.scene.key not in shown
    told = json.loads(terminal.run("status", as_json=True))
    assert told["providers"][0]["state"] == "fresh"


def test_a_rotation_is_begun_or_taken_at_once(terminal: Terminal) -> None:
    assert "is being made" in terminal.run("start")
    assert terminal.account.rotations == 1
    assert "is in force" in terminal.run("start", "--direct")
    assert terminal.account.scene.key in terminal.account.scene.openai.live


def test_a_key_is_piped_in_and_never_shown(terminal: Terminal) -> None:
    shown = terminal.run("stage", "anthropic", typed=f"{KEY}\n")
    assert terminal.account.held == {"anthropic": {"api_key": KEY}}
    assert KEY not in shown
    assert terminal.account.rotations == 0


def test_what_is_staged_for_another_provider_stays(terminal: Terminal) -> None:
    terminal.run("stage", "anthropic", typed=KEY)
    terminal.run("stage", "azure_openai", "--members", "--start", typed='{"client_id": "c", "client_secret": "s"}')
    assert terminal.account.held == {
        "anthropic": {"api_key": KEY},
        "azure_openai": {"client_id": "c", "client_secret": "s"},
    }
    assert terminal.account.rotations == 1


@pytest.mark.parametrize("typed", ["", "  \n"])
def test_nothing_handed_in_stages_nothing(terminal: Terminal, typed: str) -> None:
    with pytest.raises(CommandFailed, match="Nothing was handed in"):
        terminal.run("stage", "anthropic", typed=typed)
    assert terminal.account.held == {}


@pytest.mark.parametrize(
    "typed", [f'"{KEY}"', f'{{"api_key": "{KEY}"', f'["{KEY}"]', f'{{"a": {{"b": "{KEY}"}}}}', "{}"]
)
def test_what_is_no_object_of_texts_is_refused_unquoted(terminal: Terminal, typed: str) -> None:
    with pytest.raises(CommandFailed) as raised:
        terminal.run("stage", "anthropic", "--members", typed=typed)
    assert KEY not in f"{raised.value}{raised.value.__context__}"


def test_the_sdk_stages_under_a_label_of_its_own(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    from sluice.cli.rotation import SdkAws

    for name, value in emulator.environment("t").items():
        monkeypatch.setenv(name, value)
    emulator.put_secret("sluice-clirot/providers", {"anthropic": {"api_key": "old"}})
    aws = SdkAws(argparse.Namespace(deployment="clirot", region="us-east-1"))
    assert aws.staged() == {}
    aws.stage({"anthropic": {"api_key": KEY}})
    assert aws.staged() == {"anthropic": {"api_key": KEY}}
    found = emulator.call("secretsmanager.GetSecretValue", {"SecretId": "sluice-clirot/providers"})
    assert json.loads(str(found["SecretString"])) == {"anthropic": {"api_key": "old"}}
    assert aws.rotate()
    with pytest.raises(CommandFailed, match="AWS refused"):
        SdkAws(argparse.Namespace(deployment="nobodys", region="us-east-1")).rotate()
