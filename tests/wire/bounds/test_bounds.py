"""No recorded prompt or answer was longer than its bound, and the bounds are not wasteful."""

from __future__ import annotations

from tests.wire.bounds.check import BAR, BAR_EACH, report, summary
from tests.wire.recordings import require


def test_no_recorded_prompt_or_answer_is_longer_than_its_bound() -> None:
    require()
    found = report()
    assert found.every
    assert [case.recording.label for case in found.violations] == []
    assert [case.recording.label for case in found.long_answers] == []
    figures = summary(found)
    assert float(str(figures["total_ratio"])) <= BAR, figures
    assert float(str(figures["mean_ratio"])) <= BAR_EACH, figures
