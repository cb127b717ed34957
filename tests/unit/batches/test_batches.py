"""Message batches through the gateway: created at one provider, seen by their own team, charged once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from sluice.errors import ProviderUnreachable
from sluice.metering.request_ids import partition_of
from sluice.ports import UpstreamCall
from sluice.types.adjustments import Adjustment
from sluice.types.catalogue import Model, Price, PriceTier
from sluice.types.routes import Configuration, Route, RouteTarget
from tests.fakes import KEY, OTHER_KEY, PRICE, FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration

PATH = "/v1/messages/batches"
PRICES = (PRICE, Price("", (PriceTier(0, {"input": 500_000_000, "output": 1_000_000_000}),), service_tiers=("batch",)))
SERVED = ("chat", "batches")


def model(name: str, **changes: Any) -> Model:
    provider, _, short = name.partition("/")
    return Model(short, provider, **{"prices": PRICES, "operations": SERVED, **changes})


LIVE = configuration(
    models={
        "anthropic/test-claude": model("anthropic/test-claude"),
        "anthropic/other-claude": model("anthropic/other-claude"),
        "anthropic/chat-only": model("anthropic/chat-only", operations=("chat",)),
        "openai/test-gpt": model("openai/test-gpt", operations=("chat",)),
        "simulator/sim-claude": model("simulator/sim-claude"),
    },
    routes={"alias": Route("alias", (RouteTarget("openai/test-gpt"), RouteTarget("anthropic/test-claude")))},
)


def params(model: str, **changes: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], **changes}


def requests(*models: str) -> dict[str, Any]:
    return {"requests": [{"custom_id": f"r{at}", "params": params(name)} for at, name in enumerate(models)]}


def batch(batch_id: str = "msgbatch_1", status: str = "in_progress", **changes: Any) -> dict[str, Any]:
    url = f"https://anthropic.example/v1/messages/batches/{batch_id}/results" if status == "ended" else None
    return {
        "id": batch_id,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": {"processing": 2, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
        "ended_at": None,
        "created_at": "2026-11-23T12:00:00Z",
        "expires_at": "2026-11-24T12:00:00Z",
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": url,
        **changes,
    }


def line(custom_id: str, model: str, tokens: int) -> bytes:
    message = {"id": "m", "type": "message", "model": model, "usage": {"input_tokens": tokens, "output_tokens": tokens}}
    return json.dumps({"custom_id": custom_id, "result": {"type": "succeeded", "message": message}}).encode() + b"\n"


RESULTS = (
    line("r0", "test-claude-20260101", 1000),
    b'{"custom_id":"r1","result":{"type":"errored","error":{"type":"error","error":{"type":"x","message":"y"}}}}\n',
    line("r2", "other-claude", 500),
)


class Provider:
    """A provider that keeps batches; what it answers can be replaced by path."""

    def __init__(self) -> None:
        self.batches: dict[str, dict[str, Any]] = {}
        self.instead: dict[tuple[str, str], Scripted] = {}
        self.calls: list[tuple[str, str]] = []

    def __call__(self, call: UpstreamCall) -> Scripted:
        place = call.url.partition("anthropic.example")[2]
        path = place.partition("?")[0]
        self.calls.append((call.method, place))
        if (call.method, path) in self.instead:
            return self.instead[call.method, path]
        if call.method == "POST" and path == PATH:
            made = batch(f"msgbatch_{len(self.batches) + 1}")
            self.batches[made["id"]] = made
            return answer(made)
        if path == PATH:
            return answer({"data": list(self.batches.values()), "has_more": False, "first_id": None, "last_id": None})
        batch_id, _, act = path.removeprefix(PATH + "/").partition("/")
        if batch_id not in self.batches:
            return answer({"type": "error", "error": {"type": "not_found_error", "message": "Not found"}}, 404)
        if act == "results":
            return Scripted(headers={"content-type": "application/x-jsonl"}, parts=list(RESULTS))
        if act == "cancel":
            self.batches[batch_id] = batch(batch_id, "canceling")
        if call.method == "DELETE":
            del self.batches[batch_id]
            return answer({"id": batch_id, "type": "message_batch_deleted"})
        return answer(self.batches[batch_id])

    def end(self, batch_id: str = "msgbatch_1") -> None:
        self.batches[batch_id] = batch(batch_id, "ended")


def answer(body: object, status: int = 200) -> Scripted:
    return Scripted(status, json.dumps(body).encode())


class Played:
    """A gateway in front of a provider of batches."""

    def __init__(self, live: Configuration | None = None) -> None:
        self.provider = Provider()
        self.transport = ScriptedTransport(self.provider)
        self.gateway = Gateway(self.transport, live=live or LIVE)

    def ask(self, method: str, path: str = "", body: object = None, key: str = KEY) -> tuple[int, Any]:
        response, raw = self.gateway.ask(PATH + path, body, method=method, key=key)
        return response.status, json.loads(raw)

    def create(self, *models: str, key: str = KEY) -> Any:
        status, found = self.ask("POST", body=requests(*(models or ("anthropic/test-claude",))), key=key)
        assert status == 200, found
        return found

    def charged(self) -> list[Any]:
        return [entry for entry in self.gateway.ledger.entries.values() if entry.cost]


@pytest.fixture
def played() -> Played:
    return Played()


def test_a_batch_goes_to_its_provider_with_the_names_it_knows(played: Played) -> None:
    found = played.create("anthropic/test-claude", "anthropic/other-claude")
    assert (found["id"], found["processing_status"]) == ("msgbatch_1", "in_progress")
    sent: Any = played.transport.sent()
    assert [each["params"]["model"] for each in sent["requests"]] == ["test-claude", "other-claude"]
    assert [each["custom_id"] for each in sent["requests"]] == ["r0", "r1"]
    headers = played.transport.calls[0].headers
    assert headers["x-api-key"] == "sk-ant-secret"
    assert headers["anthropic-version"] == "2023-06-01"
    entry = played.gateway.ledger.only
    assert (entry.operation, entry.outcome, entry.cost, entry.status) == ("batches", "ok", 0, 200)
    assert entry.requested_model == "anthropic/test-claude, anthropic/other-claude"


def test_a_body_that_fits_is_passed_on_byte_for_byte(played: Played) -> None:
    raw = json.dumps(requests("test-claude"), indent=1).encode()
    played.gateway.ask(PATH, raw)
    assert played.transport.calls[0].body == raw


def test_a_route_is_followed_to_the_provider_that_takes_batches(played: Played) -> None:
    played.create("alias", "anthropic/other-claude")
    sent: Any = played.transport.sent()
    assert [each["params"]["model"] for each in sent["requests"]] == ["test-claude", "other-claude"]


def test_models_of_two_providers_are_refused() -> None:
    secrets = FixedSecrets(anthropic="sk-ant-secret", simulator="sim-x")
    live = configuration(
        models=LIVE.models,
        providers={
            **LIVE.providers,
            "simulator": type(LIVE.providers["anthropic"])(base_url="https://sim.example", enabled=True),
        },
    )
    gateway = Gateway(ScriptedTransport(answer({})), live=live, secrets=secrets)
    response, body = gateway.ask(PATH, requests("anthropic/test-claude", "simulator/sim-claude"))
    error = json.loads(body)["error"]
    assert response.status == 400
    assert "anthropic" in error["message"]
    assert "simulator" in error["message"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"requests": []}, 400),
        (requests("anthropic/chat-only"), 503),
        (requests("openai/test-gpt"), 503),
        (requests("nowhere/none"), 404),
        ({"requests": [{"custom_id": "a", "params": params("anthropic/test-claude", stream=True)}]}, 400),
    ],
)
def test_a_refused_batch_has_the_vendors_envelope_and_calls_nobody(played: Played, body: Any, status: int) -> None:
    found, error = played.ask("POST", body=body)
    assert (found, error["type"]) == (status, "error")
    assert played.transport.calls == []
    assert not played.gateway.batches.kept


def test_a_providers_refusal_reaches_the_caller(played: Played) -> None:
    refusal = {"type": "error", "error": {"type": "rate_limit_error", "message": "Too many batches"}}
    played.provider.instead["POST", PATH] = answer(refusal, 429)
    status, error = played.ask("POST", body=requests("anthropic/test-claude"))
    assert (status, error["error"]["type"]) == (429, "rate_limit_error")
    entry = played.gateway.ledger.only
    assert (entry.outcome, entry.attempts[0].outcome) == ("error", "rate_limit")


def test_a_batch_whose_record_cannot_be_written_is_stopped(played: Played) -> None:
    played.gateway.batches.broken = True
    status, _ = played.ask("POST", body=requests("anthropic/test-claude"))
    assert status == 500
    assert played.provider.calls[-1] == ("POST", f"{PATH}/msgbatch_1/cancel")


def test_a_batch_is_described_as_the_provider_does_but_for_where_its_results_are(played: Played) -> None:
    played.create()
    assert played.ask("GET", "/msgbatch_1")[1] == batch()
    played.provider.end()
    status, found = played.ask("GET", "/msgbatch_1")
    assert (status, found["results_url"]) == (200, f"{PATH}/msgbatch_1/results")
    assert found == {**batch(status="ended"), "results_url": found["results_url"]}
    assert played.ask("POST", "/msgbatch_1/cancel")[1]["processing_status"] == "canceling"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/msgbatch_1"),
        ("GET", "/msgbatch_1/results"),
        ("POST", "/msgbatch_1/cancel"),
        ("DELETE", "/msgbatch_1"),
    ],
)
def test_another_team_sees_nothing_of_a_batch(played: Played, method: str, path: str) -> None:
    played.create()
    calls = len(played.transport.calls)
    status, error = played.ask(method, path, key=OTHER_KEY)
    assert (status, error["error"]["type"]) == (404, "not_found_error")
    assert len(played.transport.calls) == calls, "the provider is not even asked"
    assert played.ask("GET", key=OTHER_KEY)[1]["data"] == []


def test_without_a_key_nothing_is_told(played: Played) -> None:
    assert played.ask("GET", "/msgbatch_1", key="")[0] == 401


def test_a_deleted_batch_is_gone(played: Played) -> None:
    played.create()
    assert played.ask("DELETE", "/msgbatch_1") == (200, {"id": "msgbatch_1", "type": "message_batch_deleted"})
    assert played.ask("GET", "/msgbatch_1")[0] == 404


def test_a_batch_is_charged_before_it_is_deleted_unread(played: Played) -> None:
    played.create()
    played.provider.end()
    assert played.ask("DELETE", "/msgbatch_1")[0] == 200
    assert [entry.usage.input for entry in played.charged()] == [1500]


def test_a_batch_without_results_is_deleted_uncharged(played: Played) -> None:
    played.create()
    refusal = {"type": "error", "error": {"type": "not_found_error", "message": "No results"}}
    played.provider.instead["GET", f"{PATH}/msgbatch_1/results"] = answer(refusal, 404)
    assert played.ask("DELETE", "/msgbatch_1")[0] == 200
    assert played.charged() == []


def test_a_batch_that_cannot_be_charged_now_is_not_deleted(played: Played) -> None:
    played.create()
    refusal = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    played.provider.instead["GET", f"{PATH}/msgbatch_1/results"] = answer(refusal, 529)
    assert played.ask("DELETE", "/msgbatch_1")[0] == 529
    assert ("DELETE", f"{PATH}/msgbatch_1") not in played.provider.calls
    assert played.ask("GET", "/msgbatch_1")[0] == 200


def test_the_list_shows_the_teams_batches_as_they_are_now(played: Played) -> None:
    played.create()
    played.create(key=OTHER_KEY)
    played.create()
    played.provider.end("msgbatch_3")
    _, page = played.ask("GET")
    assert sorted(each["id"] for each in page["data"]) == ["msgbatch_1", "msgbatch_3"]
    ended = next(each for each in page["data"] if each["id"] == "msgbatch_3")
    assert (ended["processing_status"], ended["results_url"]) == ("ended", f"{PATH}/msgbatch_3/results")
    assert (page["has_more"], page["first_id"]) == (False, page["data"][0]["id"])
    assert played.provider.calls[-1] == ("GET", f"{PATH}?limit=1000")


def test_the_list_asks_nobody_about_batches_that_have_ended(played: Played) -> None:
    played.create()
    played.provider.end()
    played.ask("GET", "/msgbatch_1")
    calls = len(played.transport.calls)
    assert played.ask("GET")[1]["data"][0]["processing_status"] == "ended"
    assert len(played.transport.calls) == calls


def test_the_list_is_paged_as_the_vendors_is(played: Played) -> None:
    for _ in range(5):
        played.create()
    everything = [each["id"] for each in played.ask("GET")[1]["data"]]

    def page(**query: str) -> tuple[list[str], bool]:
        found = played.ask("GET", "?" + urlencode(query))[1]
        return [each["id"] for each in found["data"]], found["has_more"]

    assert page(limit="2") == (everything[:2], True)
    assert page(limit="2", after_id=everything[1]) == (everything[2:4], True)
    assert page(limit="2", after_id=everything[3]) == (everything[4:], False)
    assert page(limit="2", before_id=everything[2]) == (everything[:2], False)
    assert page(limit="2", before_id=everything[4]) == (everything[2:4], True)


@pytest.mark.parametrize("limit", ["0", "1001", "many", "-1"])
def test_a_page_has_the_vendors_bounds(played: Played, limit: str) -> None:
    assert played.ask("GET", f"?limit={limit}")[0] == 400


def test_results_are_passed_on_and_charged_at_the_price_of_batches(played: Played) -> None:
    played.create("anthropic/test-claude", "anthropic/test-claude", "anthropic/other-claude")
    played.provider.end()
    response, body = played.gateway.ask(f"{PATH}/msgbatch_1/results", None, method="GET")
    assert (response.status, body) == (200, b"".join(RESULTS))
    assert response.headers["content-type"] == "application/x-jsonl"
    (entry,) = played.charged()
    assert (entry.usage.input, entry.usage.output, entry.usage.service_tier) == (1500, 1500, "batch")
    assert entry.cost == 1500 * 500 + 1500 * 1000
    assert entry.deployment == "anthropic/other-claude+test-claude"
    assert entry.reasons == ("batch msgbatch_1: 1 errored, 2 succeeded",)
    assert (entry.team, entry.outcome, entry.operation) == ("search", "ok", "batches")
    assert partition_of(entry.request_id).startswith("search#")


def test_a_batch_is_charged_with_its_adjustments_and_says_what_it_saved() -> None:
    deal = Adjustment("deal", "discount", -2_000, provider="anthropic", service_tier="batch")
    played = Played(replace(LIVE, adjustments=(deal,)))
    played.create("anthropic/test-claude", "anthropic/test-claude", "anthropic/other-claude")
    played.provider.end()
    played.gateway.ask(f"{PATH}/msgbatch_1/results", None, method="GET")
    (entry,) = played.charged()
    listed = 1500 * 500 + 1500 * 1000
    assert (entry.cost, entry.list_cost, entry.adjustments) == (listed * 4 // 5, listed, ("deal",))
    assert entry.saved == (("batch", listed * 4 // 5),), "the standard price is twice that of batches"


def test_a_batch_is_charged_once_however_often_its_results_are_read(played: Played) -> None:
    played.create()
    played.provider.end()
    for _ in range(3):
        played.gateway.ask(f"{PATH}/msgbatch_1/results", None, method="GET")
    assert len(played.charged()) == 1
    told = [entry.request_id for entry in played.charged()]
    lines = [each for each in played.gateway.lines.written if told[0] in each]
    assert len(lines) == 1


def test_a_batch_whose_results_break_off_is_charged_when_they_are_read_to_the_end(played: Played) -> None:
    played.create()
    played.provider.end()
    broken = Scripted(parts=[RESULTS[0], ProviderUnreachable("The connection was cut.")])
    played.provider.instead["GET", f"{PATH}/msgbatch_1/results"] = broken
    with pytest.raises(ProviderUnreachable):
        played.gateway.ask(f"{PATH}/msgbatch_1/results", None, method="GET")
    assert broken.closed
    assert played.charged() == []
    played.provider.instead.clear()
    played.gateway.ask(f"{PATH}/msgbatch_1/results", None, method="GET")
    assert len(played.charged()) == 1


def test_a_caller_who_leaves_is_charged_for_the_whole_batch(played: Played) -> None:
    played.create()
    played.provider.end()
    response = played.gateway.call(f"{PATH}/msgbatch_1/results", None, method="GET")
    body: Any = response.body
    assert next(body) == RESULTS[0]
    body.close()
    assert response.after is not None
    response.after()
    assert [entry.usage.input for entry in played.charged()] == [1500]


def test_a_ledger_that_fails_leaves_the_line_from_which_the_entry_is_rebuilt(played: Played) -> None:
    played.create()
    played.provider.end()
    played.gateway.ledger.broken = True
    response, _ = played.gateway.ask(f"{PATH}/msgbatch_1/results", None, method="GET")
    assert response.status == 200
    assert any("ledger_failed" in each for each in played.gateway.lines.written)
    assert sum('"kind": "request"' in each for each in played.gateway.lines.written) == 2


def test_results_before_the_end_are_refused_as_the_provider_refuses_them(played: Played) -> None:
    played.create()
    refusal = {"type": "error", "error": {"type": "not_found_error", "message": "The batch has not ended yet"}}
    played.provider.instead["GET", f"{PATH}/msgbatch_1/results"] = answer(refusal, 404)
    status, error = played.ask("GET", "/msgbatch_1/results")
    assert (status, error["error"]["message"]) == (404, "The batch has not ended yet")


def test_a_key_that_was_rotated_is_read_again_once(played: Played) -> None:
    played.create()
    refused = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
    played.gateway.secrets.next = {"anthropic": {"api_key": "sk-ant-new"}}
    keys: list[str] = []

    def checked(call: UpstreamCall) -> Scripted:
        keys.append(call.headers["x-api-key"])
        return played.provider(call) if keys[-1] == "sk-ant-new" else answer(refused, 401)

    played.transport.answers = [checked]
    assert played.ask("GET", "/msgbatch_1")[0] == 200
    assert keys == ["sk-ant-secret", "sk-ant-new"]
