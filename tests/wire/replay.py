"""Replays recorded traffic through the whole gateway and compares bytes.

Each recorded request is sent to the gateway with a model of a provider that speaks its dialect; a server on loopback
answers with the recorded bytes, cut at random places. In the same dialect the caller must get them back unchanged but
for the declared edits:

- `usage chunk`: the gateway asks for usage in streams; a caller who did not gets the stream without that chunk.
- `key masked`: what looks like a key in an error body.
- `first-event error`: an error before any content becomes an HTTP error.
- `status of an error`: a whole answer of status 200 that is an error gets the status of that error.
- `array of events`: a Gemini caller who did not ask for events gets them as one JSON array.
- `refused here`: a request that the provider refused is refused by the gateway first, with its own words.

The provider must be asked what the caller asked, but for the model's name, `stream_options` and reasoning that is
elided in the recordings.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sluice.dialects import chat_dialect
from sluice.providers.transport import HttpTransport
from sluice.types.http import Request
from sluice.types.routes import ProviderSettings
from sluice.types.stored import StoredResponse
from tests.fakes import KEY, FixedSecrets, Gateway, configuration, custom
from tests.wire.recordings import Recording, read, require
from tests.wire.replay_server import Replay, ReplayServer
from tests.wire.replay_targets import ENDPOINTS, Sent, Target, answer, sent, target_of, targets

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
    """Replay every recording of the served dialects (the first `limit` of each provider and endpoint)."""
    chosen = list(_chosen(limit))
    outcome = Outcome()
    with ReplayServer() as server, tempfile.TemporaryDirectory() as folder:
        gateway, transport = _gateway(server.port, chosen, Path(folder))
        for recording, call in chosen:
            kind, body = answer(recording)
            told = {name: value for name, value in recording.headers.items() if name.startswith("x-amzn-bedrock-")}
            server.replays[recording.id] = Replay(recording.status, kind, body, headers=told)
            before = len(outcome.failures)
            _one(gateway, server, recording, call, outcome)
            counts = outcome.by_provider.setdefault((recording.provider, recording.endpoint), [0, 0])
            counts[1 if len(outcome.failures) > before else 0] += 1
        transport.drop_connections()
    return outcome


def _chosen(limit: int | None) -> list[tuple[Recording, Sent]]:
    seen: Counter[tuple[str, str]] = Counter()
    chosen = []
    for recording in read(ENDPOINTS):
        key = (recording.provider, recording.endpoint)
        target = target_of(recording)
        if target is None:
            continue
        seen[key] += 1
        if limit is None or seen[key] <= limit:
            chosen.append((recording, sent(recording, target)))
    return chosen


def _gateway(port: int, chosen: list[tuple[Recording, Sent]], folder: Path) -> tuple[Gateway, HttpTransport]:
    address = f"http://127.0.0.1:{port}"
    for target in targets():
        (folder / f"{target.provider}.json").write_text(json.dumps(_provider(target)))
    models = {
        call.model: custom(call.model, operations=(call.target.operation,), inputs=("text", "image"))
        for _, call in chosen
    }
    providers = {t.provider: ProviderSettings(base_url=address, allow_loopback=True) for t in targets()}
    secrets = FixedSecrets(**{t.provider: "k" for t in targets()})
    transport = HttpTransport()
    live = configuration(models=models, providers=providers, routes={})
    gateway = Gateway(transport, live=live, secrets=secrets, catalogues=(folder,))
    for recording, call in chosen:
        _remember(gateway, recording, call)
    return gateway, transport


def _provider(target: Target) -> dict[str, Any]:
    twins = [each for each in targets() if each.provider == target.provider]
    return {
        "name": target.provider,
        "title": target.dialect,
        "base_url": "",
        "auth": {"scheme": "bearer"},
        "endpoints": [each.endpoint() for each in twins],
        "quirks": {"message_threads": True} if target.dialect == "anthropic_messages" else {},
        "models": {},
    }


def _remember(gateway: Gateway, recording: Recording, call: Sent) -> None:
    """Let the gateway know the turn before, which the provider stored and which may not be among the recordings."""
    body = recording.request_body
    before = body.get("previous_response_id") if isinstance(body, dict) else None
    if isinstance(before, str):
        provider, _, model = call.model.partition("/")
        found = StoredResponse(before, "search", KEY[10:22], provider, model, model, 1, 1 << 40, native=True)
        gateway.responses.put(found)


def _one(gateway: Gateway, server: ReplayServer, recording: Recording, call: Sent, outcome: Outcome) -> None:
    headers = {"authorization": f"Bearer {KEY}", "traceparent": recording.id, **call.headers}
    try:
        response = gateway.app.handle(Request("POST", call.path, headers, call.body, call.query))
        got = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        if response.after is not None:
            response.after()
    except Exception as error:
        outcome.failures.append(f"{recording.label}: {type(error).__name__}: {error}")
        return
    replay = server.replays[recording.id]
    want = replay.body
    if replay.asked is None:
        _refused_here(recording, response.status, got, outcome)
    elif got == want and response.status == recording.status:
        outcome.exact += 1
    elif (edit := _declared(recording, call, response.status, got)) is not None:
        outcome.edited[edit] += 1
    else:
        outcome.failures.append(f"{recording.label}: {_difference(want, got)} (status {response.status})")
    if replay.asked is not None and not _same_request(call, replay.asked):
        outcome.failures.append(f"{recording.label}: the provider was asked something else")


def _refused_here(recording: Recording, status: int, got: bytes, outcome: Outcome) -> None:
    if recording.status >= 400 and 400 <= status < 500:
        outcome.edited["refused here"] += 1
    else:
        outcome.failures.append(f"{recording.label}: refused with {status}: {got[:200]!r}")


def _declared(recording: Recording, call: Sent, status: int, got: bytes) -> str | None:
    wire = chat_dialect(call.target.dialect)
    body = answer(recording)[1]
    if call.stream and call.target.dialect in ("openai_chat", "openai_completions"):
        swallow = wire.stream_filter({"stream": True})
        if swallow is not None and got == swallow(body):
            return "usage chunk"
    array = recording.endpoint == "gemini.stream" and not call.query and status == 200
    if array and json.loads(got) == json.loads(recording.body):
        return "array of events"
    if recording.status in (401, 403) and status == recording.status and b"[masked]" in got:
        return "key masked"
    if recording.status == 200 and status >= 400 and got == body:
        return "status of an error"
    if recording.status == 200 and status >= 400 and wire.stream_error(body) is not None:
        return "first-event error"
    return None


_OURS = ("model", "stream", "stream_options")


def _same_request(call: Sent, asked: bytes) -> bool:
    """Compare what was asked: byte by byte where the body names no model, else member by member."""
    if call.target.in_path and call.target.dialect != "gemini_embeddings":  # its inner requests name the model too
        return call.body == asked
    if call.headers["content-type"].startswith("multipart/"):
        return len(asked) > 0
    return _bare(json.loads(asked)) == _bare(json.loads(call.body))


def _bare(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a body without what the gateway may set, in its inner requests as well."""
    kept = {name: value for name, value in body.items() if name not in _OURS}
    if isinstance(kept.get("requests"), list):
        kept["requests"] = [_bare(each) for each in kept["requests"]]
    return kept


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
