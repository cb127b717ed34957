"""Retries, fallback and time: what dispatch does with each kind of failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import pytest

from sluice.dispatch import MOST_REDIRECTS, SETTLE_SECONDS, Clock, Dispatcher, Exchange, Prepared, RawError, Trail
from sluice.errors import (
    NoHealthyUpstream,
    ProviderError,
    ProviderTimeout,
    ProviderUnreachable,
    UnsupportedParameter,
)
from sluice.ports import UpstreamCall
from sluice.types.catalogue import Auth, Model, Provider, ProviderEndpoint
from sluice.types.routes import Deployment, Plan, Planned, RetryPolicy, Timeouts

ENDPOINT = ProviderEndpoint("chat", "openai_chat", "/chat/completions")


def deployment(name: str) -> Deployment:
    model = Model("m", name)
    provider = Provider(name, name, f"https://{name}.example", Auth("none"), (ENDPOINT,), {"m": model})
    return Deployment(provider, model, ENDPOINT, "m")


def plan(*names: str, attempts: int = 2) -> Plan:
    choices = tuple(Planned(deployment(name), "test") for name in names)
    return Plan("m", None, choices, retry=RetryPolicy(attempts=attempts, base=1.0, longest=8.0))


class Answer:
    def __init__(self, status: int = 200, body: bytes = b"{}", headers: Mapping[str, str] | None = None) -> None:
        self.status, self.headers, self._body = status, headers or {"content-type": "application/json"}, body
        self.closed = False

    def read(self, limit: int | None = None) -> bytes:
        return self._body

    def chunks(self, tick: float | None = None) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None:
        self.closed = True


class Upstream:
    """Answers each host from its own list; an exception in the list is raised."""

    def __init__(self, **scripts: list[object]) -> None:
        self.scripts = scripts
        self.calls: list[str] = []
        self.sent: list[UpstreamCall] = []

    def send(self, call: UpstreamCall) -> Answer:
        host = call.url.split("//")[1].split(".")[0]
        self.calls.append(host)
        self.sent.append(call)
        item = self.scripts[host].pop(0)
        if isinstance(item, BaseException):
            raise item
        assert isinstance(item, Answer)
        return item


class Reader:
    """Reads errors by their status alone; a stream's first events are its first chunk."""

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        kinds = {400: "bad_request", 401: "authentication", 404: "not_found", 429: "rate_limit", 402: "quota"}
        after = headers.get("retry-after")
        return ProviderError(
            "told so",
            provider_status=status,
            kind=kinds.get(status, "server"),
            retry_after=None if after is None else float(after),
        )

    def body_error(self, body: bytes, headers: Mapping[str, str]) -> ProviderError | None:
        return self.decode_error(500, headers, body) if body == b"error" else None

    def first_events(self, chunks: Iterator[bytes], sent: Deployment) -> bytes:
        first = next(chunks)
        if first == b"error":
            raise self.decode_error(500, {}, first)
        return first


class Stage:
    """A dispatcher with a clock that only sleeps move."""

    def __init__(
        self, upstream: Upstream, refresh: Callable[[str, Mapping[str, str]], bool] = lambda provider, refused: False
    ) -> None:
        self.slept: list[float] = []
        self.now = 0.0
        clock = Clock(lambda: self.now, lambda: self.now, self._sleep, lambda: 1.0)
        self.dispatcher = Dispatcher(upstream, refresh, clock)
        self.trail = Trail()

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def run(
        self,
        wanted: Plan,
        *,
        stream: bool = False,
        deadline: float | None = None,
        prepare: Callable[[Deployment], Prepared] | None = None,
    ) -> Exchange:
        def plain(target: Deployment) -> Prepared:
            return Prepared(target.provider.base_url + "/x", {}, b"{}", stream=stream)

        return self.dispatcher.run(wanted, prepare or plain, lambda _: Reader(), trail=self.trail, deadline=deadline)


def test_a_first_success_is_one_attempt() -> None:
    stage = Stage(Upstream(a=[Answer(body=b"yes")]))
    assert stage.run(plan("a", "b")).body == b"yes"
    assert [(a.deployment, a.outcome, a.status) for a in stage.trail.attempts] == [("a/m", "ok", 200)]


@pytest.mark.parametrize("failure", [Answer(500), Answer(429), ProviderUnreachable("cut"), Answer(503)])
def test_a_passing_fault_is_retried_on_the_same_deployment(failure: object) -> None:
    upstream = Upstream(a=[failure, Answer(body=b"yes")])
    stage = Stage(upstream)
    assert stage.run(plan("a", "b")).body == b"yes"
    assert upstream.calls == ["a", "a"]
    assert stage.slept == [1.0]


