"""The README's commands against the running stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stacks import Stack

pytestmark = pytest.mark.stack


def sluice(stack: Stack, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SLUICE_URL": stack.url, "SLUICE_ADMIN_KEY": stack.admin_key}
    command = [sys.executable, "-m", "sluice.cli.main", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_the_configuration_that_is_shown_can_be_published_again(stack: Stack, tmp_path: Path) -> None:
    shown = sluice(stack, "config", "show")
    file = tmp_path / "gateway.json"
    file.write_text(shown.stdout)
    published = sluice(stack, "config", "publish", str(file))
    assert (published.returncode, published.stderr) == (0, "")
    assert shown.stderr.split()[1] in published.stdout


def test_a_key_is_created_listed_and_revoked(stack: Stack) -> None:
    created = json.loads(sluice(stack, "--json", "keys", "create", "--team", "cli", "--model", "simulator/*").stdout)
    assert created["key"].startswith("sk-sluice-")
    assert created["id"] in sluice(stack, "keys", "list", "--team", "cli").stdout
    assert "revoked" in sluice(stack, "keys", "revoke", created["id"]).stdout
    unknown = sluice(stack, "keys", "revoke", "nothing")
    assert (unknown.returncode, "sluice keys list" in unknown.stderr) == (1, True)
