"""Message batches on the wire: the vendor's limits, batch objects, pages and lines of results."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types.messages import MessageBatch, MessageBatchIndividualResponse
from hypothesis import given
from hypothesis import strategies as st

from sluice.dialects import anthropic_batches as wire
from sluice.dialects.anthropic_batches.batch import STATUSES
from sluice.dialects.anthropic_batches.creation import MOST_BYTES, MOST_REQUESTS
from sluice.dialects.anthropic_batches.results import KINDS
from sluice.errors import BadRequest, ProviderGarbled, RequestTooLarge
from sluice.types.usage import Usage

PARAMS: dict[str, Any] = {"model": "claude", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-1",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 2, "service_tier": "batch"},
}
ERROR = {"type": "error", "error": {"type": "invalid_request_error", "message": "No."}, "request_id": None}


def item(custom_id: str = "a", **params: Any) -> dict[str, Any]:
    return {"custom_id": custom_id, "params": {**PARAMS, **params}}


@pytest.mark.parametrize(
    ("requests", "param"),
    [
        (None, "requests"),
        ([], "requests"),
        (["x"], "requests.0"),
        ([{"params": PARAMS}], "requests.0.custom_id"),
        ([item("")], "requests.0.custom_id"),
        ([item("a" * 65)], "requests.0.custom_id"),
        ([item("a b")], "requests.0.custom_id"),
        ([item(), item("b"), item()], "requests.2.custom_id"),
        ([item(), {"custom_id": "b", "params": 1}], "requests.1.params"),
        ([item(model="")], "requests.0.params.model"),
        ([item(messages=None)], "requests.0.params.messages"),
        ([item(stream=True)], "requests.0.params.stream"),
        ([item(max_tokens=0)], "requests.0.params.max_tokens"),
    ],
)
def test_a_wrong_request_is_named_by_its_place(requests: Any, param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wire.decode_create({"requests": requests}, 10)
    assert refused.value.param == param


def test_the_vendors_limits_hold() -> None:
    with pytest.raises(RequestTooLarge, match="several batches"):
        wire.decode_create({"requests": [item()]}, MOST_BYTES + 1)
    with pytest.raises(RequestTooLarge, match="100001 requests"):
        wire.decode_create({"requests": [None] * (MOST_REQUESTS + 1)}, 10)
    assert len(wire.decode_create({"requests": [item("a" * 64), item("b", stream=False)]}, MOST_BYTES)) == 2


TIMES = st.one_of(st.none(), st.just("2026-08-19T14:44:51.493319+00:00"))
BATCHES = st.builds(
    lambda status, counts, ended, canceled, archived, url: {
        "id": "msgbatch_1",
        "type": "message_batch",
        "processing_status": status,
        "request_counts": dict(zip(("processing", "succeeded", "errored", "canceled", "expired"), counts, strict=True)),
        "ended_at": ended,
        "created_at": "2026-08-19T14:44:51Z",
        "expires_at": "2026-08-20T14:44:51Z",
        "archived_at": archived,
        "cancel_initiated_at": canceled,
        "results_url": url,
        "some_future_member": [1],
    },
    st.sampled_from(STATUSES),
    st.tuples(*[st.integers(0, 9)] * 5),
    TIMES,
    TIMES,
    TIMES,
    st.sampled_from([None, "https://api.example.com/results"]),
)
RESULTS = st.builds(
    lambda kind, custom_id: {
        "custom_id": custom_id,
        "result": {"type": kind, **({"succeeded": {"message": MESSAGE}, "errored": {"error": ERROR}}.get(kind, {}))},
    },
    st.sampled_from(KINDS),
    st.text("ab-_1", min_size=1, max_size=4),
)


@given(st.lists(BATCHES, max_size=3), st.booleans())
def test_a_page_of_batches_is_written_as_it_was_read(batches: list[dict[str, Any]], more: bool) -> None:
    page = {
        "data": batches,
        "has_more": more,
        "first_id": "msgbatch_1" if batches else None,
        "last_id": "msgbatch_1" if batches else None,
    }
    assert wire.encode_page(wire.decode_page(page), more) == page
    for batch in batches:
        assert MessageBatch.model_validate(batch).processing_status == batch["processing_status"]


@given(st.lists(RESULTS, min_size=1, max_size=4), st.integers(1, 50))
def test_results_are_written_as_they_were_read_and_metered_however_they_are_cut(
    results: list[dict[str, Any]], size: int
) -> None:
    lines = b"".join(wire.encode_result(wire.decode_result(json.dumps(result))) for result in results)
    assert [json.loads(line) for line in lines.splitlines()] == results
    for line in lines.splitlines():
        assert MessageBatchIndividualResponse.model_validate_json(line).custom_id
    meter = wire.ResultMeter()
    body = lines.removesuffix(b"\n")
    for at in range(0, len(body), size):
        meter.feed(body[at : at + size])
    meter.close()
    succeeded = sum(result["result"]["type"] == "succeeded" for result in results)
    assert (meter.kinds.total(), meter.kinds["succeeded"], meter.unread) == (len(results), succeeded, 0)
    assert meter.usage == Usage(
        input=3 * succeeded, cache_read=4 * succeeded, output=2 * succeeded, service_tier="batch"
    )


@pytest.mark.parametrize("line", [b"no json", b"[]", b"{}", b'{"custom_id":"a","result":{"type":"odd"}}'])
def test_a_line_that_cannot_be_read_is_counted_and_not_charged(line: bytes) -> None:
    with pytest.raises(ProviderGarbled):
        wire.decode_result(line)
    meter = wire.ResultMeter()
    meter.feed(line + b"\n\n")
    assert (meter.unread, meter.charged) == (1, [])


@pytest.mark.parametrize("body", [{}, {"id": "a", "processing_status": "odd", "request_counts": {}}, {"id": ""}])
def test_what_describes_no_batch_is_garbled(body: dict[str, Any]) -> None:
    with pytest.raises(ProviderGarbled):
        wire.decode_batch(body)
    with pytest.raises(ProviderGarbled):
        wire.decode_page(body)
