"""A short form of `make drill-restore`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.drills.restore import drill

pytestmark = pytest.mark.stack


def test_a_gateway_whose_tables_were_emptied_comes_back_whole(tmp_path: Path) -> None:
    outcome = drill(tmp_path, requests=20)
    assert outcome.wrong == []
    assert outcome.figures["entries_lost"] == 0
