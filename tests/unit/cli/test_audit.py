"""`sluice audit`: a list to read, and a check that trusts nobody's word."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest

from sluice.cli import audit
from sluice.cli.session import CommandFailed, Session
from tests.unit.control.test_audit import chain, sealed


class Log(Session):
    """Answers GET /admin/audit two records at a time."""

    def __init__(self, records: list[dict[str, Any]], as_json: bool = False) -> None:
        self.told: list[str] = []
        super().__init__("", "", as_json, self.told.append)
        self.records = records
        self.asked: list[dict[str, str]] = []

    def call(self, method: str, path: str, body: object = None, query: Any = None) -> Any:
        assert (method, path, body) == ("GET", "/admin/audit", None)
        self.asked.append(dict(query))
        begin = int(query.get("after", 0))
        page = self.records[begin : begin + 2]
        more = begin + 2 < len(self.records)
        return {"object": "list", "data": page, "next": str(begin + 2) if more else None}


def run(session: Session, *arguments: str) -> None:
    parser = argparse.ArgumentParser()
    audit.add_commands(parser.add_subparsers())
    chosen = parser.parse_args(["audit", *arguments])
    chosen.command(session, chosen)


def test_changes_are_listed_page_by_page_up_to_the_limit() -> None:
    log = Log(chain(("2026-11-24", 5))[::-1])
    run(log, "list", "--limit", "3", "--action", "keys", "--from", "2026-11-20")
    (text,) = log.told
    assert text.count("keys.create") == 3
    assert "operator direct" in text
    assert log.asked[0] == {"from": "2026-11-20", "action": "keys"}
    assert len(log.asked) == 2


def test_the_states_are_shown_when_asked_for() -> None:
    log = Log(chain(("2026-11-24", 1)))
    run(log, "list", "--changes")
    assert '"name": "2026-11-24-1"' in log.told[0]
    empty = Log([])
    run(empty, "list", "--changes")
    assert empty.told == ["There are no such changes."]


def test_an_untouched_log_holds_and_its_last_hashes_are_shown() -> None:
    records = chain(("2026-11-23", 2), ("2026-11-24", 1)) + chain(("2026-11-24", 2), region="eu-west-1")
    log = Log(records)
    run(log, "verify", "--expect", records[1]["hash"])
    assert "eu-west-1: 2 records hold" in log.told[0]
    assert f"us-east-1: 3 records hold; the last is 2026-11-24 number 1, {records[2]['hash']}" in log.told[0]
    assert log.asked[0] == {"order": "asc", "limit": "500"}
    as_json = Log(records, as_json=True)
    run(as_json, "verify")
    assert [each["records"] for each in json.loads(as_json.told[0])["data"]] == [2, 3]


def test_a_log_that_was_tampered_with_fails_the_check() -> None:
    records = chain(("2026-11-24", 3))
    with pytest.raises(CommandFailed, match=r"number 2.*missing"):
        run(Log([records[0], records[2]]), "verify")
    with pytest.raises(CommandFailed, match="does not follow"):
        run(Log([sealed({**records[0], "after": None}), *records[1:]]), "verify")


def test_records_cut_off_at_the_end_are_missed_by_their_hash() -> None:
    records = chain(("2026-11-24", 3))
    run(Log(records[:2]), "verify")
    with pytest.raises(CommandFailed, match="no record has the hash"):
        run(Log(records[:2]), "verify", "--expect", records[2]["hash"])


def test_a_log_without_records_says_so() -> None:
    log = Log([])
    run(log, "verify")
    assert log.told == ["There are no records."]
