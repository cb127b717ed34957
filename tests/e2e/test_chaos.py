"""The chaos drill in short: 240 requests; `make chaos` sends 5,000."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sluice.types.ledger import Attempt, LedgerEntry
from sluice.types.usage import Usage
from tests.drills.chaos import RATES, Result, drill, judge
from tests.drills.chaos_callers import CHAT, GEMINI, MESSAGES, RESPONSES, Speech, Told, Wish, judged
from tests.stacks import missing


@pytest.mark.stack
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
def test_a_provider_with_every_fault_and_an_outage_is_hardly_noticed_and_nothing_is_paid_twice(tmp_path: Path) -> None:
    result = drill(tmp_path, 240)
    assert result.wrong == []
    assert len(result.stormy) == 240
    assert result.figures["ejected"] != 0
    assert result.figures["served_by_first_after_outage"] != 0


WISH = Wish(CHAT, "both", "yes it is", True)


def answered(verdict: str = "whole") -> Told:
    return Told(WISH, verdict, 200, "req_1", 0.1)


def entry(**changes: object) -> LedgerEntry:
    usage = Usage(input=10, output=5)
    plain = LedgerEntry(
        request_id="req_1",
        team="t",
        key_id="k",
        operation="chat",
        dialect="openai_chat",
        requested_model="both",
        deployment="openai/sim-fast",
        provider="openai",
        model="sim-fast",
        status=200,
        outcome="ok",
        usage=usage,
        cost=10 * RATES["input"] + 5 * RATES["output"],
        price_version="",
        config_version="",
        stream=True,
        started_ms=0,
        duration_ms=1,
        first_byte_ms=1,
        overhead_us=1,
        attempts=(Attempt("openai/sim-fast", 200, "ok", 0, 1),),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "entries", "charged", "found"),
    [
        ([answered("status 503")], [entry()], 1, "success 0.000 %"),
        ([answered()], [], 0, "without an entry"),
        ([answered()], [entry(), entry()], 1, "two entries"),
        ([answered()], [entry(cost=1)], 1, "costs 1, not"),
        ([answered()], [entry(attempts=entry().attempts * 2)], 1, "answered 2 times"),
        ([answered()], [entry()], 2, "2 answers were charged"),
        ([answered("broken")], [entry()], 1, "entered as ok"),
    ],
)
def test_the_drill_sees(told: list[Told], entries: list[LedgerEntry], charged: int, found: str) -> None:
    result = Result(stormy=told)
    judge(result, entries, charged, 1)
    assert any(found in wrong for wrong in result.wrong), result.wrong


def test_the_drill_passes_what_is_right() -> None:
    result = Result(stormy=[answered()])
    judge(result, [entry()], 1, 1)
    assert result.wrong == []


CUT = b'data: {"choices":[{"delta":{"content":"yes"}}]}\n\n'


@pytest.mark.parametrize(
    ("body", "verdict"),
    [
        (CUT, "ended without an end"),
        (CUT + b"data: [DONE]\n\n", "says 'yes'"),
        (CUT + b'data: {"choices":[{"delta":{"content":" it is"}}]}\n\ndata: [DONE]\n\n', "whole"),
        (CUT + b'data: {"error":{"message":"cut"}}\n\n', "broken"),
    ],
)
def test_a_caller_knows_a_whole_answer_from_others(body: bytes, verdict: str) -> None:
    assert judged(WISH, 200, body, complete=True) == verdict


@pytest.mark.parametrize(
    ("speech", "event"),
    [
        (MESSAGES, b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"cut"}}\n\n'),
        (RESPONSES, b'event: error\ndata: {"type":"error","message":"cut"}\n\n'),
        (GEMINI, b'data: {"error":{"code":502,"message":"cut"}}\n\n'),
    ],
)
def test_a_caller_knows_the_error_event_of_its_dialect(speech: Speech, event: bytes) -> None:
    assert speech.told_an_error(event)
    assert not speech.told_an_error(CUT)


def test_a_refusal_without_an_envelope_is_told_apart() -> None:
    assert judged(WISH, 502, b"<html>", complete=True) == "status 502 without the dialect's envelope"
    assert judged(WISH, 0, b"", complete=False) == "cut off after 0 bytes, status 0"
