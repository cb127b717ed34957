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
elided in the recordings. What the recorded bytes report of tokens must be in the ledger, and charged.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sluice.dialects import chat_dialect
from sluice.dialects.base import EMPTY
from sluice.providers.transport import HttpTransport
from sluice.types.http import Request
from sluice.types.routes import ProviderSettings
from sluice.types.stored import StoredResponse
from tests.fakes import KEY, FixedSecrets, Gateway, configuration, custom
from tests.wire.recordings import Recording, folder, read
from tests.wire.replay_server import Replay, ReplayServer, trace_of
from tests.wire.replay_targets import ENDPOINTS, Sent, Target, answer, sent, target_of, targets
from tests.wire.tally import same, some
from tests.wire.usage.reported import counted

BAR = 0.99
FREE = ("count_tokens", "input_tokens")
"""Operations that cost nothing."""


@dataclass
class Outcome:
    """What became of each recording: "" for exact, the name of a declared edit, or why it failed."""

    edits: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    recordings: dict[str, Recording] = field(default_factory=dict)

    @property
    def exact(self) -> int:
        return sum(1 for edit in self.edits.values() if not edit)

    @property
    def edited(self) -> Counter[str]:
        return Counter(edit for edit in self.edits.values() if edit)

    @property
    def failures(self) -> list[str]:
        return [f"{label}: {words}" for label, words in self.failed.items()]

    @property
    def total(self) -> int:
        return len(self.recordings)

    @property
    def share(self) -> float:
        return 1.0 if not self.total else 1 - len(self.failed) / self.total

    def state(self, label: str) -> str:
        """Return "exact", "edited", "failed", or "" for a recording that was not replayed."""
        if label in self.failed:
            return "failed"
        edit = self.edits.get(label)
        return "" if edit is None else "edited" if edit else "exact"


def replay_all(limit: int | None = None, watch: Callable[[int], None] | None = None) -> Outcome:
    """Replay each recording of the served dialects (or `limit` of each sort); tell `watch` how many are done."""
    outcome = Outcome()
    chosen = [*_chosen(limit, outcome)]
    with ReplayServer() as server, tempfile.TemporaryDirectory() as folder:
        gateway, transport = _gateway(server.port, chosen, Path(folder))
        for recording, call, (kind, body) in chosen:
            told = {name: value for name, value in recording.headers.items() if name.startswith("x-amzn-bedrock-")}
            server.replays[recording.id] = Replay(recording.status, kind, body, headers=told)
            outcome.recordings[recording.label] = recording
            try:
                outcome.edits[recording.label] = _one(gateway, server, recording, call)
            except Exception as error:
                outcome.failed[recording.label] = f"{type(error).__name__}: {str(error)[:400]}"
            if watch is not None:
                watch(len(outcome.recordings))
        transport.drop_connections()
    return outcome


Call = tuple[Recording, Sent, tuple[str, bytes]]
"""A recording, how it is asked, and what is answered: content type and body."""


def _chosen(limit: int | None, outcome: Outcome) -> Iterator[Call]:
    for recording in some(read(ENDPOINTS), limit):
        try:
            target = target_of(recording)
            if target is not None:
                yield recording, sent(recording, target), answer(recording)
        except Exception as error:
            outcome.recordings[recording.label] = recording
            outcome.failed[recording.label] = f"cannot be asked: {type(error).__name__}: {str(error)[:400]}"


def _gateway(port: int, chosen: list[Call], folder: Path) -> tuple[Gateway, HttpTransport]:
    address = f"http://127.0.0.1:{port}"
    for target in targets():
        (folder / f"{target.provider}.json").write_text(json.dumps(_provider(target)))
    models = {
        call.model: custom(call.model, operations=(call.target.offered,), inputs=("text", "image"))
        for _, call, _ in chosen
    }
    settings = ProviderSettings(base_url=address, allow_loopback=True, propagate_trace=True)
    providers = {t.provider: settings for t in targets()}
    secrets = FixedSecrets(**{t.provider: "k" for t in targets()})
    transport = HttpTransport()
    live = configuration(models=models, providers=providers, routes={})
    gateway = Gateway(transport, live=live, secrets=secrets, catalogues=(folder,))
    for recording, call, _ in chosen:
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


def _one(gateway: Gateway, server: ReplayServer, recording: Recording, call: Sent) -> str:
    """Replay one recording; return the declared edit, "" for none. Raises AssertionError for any other difference."""
    trace = f"00-{trace_of(recording.id)}-{'1' * 16}-01"
    headers = {"authorization": f"Bearer {KEY}", "traceparent": trace, **call.headers}
    response = gateway.app.handle(Request("POST", call.path, headers, call.body, call.query))
    got = response.body if isinstance(response.body, bytes) else b"".join(response.body)
    if response.after is not None:
        response.after()
    replay = server.replays[recording.id]
    if replay.asked is None:
        return _refused_here(recording, response.status, got)
    if not _same_request(call, replay.asked):
        raise AssertionError("the provider was asked something else")
    _check_ledger(gateway, recording, call, response.status)
    if got == replay.body and response.status == recording.status:
        return ""
    edit = _declared(recording, call, response.status, got)
    if edit is None:
        raise AssertionError(f"{_difference(replay.body, got)} (status {response.status})")
    return edit


def _refused_here(recording: Recording, status: int, got: bytes) -> str:
    if recording.status >= 400 and 400 <= status < 500:
        return "refused here"
    raise AssertionError(f"refused with {status}: {got[:200]!r}")


def _check_ledger(gateway: Gateway, recording: Recording, call: Sent, status: int) -> None:
    """What the recorded bytes report is in the ledger and has its price."""
    if (recording.status, status) != (200, 200) or call.target.operation in FREE:
        return
    usage = counted(recording, EMPTY)
    entry = next(reversed(gateway.ledger.entries.values()))
    if usage is not None and usage.total and not usage.estimated:
        same("tokens in the ledger", (entry.usage.prompt, entry.usage.output), (usage.prompt, usage.output))
    same("charged", entry.cost > 0, entry.usage.total > 0 or entry.cost > 0)


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
    if folder() is None:
        print("recorded provider traffic is not on this machine; nothing was replayed")
    outcome = replay_all()
    counts: Counter[tuple[str, str, str]] = Counter()
    for label, recording in outcome.recordings.items():
        counts[recording.provider, recording.endpoint, outcome.state(label)] += 1
    print(f"{'provider':<20}{'endpoint':<24}{'exact':>8}{'edited':>8}{'failed':>8}")
    for provider, endpoint in sorted({key[:2] for key in counts}):
        states = (counts[provider, endpoint, state] for state in ("exact", "edited", "failed"))
        print(f"{provider:<20}{endpoint:<24}" + "".join(f"{count:>8}" for count in states))
    for name, count in outcome.edited.items():
        print(f"declared edit: {name}: {count}")
    for failure in outcome.failures:
        print(f"FAILED {failure}")
    summary = {"replayed": outcome.total, "exact": outcome.exact, "edited": dict(outcome.edited)}
    print(json.dumps({**summary, "failed": len(outcome.failed), "share": round(outcome.share, 5), "bar": BAR}))
    return 0 if outcome.total and outcome.share >= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
