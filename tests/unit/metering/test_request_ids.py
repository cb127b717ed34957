"""Request ids lead to their ledger partition and to nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.metering import request_ids

TEAMS = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0189-_.", min_size=1, max_size=64)
TIMES = st.integers(0, 253_402_300_799_999)
NOON = 1_795_435_200_000  # 2026-11-23T12:00:00Z


@given(TIMES, TEAMS)
def test_an_id_tells_its_time_shard_and_team(now_ms: int, team: str) -> None:
    request_id = request_ids.new(now_ms, team)
    started, shard, found = request_ids.parse(request_id)
    assert (started, found) == (now_ms, team)
    assert 0 <= shard < request_ids.SHARDS
    day = datetime.fromtimestamp(now_ms // 1000, UTC).date().isoformat()
    assert request_ids.partition_of(request_id) == f"{team}#{day}#{shard}"


@given(st.lists(TIMES, min_size=2, max_size=2, unique=True), TEAMS)
def test_ids_of_one_team_sort_by_time(times: list[int], team: str) -> None:
    early, late = sorted(times)
    assert request_ids.new(early, team) < request_ids.new(late, team)


def test_the_shape_is_the_documented_one() -> None:
    request_id = request_ids.new(NOON, "search", lambda count: b"\xff" * count)
    assert request_id == "req_01M844DZG0" + "Z" * 16 + "_search"
    assert request_ids.partition_of(request_id) == "search#2026-11-23#7"


def test_the_shard_is_the_first_random_character_modulo_eight() -> None:
    for value in range(32):
        request_id = request_ids.new(NOON, "t", lambda count, value=value: bytes([value << 3]) + bytes(count - 1))
        assert request_id[14] == request_ids.ALPHABET[value]
        assert request_ids.parse(request_id)[1] == value % 8


def test_two_ids_of_one_millisecond_differ() -> None:
    assert len({request_ids.new(NOON, "t") for _ in range(1000)}) == 1000


GOOD = request_ids.new(NOON, "search", bytes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "req_",
        GOOD[:-7],
        GOOD[:-6],
        GOOD.replace("_search", "-search"),
        GOOD.lower(),
        GOOD.replace("req_", "reqx"),
        GOOD.replace("01M", "OIM"),
        GOOD + "#2026-11-23#0",
        GOOD + "/..",
        GOOD + " ",
        GOOD + "\n",
        GOOD + "x" * 64,
        "req_" + "Z" * 26 + "_search",
        GOOD[:20] + "é" + GOOD[21:],
        GOOD[:29] + "#" + GOOD[30:],
        "configuration",
        "key#abc",
    ],
)
def test_a_malformed_id_never_becomes_a_key(text: str) -> None:
    with pytest.raises(ValueError, match=r"request id|team"):
        request_ids.partition_of(text)


@given(st.text(max_size=60))
def test_whatever_a_caller_sends_as_an_id_is_a_valid_id_or_refused(text: str) -> None:
    for candidate in (text, GOOD[:31] + text, GOOD[: len(text) % 38] + text):
        try:
            partition = request_ids.partition_of(candidate)
        except ValueError:
            continue
        assert partition.count("#") == 2
        assert candidate.isascii()


@pytest.mark.parametrize("team", ["", "a#b", "a/b", "a b", "é", "x" * 65, "a\x00"])
def test_a_team_that_would_break_a_key_gets_no_id(team: str) -> None:
    with pytest.raises(ValueError, match="team"):
        request_ids.new(NOON, team)


@pytest.mark.parametrize("now_ms", [-1, 2**50])
def test_a_time_without_a_four_digit_year_gets_no_id(now_ms: int) -> None:
    with pytest.raises(ValueError, match="time"):
        request_ids.new(now_ms, "search")
