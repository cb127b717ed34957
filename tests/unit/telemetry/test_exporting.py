"""Entries reach every target at least once: whole or in part, in time or late, over real HTTP to collectors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from sluice.aws.attributes import marshal_item, unmarshal_item
from sluice.aws.exporter import Consumer, S3Target, exporter_handler, packed
from sluice.aws.stores.ledger import to_item
from sluice.metering import request_ids
from sluice.ports import UpstreamCall
from sluice.providers.transport import HttpTransport
from sluice.routing.configuration import canonical_json, version_of
from sluice.settings import Settings
from sluice.telemetry.exporting import BATCH, TRIES, Exporter, Feed, Later, Never, sampled
from sluice.telemetry.options import TargetOptions, check, options_from
from sluice.telemetry.targets import authorization, helicone_record, target_of
from sluice.telemetry.traceparent import own_trace_id
from sluice.types.ledger import LedgerEntry
from tests.fakes import Scripted
from tests.unit.aws.entries import NOON, TEAM, typical
from tests.unit.telemetry.collectors import Collector, collecting


def entry_of(number: int, **changes: object) -> LedgerEntry:
    request_id = request_ids.new(NOON + number, TEAM, lambda count: number.to_bytes(count, "big"))
    return typical(**{"request_id": request_id, **changes})


class Taking:
    """A target in memory that fails as told first."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.calls: list[list[str]] = []

    def deliver(self, entries: Sequence[LedgerEntry]) -> int:
        self.calls.append([entry.request_id for entry in entries])
        if self.failures:
            raise self.failures.pop(0)
        return 0


class Run:
    """An exporter with these targets, and what it said and waited."""

    def __init__(self, *targets: Taking, left: float = 60.0, **options: Any) -> None:
        self.told: list[tuple[str, str, str]] = []
        self.slept: list[float] = []
        feeds = [Feed(TargetOptions(f"t{number}", "otlp", **options), target) for number, target in enumerate(targets)]
        self.exporter = Exporter(
            feeds, lambda *said: self.told.append(said), lambda: left, self.slept.append, chance=lambda: 1.0
        )


def test_every_target_gets_every_entry_once() -> None:
    first, second = Taking(), Taking()
    entries = [entry_of(number) for number in range(BATCH + 1)]
    found = Run(first, second).exporter.deliver(entries)
    assert (found.delivered, found.dropped, found.failures, found.late) == (2 * len(entries), 0, 0, ())
    assert [len(call) for call in first.calls] == [BATCH, 1]


def test_a_target_in_trouble_is_tried_again_with_growing_waits() -> None:
    target = Taking(Later("status 503"), Later("status 503"))
    run = Run(target)
    assert run.exporter.deliver([entry_of(1)]).delivered == 1
    assert run.slept == [0.5, 1.0]


def test_what_a_target_asks_for_is_waited() -> None:
    run = Run(Taking(Later("status 429", 3.0)))
    run.exporter.deliver([entry_of(1)])
    assert run.slept == [3.0]


@pytest.mark.parametrize(
    ("failures", "left"), [([Later("503")] * TRIES, 60.0), ([Later("429", 60.0)], 90.0), ([Later("503")], 0.1)]
)
def test_a_target_that_stays_out_of_order_is_left_for_later(failures: list[Later], left: float) -> None:
    target = Taking(*failures)
    run = Run(target, left=left)
    found = run.exporter.deliver([entry_of(1)])
    assert (found.delivered, found.late) == (0, ("t0",))
    assert [event for event, *_ in run.told] == ["export_late"]
    assert run.exporter.deliver([entry_of(1)]).delivered == 1


def test_one_target_s_trouble_sends_nothing_twice_to_the_others() -> None:
    good, bad = Taking(), Taking(*[Later("503")] * TRIES)
    run = Run(good, bad)
    assert run.exporter.deliver([entry_of(1), entry_of(2)]).late == ("t1",)
    assert run.exporter.deliver([entry_of(1), entry_of(2), entry_of(3)]).late == ()
    assert [name for call in good.calls for name in call] == [entry_of(number).request_id for number in (1, 2, 3)]


def test_a_target_that_took_a_part_gets_the_rest() -> None:
    target = Taking(Later("503", done=2))
    entries = [entry_of(number) for number in range(5)]
    assert Run(target).exporter.deliver(entries).delivered == 3 + 2
    assert [len(call) for call in target.calls] == [5, 3]


def test_what_a_target_never_takes_does_not_hold_up_what_follows() -> None:
    target = Taking(Never("status 400"))
    run = Run(target)
    found = run.exporter.deliver([entry_of(1)])
    assert (found.delivered, found.dropped, found.late) == (0, 1, ())
    assert run.told == [("export_refused", "t0", "status 400")]
    assert run.exporter.deliver([entry_of(1), entry_of(2)]).delivered == 1


