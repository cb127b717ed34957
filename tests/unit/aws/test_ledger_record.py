"""A ledger entry survives as a record, and no request can make one that does not fit."""

from __future__ import annotations

import json
from dataclasses import fields, replace

from hypothesis import given

from sluice.aws.attributes import marshal_item, unmarshal_item
from sluice.aws.ledger_record import LIST_LIMIT, TEXT_LIMIT, from_record, to_record
from sluice.types.ledger import Attempt, LedgerEntry
from sluice.types.usage import Usage
from tests.unit.aws.entries import ENTRIES, NOON, USAGE_WORDS, typical


@given(ENTRIES)
def test_nothing_is_lost_on_the_way_through_json_and_dynamodb(entry: LedgerEntry) -> None:
    record = to_record(entry)
    assert from_record(json.loads(json.dumps(record))) == entry
    assert from_record(unmarshal_item(json.loads(json.dumps(marshal_item(record))))) == entry


def test_every_field_of_an_entry_is_in_the_record() -> None:
    bare = from_record({"id": "req", "team": "t"})
    for field in fields(LedgerEntry):
        other = {
            "usage": Usage(input=1),
            "attempts": (Attempt("a/b", 500, "server", 5, 6, "u", "m"),),
            "tags": (("a", "b"),),
            "reasons": ("r",),
            "edits": ("e",),
            "stream": True,
            "first_byte_ms": 7,
            "holds": (("h", 3),),
            "saved": (("cache", 4),),
            "list_cost": 5,
            "adjustments": ("deal",),
        }
        kind = type(getattr(bare, field.name))
        changed = replace(bare, **{field.name: other.get(field.name, 9 if kind is int else "x")})
        assert from_record(to_record(changed)) == changed
        assert changed != bare


def test_every_field_of_the_usage_is_in_the_record() -> None:
    for field in fields(Usage):
        value: object = True if field.name == "estimated" else 3
        if field.name in USAGE_WORDS:
            value = "x"
        entry = typical(usage=Usage(**{field.name: value}))  # type: ignore[arg-type]
        assert from_record(to_record(entry)).usage == entry.usage


def test_a_record_of_a_later_version_can_still_be_read() -> None:
    record = {**to_record(typical()), "carbon": 5, "usage": {"input": 1, "video_input": 9}}
    assert from_record(record).usage == Usage(input=1)


def test_an_entry_written_before_pictures_and_sound_were_counted_can_still_be_read() -> None:
    record = {**to_record(typical()), "usage": {"input": 5, "output": 7, "service_tier": "flex"}}
    assert from_record(record).usage == Usage(input=5, output=7, service_tier="flex")


def test_no_request_makes_an_entry_that_does_not_fit() -> None:
    long, longer = "\U0001f4a7" * 100_000, "\U0001f4a7" * 100_001
    attempts = tuple(Attempt(long, 500, "server", NOON, 1, long, long) for _ in range(1000))
    entry = typical(
        requested_model=longer,
        deployment=long,
        session=long,
        error_code=long,
        error_kind=long,
        attempts=attempts,
        tags=((long, long),) * 1000,
        reasons=(long,) * 1000,
        edits=(long,) * 1000,
        usage=Usage(provider_cost_usd=long, service_tier=long, image_size=long, image_quality=long),
    )
    record = to_record(entry)
    assert len(json.dumps(marshal_item(record), ensure_ascii=False).encode()) < 400_000
    assert record["asked"] == "\U0001f4a7" * 63 + "…"
    assert len(record["asked"].encode()) <= TEXT_LIMIT
    assert len(record["attempts"]) == LIST_LIMIT
    assert from_record(record).request_id == entry.request_id


def test_half_a_surrogate_pair_from_a_caller_is_replaced() -> None:
    record = to_record(typical(requested_model="a\ud800b", tags=(("k\udfff", "v"),)))
    assert record["asked"] == "a?b"
    assert record["tags"] == [["k?", "v"]]
