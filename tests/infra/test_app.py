"""The app's command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra import app
from infra.build import ROOT


def test_an_unknown_stage_ends_with_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["-c", "stage=live", "--output", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("There is no stage 'live'.")


def test_a_synth_without_the_cdk_command_line_writes_every_stack(tmp_path: Path) -> None:
    arguments = ["-c", "stage=pr-3", "-c", "skip_layer_build=1", "-c", "regions=eu-west-1"]
    assert app.main([*arguments, "--output", str(tmp_path)]) == 0
    written = {path.name.removesuffix(".template.json") for path in tmp_path.glob("*.template.json")}
    assert written == {f"sluice-pr-3-eu-west-1-{kind}" for kind in ("data", "api", "jobs", "observability")}


def test_context_and_pins_are_those_that_the_cdk_command_line_reads() -> None:
    written = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    assert written
    assert written.items() <= app.context_of_project().items()
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    lock = (ROOT / "package-lock.json").read_text(encoding="utf-8")
    assert package["devDependencies"] == {"aws-cdk": "2.1148.1"}
    assert json.loads(lock)["packages"]["node_modules/aws-cdk"]["version"] == "2.1148.1"
    # Where packages come from is the machine's business: the lock pins what they are, by their hashes.
    assert "http" not in lock
