"""The soak in short: 600 requests; `make soak` sends 20,000."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.drills.chaos_callers import CHAT, Told, Wish
from tests.drills.soak import GROWTH_KB, LEAST_FOR_A_SLOPE, Held, Result, Sample, drill, judge, slope
from tests.stacks import missing


@pytest.mark.stack
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc")
def test_nothing_grows_but_the_ledger_and_the_logs(tmp_path: Path) -> None:
    result = drill(tmp_path, 600)
    assert result.wrong == []
    assert len(result.answers) == 600
    assert result.figures["entries"] == 600


PLAIN = Sample(100, {"gateway": Held(50_000, 20, 5), "streaming 1": Held(30_000, 6, 1)}, {"lock": 5, "logs/a": 10})


def later(held: Held, files: dict[str, int] | None = None, requests: int = 200) -> Sample:
    return replace(
        PLAIN, requests=requests, held={**PLAIN.held, "streaming 1": held}, files=files or {**PLAIN.files, "logs/a": 99}
    )


@pytest.mark.parametrize(
    ("sample", "found"),
    [
        (later(Held(30_001 + GROWTH_KB, 6, 1)), "grew by"),
        (later(Held(31_000, 6, 1), requests=100 + LEAST_FOR_A_SLOPE), "for 1,000 requests"),
        (later(Held(30_000, 9, 1)), "6 -> 9 files"),
        (later(Held(30_000, 6, 2)), "1 -> 2 threads"),
        (later(Held(30_000, 6, 1), {**PLAIN.files, "tmp/left": 1}), "new files"),
        (later(Held(30_000, 6, 1), {**PLAIN.files, "lock": 6}), "files grew"),
        (replace(PLAIN, requests=200, held={"gateway": Held(50_000, 20, 5)}), "processes changed"),
    ],
)
def test_the_drill_sees(sample: Sample, found: str) -> None:
    result = Result(samples=[PLAIN, sample])
    judge(result, 0)
    assert [wrong for wrong in result.wrong if found in wrong], result.wrong


def test_the_drill_sees_a_wrong_answer_and_expects_refusals() -> None:
    good, bad = Wish(CHAT, "simulator/sim-fast", "x", True), Wish(CHAT, "no/such-model", "x", True)
    result = Result(samples=[PLAIN, later(Held(30_000, 6, 1))])
    result.answers = [Told(good, "whole", 200, "req_1", 0.1), Told(bad, "status 404", 404, "req_2", 0.1)]
    judge(result, 0)
    assert result.wrong == []
    result.answers.append(Told(good, "status 404", 404, "req_3", 0.1))
    judge(result, 0)
    assert "1 wrong answers" in result.wrong[0]


def test_a_slope_is_told_for_a_thousand_requests() -> None:
    assert slope([(0, 100), (500, 150), (1000, 200)]) == pytest.approx(100.0)
    assert slope([(0, 100), (500, 100), (1000, 4_000), (1500, 4_000)]) == 0.0
    assert slope([(0, 100)]) == 0.0
