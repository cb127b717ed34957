"""The race drill in short: one small round of each kind; `make race` plays thirty."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.drills.race import excess
from tests.emulator import ROOT, missing


@pytest.mark.stack
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_no_race_between_processes_breaks_a_cap() -> None:
    drill = subprocess.run(
        [sys.executable, "-m", "tests.drills.race", "--short"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert drill.returncode == 0, drill.stdout[-3000:] + drill.stderr[-3000:]
    told = json.loads(drill.stdout.splitlines()[-1])
    assert told["overspend_nano_usd"] == told["over_rate_units"] == told["wrong"] == 0
    assert told["lowest_utilisation_percent"] >= 97
    assert told["killed"] > 0


def test_the_drill_sees_a_rate_that_is_exceeded_by_one() -> None:
    burst = [(0, 10)]
    assert excess([*burst, (1_000_000_000, 1)], 60, 10)[0] == 0
    assert excess([*burst, (1_000_000_000, 2)], 60, 10)[0] == 1
    assert excess([(0, 1), (500_000_000, 11)], 60, 10)[0] > 0
