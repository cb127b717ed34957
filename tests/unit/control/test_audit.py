"""Records of changes: chained so that tampering shows, and without a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.control.audit import STATE_LIMIT, Link, differences, hash_of, masked, record, verify
from sluice.types.audit import OPERATOR, Actor, Change

KEY = "sk-sluice-" + "abcdefghijkl" + "S" * 32


def chain(*days: tuple[str, int], region: str = "us-east-1") -> list[dict[str, Any]]:
    """Return a chain with so many records on each day."""
    found: list[dict[str, Any]] = []
    for day, count in days:
        for number in range(1, count + 1):
            previous = found[-1]["hash"] if found else ""
            change = Change("keys.create", f"keys/{number}", OPERATOR, after={"name": f"{day}-{number}"})
            made = record(change, Link(region, day, number, previous), 1_000 + number)
            found.append({**made, "hash": hash_of(made)})
    return found


def faults(records: list[dict[str, Any]], *, whole: bool = True) -> list[str]:
    return list(verify(records, whole=whole))


def sealed(made: dict[str, Any]) -> dict[str, Any]:
    return {**made, "hash": hash_of(made)}


WEEK = (("2026-11-20", 3), ("2026-11-23", 1), ("2026-11-24", 2))


def test_an_untouched_chain_holds_also_after_a_trip_through_json() -> None:
    assert faults(chain(*WEEK)) == []
    assert faults(json.loads(json.dumps(chain(*WEEK)))) == []
    assert faults([]) == []
    assert faults(chain(*WEEK)[3:], whole=False) == []


@pytest.mark.parametrize("place", range(6))
def test_a_changed_record_is_found(place: int) -> None:
    records = chain(*WEEK)
    records[place] = {**records[place], "actor": {"kind": "key", "id": "somebody else"}}
    assert any("not what was recorded" in fault for fault in faults(records))


@pytest.mark.parametrize("place", range(5))
def test_a_changed_record_with_a_new_hash_breaks_the_one_behind_it(place: int) -> None:
    records = chain(*WEEK)
    records[place] = sealed({**records[place], "after": None})
    (fault,) = faults(records)
    assert "does not follow" in fault


@pytest.mark.parametrize("place", range(5))
def test_a_dropped_record_is_missed(place: int) -> None:
    records = chain(*WEEK)
    del records[place]
    assert faults(records)


def test_a_dropped_day_is_missed() -> None:
    records = chain(*WEEK)
    assert faults(records[:3] + records[4:])
    assert faults(records[3:])
    assert faults(records[1:], whole=False)


@pytest.mark.parametrize("place", range(1, 6))
def test_an_inserted_or_moved_record_is_found(place: int) -> None:
    records = chain(*WEEK)
    forged = sealed({**records[place], "subject": "keys/forged"})
    assert faults([*records[:place], forged, *records[place:]])
    swapped = [*records]
    swapped[place - 1], swapped[place] = swapped[place], swapped[place - 1]
    assert faults(swapped)


def test_a_record_says_who_what_when_and_from_where() -> None:
    actor = Actor("key", "abc", "search", ("keys:write",), True, "ops", "192.0.2.1", "cli", "r1")
    change = Change("keys.revoke", "keys/x", actor, "search", {"state": "active"}, {"state": "revoked"})
    made = record(change, Link("eu-west-1", "2026-11-24", 7, "p"), 5)
    assert (made["at_ms"], made["action"], made["team"], made["number"], made["previous"]) == (
        5,
        "keys.revoke",
        "search",
        7,
        "p",
    )
    assert made["actor"] == {
        "kind": "key",
        "id": "abc",
        "team": "search",
        "scopes": ["keys:write"],
        "team_bound": True,
        "name": "ops",
        "source_ip": "192.0.2.1",
        "user_agent": "cli",
        "request_id": "r1",
    }
    assert (made["before"], made["after"]) == ({"state": "active"}, {"state": "revoked"})


def test_a_state_that_is_too_large_is_named_by_its_hash() -> None:
    change = Change("x", "y", OPERATOR, after={"text": "x" * STATE_LIMIT})
    after = record(change, Link("r", "d", 1, ""), 0)["after"]
    assert isinstance(after, dict)
    assert set(after) == {"too_large", "sha256"}


@pytest.mark.parametrize(
    "value",
    [
        {"api_key": "abc123"},
        {"nested": [{"client_secret": "abc123"}]},
        {"password": "abc123", "note": "fine"},
        {"headers": {"x-anything": "abc123"}},
        {"authorization": "abc123"},
        {"digest": "abc123"},
        {"text": "use sk-abc123-abc123-abc123 please"},
        {"text": KEY.replace("S" * 32, "abc123" * 5 + "xx")},
        {"text": "Bearer abc123"},
        {"text": "eyJabc123.abc123.abc123"},
    ],
)
def test_no_secret_gets_into_a_record(value: dict[str, object]) -> None:
    text = json.dumps(record(Change("x", "y", OPERATOR, before=value, after=value), Link("r", "d", 1, ""), 0))
    assert "abc123" not in text
    assert "***" in text


def test_what_is_no_secret_stays() -> None:
    plain = {"max_tokens": "4", "input_tokens": {"per_minute": 60}, "models": ["openai/*"], "key_id": "abc", "rate": 1}
    assert masked(plain) == plain
    assert masked({"x": 1.5}) == {"x": "1.5"}


def test_differences_name_each_member_and_mask_what_headers_say() -> None:
    old = {"providers": {"openai": {"headers": {"x-org": "abc123"}, "enabled": True}}, "same": [1]}
    new = {"providers": {"openai": {"headers": {"x-org": "abc124"}}}, "same": [1], "budgets": {"a": {"amount": 5}}}
    assert list(differences(old, new)) == [
        {"path": "budgets", "before": None, "after": {"a": {"amount": 5}}},
        {"path": "providers.openai.enabled", "before": True, "after": None},
        {"path": "providers.openai.headers.x-org", "before": "***", "after": "***"},
    ]
    assert list(differences(new, new)) == []
    added = list(differences({}, {"providers": {"openai": {"headers": {"x": "abc123"}}}}))
    assert "abc123" not in json.dumps(added)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=6), JSON, max_size=3))
def test_any_state_has_one_hash_before_and_after_a_trip_through_json(state: dict[str, object]) -> None:
    made = record(Change("x", "y", OPERATOR, after=state), Link("r", "d", 1, ""), 0)
    assert hash_of(json.loads(json.dumps(made))) == hash_of(made)
