"""Answers that their provider keeps: the gateway knows where they are, and whose."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sluice.stored_responses.relaying import charged_as
from sluice.types.ledger import LedgerEntry
from sluice.types.routes import ProviderSettings, Route, RouteTarget
from sluice.types.stored import StoredResponse
from tests.fakes import KEY, OTHER_KEY, Gateway, Scripted, ScriptedTransport, configuration, virtual_key
from tests.unit.stored_responses.answers import (
    CLAUDE,
    OPENAI,
    PATH,
    gateway,
    last_event,
    native,
    native_answer,
    native_stream,
    said,
)

ASK: dict[str, Any] = {"model": OPENAI, "input": "Hello"}
HERE = f"{PATH}/resp_openai1"
MISSING = {"error": {"message": "Response with id 'resp_openai1' not found.", "type": "invalid_request_error"}}


def calls(at: Gateway) -> list[tuple[str, str]]:
    assert isinstance(at.transport, ScriptedTransport)
    return [(call.method, call.url.removeprefix("https://openai.example/v1")) for call in at.transport.calls]


def kept(**changes: object) -> StoredResponse:
    values: dict[str, Any] = {
        "id": "resp_openai1",
        "team": "search",
        "key_id": "k",
        "provider": "openai",
        "model": "test-gpt",
        "upstream_model": "test-gpt",
        "created": 1,
        "expires": 2**40,
        "native": True,
    }
    return StoredResponse(**{**values, **changes})


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_passes_untouched_and_its_place_is_recorded(stream: bool) -> None:
    upstream = native_stream() if stream else native()
    at = gateway(upstream)
    _, body = at.ask(PATH, {**ASK, "stream": stream})
    assert body == (b"".join(part for part in upstream.parts or () if isinstance(part, bytes)) or upstream.body)
    record = at.responses.only
    assert (record.id, record.team, record.deployment, record.native) == ("resp_openai1", "search", OPENAI, True)
    assert (record.content, record.charged, record.expires - record.created) == (b"", True, 30 * 86_400)


def test_a_stream_is_recorded_before_its_last_event_leaves() -> None:
    at = gateway(native_stream())
    response = at.call(PATH, {**ASK, "stream": True})
    assert not isinstance(response.body, bytes)
    for block in response.body:
        if b"response.completed" in block:
            assert at.responses.only.id == "resp_openai1"
            return
    raise AssertionError("no end came")


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_that_could_not_be_recorded_says_so(stream: bool) -> None:
    at = gateway(native_stream() if stream else native())
    at.responses.broken = True
    _, body = at.ask(PATH, {**ASK, "stream": stream})
    answer = last_event(body)["response"] if stream else json.loads(body)
    assert answer == native_answer(store=False)
    assert any("response_not_stored" in line for line in at.lines.written)


@pytest.mark.parametrize("stream", [True, False])
def test_an_unrecorded_answer_says_so_even_where_its_provider_says_nothing(stream: bool) -> None:
    at = gateway(native_stream(store=None) if stream else native(store=None))
    at.responses.broken = True
    _, body = at.ask(PATH, {**ASK, "stream": stream})
    answer = last_event(body)["response"] if stream else json.loads(body)
    assert answer["store"] is False


@pytest.mark.parametrize("asked", [{"store": False}, {}])
def test_what_the_provider_does_not_keep_is_not_recorded(asked: dict[str, object]) -> None:
    at = gateway(native(store=False))
    at.ask(PATH, {**ASK, **asked})
    assert at.responses.kept == {}


def test_the_next_turn_goes_to_the_provider_that_keeps_the_last() -> None:
    both = Route("both", (RouteTarget(CLAUDE), RouteTarget(OPENAI)))
    at = gateway(native("resp_openai2", previous_response_id="resp_openai1"), routes={"both": both})
    at.responses.put(kept())
    raw = b'{"model": "both",  "input": "And?", "previous_response_id": "resp_openai1"}'
    response, body = at.ask(PATH, raw)
    assert (response.status, response.headers["x-sluice-provider"]) == (200, "openai")
    assert isinstance(at.transport, ScriptedTransport)
    assert at.transport.calls[0].body == raw.replace(b"both", b"test-gpt")
    assert json.loads(body)["id"] == "resp_openai2"
    assert ("search", "resp_openai2") in at.responses.kept
    assert any("openai keeps the response" in reason for reason in at.ledger.only.reasons)


def test_the_next_turn_may_name_another_model_of_that_provider() -> None:
    at = gateway(native("resp_openai2"))
    at.responses.put(kept())
    response, _ = at.ask(PATH, {**ASK, "model": "openai/other-gpt", "previous_response_id": "resp_openai1"})
    assert response.status == 200


def test_a_model_of_another_provider_is_refused_with_the_remedy() -> None:
    at = gateway(said("x"))
    at.responses.put(kept())
    response, body = at.ask(PATH, {**ASK, "model": CLAUDE, "previous_response_id": "resp_openai1"})
    error = json.loads(body)["error"]
    assert (response.status, error["param"]) == (400, "previous_response_id")
    assert "kept by openai" in error["message"]
    assert "send the whole conversation" in error["message"]
    assert calls(at) == []


def test_a_provider_that_cannot_be_asked_is_named() -> None:
    both = Route("both", (RouteTarget(CLAUDE), RouteTarget(OPENAI)))
    providers = {**configuration().providers, "openai": ProviderSettings(enabled=False)}
    at = gateway(said("x"), routes={"both": both}, providers=providers)
    at.responses.put(kept())
    response, body = at.ask(PATH, {"model": "both", "input": "x", "previous_response_id": "resp_openai1"})
    assert response.status == 503
    assert "openai is not enabled" in json.loads(body)["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("GET", HERE, "/responses/resp_openai1"),
        ("GET", f"{HERE}?include[]=a%20b&x=y", "/responses/resp_openai1?include%5B%5D=a%20b"),
        ("GET", f"{HERE}?include=a&include=b", "/responses/resp_openai1?include=a&include=b"),
        ("GET", f"{HERE}/input_items?limit=2&order=asc", "/responses/resp_openai1/input_items?limit=2&order=asc"),
        ("POST", f"{HERE}/cancel", "/responses/resp_openai1/cancel"),
        ("DELETE", HERE, "/responses/resp_openai1"),
    ],
)
def test_what_is_asked_about_an_answer_goes_to_its_provider(method: str, path: str, sent: str) -> None:
    at = gateway(native())
    at.responses.put(kept())
    response, body = at.ask(path, None, method=method)
    assert (response.status, body) == (200, native().body)
    assert calls(at) == [(method, sent)]
    entry = at.ledger.only
    assert (entry.cost, entry.deployment, entry.outcome) == (0, OPENAI, "ok")
    assert (at.responses.kept == {}) == (method == "DELETE")


@pytest.mark.parametrize(("method", "end"), [("GET", ""), ("GET", "/input_items"), ("POST", "/cancel"), ("DELETE", "")])
def test_for_another_team_there_is_no_such_response(method: str, end: str) -> None:
    at = gateway(native())
    at.responses.put(kept())
    response, body = at.ask(HERE + end, None, method=method, key=OTHER_KEY)
    error = json.loads(body)["error"]
    assert (response.status, error["message"]) == (404, "Response with id 'resp_openai1' not found.")
    assert error["type"] == "invalid_request_error"
    assert calls(at) == []
    assert at.responses.kept


def test_a_key_that_may_call_a_route_alone_reads_what_it_made() -> None:
    at = gateway(native())
    at.keys.stored["abcdefghijkl"] = virtual_key(KEY, models=("some-route",))
    at.responses.put(kept())
    response, _ = at.ask(HERE, None, method="GET")
    assert response.status == 200


def test_a_response_that_the_provider_lost_is_forgotten_when_it_is_deleted() -> None:
    at = gateway(Scripted(404, json.dumps(MISSING).encode()))
    at.responses.put(kept())
    response, body = at.ask(HERE, None, method="DELETE")
    assert (response.status, json.loads(body)) == (404, MISSING)
    assert at.responses.kept == {}


def test_a_failed_deletion_keeps_the_record() -> None:
    at = gateway(Scripted(500, b'{"error": {"message": "x"}}'))
    at.responses.put(kept())
    response, _ = at.ask(HERE, None, method="DELETE")
    assert response.status == 500
    assert at.responses.kept


def test_a_background_answer_is_charged_once_when_its_end_is_read() -> None:
    queued = native(status="queued", output=[], usage=None, background=True)
    at = gateway(queued, native(status="in_progress", usage=None, output=[]), native(), native())
    _, body = at.ask(PATH, {**ASK, "background": True})
    assert json.loads(body)["status"] == "queued"
    assert (at.responses.only.background, at.responses.only.charged) == (True, False)
    for _ in range(3):
        assert at.ask(HERE, None, method="GET")[0].status == 200
    (charge,) = (entry for entry in at.ledger.entries.values() if entry.cost)
    assert (charge.cost, charge.usage.prompt, charge.deployment) == (20_000, 10, OPENAI)
    assert charge.request_id == charged_as(at.responses.only)
    assert all(entry.deployment == OPENAI for entry in at.ledger.entries.values())
    assert [entry.usage.estimated for entry in at.ledger.entries.values()] == [False] * (1 + 3 + 1)
    assert sum(entry.usage.prompt for entry in at.ledger.entries.values()) == 10


def test_a_background_answer_whose_charge_was_cut_short_is_charged_by_the_next_request_for_it() -> None:
    at = gateway(native(), native(), native())
    at.responses.put(kept(background=True, charged=False))
    # An environment noted the charge and died.
    assert at.responses.charge(at.responses.only.team, at.responses.only.id, due=True)
    for _ in range(3):
        assert at.ask(HERE, None, method="GET")[0].status == 200
    assert sorted(entry.cost for entry in at.ledger.entries.values()) == [0, 0, 0, 20_000]
    assert (at.responses.only.charged, at.responses.only.due) == (True, False)


def test_a_background_answer_whose_charge_was_cut_short_is_charged_before_it_is_deleted() -> None:
    at = gateway(native(), Scripted(body=b'{"id":"resp_1","object":"response.deleted","deleted":true}'))
    at.responses.put(kept(background=True, charged=False))
    at.responses.charge(at.responses.only.team, at.responses.only.id, due=True)
    at.ask(HERE, None, method="DELETE")
    assert sorted(entry.cost for entry in at.ledger.entries.values()) == [0, 20_000]
    assert at.responses.kept == {}


def test_a_charge_that_the_ledger_did_not_take_is_written_again_under_the_same_id() -> None:
    at = gateway(native(), native())
    at.responses.put(kept(background=True, charged=False))
    put, refused = at.ledger.put, []

    def broken(entry: LedgerEntry) -> bool:
        if entry.cost and not refused:
            refused.append(entry.request_id)
            raise RuntimeError("throttled")
        return put(entry)

    at.ledger.put = broken  # type: ignore[method-assign]
    at.ask(HERE, None, method="GET")
    assert any(f'"id": "{refused[0]}"' in line for line in at.lines.written), "the sweep can find it"
    at.ask(HERE, None, method="GET")
    assert [entry.request_id for entry in at.ledger.entries.values() if entry.cost] == refused


@pytest.mark.parametrize("stream", [True, False])
def test_a_background_answer_that_is_not_stored_can_be_polled(stream: bool) -> None:
    upstream = (native_stream if stream else native)(store=False, background=True)
    at = gateway(upstream, native(store=False, background=True))
    _, body = at.ask(PATH, {**ASK, "background": True, "store": False, "stream": stream})
    assert body == (b"".join(part for part in upstream.parts or () if isinstance(part, bytes)) or upstream.body)
    assert at.ask(HERE, None, method="GET")[0].status == 200


def test_a_background_answer_can_be_read_while_its_stream_still_runs() -> None:
    at = gateway(native_stream(background=True))
    response = at.call(PATH, {**ASK, "background": True, "stream": True})
    assert not isinstance(response.body, bytes)
    next(response.body)
    assert at.responses.only.charged is False
    list(response.body)
    assert at.responses.only.charged is True


def test_a_background_stream_is_resumed_and_charged() -> None:
    upstream = native_stream(background=True)
    at = gateway(upstream)
    at.responses.put(kept(background=True, charged=False))
    response, body = at.ask(f"{HERE}?stream=true&starting_after=0", None, method="GET")
    assert response.headers["content-type"].startswith("text/event-stream")
    assert body == b"".join(part for part in upstream.parts or () if isinstance(part, bytes))
    assert calls(at) == [("GET", "/responses/resp_openai1?stream=true&starting_after=0")]
    assert sorted(entry.cost for entry in at.ledger.entries.values()) == [0, 20_000]
    assert at.responses.only.charged is True


def test_a_failed_background_answer_is_an_answer() -> None:
    failed = native_answer(status="failed", error={"code": "server_error", "message": "x"}, usage=None)
    at = gateway(Scripted(body=json.dumps(failed).encode()))
    at.responses.put(kept(background=True, charged=False))
    response, body = at.ask(HERE, None, method="GET")
    assert (response.status, json.loads(body)["status"]) == (200, "failed")


def test_where_storing_is_off_the_provider_keeps_nothing_either() -> None:
    at = gateway(native(store=False), stored_responses=False)
    at.ask(PATH, ASK)
    assert isinstance(at.transport, ScriptedTransport)
    assert at.transport.sent()["store"] is False
    assert at.responses.kept == {}


def test_what_was_stored_can_be_deleted_after_storing_was_turned_off() -> None:
    at = gateway(native(), stored_responses=False)
    at.responses.put(kept())
    assert at.ask(HERE, None, method="DELETE")[0].status == 200
    assert at.responses.kept == {}