def test_a_target_may_want_some_teams_only() -> None:
    target = Taking()
    Run(target, teams=("ads",)).exporter.deliver([entry_of(1), entry_of(2, team="ads")])
    assert target.calls == [[entry_of(2).request_id]]


def test_of_a_fenced_team_only_targets_that_name_it_and_the_regions_own_bucket_get_anything() -> None:
    options = (TargetOptions("any", "otlp"), TargetOptions("named", "otlp", teams=("eu",)), TargetOptions("own", "s3"))
    targets = [Taking() for _ in options]
    feeds = [Feed(option, target) for option, target in zip(options, targets, strict=True)]
    exporter = Exporter(feeds, lambda *_: None, lambda: 60.0, lambda _: None, fenced=lambda team: team == "eu")
    inside, outside = entry_of(1, team="eu"), entry_of(2)
    exporter.deliver([inside, outside])
    assert [target.calls for target in targets] == [
        [[outside.request_id]],
        [[inside.request_id]],
        [[inside.request_id, outside.request_id]],
    ]


def test_sampling_keeps_or_drops_whole_traces() -> None:
    entries = [entry_of(number) for number in range(2000)]
    kept = sum(sampled(entry, 0.1) for entry in entries)
    assert 120 < kept < 280
    trace = own_trace_id(entries[0].request_id)
    assert len({sampled(entry_of(number, trace_id=trace), 0.5) for number in range(20)}) == 1
    assert all(sampled(entry, 1.0) for entry in entries)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "must be a list"),
        ('["x"]', "must be an object"),
        ('[{"name": "a", "kind": "kafka"}]', "kind must be one of"),
        ('[{"name": "A b", "kind": "s3"}]', "a name has"),
        ('[{"name": "a", "kind": "otlp", "url": "http://otel.example"}]', "url must begin with https"),
        ('[{"name": "a", "kind": "s3"}, {"name": "a", "kind": "s3"}]', "a name of its own"),
        ('[{"name": "a", "kind": "s3", "colour": 1}]', "no member 'colour'"),
        ('[{"name": "a", "kind": "s3", "flavour": "langfuse"}]', "flavour 'langfuse' is none"),
        ('[{"name": "a", "kind": "s3", "sample": 0}]', "sample must be above 0"),
        ('[{"name": "a", "kind": 7}]', "wrong type"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        options_from(text)


def test_no_setting_means_no_target() -> None:
    assert options_from("") == ()


def test_credentials_become_the_header_that_a_target_wants() -> None:
    assert authorization({"token": "t"}) == {"authorization": "Bearer t"}
    assert authorization({"username": "pk", "password": "sk"}) == {"authorization": "Basic cGs6c2s="}
    assert authorization({"header": "X-Api-Key", "value": "v"}) == {"x-api-key": "v"}
    assert authorization({}) == {}


def feed_of(collector: Collector, **options: Any) -> Feed:
    told = check(TargetOptions(**{"name": "one", "kind": "otlp", "url": collector.url, **options}))
    held = {"username": "pk-lf-1", "password": "sk-lf-2"}
    made = target_of(told, HttpTransport(), lambda: held, resource={"service.name": "sluice"}, loopback=True)
    return Feed(told, made)


def test_langfuse_takes_spans_with_basic_authentication() -> None:
    with collecting() as collector:
        feed_of(collector, flavour="langfuse").target.deliver([entry_of(1)])
    ((path, headers, body),) = collector.asked
    assert (path, headers["authorization"]) == ("/v1/traces", "Basic cGstbGYtMTpzay1sZi0y")
    assert (headers["content-type"], headers["x-langfuse-ingestion-version"]) == ("application/json", "4")
    span = body["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert "langfuse.observation.cost_details" in {each["key"] for each in span["attributes"]}


def test_a_collector_takes_metrics_where_they_are_wanted() -> None:
    with collecting() as collector:
        feed_of(collector, metrics=True).target.deliver([entry_of(1), entry_of(2)])
        feed_of(collector).target.deliver([entry_of(3)])
    assert [path for path, *_ in collector.asked] == ["/v1/traces", "/v1/metrics", "/v1/traces"]


def test_spans_that_a_collector_rejects_are_counted() -> None:
    with collecting((200, {}, {"partialSuccess": {"rejectedSpans": "1"}})) as collector:
        assert feed_of(collector).target.deliver([entry_of(1), entry_of(2)]) == 1


@pytest.mark.parametrize("status", [401, 403, 429, 500, 502, 503, 504])
def test_an_answer_that_may_change_means_later(status: int) -> None:
    with collecting((status, {"retry-after": "7"}, {})) as collector, pytest.raises(Later) as raised:
        feed_of(collector).target.deliver([entry_of(1)])
    assert (raised.value.reason, raised.value.wait) == (f"status {status}", 7.0)


@pytest.mark.parametrize("status", [400, 404, 413, 415])
def test_any_other_refusal_means_never(status: int) -> None:
    with collecting((status, {}, {"message": "secret"})) as collector, pytest.raises(Never, match=f"status {status}"):
        feed_of(collector).target.deliver([entry_of(1)])


def test_a_collector_that_is_not_there_means_later() -> None:
    with collecting() as collector:
        pass
    with pytest.raises(Later, match="provider_unreachable"):
        feed_of(collector).target.deliver([entry_of(1)])


def test_helicone_gets_figures_and_nothing_that_was_said() -> None:
    with collecting() as collector:
        feed_of(collector, kind="helicone").target.deliver([entry_of(1), entry_of(2)])
    assert [path for path, *_ in collector.asked] == ["/custom/v1/log"] * 2
    record = collector.bodies()[0]
    assert record["providerRequest"]["url"] == "custom-model-nopath"
    assert record["providerResponse"]["json"]["usage"] == {
        "prompt_tokens": 31_700,
        "completion_tokens": 800,
        "total_tokens": 32_500,
    }
    assert record["timing"]["startTime"] == {"seconds": NOON // 1000, "milliseconds": 0}
    assert record["providerRequest"]["meta"]["Helicone-Request-Id"] == entry_of(1).request_id
    assert set(record) == {"providerRequest", "providerResponse", "timing"}


def test_helicone_is_told_of_a_failure() -> None:
    assert helicone_record(typical(status=502, outcome="error"))["providerResponse"]["status"] == 502  # type: ignore[index]


def test_helicone_that_fails_in_between_gets_the_rest_later() -> None:
    with collecting((200, {}, {}), (503, {}, {}), (200, {}, {})) as collector:
        feed = feed_of(collector, kind="helicone")
        slept: list[float] = []
        found = Exporter([feed], lambda *_: None, lambda: 60.0, slept.append).deliver([entry_of(1), entry_of(2)])
    assert (found.delivered, found.late, len(slept)) == (2, (), 1)
    sent = [body["providerRequest"]["meta"]["Helicone-Request-Id"] for body in collector.bodies()]
    assert sent == [entry_of(number).request_id for number in (1, 2, 2)]


# Stream records


def record(entry: LedgerEntry, event: str = "INSERT", number: int = 1, **more: Any) -> dict[str, Any]:
    image = marshal_item({**to_item(entry, 90), **more})
    return {"eventName": event, "dynamodb": {"NewImage": image, "SequenceNumber": str(number)}}


class Context:
    def get_remaining_time_in_millis(self) -> int:
        return 60_000


class Lines:
    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def write(self, line: str) -> None:
        self.lines.append(json.loads(line))


def consumer(target: Taking) -> tuple[Consumer, Lines]:
    lines = Lines()
    feed = Feed(TargetOptions("one", "otlp"), target)
    made = Consumer([feed], lines, "Sluice/test", now=lambda: NOON / 1000 + 60, sleep=lambda _: None)
    return made, lines


def test_records_become_entries_and_a_line_of_metrics() -> None:
    target = Taking()
    handle, lines = consumer(target)
    records = [record(entry_of(number), number=number) for number in range(3)]
    assert handle.handle({"Records": records}, Context()) == {"batchItemFailures": []}
    assert target.calls == [[entry_of(number).request_id for number in range(3)]]
    (line,) = lines.lines
    assert (line["ExportedEntries"], line["ExportAge"], "ExportFailures" in line) == (3, 51.588, False)


def test_a_batch_that_came_too_early_comes_again_from_its_first_record() -> None:
    target = Taking(*[Later("503")] * TRIES)
    handle, lines = consumer(target)
    event = {"Records": [record(entry_of(1), number=11), record(entry_of(2), number=12)]}
    assert handle.handle(event, Context()) == {"batchItemFailures": [{"itemIdentifier": "11"}]}
    assert lines.lines[-1]["ExportFailures"] == 1
    assert handle.handle(event, Context()) == {"batchItemFailures": []}


def test_what_is_no_request_of_its_own_is_passed_over() -> None:
    target = Taking()
    handle, lines = consumer(target)
    fence = {"eventName": "INSERT", "dynamodb": {"NewImage": {"pk": {"S": "fence#eu#1"}, "at": {"N": "1"}}}}
    removed = {"eventName": "REMOVE", "dynamodb": {"OldImage": {}}}
    again = record(entry_of(3, version=2), number=3)
    broken = {"eventName": "INSERT", "dynamodb": {"NewImage": {"team": {"S": "x"}}, "SequenceNumber": "9"}}
    found = handle.handle({"Records": [fence, removed, again, broken]}, Context())
    assert (found, target.calls) == ({"batchItemFailures": []}, [])
    assert [line["event"] for line in lines.lines] == ["export_unreadable"]


def test_the_entry_that_replaces_the_sweeps_guess_is_delivered_too() -> None:
    target = Taking()
    handle, _ = consumer(target)
    handle.handle({"Records": [record(entry_of(1, outcome="lost", status=0))]}, Context())
    handle.handle({"Records": [record(entry_of(1), event="MODIFY")]}, Context())
    assert len(target.calls) == 2


class Puts:
    """The bucket of an S3 target."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put(self, key: str, body: bytes, content_type: str) -> None:
        self.objects[key] = body


def test_the_same_batch_makes_the_same_object_again() -> None:
    bucket = Puts()
    target = S3Target(bucket, "eu-west-1")  # type: ignore[arg-type]
    entries = [entry_of(1), entry_of(2)]
    target.deliver(entries)
    target.deliver(entries)
    ((key, body),) = bucket.objects.items()
    assert key == f"entries/day=2026-11-23/region=eu-west-1/{entries[0].request_id}-2.jsonl.gz"
    assert body == packed(entries)


# The function, put together


class Cloud:
    """AWS and collectors behind one transport: Secrets Manager and S3 are played, everything else is called."""

    def __init__(self, bundle: dict[str, Any]) -> None:
        self.bundle = bundle
        self.objects: dict[str, bytes] = {}
        self._outward = HttpTransport()

    def _item(self, key: dict[str, Any]) -> dict[str, Any]:
        """Return the live configuration, or the pointer to it."""
        document = {"residency": {"eu": {"teams": ["fenced"], "places": ["eu"]}}}
        if key["sk"]["S"] == "live":
            return {"Item": marshal_item({**unmarshal_item(key), "version": version_of(document), "revision": 1})}
        return {"Item": marshal_item({**unmarshal_item(key), "document": canonical_json(document)})}

    def send(self, call: UpstreamCall) -> Any:
        if "dynamodb" in call.url:
            return Scripted(body=json.dumps(self._item(json.loads(call.body)["Key"])).encode())
        if "secretsmanager" in call.url:
            return Scripted(body=json.dumps({"SecretString": json.dumps(self.bundle)}).encode())
        if ".s3." in call.url:
            self.objects[call.url.partition("?")[0]] = call.body
            return Scripted()
        return self._outward.send(call)


def test_the_function_delivers_the_stream_to_all_targets_of_its_stage() -> None:
    with collecting() as collector:
        targets = [
            {"name": "langfuse", "kind": "otlp", "url": collector.url, "flavour": "langfuse"},
            {"name": "kept", "kind": "s3"},
        ]
        settings = Settings(
            "test", "sluice-test", "p", "g", "eu-west-1",
            local=True, exporters=json.dumps(targets), archive_bucket="sluice-test-archive",
            access_key_id="AKIDEXAMPLE", secret_access_key="s",
        )  # fmt: skip
        cloud, lines = Cloud({"exporter_langfuse": {"username": "pk", "password": "sk"}}), Lines()
        handler = exporter_handler(settings, cloud, lines=lines)  # type: ignore[arg-type]
        fenced = record(entry_of(2, team="fenced"), number=8)
        answer = handler({"Records": [record(entry_of(1), number=7), fenced]}, Context())
    assert answer == {"batchItemFailures": []}
    ((path, headers, body),) = collector.asked
    assert (path, headers["authorization"]) == ("/v1/traces", "Basic cGs6c2s=")
    resource = {
        each["key"]: each["value"]["stringValue"] for each in body["resourceSpans"][0]["resource"]["attributes"]
    }
    assert (resource["service.name"], resource["deployment.environment.name"]) == ("sluice", "test")
    ((url, packed_entries),) = cloud.objects.items()
    assert url.startswith("https://sluice-test-archive.s3.eu-west-1.amazonaws.com/entries/day%3D2026-11-23/")
    assert packed_entries == packed([entry_of(1), entry_of(2, team="fenced")])
    assert len(body["resourceSpans"][0]["scopeSpans"][0]["spans"]) == 2  # the request and its one attempt
    assert lines.lines[-1]["ExportedEntries"] == 3
