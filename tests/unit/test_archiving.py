"""Requests and answers are kept where a route says so: behind the last byte, redacted, at no cost to the caller."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.archiving import LIMIT, chosen, kept
from sluice.control.configurations import ConfigurationModel
from sluice.dialects.masking import masked
from sluice.routing.configuration import parse
from sluice.settings import PAYLOAD_DAYS
from sluice.telemetry.payload_keys import payload_key, request_keys, user_prefixes
from sluice.telemetry.redaction import MASK, events_of, folded, redacted, redactor
from sluice.types.archives import ArchivePolicy
from sluice.types.routes import Route, RouteTarget
from tests.fakes import Gateway, Scripted, ScriptedTransport, configuration, events

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
EMAIL = "jane.doe@example.com"
SECRET = "sk-proj-abcdefghijklmnop0123456789"
ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": f"Mail {EMAIL}"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10},
}


def gateway(*answers: Scripted, **policy: Any) -> Gateway:
    archive = ArchivePolicy(**{"days": 30, **policy})
    routes = {
        "kept": Route("kept", (RouteTarget("openai/test-gpt"),), archive=archive),
        "plain": Route("plain", (RouteTarget("openai/test-gpt"),)),
    }
    told = answers or (Scripted(body=json.dumps(ANSWER).encode()),)
    return Gateway(ScriptedTransport(*told), live=configuration(routes=routes))


def ask(model: str = "kept", text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def only(found: Gateway) -> tuple[str, dict[str, Any]]:
    ((key, packed),) = found.payloads.objects.items()
    return key, json.loads(gzip.decompress(packed))


def piece(text: str) -> bytes:
    delta = {"id": "c1", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]}
    return b"data: " + json.dumps(delta).encode() + b"\n\n"


def test_nothing_is_kept_unless_the_route_says_so() -> None:
    found = gateway()
    found.ask(CHAT, ask("plain"))
    found.ask(CHAT, ask("openai/test-gpt"))
    assert found.payloads.objects == {}


def test_request_and_answer_are_kept_together_under_the_end_users_prefix() -> None:
    found = gateway(redact=())
    response, body = found.ask(CHAT, ask(user="u-1"))
    key, record = only(found)
    request_id = response.headers["x-request-id"]
    assert key.startswith(tuple(user_prefixes("search", "u-1")))
    assert key.endswith(f"/{request_id}.json.gz")
    assert "u-1" not in key
    assert record["request"]["json"] == ask(user="u-1")
    assert record["answer"]["json"] == json.loads(body) == ANSWER
    assert (record["team"], record["route"], record["model"]) == ("search", "kept", "openai/test-gpt")
    assert (record["status"], record["outcome"], record["redacted"]) == (200, "ok", [])
    entry = found.ledger.entries[request_id]
    assert key in list(request_keys(entry.team, entry.user, entry.started_ms, entry.request_id))
    assert record["trace_id"] == entry.trace_id


def test_the_caller_has_its_answer_before_anything_is_kept() -> None:
    found = gateway(events(piece("one"), piece("two"), b"data: [DONE]\n\n"), redact=())
    response = found.call(CHAT, ask(stream=True))
    passed = b"".join(response.body)  # type: ignore[arg-type]
    assert found.payloads.objects == {}
    assert passed.count(b"data: ") >= 3
    assert response.after is not None
    response.after()
    assert only(found)[1]["answer"]["stream"]["choices[0].delta.content"] == "onetwo"


def test_emails_and_keys_are_taken_out_by_default() -> None:
    found = gateway()
    found.ask(CHAT, ask(text=f"I am {EMAIL}, my key is {SECRET}", user=EMAIL))
    _, packed = next(iter(found.payloads.objects.items()))
    text = gzip.decompress(packed).decode()
    assert EMAIL not in text
    assert SECRET not in text
    assert MASK in text
    assert only(found)[1]["redacted"] == ["emails", "keys"]


def test_an_email_cut_between_two_events_is_found() -> None:
    found = gateway(events(piece("Mail jane.d"), piece("oe@exam"), piece("ple.com now"), b"data: [DONE]\n\n"))
    found.ask(CHAT, ask(stream=True))
    stream = only(found)[1]["answer"]["stream"]
    assert stream["choices[0].delta.content"] == f"Mail {MASK} now"


def test_an_answer_in_another_dialect_is_kept_as_the_caller_got_it() -> None:
    found = gateway(redact=())
    _, body = found.ask(MESSAGES, {**ask(), "max_tokens": 9})
    assert only(found)[1]["answer"]["json"] == json.loads(body)


def test_patterns_of_the_companys_own_are_redacted() -> None:
    found = gateway(patterns=(r"ACME-\d+",), redact=())
    found.ask(CHAT, ask(text="order ACME-4711"))
    record = only(found)[1]
    assert record["request"]["json"]["messages"][0]["content"] == f"order {MASK}"
    assert record["redacted"] == ["pattern 1"]


def test_a_failed_request_is_kept_with_its_error() -> None:
    found = gateway(Scripted(400, b'{"error":{"message":"no"}}'))
    found.ask(CHAT, ask())
    record = only(found)[1]
    assert (record["status"], record["outcome"]) == (400, "error")
    assert record["answer"]["json"]["error"]["message"] == "no"


def test_a_store_that_fails_costs_the_caller_nothing() -> None:
    found = gateway()
    found.payloads.failure = RuntimeError(f"words with {EMAIL}")
    response, body = found.ask(CHAT, ask())
    assert (response.status, json.loads(body)) == (200, ANSWER)
    assert len(found.ledger.entries) == 1
    faults = [json.loads(line) for line in found.lines.written if "fault" in line]
    assert [(line["event"], line["error"]) for line in faults] == [("archive_failed", "RuntimeError")]


def test_a_part_of_the_requests_is_kept_where_the_route_wants_a_sample() -> None:
    policy = ArchivePolicy(30, sample=0.25)
    count = sum(chosen(policy, f"req_{number}") for number in range(2000))
    assert 400 < count < 600
    assert all(chosen(ArchivePolicy(1), f"req_{number}") for number in range(10))


def test_an_answer_that_is_too_long_is_cut_and_says_so() -> None:
    parts = [piece("x" * 100_000) for _ in range(LIMIT // 100_000 + 2)]
    found = gateway(events(*parts), redact=())
    found.ask(CHAT, ask(stream=True))
    answer = only(found)[1]["answer"]
    assert answer["cut"] is True
    assert answer["bytes"] == LIMIT


def test_what_is_no_text_is_left_out() -> None:
    assert kept(b"\xff\xfe\x00sound", "audio/mpeg", None) == {
        "content_type": "audio/mpeg",
        "bytes": 8,
        "left_out": "no text",
    }


TEXTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just(f"x {EMAIL} y") | st.just(SECRET),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just(EMAIL), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(TEXTS, st.integers(0, 3))
def test_no_email_is_left_wherever_it_stands(value: Any, indent: int) -> None:
    redact = redactor((), emails=True, keys=None)
    assert redact is not None
    told = kept(
        json.dumps(value, ensure_ascii=bool(indent % 2), indent=indent or None).encode(), "application/json", redact
    )
    assert EMAIL not in json.dumps(told, ensure_ascii=False)


def test_pictures_stay_whole_and_hide_nothing() -> None:
    redact = redactor((), emails=True, keys=masked)
    assert redact is not None
    picture = "aB3+" * 2000
    assert redact(picture) == picture
    assert redact(f"data:image/png;base64,{picture}") == f"data:image/png;base64,{picture}"
    assert EMAIL not in redact(f"data:text/plain;base64,{picture} {EMAIL}")


def test_an_escape_hides_nothing() -> None:
    redact = redactor((), emails=True, keys=None)
    told = kept(b'{"m": "jane.doe\\u0040example.com"}', "application/json", redact)
    assert told["json"] == {"m": MASK}


def test_texts_of_different_places_stay_apart() -> None:
    stream = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "Bye"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
    ]
    assert folded(stream) == {
        "content_block_delta:[0].type": "content_block_delta",
        "content_block_delta:[0].delta.type": "text_delta",
        "content_block_delta:[0].delta.text": "Hello",
        "content_block_delta:[1].type": "content_block_delta",
        "content_block_delta:[1].delta.type": "text_delta",
        "content_block_delta:[1].delta.text": "Bye",
    }


def test_events_are_read_from_sse_and_from_lines() -> None:
    assert events_of(b': ping\n\nevent: a\ndata: {"a": 1}\n\ndata: [DONE]\n\n') == [{"a": 1}]
    assert events_of(b'{"a": 1}\n{"b": 2}\n{"c"') == [{"a": 1}, {"b": 2}]
    assert events_of(b"plain words") is None
    assert events_of(b"\xff\xfe") is None


def test_without_anything_to_redact_there_is_no_redactor() -> None:
    assert redactor((), emails=False, keys=None) is None
    assert redacted({"a": [1, "b"]}, str.upper) == {"A": [1, "B"]}


def test_every_key_lies_under_a_prefix_that_has_a_lifecycle() -> None:
    key = payload_key(30, "search", "", 1_795_435_200_000, "req_1")
    assert key == "payloads/30d/search/-/2026-11-23/req_1.json.gz"
    assert len(list(user_prefixes("search", "u"))) == len(PAYLOAD_DAYS)


# The configuration


def document(**archive: Any) -> dict[str, Any]:
    return {"routes": {"kept": {"targets": [{"model": "openai/x"}], "archive": archive}}}


def test_a_route_s_policy_is_read() -> None:
    raw = document(payloads=True, retention_days=7, sample=0.5, redact=["emails"], patterns=["A+"])
    ConfigurationModel.model_validate(raw)
    assert parse(raw, "v").routes["kept"].archive == ArchivePolicy(7, 0.5, ("emails",), ("A+",))
    assert parse(document(payloads=True), "v").routes["kept"].archive == ArchivePolicy(30)
    assert parse(document(payloads=False), "v").routes["kept"].archive is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"payloads": True, "retention_days": 31},
        {"payloads": True, "sample": 0},
        {"payloads": True, "patterns": ["("]},
        {"payloads": True, "redact": ["names"]},
        {"payloads": True, "bucket": "elsewhere"},
        {},
    ],
)
def test_a_policy_that_cannot_be_kept_is_refused_when_it_is_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="archive"):
        ConfigurationModel.model_validate(document(**wrong))


def test_nothing_is_loaded_where_nothing_is_archived() -> None:
    import subprocess
    import sys

    code = "import sys, sluice.aws.entry; print([m for m in sys.modules if 'archiving' in m or 'redaction' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
