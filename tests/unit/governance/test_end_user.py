"""Where the end user of a request comes from."""

from __future__ import annotations

import pytest

from sluice.governance.end_user import LONGEST, end_user


@pytest.mark.parametrize(
    ("dialect", "members", "user"),
    [
        ("openai_chat", {"user": "ann"}, "ann"),
        ("openai_chat", {"safety_identifier": "hash-1", "user": "ann"}, "hash-1"),
        ("openai_responses", {"safety_identifier": "hash-1"}, "hash-1"),
        ("openai_responses", {"user": "ann"}, "ann"),
        ("openai_embeddings", {"user": "ann", "safety_identifier": "unknown here"}, "ann"),
        ("anthropic_messages", {"metadata": {"user_id": "u-7"}}, "u-7"),
        ("anthropic_messages", {"metadata": {"user_id": None}}, ""),
        ("anthropic_messages", {"metadata": "u-7"}, ""),
        ("anthropic_messages", {"user": "not of this dialect"}, ""),
        ("gemini", {"user": "not of this dialect"}, ""),
        ("bedrock_converse", {"requestMetadata": {"user": "x"}}, ""),
        ("openai_chat", {"user": 7}, ""),
        ("openai_chat", {"user": "  "}, ""),
    ],
)
def test_each_dialect_has_its_own_place(dialect: str, members: dict[str, object], user: str) -> None:
    assert end_user({}, dialect, members) == user


@pytest.mark.parametrize("dialect", ["openai_chat", "gemini", "bedrock_converse", "anthropic_messages"])
def test_the_header_serves_every_dialect_and_goes_before_the_body(dialect: str) -> None:
    body = {"user": "body", "metadata": {"user_id": "body"}}
    assert end_user({"x-sluice-user": " ann "}, dialect, body) == "ann"


def test_a_name_without_end_is_cut() -> None:
    assert len(end_user({"x-sluice-user": "x" * 9000}, "gemini", {})) == LONGEST
