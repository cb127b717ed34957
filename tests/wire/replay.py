"""Replays recorded traffic through the whole gateway and compares bytes.

Each recorded request is sent to the gateway with a model of its own provider name; a server on loopback answers with
the recorded bytes. In the same dialect the caller must get them back unchanged but for the declared edits:

- `usage chunk`: the gateway asks for usage in streams; a caller who did not gets the stream without that chunk.
- `key masked`: what looks like a key in an error body.
- `first-event error`: an error before any content becomes an HTTP error.
- `status of an error`: a whole answer of status 200 that is an error gets the status of that error.
- `refused here`: a request that the provider refused is refused by the gateway first, with its own words.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sluice.dialects import chat_dialect
from sluice.providers.transport import HttpTransport
from sluice.types.routes import ProviderSettings
from tests.fakes import FixedSecrets, Gateway, configuration, custom
from tests.wire.recordings import Recording, read, require
from tests.wire.replay_server import Replay, ReplayServer

TARGETS = {
    "chat.completions": ("openai", "openai_chat", "/v1/chat/completions"),
    "messages": ("anthropic", "anthropic_messages", "/v1/messages"),
}
BAR = 0.99


@dataclass
class Outcome:
    """Counts over all replays: exact ones, declared edits by name, failures with their reason."""

    exact: int = 0
    edited: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    by_provider: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        return self.exact + sum(self.edited.values()) + len(self.failures)

    @property
    def share(self) -> float:
        return 1.0 if not self.total else 1 - len(self.failures) / self.total


def replay_all(limit: int | None = None) -> Outcome:
    """Replay every recording of the two dialects (the first `limit` of each provider and endpoint)."""
    chosen = list(_chosen(limit))
    outcome = Outcome()
    with ReplayServer() as server:
        gateway, transport = _gateway(server.port, chosen)
        for recording, body in chosen:
            name = recording.id
            server.replays[name] = Replay(recording.status, _content_type(recording), recording.body)
            before = len(outcome.failures)
            _one(gateway, server, recording, body, outcome)
            counts = outcome.by_provider.setdefault((recording.provider, recording.endpoint), [0, 0])
            counts[1 if len(outcome.failures) > before else 0] += 1
        transport.drop_connections()
    return outcome


def _chosen(limit: int | None) -> list[tuple[Recording, dict[str, Any]]]:
    seen: Counter[tuple[str, str]] = Counter()
    chosen = []
    for recording in read(TARGETS):
        key = (recording.provider, recording.endpoint)
        seen[key] += 1
        if limit is None or seen[key] <= limit:
            chosen.append((recording, _request(recording)))
    return chosen


def _request(recording: Recording) -> dict[str, Any]:
    """Return the recorded request, or a plain one where only the answer was published."""
    provider = TARGETS[recording.endpoint][0]
    body = recording.request_body
    if not isinstance(body, dict):
        body = {"messages": [{"role": "user", "content": "Hello"}], "stream": recording.stream}
        if provider == "anthropic":
            body["max_tokens"] = 100
    return {**body, "model": f"{provider}/{body.get('model') or recording.model or 'unnamed'}"}


def _gateway(port: int, chosen: list[tuple[Recording, dict[str, Any]]]) -> tuple[Gateway, HttpTransport]:
    transport = HttpTransport()
    models = {str(body["model"]): custom(str(body["model"])) for _, body in chosen}
    address = f"http://127.0.0.1:{port}"
    providers = {
        "openai": ProviderSettings(base_url=f"{address}/v1", allow_loopback=True),
        "anthropic": ProviderSettings(base_url=address, allow_loopback=True),
    }
    live = configuration(models=models, providers=providers)
    return Gateway(transport, live=live, secrets=FixedSecrets(openai="k", anthropic="k")), transport


def _content_type(recording: Recording) -> str:
    start = recording.body.lstrip()[:6]
    if start.startswith((b"data:", b"event:", b":")):
        return "text/event-stream"
    return recording.headers.get("content-type", "application/json")


def _one(gateway: Gateway, server: ReplayServer, recording: Recording, body: dict[str, Any], outcome: Outcome) -> None:
    path = TARGETS[recording.endpoint][2]
    streamed = _content_type(recording) == "text/event-stream"
    asked_usage = not streamed or recording.endpoint == "messages"
    if streamed and recording.endpoint == "chat.completions":
        options = body.get("stream_options")
        asked_usage = isinstance(options, dict) and options.get("include_usage") is True
    try:
        response, answer = gateway.ask(path, body, traceparent=recording.id)
    except Exception as error:
        outcome.failures.append(f"{recording.label}: {type(error).__name__}: {error}")
        return
    replay = server.replays[recording.id]
    if not replay.asked:
        _refused_here(recording, response.status, answer, outcome)
    elif answer == recording.body and response.status == recording.status:
        outcome.exact += 1
    elif (edit := _declared(recording, response.status, answer, asked_usage)) is not None:
        outcome.edited[edit] += 1
    else:
        outcome.failures.append(f"{recording.label}: {_difference(recording.body, answer)} (status {response.status})")
    if replay.asked and not _same_request(body, json.loads(replay.asked)):
        outcome.failures.append(f"{recording.label}: the provider was asked something else")


def _refused_here(recording: Recording, status: int, answer: bytes, outcome: Outcome) -> None:
    if recording.status >= 400 and 400 <= status < 500:
        outcome.edited["refused here"] += 1
    else:
        outcome.failures.append(f"{recording.label}: refused with {status}: {answer[:200]!r}")


def _declared(recording: Recording, status: int, answer: bytes, asked_usage: bool) -> str | None:
    wire = chat_dialect(TARGETS[recording.endpoint][1])
    if not asked_usage:
        swallow = wire.stream_filter({"stream": True})
        if swallow is not None and answer == swallow(recording.body):
            return "usage chunk"
    if recording.status in (401, 403) and status == recording.status and b"[masked]" in answer:
        return "key masked"
    if recording.status == 200 and status >= 400 and wire.stream_error(recording.body) is not None:
        return "first-event error"
    if recording.status == 200 and status >= 400 and answer == recording.body:
        return "status of an error"
    return None


def _same_request(sent: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    def bare(body: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in body.items() if k not in ("model", "stream_options")}

    return bare(sent) == bare(asked)


def _difference(expected: bytes, got: bytes) -> str:
    for place, (a, b) in enumerate(zip(expected, got, strict=False)):
        if a != b:
            return f"differs at byte {place}: {expected[place : place + 60]!r} became {got[place : place + 60]!r}"
    return f"{len(expected)} bytes became {len(got)}: ...{expected[-60:]!r} / ...{got[-60:]!r}"


def main() -> int:
    """Print the table and the summary; 1 under the bar."""
    require()
    outcome = replay_all()
    print(f"{'provider':20} {'endpoint':18} {'passed':>7} {'failed':>7}")
    for (provider, endpoint), (passed, failed) in sorted(outcome.by_provider.items()):
        print(f"{provider:20} {endpoint:18} {passed:7} {failed:7}")
    for name, count in outcome.edited.items():
        print(f"declared edit: {name}: {count}")
    for failure in outcome.failures:
        print(f"FAILED {failure}")
    summary = {"replayed": outcome.total, "exact": outcome.exact, "edited": dict(outcome.edited)}
    print(json.dumps({**summary, "failed": len(outcome.failures), "share": round(outcome.share, 5), "bar": BAR}))
    return 0 if outcome.share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
