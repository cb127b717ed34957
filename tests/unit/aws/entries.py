"""Ledger entries to test with: any that there can be, and one as most are."""

from __future__ import annotations

from hypothesis import strategies as st

from sluice.aws.ledger_record import TEXT_LIMIT
from sluice.metering import request_ids
from sluice.types.ledger import Attempt, LedgerEntry
from sluice.types.usage import Usage

NOON = 1_795_435_200_000  # 2026-11-23T12:00:00Z
TEAM = "search"
TEXT = st.text(max_size=12) | st.text("ab ", min_size=TEXT_LIMIT - 1, max_size=TEXT_LIMIT)
NAME = st.text(max_size=12)
COUNT = st.integers(0, 10**15)
USAGE_WORDS = ("provider_cost_usd", "service_tier", "image_size", "image_quality", "inference_geo", "search_context")
USAGE = st.builds(
    Usage,
    **{name: COUNT for name in Usage.__dataclass_fields__ if name not in USAGE_WORDS}
    | dict.fromkeys(USAGE_WORDS, st.none() | NAME)
    | {"estimated": st.booleans()},
)
TIMES = st.integers(0, 4_000_000_000_000)
ATTEMPTS = st.builds(
    Attempt,
    deployment=st.sampled_from(["", "openai/gpt-4o", "anthropic/claude"]),
    status=st.integers(0, 599),
    outcome=NAME,
    started_ms=TIMES,
    duration_ms=COUNT,
    upstream_id=NAME,
    message=NAME,
)
ENTRIES = st.builds(
    LedgerEntry,
    request_id=TIMES.map(lambda at: request_ids.new(at, TEAM)),
    team=st.just(TEAM),
    key_id=NAME,
    operation=st.sampled_from(["chat", "embeddings", "count_tokens", ""]),
    dialect=NAME,
    requested_model=st.sampled_from(["", "openai/gpt-4o", "fast"]) | TEXT,
    deployment=st.sampled_from(["", "openai/gpt-4o", "other/name"]),
    provider=st.sampled_from(["", "openai"]),
    model=st.sampled_from(["", "gpt-4o"]),
    status=st.integers(0, 599),
    outcome=st.sampled_from(["ok", "error", "failed", "aborted", "lost"]),
    usage=USAGE,
    cost=st.integers(0, 10**20),
    price_version=NAME,
    config_version=NAME,
    stream=st.booleans(),
    started_ms=TIMES,
    duration_ms=COUNT,
    first_byte_ms=st.none() | COUNT,
    overhead_us=COUNT,
    attempts=st.lists(ATTEMPTS, max_size=3).map(tuple),
    tags=st.lists(st.tuples(NAME, NAME), max_size=3).map(tuple),
    session=st.none() | NAME,
    error_code=NAME,
    error_kind=NAME,
    region=NAME,
    cache=st.sampled_from(["off", "hit", "miss", "semantic"]),
    reasons=st.lists(TEXT, max_size=3).map(tuple),
    edits=st.lists(NAME, max_size=3).map(tuple),
    holds=st.lists(st.tuples(NAME, COUNT), max_size=3).map(tuple),
    user=NAME,
    route=NAME,
    version=st.integers(1, 9),
    list_cost=st.none() | COUNT,
    saved=st.lists(st.tuples(NAME, st.integers(-(10**12), 10**12)), max_size=2).map(tuple),
    adjustments=st.lists(NAME, max_size=2).map(tuple),
    lease_misses=st.integers(0, 9),
    trace_id=st.sampled_from(["", "4bf92f3577b34da6a3ce929d0e0e4736"]),
    parent_span=st.sampled_from(["", "00f067aa0ba902b7"]),
)


def typical(**changes: object) -> LedgerEntry:
    """Return an entry such as most requests leave: one attempt, a few tags, a reason."""
    values: dict[str, object] = {
        "request_id": request_ids.new(NOON, TEAM, lambda count: b"\x5a" * count),
        "team": TEAM,
        "key_id": "abcdefghijkl",
        "operation": "chat",
        "dialect": "anthropic_messages",
        "requested_model": "fast",
        "deployment": "anthropic/claude-sonnet-4-5",
        "provider": "anthropic",
        "model": "claude-sonnet-4-5",
        "status": 200,
        "outcome": "ok",
        "usage": Usage(input=1200, cache_read=30_000, cache_write_5m=500, output=800, reasoning=300),
        "cost": 34_500_000,
        "price_version": "genai-prices 0.2.3#0123456789ab",
        "config_version": "f" * 64,
        "stream": True,
        "started_ms": NOON,
        "duration_ms": 8_412,
        "first_byte_ms": 612,
        "overhead_us": 742,
        "attempts": (Attempt("anthropic/claude-sonnet-4-5", 200, "ok", NOON + 1, 611, "req_011CSHoEeqs5C35K2UUqR7Fy"),),
        "tags": (("env", "prod"), ("feature", "answers")),
        "session": "session-0123456789",
        "region": "eu-west-1",
        "reasons": ("anthropic/claude-sonnet-4-5: first of route fast",),
        "edits": ("renamed:model",),
        "holds": (("3f2a9c1d7e5b4a60", 34_500_000),),
        "user": "u-48211",
        "route": "fast",
        "saved": (("prompt_cache", 79_000_000),),
    }
    return LedgerEntry(**{**values, **changes})  # type: ignore[arg-type]
