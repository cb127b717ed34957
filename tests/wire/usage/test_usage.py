"""Usage arithmetic of each dialect over recorded totals."""

from __future__ import annotations

from tests.wire.tally import hold
from tests.wire.usage.check import BAR, ENDPOINTS, cases


def test_every_dialect_counts_as_its_vendor_does() -> None:
    hold(ENDPOINTS, cases, BAR)
