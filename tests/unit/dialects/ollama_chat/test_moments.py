"""Times are read and written without the calendar modules, and agree with them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects.ollama_chat.moments import epoch, text_of


@given(st.integers(0, 253_402_300_799))
def test_a_moment_is_what_the_calendar_says(second: int) -> None:
    text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")
    assert text_of(second) == text
    assert epoch(text) == second


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2026-08-04T19:59:11.820116Z", 1785873551),
        ("2026-08-04T21:59:11.820116789+02:00", 1785873551),
        ("2026-08-04T12:59:11-07:00", 1785873551),
        ("1969-12-31T23:59:59Z", 0),
        ("yesterday", 0),
        ("", 0),
        (None, 0),
        (17, 0),
    ],
)
def test_a_moment_may_have_a_fraction_and_an_offset(text: object, second: int) -> None:
    assert epoch(text) == second