def test_backoff_doubles() -> None:
    stage = Stage(Upstream(a=[Answer(500), Answer(500), Answer(500), Answer()]))
    stage.run(plan("a", attempts=4))
    assert stage.slept == [1.0, 2.0, 4.0]


def test_retry_after_is_honoured() -> None:
    stage = Stage(Upstream(a=[Answer(429, headers={"retry-after": "3"}), Answer()]))
    stage.run(plan("a"))
    assert stage.slept == [3.0]


def test_a_long_retry_after_sends_the_request_to_the_next_deployment_at_once() -> None:
    upstream = Upstream(a=[Answer(429, headers={"retry-after": "86400"})], b=[Answer()])
    stage = Stage(upstream)
    stage.run(plan("a", "b"))
    assert (upstream.calls, stage.slept) == (["a", "b"], [])


@pytest.mark.parametrize("status", [402, 404])
def test_a_lasting_fault_of_one_deployment_falls_over_without_a_retry(status: int) -> None:
    upstream = Upstream(a=[Answer(status)], b=[Answer()])
    Stage(upstream).run(plan("a", "b"))
    assert upstream.calls == ["a", "b"]


def test_a_bad_request_is_given_back_and_nobody_else_is_asked() -> None:
    upstream = Upstream(a=[Answer(400, b"why")], b=[Answer()])
    with pytest.raises(RawError) as caught:
        Stage(upstream).run(plan("a", "b"))
    assert (caught.value.body, caught.value.http_status, upstream.calls) == (b"why", 400, ["a"])


def test_a_hang_falls_over_without_waiting_twice() -> None:
    upstream = Upstream(a=[ProviderTimeout("slow", phase="first_byte")], b=[Answer()])
    Stage(upstream).run(plan("a", "b"))
    assert upstream.calls == ["a", "b"]


def test_a_connection_that_cannot_be_made_in_time_is_tried_again() -> None:
    upstream = Upstream(a=[ProviderTimeout("slow", phase="connect"), Answer()])
    Stage(upstream).run(plan("a"))
    assert upstream.calls == ["a", "a"]


def test_a_refused_credential_is_refreshed_once() -> None:
    asked: list[str] = []

    def refresh(provider: str, refused: Mapping[str, str]) -> bool:
        asked.append(provider)
        return True

    upstream = Upstream(a=[Answer(401), Answer(401)], b=[Answer()])
    Stage(upstream, refresh).run(plan("a", "b"))
    assert (asked, upstream.calls) == (["a"], ["a", "a", "b"])


def test_an_unchanged_credential_is_not_tried_again() -> None:
    upstream = Upstream(a=[Answer(401)], b=[Answer()])
    Stage(upstream).run(plan("a", "b"))
    assert upstream.calls == ["a", "b"]


def test_an_error_inside_a_200_answer_counts_as_a_failure() -> None:
    upstream = Upstream(a=[Answer(200, b"error"), Answer(200, b"error")], b=[Answer(body=b"yes")])
    assert Stage(upstream).run(plan("a", "b")).body == b"yes"


def test_an_error_as_the_first_event_falls_over_before_the_caller_saw_a_byte() -> None:
    events = {"content-type": "text/event-stream"}
    broken = [Answer(200, b"error", events), Answer(200, b"error", events)]
    upstream = Upstream(a=list(broken), b=[Answer(200, b"data: 1\n\n", events)])
    exchange = Stage(upstream).run(plan("a", "b"), stream=True)
    assert (exchange.first, exchange.deployment.name) == (b"data: 1\n\n", "b/m")


def test_the_answer_is_closed_when_reading_it_fails_unexpectedly() -> None:
    class Broken(Answer):
        def read(self, limit: int | None = None) -> bytes:
            raise KeyboardInterrupt

    answer = Broken()
    with pytest.raises(KeyboardInterrupt):
        Stage(Upstream(a=[answer])).run(plan("a"))
    assert answer.closed


def test_a_deployment_that_cannot_express_the_request_is_passed_over() -> None:
    upstream = Upstream(b=[Answer()])

    def prepare(target: Deployment) -> Prepared:
        if target.provider.name == "a":
            raise UnsupportedParameter("n above 1", param="n")
        return Prepared(target.provider.base_url + "/x", {}, b"{}")

    stage = Stage(upstream)
    stage.run(plan("a", "b"), prepare=prepare)
    assert upstream.calls == ["b"]
    assert stage.trail.reasons == ["a/m: n above 1"]


def test_when_nobody_can_express_it_the_parameter_is_named() -> None:
    def prepare(target: Deployment) -> Prepared:
        raise UnsupportedParameter("n above 1", param="n")

    with pytest.raises(UnsupportedParameter, match="n above 1"):
        Stage(Upstream()).run(plan("a", "b"), prepare=prepare)


