"""When a deployment is ejected, tried and restored."""

from __future__ import annotations

import json

import pytest

from sluice.routing.health import (
    EARNED,
    FIRST_SECONDS,
    FORGIVEN_SECONDS,
    IN_A_ROW,
    KNOWN,
    LEAST,
    LONGEST_REST,
    LONGEST_SECONDS,
    RETRIES,
    WINDOW,
    Health,
)


class Watch:
    """A health with a clock that stands still until it is moved; the dice always show their middle."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.lines: list[dict[str, object]] = []
        self.health = Health(lambda: self.now, lambda: 0.5, lambda line: self.lines.append(json.loads(line)))

    def fail(self, times: int = IN_A_ROW, kind: str = "server") -> None:
        for _ in range(times):
            self.health.begin("a")
            self.health.failed("a", kind)

    @property
    def out(self) -> bool:
        return bool(self.health.ejected("a"))


def test_a_deployment_that_keeps_failing_is_ejected_and_says_so() -> None:
    watch = Watch()
    watch.fail(IN_A_ROW - 1)
    assert not watch.out
    watch.fail(1)
    assert watch.out
    assert watch.lines == [
        {
            "kind": "health",
            "deployment": "a",
            "state": "ejected",
            "reason": "it failed again and again, the last time with server",
            "seconds": FIRST_SECONDS,
        }
    ]
    assert not watch.health.ejected("b")


def test_a_success_in_between_keeps_it_in() -> None:
    watch = Watch()
    for _ in range(LEAST):
        watch.fail(IN_A_ROW - 1, "connection")
        watch.health.succeeded("a")
        watch.now += WINDOW
    assert not watch.out


def test_two_timeouts_in_a_row_eject_because_each_cost_a_caller_its_patience() -> None:
    watch = Watch()
    watch.fail(1, "timeout")
    assert not watch.out
    watch.fail(1, "timeout")
    assert watch.out


@pytest.mark.parametrize("kind", ["bad_request", "content_filter", "too_large", "not_found", "permission", "api_error"])
def test_what_the_request_itself_is_to_blame_for_ejects_nobody(kind: str) -> None:
    watch = Watch()
    watch.fail(100, kind)
    assert not watch.out


def test_half_of_the_attempts_within_the_window_eject() -> None:
    watch = Watch()
    for _ in range(LEAST // 2 - 1):
        watch.fail(1)
        watch.health.succeeded("a")
    assert not watch.out
    watch.fail(1)
    watch.health.succeeded("a")
    watch.fail(1)
    assert watch.out
    assert watch.lines[0]["reason"] == f"{LEAST // 2 + 1} of {LEAST + 1} attempts failed, the last with server"


def test_what_is_older_than_the_window_does_not_count() -> None:
    watch = Watch()
    for _ in range(LEAST * 3):
        watch.fail(1)
        watch.health.succeeded("a")
        watch.now += WINDOW / LEAST * 2.5
    assert not watch.out


def test_when_the_time_is_over_one_request_is_the_probe_and_the_others_ask_elsewhere() -> None:
    watch = Watch()
    watch.fail()
    watch.now += FIRST_SECONDS
    assert not watch.out
    assert watch.health.begin("a") is False
    assert watch.out


def test_a_probe_that_succeeds_restores() -> None:
    watch = Watch()
    watch.fail()
    watch.now += FIRST_SECONDS
    watch.health.begin("a")
    watch.health.succeeded("a")
    assert not watch.out
    assert watch.health.begin("a") is True
    assert watch.lines[-1]["state"] == "restored"


def test_a_probe_that_is_never_heard_of_again_is_followed_by_another() -> None:
    watch = Watch()
    watch.fail()
    watch.now += FIRST_SECONDS
    watch.health.begin("a")
    watch.now += FIRST_SECONDS
    assert not watch.out


def test_each_failed_probe_doubles_the_time_up_to_the_longest() -> None:
    watch = Watch()
    watch.fail()
    told = []
    for _ in range(7):
        watch.now += float(str(watch.lines[-1]["seconds"]))
        watch.fail(1)
        told.append(watch.lines[-1]["seconds"])
    assert told == [20, 40, 80, 160, LONGEST_SECONDS, LONGEST_SECONDS, LONGEST_SECONDS]


def test_after_a_long_good_time_the_next_ejection_is_short_again() -> None:
    watch = Watch()
    for _ in range(3):
        watch.fail()
        watch.now += LONGEST_SECONDS
        watch.health.begin("a")
        watch.health.succeeded("a")
    watch.now += FORGIVEN_SECONDS + 1
    watch.fail()
    assert watch.lines[-1]["seconds"] == FIRST_SECONDS


def test_failing_for_want_of_anybody_else_does_not_prolong_the_ejection() -> None:
    watch = Watch()
    watch.fail(IN_A_ROW + 20)
    assert len(watch.lines) == 1
    watch.now += FIRST_SECONDS
    assert not watch.out


def test_an_answer_for_want_of_anybody_else_restores_at_once() -> None:
    watch = Watch()
    watch.fail()
    assert watch.health.begin("a") is False
    watch.health.succeeded("a")
    assert not watch.out


def test_what_a_provider_says_with_retry_after_is_honoured_without_an_ejection() -> None:
    watch = Watch()
    watch.health.failed("a", "rate_limit", 12.0)
    assert watch.health.ejected("a") == "asked to be left alone for another 12.0 s"
    assert watch.health.begin("a") is False
    watch.now += 12.0
    assert not watch.out
    assert watch.health.begin("a") is True
    assert watch.lines == []


def test_nobody_is_left_alone_for_a_day() -> None:
    watch = Watch()
    watch.health.failed("a", "rate_limit", 86_400.0)
    watch.now += LONGEST_REST
    assert not watch.out


def test_limits_without_a_time_count_as_failures() -> None:
    watch = Watch()
    watch.fail(IN_A_ROW, "rate_limit")
    assert watch.out


def test_retries_run_out_and_are_earned_again() -> None:
    watch = Watch()
    allowed = sum(watch.health.may_retry("a") for _ in range(100))
    assert allowed == RETRIES
    for _ in range(round(1 / EARNED)):
        assert not watch.health.may_retry("a")
        watch.health.begin("a")
    assert watch.health.may_retry("a")
    assert watch.health.may_retry("b")


def test_names_that_callers_make_up_do_not_fill_the_memory() -> None:
    watch = Watch()
    watch.fail()
    for number in range(KNOWN):
        watch.health.failed(f"made-up-{number}", "server")
    assert not watch.out
