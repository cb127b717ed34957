"""What changes in a request that stays in this dialect: declared quirks and sealed reasoning, nothing else."""

from __future__ import annotations

import pytest

from sluice.dialects.base import REMOVED
from sluice.dialects.openai_responses import pass_edits, stream_filter
from sluice.dialects.openai_responses.reasoning import seal
from sluice.dialects.quirks import check
from sluice.errors import UnsupportedParameter

BODY = {"model": "m", "input": [{"role": "user", "content": "x"}], "stream": True, "store": True, "user": "u"}


def test_nothing_changes_without_quirks() -> None:
    assert pass_edits(BODY, {}) == {}
    assert stream_filter(BODY) is None


def test_declared_quirks_drop_rename_and_set_members() -> None:
    quirks = {
        "drop": ["store"],
        "rename": {"user": "safety_identifier"},
        "defaults": {"truncation": "auto", "user": "v"},
    }
    assert check(quirks) == []
    assert pass_edits(BODY, quirks) == {
        "store": REMOVED,
        "user": REMOVED,
        "safety_identifier": "u",
        "truncation": "auto",
    }


def test_a_member_that_may_not_be_left_out_is_refused() -> None:
    with pytest.raises(UnsupportedParameter, match="store") as raised:
        pass_edits(BODY, {"refuse": ["store"]})
    assert raised.value.param == "store"
    assert pass_edits({**BODY, "store": None}, {"refuse": ["store"]}) == {}


def test_reasoning_that_another_vendor_signed_is_taken_out() -> None:
    own = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}
    sealed = {**own, "encrypted_content": seal({"format": "anthropic-claude-v1", "signature": "EqQB"})}
    said = {"role": "user", "content": "x"}
    assert pass_edits({"model": "m", "input": [said, sealed, own]}, {}) == {"input": [said, own]}
    assert pass_edits({"model": "m", "input": [said, own]}, {}) == {}