def test_the_last_error_is_raised_when_all_failed() -> None:
    upstream = Upstream(a=[Answer(500), Answer(500)], b=[Answer(429), Answer(429)])
    stage = Stage(upstream)
    with pytest.raises(ProviderError) as caught:
        stage.run(plan("a", "b"))
    assert (caught.value.provider, caught.value.http_status) == ("b", 429)
    assert [a.outcome for a in stage.trail.attempts] == ["server", "server", "rate_limit", "rate_limit"]


def test_no_retry_begins_that_could_not_settle_before_the_deadline() -> None:
    upstream = Upstream(a=[Answer(500), Answer()])
    stage = Stage(upstream)
    with pytest.raises(ProviderError):
        stage.run(plan("a"), deadline=SETTLE_SECONDS + 0.5)
    assert upstream.calls == ["a"]


def test_the_call_ends_before_the_deadline_of_the_environment() -> None:
    upstream = Upstream(a=[Answer()])
    Stage(upstream).run(plan("a"), deadline=100.0)
    assert upstream.sent[0].deadline == 100.0 - SETTLE_SECONDS


def test_waiting_is_not_overhead() -> None:
    stage = Stage(Upstream(a=[Answer(500), Answer()]))
    stage.run(plan("a"))
    assert stage.trail.waited == 1.0


def test_an_empty_plan_is_no_healthy_upstream() -> None:
    with pytest.raises(NoHealthyUpstream):
        Stage(Upstream()).run(plan())


def waking(name: str, seconds: float) -> Deployment:
    there = deployment(name)
    return replace(there, provider=replace(there.provider, first_byte_seconds=seconds))


@pytest.mark.parametrize(
    ("declared", "stated", "allowed"),
    [(300.0, None, 300.0), (0.0, None, 120.0), (60.0, None, 120.0), (300.0, 20.0, 20.0)],
)
def test_a_host_that_starts_models_on_demand_has_its_time_unless_the_route_says_otherwise(
    declared: float, stated: float | None, allowed: float
) -> None:
    timeouts = Timeouts() if stated is None else Timeouts(first_byte=stated)
    choices = (Planned(waking("a", declared), "test"),)
    upstream = Upstream(a=[Answer()])
    Stage(upstream).run(Plan("m", None, choices, timeouts=timeouts, cold_starts=stated is None))
    assert upstream.sent[0].timeouts.first_byte == allowed
    assert upstream.sent[0].timeouts.total == Timeouts().total


@pytest.mark.parametrize("location", ["/done?call=1", "https://a.example/done?call=1"])
def test_the_answer_of_a_host_that_woke_up_is_fetched_where_it_says(location: str) -> None:
    upstream = Upstream(
        a=[Answer(303, headers={"location": location}), Answer(303, headers={"location": location}), Answer()]
    )
    Stage(upstream).run(Plan("m", None, (Planned(waking("a", 300.0), "test"),)))
    assert [(call.method, call.url, call.body) for call in upstream.sent[1:]] == [
        ("GET", "https://a.example/done?call=1", b"")
    ] * 2
    assert dict(upstream.sent[1].headers) == dict(upstream.sent[0].headers)


@pytest.mark.parametrize("location", ["https://b.example/steal", "//b.example/steal", "https://a.example.evil/x", ""])
def test_a_redirect_never_takes_the_key_to_another_host(location: str) -> None:
    upstream = Upstream(a=[Answer(303, headers={"location": location})])
    with pytest.raises(ProviderError):
        Stage(upstream).run(Plan("m", None, (Planned(waking("a", 300.0), "test"),), retry=RetryPolicy(attempts=1)))
    assert len(upstream.sent) == 1


def test_a_host_without_cold_starts_is_not_followed() -> None:
    upstream = Upstream(a=[Answer(303, headers={"location": "/elsewhere"})])
    with pytest.raises(ProviderError):
        Stage(upstream).run(plan("a", attempts=1))
    assert len(upstream.sent) == 1


def test_redirects_end() -> None:
    upstream = Upstream(a=[Answer(303, headers={"location": "/again"})] * 9)
    with pytest.raises(ProviderError):
        Stage(upstream).run(Plan("m", None, (Planned(waking("a", 300.0), "test"),), retry=RetryPolicy(attempts=1)))
    assert len(upstream.sent) == 1 + MOST_REDIRECTS


def closing(stage: Stage, exchange: Exchange, outcome: str = "ok", kind: str = "") -> None:
    stage.dispatcher.close(exchange.deployment, outcome, kind)


