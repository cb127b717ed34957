"""Who takes telemetry over HTTP: OTLP collectors (Langfuse is one), and Helicone's log.

OTLP says which answers mean "later" (429, 502, 503, 504, with Retry-After) and that no other may be repeated (OTLP
specification, "Failures", 2026-11). A refused credential counts as "later" as well: it can be put right, and until then
the entries wait.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sluice.errors import ProviderError
from sluice.ports import Transport, UpstreamCall
from sluice.telemetry.exporting import Later, Never, Target
from sluice.telemetry.genai import Value, points_of, spans_of
from sluice.telemetry.options import TargetOptions
from sluice.telemetry.otlp import metrics_request, rejected, trace_request
from sluice.types.ledger import LedgerEntry
from sluice.types.routes import Timeouts

TIMEOUTS = Timeouts(connect=5.0, first_byte=20.0, idle=10.0, total=30.0)
LATER = (401, 403, 408, 429, 500, 502, 503, 504)
ANSWER_LIMIT = 65_536
AGENT = "sluice-exporter"


def authorization(held: Mapping[str, str]) -> dict[str, str]:
    """Return the header that a target's entry in the provider secret stands for; none for an empty entry."""
    if held.get("token"):
        return {"authorization": f"Bearer {held['token']}"}
    if held.get("username"):
        pair = f"{held['username']}:{held.get('password', '')}".encode()
        return {"authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {held["header"].lower(): held.get("value", "")} if held.get("header") else {}


class Sender:
    """Posts JSON to one host. `held` gives the target's credential each time, so that a rotated one is used at once."""

    def __init__(
        self,
        transport: Transport,
        base_url: str,
        held: Callable[[], Mapping[str, str]],
        *,
        headers: Mapping[str, str] | None = None,
        loopback: bool = False,
    ) -> None:
        self._transport = transport
        self._base_url = base_url.rstrip("/")
        self._held = held
        self._headers = headers or {}
        self._loopback = loopback

    def post(self, path: str, document: object) -> Any:
        """Send one document and return the answer's JSON, {} where it has none. Raises Later or Never."""
        body = gzip.compress(json.dumps(document, separators=(",", ":")).encode(), 5)
        headers = {
            "content-type": "application/json",
            "content-encoding": "gzip",
            "accept": "application/json",
            "user-agent": AGENT,
            **self._headers,
            **authorization(self._held()),
        }
        url = self._base_url + path
        call = UpstreamCall("POST", url, headers, body, TIMEOUTS, allow_loopback=self._loopback)
        try:
            answer = self._transport.send(call)
            content = answer.read(ANSWER_LIMIT)
        except ProviderError as error:
            raise Later(error.error_code) from None
        # Not the words of the answer: a collector may quote what it was sent.
        if answer.status in LATER:
            raise Later(f"status {answer.status}", _seconds(answer.headers.get("retry-after", "")))
        if not 200 <= answer.status < 300:
            raise Never(f"status {answer.status}")
        return _document(content)


class OtlpTarget:
    """A collector: spans, and metrics where they are wanted. It knows a span again by its ids."""

    def __init__(self, sender: Sender, options: TargetOptions, resource: Mapping[str, Value]) -> None:
        self._sender = sender
        self._options = options
        self._resource = resource

    def deliver(self, entries: Sequence[LedgerEntry]) -> int:
        """Deliver entries; spans that a collector rejects one by one are counted and not sent again."""
        langfuse = self._options.flavour == "langfuse"
        spans = [span for entry in entries for span in spans_of(entry, langfuse=langfuse)]
        refused = rejected(self._sender.post("/v1/traces", trace_request(spans, self._resource)))
        if self._options.metrics:
            points = [point for entry in entries for point in points_of(entry)]
            start = min(entry.started_ms for entry in entries) * 1_000_000
            end = max(entry.started_ms + entry.duration_ms for entry in entries) * 1_000_000
            if points:
                request = metrics_request(points, self._resource, start_ns=start, end_ns=max(end, start + 1))
                refused += rejected(self._sender.post("/v1/metrics", request))
        return min(refused, len(entries))


class HeliconeTarget:
    """Helicone's log for calls that did not go through it (docs.helicone.ai, "cURL Manual Logger", 2026-11)."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def deliver(self, entries: Sequence[LedgerEntry]) -> int:
        """Deliver entries one by one; one that is refused leaves the others alone."""
        refused = 0
        for number, entry in enumerate(entries):
            try:
                self._sender.post("/custom/v1/log", helicone_record(entry))
            except Never:
                refused += 1
            except Later as error:
                raise Later(error.reason, error.wait, done=number, refused=refused) from None
        return refused


def helicone_record(entry: LedgerEntry) -> dict[str, object]:
    """Return an entry as Helicone takes it: figures and names, and nothing of what was said."""
    usage = entry.usage
    tags = {f"Helicone-Property-{name}": value for name, value in entry.tags}
    told = {
        "Helicone-Request-Id": entry.request_id,
        "Helicone-User-Id": entry.user,
        "Helicone-Session-Id": entry.session or "",
        "Helicone-Property-Team": entry.team,
        "Helicone-Property-Route": entry.route,
        "Helicone-Property-Provider": entry.provider,
        "Helicone-Property-CostUSD": f"{entry.cost / 1e9:.9f}",
        **tags,
    }
    tokens = {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.output,
        "total_tokens": usage.total,
    }
    timing: dict[str, object] = {
        "startTime": _moment(entry.started_ms),
        "endTime": _moment(entry.started_ms + entry.duration_ms),
    }
    if entry.stream and entry.first_byte_ms is not None:
        timing["timeToFirstToken"] = entry.first_byte_ms
    model = entry.model or entry.requested_model
    return {
        "providerRequest": {
            "url": "custom-model-nopath",
            "json": {"model": model, "stream": entry.stream},
            "meta": {name: text for name, text in told.items() if text},
        },
        "providerResponse": {
            "headers": {},
            "status": entry.status,
            "json": {"id": entry.request_id, "model": model, "usage": tokens},
        },
        "timing": timing,
    }


def target_of(
    options: TargetOptions,
    transport: Transport,
    held: Callable[[], Mapping[str, str]],
    *,
    resource: Mapping[str, Value],
    loopback: bool = False,
) -> Target:
    """Return what delivers to a target over HTTP. Raises ValueError for a kind that is not reached by it."""
    if options.kind == "helicone":
        return HeliconeTarget(Sender(transport, options.url, held, loopback=loopback))
    if options.kind == "otlp":
        headers = {"x-langfuse-ingestion-version": "4"} if options.flavour == "langfuse" else {}
        return OtlpTarget(Sender(transport, options.url, held, headers=headers, loopback=loopback), options, resource)
    raise ValueError(f"Exporter {options.name!r} of kind {options.kind!r} is not reached over HTTP.")


def _moment(epoch_ms: int) -> dict[str, int]:
    return {"seconds": epoch_ms // 1000, "milliseconds": epoch_ms % 1000}


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _document(content: bytes) -> Any:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
