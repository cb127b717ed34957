"""What a window will have used at its end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sluice.control.forecasts import DAY, HOUR, Forecast, Sample, forecast, kept, pace_seconds

MONTH = 30 * DAY


def test_the_line_goes_from_the_start_through_now() -> None:
    assert forecast(Sample(10 * DAY, 100), 0, MONTH, []) == Forecast(300)


def test_too_early_there_is_no_line() -> None:
    assert forecast(Sample(DAY, 100), 0, MONTH, []) == Forecast()
    assert forecast(Sample(DAY + DAY // 2, 100), 0, MONTH, []).linear == 2000


def test_a_long_window_goes_on_at_the_pace_of_a_day() -> None:
    samples = [Sample(9 * DAY, 40), Sample(9 * DAY + HOUR, 100)]
    found = forecast(Sample(10 * DAY, 100), 0, MONTH, samples)
    assert found == Forecast(300, 100 + 60 * 20)
    assert found.highest == 1300


def test_a_short_window_goes_on_at_the_pace_of_an_hour() -> None:
    samples = [Sample(11 * HOUR, 40), Sample(6 * HOUR, 0)]
    assert forecast(Sample(12 * HOUR, 50), 0, DAY, samples) == Forecast(100, 50 + 10 * 12)


def test_a_few_minutes_are_no_pace() -> None:
    assert forecast(Sample(12 * HOUR, 50), 0, DAY, [Sample(12 * HOUR - 600, 0)]).recent is None


def test_money_that_came_back_is_no_pace_backwards() -> None:
    assert forecast(Sample(12 * HOUR, 50), 0, DAY, [Sample(11 * HOUR, 70)]).recent == 50


@given(
    st.lists(st.integers(min_value=30, max_value=900), min_size=1, max_size=600),
    st.sampled_from([DAY, 7 * DAY, MONTH]),
)
def test_few_samples_are_kept_and_always_enough(pauses: list[int], length: int) -> None:
    samples: list[Sample] = []
    at = 0
    for pause in pauses:
        at += pause
        samples = kept(samples, Sample(at, at), length)
    assert len(samples) <= 15
    span = pace_seconds(length)
    if at >= span + pauses[0]:
        assert forecast(Sample(at, at), 0, max(length, at + 1), samples).recent is not None
