"""Nothing is lost or counted twice when two sides are brought together, and drift means what it says."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.control.invoices.matching import NO_MODEL, compare, drift
from sluice.control.invoices.names import bedrock, plain
from sluice.control.invoices.statements import MEMBERS, Figures, Line, Statement

DAY = date(2026, 11, 20)
COUNT = st.integers(0, 10**15)
NAMES = st.sampled_from(
    ["gpt-5", "gpt-5-2025-08-07", "gpt-5-mini", "o3", "claude-opus-5", "claude-opus-5-20260101", ""]
)
FULL = st.builds(Figures, COUNT, COUNT, COUNT, COUNT)
PARTIAL = st.builds(
    Figures, st.none() | st.integers(-(10**12), 10**15), st.none() | COUNT, st.none() | COUNT, st.none() | COUNT
)
OURS = st.lists(st.builds(Line, NAMES.filter(bool), FULL), max_size=8)
THEIRS = st.lists(st.builds(Line, NAMES, PARTIAL), max_size=8)


def stated(lines: list[Line], name: str) -> int | None:
    values = [getattr(line.figures, name) for line in lines]
    said = [value for value in values if value is not None]
    return sum(said) if said else None


@given(OURS, THEIRS)
def test_every_line_of_either_side_is_in_exactly_one_row(ours: list[Line], theirs: list[Line]) -> None:
    found = compare(ours, Statement("openai", DAY, tuple(theirs)))
    assert sorted(name for row in found.rows for name in row.our_names) == sorted({line.name for line in ours})
    assert sorted(name for row in found.rows for name in row.their_names) == sorted({line.name for line in theirs})
    for name in MEMBERS:
        assert sum(getattr(row.ours, name) for row in found.rows) == (stated(ours, name) or 0)
        assert sum(getattr(row.theirs, name) or 0 for row in found.rows) == (stated(theirs, name) or 0)
        assert getattr(found.total.ours, name) == (stated(ours, name) or 0)
        assert getattr(found.total.theirs, name) == (stated(theirs, name) or 0)


@given(OURS, THEIRS, st.randoms())
def test_the_order_of_lines_means_nothing(ours: list[Line], theirs: list[Line], shuffle: object) -> None:
    first = compare(ours, Statement("openai", DAY, tuple(theirs)))
    shuffle.shuffle(ours)  # type: ignore[attr-defined]
    shuffle.shuffle(theirs)  # type: ignore[attr-defined]
    assert compare(ours, Statement("openai", DAY, tuple(theirs))) == first


@given(OURS, THEIRS)
def test_rows_have_names_of_their_own_and_say_which_side_knows_them(ours: list[Line], theirs: list[Line]) -> None:
    rows = compare(ours, Statement("openai", DAY, tuple(theirs))).rows
    assert len({row.model for row in rows}) == len(rows)
    for row in rows:
        assert (row.side != "theirs") == bool(row.our_names)
        assert (row.side != "ours") == bool(row.their_names)


@given(OURS)
def test_a_vendor_that_says_what_the_ledger_says_has_no_drift(ours: list[Line]) -> None:
    found = compare(ours, Statement("openai", DAY, tuple(ours)))
    assert {row.drift_bp for row in (*found.rows, found.total)} <= {0}
    assert {row.token_drift_bp for row in (*found.rows, found.total)} <= {0}
    assert found.unmatched("ours") == found.unmatched("theirs") == 0


@given(st.integers(), st.integers())
def test_drift_is_bounded_and_turns_its_sign_with_the_sides(ours: int, theirs: int) -> None:
    found = drift(ours, theirs)
    assert found is not None
    assert -10_000 <= found <= 10_000
    assert found == -(drift(theirs, ours) or 0)
    assert (found == 0) == (ours == theirs)
    assert (found > 0) == (ours > theirs)


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (100, 100, 0),
        (99, 100, -100),
        (100, 99, 100),
        (0, 5, -10_000),
        (5, 0, 10_000),
        (10**9, 10**9 - 1, 1),
        (-1, 1, -10_000),
    ],
)
def test_drift_is_a_part_of_the_larger_side_in_basis_points(ours: int, theirs: int, expected: int) -> None:
    assert drift(ours, theirs) == expected


def test_what_a_vendor_does_not_state_is_not_compared() -> None:
    theirs = (Line("m", Figures(None, 10, 5)), Line("", Figures(7)))
    found = compare([Line("m", Figures(7, 10, 5, 1))], Statement("x", DAY, theirs, frozenset({"input", "output"})))
    by_name = {row.model: row for row in found.rows}
    assert by_name["m"].drift_bp is None
    assert by_name["m"].token_drift_bp == 0
    assert by_name[NO_MODEL].side == "theirs"
    assert (found.total.drift_bp, found.total.token_drift_bp) == (0, 0)


def test_a_model_that_only_one_side_knows_drifts_in_whole() -> None:
    lines = (Line("bypassed", Figures(5, 1, 1, 1)),)
    found = compare([Line("unbilled", Figures(5, 1, 1, 1))], Statement("x", DAY, lines))
    assert {row.model: row.drift_bp for row in found.rows} == {"unbilled": 10_000, "bypassed": -10_000}
    assert (found.unmatched("ours"), found.unmatched("theirs"), found.total.drift_bp) == (1, 1, 0)


def test_a_day_without_traffic_on_either_side_agrees() -> None:
    found = compare([], Statement("x", DAY, ()))
    assert (found.rows, found.total.drift_bp, found.total.side) == ((), 0, "both")


def test_an_alias_meets_the_dated_models_that_it_stood_for() -> None:
    theirs = (Line("gpt-4o-2024-08-06", Figures(2, 1, 1, 1)), Line("gpt-4o-2024-11-20", Figures(1, 1, 1, 1)))
    (row,) = compare([Line("gpt-4o", Figures(3, 2, 2, 2))], Statement("openai", DAY, theirs)).rows
    assert (row.model, row.drift_bp, row.their_names) == ("gpt-4o", 0, ("gpt-4o-2024-08-06", "gpt-4o-2024-11-20"))


def test_a_configured_name_settles_what_no_rule_can_know() -> None:
    theirs = (Line("Titan Thing", Figures(3, 1, 1, 1)),)
    ours = [Line("amazon.titan-x", Figures(3, 1, 1, 1))]
    found = compare(ours, Statement("bedrock", DAY, theirs), renamed={"Titan Thing": "amazon.titan-x"})
    assert [row.side for row in found.rows] == ["both"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("gpt-5", "gpt-5-2025-08-07"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929"),
        ("claude-3-5-haiku-latest", "Claude-3-5-Haiku-20241022"),
    ],
)
def test_plain_names_meet_without_their_dates(one: str, other: str) -> None:
    assert plain(one) == plain(other)


@pytest.mark.parametrize(("one", "other"), [("gpt-5", "gpt-5-mini"), ("gpt-4", "gpt-4-0613"), ("o3", "o3-pro")])
def test_plain_names_of_different_models_stay_apart(one: str, other: str) -> None:
    assert plain(one) != plain(other)


@pytest.mark.parametrize(
    ("model", "billed"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "Claude4.5Sonnet"),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", "Claude Haiku 4.5 (Amazon Bedrock Edition)"),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-opus-5", "Claude Opus 5"),
        ("amazon.nova-lite-v1:0", "NovaLite"),
        ("us.amazon.nova-2-lite-v1:0", "Nova2.0Lite"),
        ("meta.llama3-3-70b-instruct-v1:0", "Llama3-3-70B"),
    ],
)
def test_bedrocks_spellings_of_one_model_meet(model: str, billed: str) -> None:
    assert bedrock(model) == bedrock(billed)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Claude4Sonnet", "Claude4.5Sonnet"), ("NovaLite", "NovaPro"), ("Claude4.5Sonnet", "Claude4.5Haiku")],
)
def test_bedrocks_spellings_of_different_models_stay_apart(one: str, other: str) -> None:
    assert bedrock(one) != bedrock(other)