def test_a_deployment_that_kept_failing_is_asked_last_and_the_entry_says_why() -> None:
    upstream = Upstream(a=[Answer(500)] * 6, b=[Answer() for _ in range(7)])
    stage = Stage(upstream)
    for _ in range(5):
        closing(stage, stage.run(plan("a", "b", attempts=1)))
    upstream.calls.clear()
    assert stage.run(plan("a", "b", attempts=1)).deployment.name == "b/m"
    assert upstream.calls == ["b"]
    assert stage.trail.reasons[-1].startswith("a/m: asked last, ejected for another ")


def test_where_nobody_else_serves_an_ejected_deployment_is_asked_once() -> None:
    upstream = Upstream(a=[*[Answer(500)] * 5, Answer(500), Answer(body=b"back")])
    stage = Stage(upstream)
    for _ in range(5):
        with pytest.raises(ProviderError):
            stage.run(plan("a", attempts=1))
    upstream.calls.clear()
    with pytest.raises(ProviderError):
        stage.run(plan("a", attempts=4))
    assert upstream.calls == ["a"]
    assert stage.run(plan("a", attempts=4)).body == b"back"


def test_the_request_after_the_ejection_is_the_probe_and_restores() -> None:
    upstream = Upstream(a=[*[Answer(500)] * 5, Answer(), Answer()], b=[Answer() for _ in range(5)])
    stage = Stage(upstream)
    for _ in range(5):
        stage.run(plan("a", "b", attempts=1))
    stage.now += 60.0
    upstream.calls.clear()
    closing(stage, stage.run(plan("a", "b")))
    closing(stage, stage.run(plan("a", "b")))
    assert upstream.calls == ["a", "a"]


def test_streams_that_keep_breaking_eject_their_deployment() -> None:
    upstream = Upstream(a=[Answer() for _ in range(5)], b=[Answer()])
    stage = Stage(upstream)
    for _ in range(5):
        closing(stage, stage.run(plan("a", "b")), "failed", "connection")
    assert stage.run(plan("a", "b")).deployment.name == "b/m"


def test_a_failure_of_the_gateways_own_ejects_nobody() -> None:
    upstream = Upstream(a=[Answer() for _ in range(12)], b=[])
    stage = Stage(upstream)
    for _ in range(12):
        closing(stage, stage.run(plan("a", "b")), "failed", "api_error")
    assert upstream.calls == ["a"] * 12


def test_the_same_model_in_another_region_has_a_health_of_its_own() -> None:
    upstream = Upstream(a=[*[Answer(500)] * 5, Answer()])
    stage = Stage(upstream)
    west, east = (replace(deployment("a"), region=region) for region in ("us-west-2", "us-east-1"))
    for _ in range(5):
        with pytest.raises(ProviderError):
            stage.run(Plan("m", None, (Planned(west, ""),), retry=RetryPolicy(attempts=1)))
    both = Plan("m", None, (Planned(west, ""), Planned(east, "")))
    assert stage.run(both).deployment.region == "us-east-1"


def test_retries_end_when_their_budget_is_spent() -> None:
    upstream = Upstream(
        a=[item for _ in range(40) for item in (Answer(500), Answer())], b=[Answer() for _ in range(40)]
    )
    stage = Stage(upstream)
    for _ in range(20):
        closing(stage, stage.run(plan("a", "b")))
        stage.now += 60.0
    refused_and_not_retried = upstream.calls.count("b")
    assert len(stage.slept) >= 10
    assert refused_and_not_retried > 0


def test_a_provider_that_asks_to_be_left_alone_is_not_the_first_to_be_asked() -> None:
    upstream = Upstream(a=[Answer(429, headers={"retry-after": "60"}), Answer()], b=[Answer(), Answer()])
    stage = Stage(upstream)
    stage.run(plan("a", "b"))
    stage.run(plan("a", "b"))
    stage.now += 61.0
    stage.run(plan("a", "b"))
    assert upstream.calls == ["a", "b", "b", "a"]


def test_all_attempts_together_end_within_the_seconds_of_the_request() -> None:
    upstream = Upstream(a=[Answer(500) for _ in range(9)], b=[Answer()])
    stage = Stage(upstream)
    wanted = replace(plan("a", "b", attempts=9), timeouts=Timeouts(request=4.0))
    stage.run(wanted, deadline=900.0)
    assert upstream.calls == ["a", "a", "a", "b"]
    assert stage.now < 4.0
    assert {call.deadline for call in upstream.sent} == {4.0}


def test_a_provider_with_another_behind_it_may_use_half_of_the_time_that_is_left() -> None:
    upstream = Upstream(a=[ProviderTimeout("slow", phase="first_byte")], b=[Answer()])
    stage = Stage(upstream)
    stage.run(replace(plan("a", "b"), timeouts=Timeouts(first_byte=120.0, request=100.0)))
    assert [call.timeouts.first_byte for call in upstream.sent] == [50.0, 120.0]
