"""The rotation drill in short: two rotations under traffic; `make drill-rotation` plays every way a key can change."""

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


def test_no_caller_notices_that_keys_rotate_and_an_old_one_is_deleted_under_way() -> None:
    drill = subprocess.run(
        [sys.executable, "-m", "tests.drills.rotation", "--short", "--callers", "4"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert drill.returncode == 0, drill.stdout[-3000:] + drill.stderr[-3000:]
    told = json.loads(drill.stdout.splitlines()[-1])
    assert told["failed"] == told["wrong"] == 0
    assert told["requests"] == told["entries"] > 0
    assert told["keys_refused"] == told["healed"] > 0
    assert (told["rotations"], told["live_keys"], told["replica_is_current"]) == (2, 2, True)
