"""The deep health check: what it reads, how long it takes, and what anybody who asks may learn."""

from __future__ import annotations

import json
from collections.abc import Callable

from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.probes import SECONDS, probes
from sluice.errors import NoHealthyUpstream, ProviderTimeout
from sluice.readiness import FRESH_SECONDS, LIMIT_SECONDS, Readiness
from sluice.settings import Settings
from tests.fakes import Gateway, ScriptedTransport
from tests.unit.aws.fakes import FakeTransport, ok, refused


class Stage:
    def __init__(self, **probes: Callable[[], object]) -> None:
        self.now = 1_000.0
        self.asked: list[str] = []
        self.failing: set[str] = set()
        self.readiness = Readiness({name: self._probe(name) for name in ("first", "second")}, lambda: self.now)
        self.takes = 0.0

    def _probe(self, name: str) -> Callable[[], None]:
        def probe() -> None:
            self.asked.append(name)
            self.now += self.takes
            if name in self.failing:
                raise NoHealthyUpstream("the key sk-secret was refused", code="dependency_unavailable")

        return probe

    def told(self) -> tuple[int, dict[str, object]]:
        answer = self.readiness.answer()
        assert isinstance(answer.body, bytes)
        return answer.status, json.loads(answer.body)


def test_a_region_that_can_read_everything_is_ready() -> None:
    assert Stage().told() == (200, {"status": "ready", "checks": {"first": "ok", "second": "ok"}})


def test_what_fails_makes_it_not_ready_and_is_named_by_its_code_alone() -> None:
    stage = Stage()
    stage.failing = {"second"}
    checks = {"first": "ok", "second": "dependency_unavailable"}
    assert stage.told() == (503, {"status": "not ready", "checks": checks})


def test_after_a_failure_nothing_more_is_asked_because_the_asker_waits() -> None:
    stage = Stage()
    stage.failing = {"first"}
    assert stage.told()[1]["checks"] == {"first": "dependency_unavailable", "second": "not asked"}
    assert stage.asked == ["first"]


def test_a_region_that_is_slow_is_not_ready() -> None:
    stage = Stage()
    stage.takes = LIMIT_SECONDS + 0.1
    assert stage.told() == (503, {"status": "not ready", "checks": {"first": "too slow", "second": "not asked"}})


def test_the_answer_is_kept_for_a_moment_so_that_asking_stays_cheap() -> None:
    stage = Stage()
    for _ in range(50):
        stage.told()
    assert stage.asked == ["first", "second"]
    stage.now += FRESH_SECONDS
    stage.failing = {"first"}
    assert stage.told()[0] == 503


def test_a_defect_of_a_probe_is_a_failure_too() -> None:
    def broken() -> None:
        raise KeyError("x")

    answer = Readiness({"it": broken}, lambda: 0.0).answer()
    assert (answer.status, b"KeyError" in answer.body) == (503, True)  # type: ignore[operator]


SETTINGS = Settings("dev", "sluice", "providers", "gateway", "eu-west-1")
ROLE = FixedCredentials(Credentials("AKID", "secret"))
POINTER = ok({"Item": {"pk": {"S": "configuration"}, "sk": {"S": "live"}, "version": {"S": "v"}}})


def test_the_probes_read_configuration_keys_and_counters_by_one_call_each() -> None:
    transport = FakeTransport(POINTER, ok({"SecretString": "{}"}), ok({"Responses": {}}))
    for probe in probes(SETTINGS, transport, ROLE).values():
        probe()
    assert [call.headers["x-amz-target"].partition(".")[2] for call in transport.calls] == [
        "GetItem",
        "GetSecretValue",
        "BatchGetItem",
    ]


def test_a_service_that_hangs_is_told_after_one_short_try() -> None:
    transport = FakeTransport(ProviderTimeout("slow", phase="first_byte"))
    answer = Readiness(probes(SETTINGS, transport, ROLE), lambda: 0.0).answer()
    assert answer.status == 503
    assert len(transport.calls) == 1
    assert 3 * SECONDS < 2.0


def test_a_region_without_a_configuration_or_without_access_to_its_keys_is_not_ready() -> None:
    for answers, word in (
        ((ok({}),), b"no_configuration"),
        ((POINTER, refused("AccessDeniedException")), b"dependency_failed"),
    ):
        answer = Readiness(probes(SETTINGS, FakeTransport(*answers), ROLE), lambda: 0.0).answer()
        assert isinstance(answer.body, bytes)
        assert (answer.status, word in answer.body) == (503, True)


def test_a_gateway_that_was_given_no_probes_has_no_such_endpoint() -> None:
    response, _ = Gateway(ScriptedTransport()).ask("/health/ready", None, method="GET", key="")
    assert response.status == 404
