"""How long a provider asks to wait."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects.waits import seconds, wait_of

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "0", "retry-after": "1"}, 1.0),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30.0),
        ({"retry-after": "2027-01-15T08:00:30Z"}, 30.0),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        ({"retry-after": "1m30s"}, 90.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "99999999"}, 31 * 86400.0),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360.0),
        ({"x-ratelimit-remaining-requests": "5", "x-ratelimit-reset-requests": "6m0s"}, None),
        (
            {
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-requests": "20ms",
                "x-ratelimit-remaining-tokens": "0",
                "x-ratelimit-reset-tokens": "2s",
            },
            2.0,
        ),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2027-01-15T08:01:00Z",
            },
            60.0,
        ),
        ({"x-ratelimit-reset": "1800000005000"}, 5.0),
        ({"x-ratelimit-reset": "1800000007"}, 7.0),
        ({}, None),
    ],
)
def test_headers_tell_the_wait(headers: dict[str, str], wait: float | None) -> None:
    assert wait_of(headers, "", None, now=NOW) == wait


@pytest.mark.parametrize(
    ("message", "wait"),
    [
        ("Please try again in 26.604s. Visit", 26.604),
        ("Please try again in 1m26.4s.", 86.4),
        ("try again in 20ms", 0.02),
        ("Please retry after 86400 seconds.", 86400.0),
        ("Please retry in 34.07s", 34.07),
        ("Try again in 2 hours", 7200.0),
        ("Please wait 5 seconds and", 5.0),
        ("Try again later.", None),
        ("Limit 30000 tokens per 1 minute", None),
    ],
)
def test_words_tell_the_wait(message: str, wait: float | None) -> None:
    found = wait_of({}, message, None, now=NOW)
    assert found == (pytest.approx(wait) if wait is not None else None)


@pytest.mark.parametrize(
    ("body", "wait"),
    [
        ({"error": {"details": [{"@type": "x"}, {"retryDelay": "34s"}]}}, 34.0),
        ([{"error": {"details": [{"retryDelay": "1.5s"}]}}], 1.5),
        ({"error": {"retry_after": 12}}, 12.0),
        ({"retry_after_seconds": 3}, 3.0),
        ({"error": {"metadata": {"headers": {"X-RateLimit-Reset": "1800000009000"}}}}, 9.0),
        ({"error": {"details": "text"}}, None),
        ({"error": "text"}, None),
        (None, None),
    ],
)
def test_the_body_tells_the_wait(body: Any, wait: float | None) -> None:
    assert wait_of({}, "", body, now=NOW) == wait


def test_spans_are_read_in_every_unit() -> None:
    assert seconds("1d2h3m4s5ms") == pytest.approx(86400 + 7200 + 180 + 4.005)
    assert seconds("none") is None


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2200, 1, 1)))
def test_dates_agree_with_the_calendar(moment: datetime) -> None:
    whole = moment.replace(microsecond=0, tzinfo=UTC)
    epoch = whole.timestamp()
    for text in (whole.strftime("%Y-%m-%dT%H:%M:%SZ"), whole.strftime("%a, %d %b %Y %H:%M:%S GMT")):
        assert wait_of({"retry-after": text}, "", None, now=epoch - 5) == 5.0
