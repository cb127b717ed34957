"""The crash drill in short: a few rounds; `make crash` plays two hundred."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.emulator import ROOT, missing

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]


def test_the_books_agree_after_kills_at_random_points() -> None:
    drill = subprocess.run(
        [sys.executable, "-m", "tests.drills.crash", "--rounds", "8", "--seconds", "20"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert drill.returncode == 0, drill.stdout[-3000:] + drill.stderr[-3000:]
    told = json.loads(drill.stdout.splitlines()[-1])
    assert told["entries"] == told["requests"] > 0
    assert told["ledger_nano_usd"] == told["usage_nano_usd"] == told["counter_nano_usd"] > 0
    assert told["holds_left"] == told["wrong"] == 0
