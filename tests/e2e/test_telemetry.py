"""Traces, exporters and archived payloads through the whole stack, over real HTTP to a collector."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from sluice.aws.credentials import FixedCredentials
from sluice.aws.s3 import S3Bucket
from sluice.providers.transport import HttpTransport
from sluice.signing import Credentials
from sluice.telemetry.payload_keys import payload_key
from tests.e2e.ledger import entry_of
from tests.stacks import Stack, missing, running
from tests.unit.telemetry.collectors import Collector, collecting

pytestmark = pytest.mark.stack

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
EMAIL = "jane.doe@example.com"
SECONDS = 30.0


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Stack]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    targets = [{"name": "one", "kind": "otlp", "url": collector.url, "metrics": True}, {"name": "kept", "kind": "s3"}]
    home: Path = tmp_path_factory.mktemp("telemetry")
    with running(home, SLUICE_EXPORTERS=json.dumps(targets)) as stack:
        publish(stack)  # before the first request, so that no environment holds a configuration without it
        yield stack


def until(seen: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = seen()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come")


def ask(stack: Stack, model: str, text: str = "hello", **more: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {stack.api_key}", "traceparent": f"00-{TRACE}-{SPAN}-01"}
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    answer = httpx.post(f"{stack.url}/v1/chat/completions", json=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer


def spans(collector: Collector) -> dict[str, dict[str, Any]]:
    """Return the requests' spans that came so far, by request id."""
    found = {}
    for body in collector.bodies("/v1/traces"):
        for span in body["resourceSpans"][0]["scopeSpans"][0]["spans"]:
            told = {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}
            if "sluice.request_id" in told:
                found[told["sluice.request_id"]] = {**span, "told": told}
    return found


def test_a_request_joins_its_callers_trace_from_the_answer_to_the_collector(own: Stack, collector: Collector) -> None:
    answer = ask(own, "sim-fast", user="u-7")
    request_id = answer.headers["x-request-id"]
    entry = entry_of(own, request_id)
    assert (entry["trace_id"], entry["parent_span"]) == (TRACE, SPAN)
    span = until(lambda: spans(collector).get(request_id))
    assert (span["traceId"], span["parentSpanId"]) == (TRACE, SPAN)
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{span['spanId']}-01"
    told = span["told"]
    assert (told["gen_ai.operation.name"], told["user.id"]) == ("chat", "u-7")
    assert int(told["gen_ai.usage.output_tokens"]) == entry["usage"]["output"]
    assert round(told["sluice.cost_usd"] * 10**9) == entry["cost_nano_usd"]
    assert until(lambda: collector.bodies("/v1/metrics"))


def publish(stack: Stack) -> None:
    """Let a configuration go live in which the route "kept" archives payloads."""
    with httpx.Client(base_url=stack.url, headers={"authorization": f"Bearer {stack.admin_key}"}, timeout=30) as admin:
        document = admin.get("/admin/configuration").json()["document"]
        document.setdefault("routes", {})["kept"] = {
            "targets": [{"model": "simulator/sim-fast"}],
            "archive": {"payloads": True, "retention_days": 7},
        }
        made = admin.post("/admin/configuration/versions", json=document)
        assert made.status_code in (200, 201), made.text
        live = admin.post(f"/admin/configuration/versions/{made.json()['version']}/promote")
        assert live.status_code == 200, live.text


@contextmanager
def archive(stack: Stack) -> Iterator[S3Bucket]:
    """Give the stack's archive; where the emulator is, a signed URL tells."""
    headers = {"authorization": f"Bearer {stack.api_key}"}
    wanted = {"filename": "a.txt", "mime_type": "text/plain", "bytes": 1}
    made = httpx.post(f"{stack.url}/v1/uploads", json=wanted, headers=headers, timeout=30)
    assert made.status_code in (200, 201), made.text
    place = urlsplit(made.json()["upload"]["url"])
    role = FixedCredentials(Credentials("test", "test"))
    transport = HttpTransport(trusted=True)
    endpoint = f"{place.scheme}://{place.netloc}"
    try:
        yield S3Bucket(transport, role, bucket="sluice-local-archive", region="us-east-1", endpoint_url=endpoint)
    finally:
        transport.drop_connections()


def test_payloads_of_a_route_are_kept_redacted_and_those_of_others_are_not(own: Stack) -> None:
    text = f"I am {EMAIL}"
    kept, other = ask(own, "kept", text, stream=True, user="u-9"), ask(own, "sim-fast", text, user="u-9")
    with archive(own) as bucket:

        def payload(answer: httpx.Response) -> bytes | None:
            entry = entry_of(own, answer.headers["x-request-id"])
            key = payload_key(7, entry["team"], "u-9", entry["started_ms"], entry["id"])
            return bucket.get(key, 1 << 20)

        record = json.loads(gzip.decompress(until(lambda: payload(kept))))
        assert payload(other) is None
    assert EMAIL not in json.dumps(record)
    assert record["request"]["json"]["messages"][0]["content"] == "I am [redacted]"
    assert record["answer"]["stream"]["choices[0].delta.content"]
    assert record["trace_id"] == TRACE
