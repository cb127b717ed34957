"""What callers are told of their rate limits: refusals, the tightest of several limits, and moments rounded up."""

from __future__ import annotations

import pytest

from sluice.errors import RateLimited
from sluice.governance.buckets import Demand, Limited, Status
from sluice.governance.rate_headers import anthropic_headers, openai_headers, refusal, retry_headers


def limited(kind: str = "input", wait: float | None = 1.25, name: str = "limit#chat#team:search") -> Limited:
    return Limited(Demand(name, {}, {}), kind, 70, 30, 60, wait)


def test_a_refusal_tells_the_limit_what_is_needed_and_left_and_how_long_to_wait() -> None:
    error = refusal(limited(), {"x-ratelimit-limit-tokens": "60"})
    assert isinstance(error, RateLimited)
    assert error.message == (
        "Limit 'chat' lets 60 input tokens pass at once; 70 are needed and 30 are left. Try again in 1.25 s."
    )
    assert error.headers == {"x-ratelimit-limit-tokens": "60", "retry-after": "2", "retry-after-ms": "1250"}


def test_a_refusal_that_no_wait_helps_says_nothing_of_waiting() -> None:
    error = refusal(limited("concurrent", None, "plain"), {})
    assert error.message == "Limit 'plain' lets 60 requests at a time pass at once; 70 are needed and 30 are left."
    assert error.headers == {"x-should-retry": "false"}


def test_a_kind_without_a_word_of_its_own_is_named_as_it_is() -> None:
    assert " lets 60 images pass " in refusal(limited("images"), {}).message


@pytest.mark.parametrize(
    ("wait", "text"),
    [
        (0.0, "0.001"),
        (0.0005, "0.001"),
        (0.25, "0.25"),
        (999.0, "999"),
        (999.75, "1000"),
        (1_234.5, "1235"),
        (3_600.0, "3600"),
    ],
)
def test_waits_are_written_without_exponents_and_never_as_nothing(wait: float, text: str) -> None:
    assert refusal(limited(wait=wait), {}).message.endswith(f" Try again in {text} s.")


def test_of_several_limits_the_tightest_by_share_is_told_wherever_it_stands() -> None:
    tight, wide = Status("requests", 1_000, 100, 9.0), Status("requests", 10, 9, 1.0)
    for statuses in ([tight, wide], [wide, tight]):
        assert openai_headers(statuses)["x-ratelimit-limit-requests"] == "1000"
    whole, part = Status("requests", 1, 1, 0.0), Status("requests", 10, 6, 4.0)
    assert openai_headers([whole, part])["x-ratelimit-limit-requests"] == "10"
    nothing = Status("requests", 0, 0, 0.0)
    assert openai_headers([whole, nothing])["x-ratelimit-limit-requests"] == "0"


def test_of_two_limits_that_are_as_tight_the_first_is_told() -> None:
    statuses = [Status("requests", 10, 5, 1.0), Status("requests", 20, 10, 2.0)]
    assert openai_headers(statuses)["x-ratelimit-limit-requests"] == "10"


def test_limits_without_tokens_tell_nothing_of_tokens() -> None:
    statuses = [Status("requests", 10, 5, 1.0)]
    assert set(openai_headers(statuses)) == {f"x-ratelimit-{name}-requests" for name in ("limit", "remaining", "reset")}
    assert len(anthropic_headers(statuses, 0.0)) == 3


def test_moments_and_waits_are_rounded_up() -> None:
    headers = anthropic_headers([Status("requests", 10, 5, 0.25)], 1_700_000_000.5)
    assert headers["anthropic-ratelimit-requests-reset"] == "2023-11-14T22:13:21Z"
    assert retry_headers(0.0015) == {"retry-after": "1", "retry-after-ms": "2"}
    assert retry_headers(1.001) == {"retry-after": "2", "retry-after-ms": "1001"}
