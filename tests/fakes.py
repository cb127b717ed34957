"""The outside world in memory: stores, secrets, log lines and a scripted provider."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl

from sluice.app import App
from sluice.dispatch import Clock
from sluice.governance.authentication import digest_of
from sluice.metering.tally import Tally
from sluice.ports import Transport, UploadAccess, UpstreamCall
from sluice.types.batches import BatchRecord
from sluice.types.catalogue import Model, Price, PriceTier
from sluice.types.http import Request, Response
from sluice.types.ledger import LedgerEntry
from sluice.types.routes import Configuration, ProviderSettings, Route, RouteTarget
from sluice.types.stored import StoredResponse
from sluice.types.tenancy import VirtualKey
from sluice.wiring import Adapters, application
from tests.counters import MemoryBuckets, MemoryCounters

PEPPER = b"test pepper"
KEY = "sk-sluice-" + "abcdefghijkl" + "S" * 32
OTHER_KEY = "sk-sluice-" + "mnopqrstuvwx" + "T" * 32
ADMIN_KEY = "sk-sluice-" + "adminadminad" + "U" * 32


def virtual_key(text: str, **changes: object) -> VirtualKey:
    values: dict[str, object] = {"id": text[10:22], "team": "search", "name": "test", "digest": digest_of(text, PEPPER)}
    return VirtualKey(**{**values, **changes})  # type: ignore[arg-type]


class MemoryKeys:
    def __init__(self, *keys: VirtualKey) -> None:
        self.stored = {key.id: key for key in keys}
        self.reads = 0

    def find(self, key_id: str) -> VirtualKey | None:
        self.reads += 1
        return self.stored.get(key_id)


class MemoryConfigurations:
    def __init__(self, live: Configuration) -> None:
        self.live = live

    def current_version(self) -> str | None:
        return self.live.version

    def load(self, version: str) -> Configuration:
        return self.live


class MemoryLedger:
    def __init__(self) -> None:
        self.entries: dict[str, LedgerEntry] = {}
        self.broken = False
        self.looked_up = 0

    def put(self, entry: LedgerEntry) -> bool:
        if self.broken:
            raise RuntimeError("throttled")
        fresh = entry.request_id not in self.entries
        self.entries.setdefault(entry.request_id, entry)
        return fresh

    def known(self, request_ids: Collection[str]) -> set[str]:
        self.looked_up += len(request_ids)
        return {request_id for request_id in request_ids if request_id in self.entries}

    def get(self, request_id: str) -> LedgerEntry | None:
        return self.entries.get(request_id)

    def versions(self, request_id: str) -> tuple[LedgerEntry, ...]:
        entry = self.entries.get(request_id)
        return () if entry is None else (entry,)

    @property
    def only(self) -> LedgerEntry:
        assert len(self.entries) == 1, list(self.entries)
        return next(iter(self.entries.values()))


class MemoryResponses:
    """Stored responses by team and id; `broken` makes every write fail."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], StoredResponse] = {}
        self.broken = False

    def put(self, response: StoredResponse) -> None:
        if self.broken:
            raise RuntimeError("throttled")
        self.kept[response.team, response.id] = response

    def find(self, team: str, response_id: str) -> StoredResponse | None:
        return self.kept.get((team, response_id))

    def find_all(self, team: str, response_ids: Iterable[str]) -> dict[str, StoredResponse]:
        return {each: self.kept[team, each] for each in response_ids if (team, each) in self.kept}

    def delete(self, team: str, response_id: str) -> bool:
        return self.kept.pop((team, response_id), None) is not None

    def charge(self, team: str, response_id: str, *, due: bool = False) -> bool:
        found = self.kept.get((team, response_id))
        if found is None or found.charged:
            return False
        self.kept[team, response_id] = replace(found, charged=True, due=due)
        return True

    def paid(self, team: str, response_id: str) -> None:
        found = self.kept.get((team, response_id))
        if found is not None:
            self.kept[team, response_id] = replace(found, due=False)

    @property
    def only(self) -> StoredResponse:
        assert len(self.kept) == 1, list(self.kept)
        return next(iter(self.kept.values()))


class MemoryBatches:
    """Records of batches by team and id; `broken` makes every write fail."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], BatchRecord] = {}
        self.broken = False

    def put(self, record: BatchRecord) -> None:
        if self.broken:
            raise RuntimeError("throttled")
        self.kept[record.team, record.id] = record

    def find(self, team: str, batch_id: str) -> BatchRecord | None:
        return self.kept.get((team, batch_id))

    def of_team(self, team: str) -> tuple[BatchRecord, ...]:
        found = [record for record in self.kept.values() if record.team == team]
        return tuple(sorted(found, key=lambda record: (record.created_ms, record.id), reverse=True))

    def delete(self, team: str, batch_id: str) -> None:
        self.kept.pop((team, batch_id), None)


class FixedSecrets:
    def __init__(self, **keys: str) -> None:
        self.bundle = {provider: {"api_key": key} for provider, key in keys.items()}
        self.next: dict[str, dict[str, str]] | None = None
        self.refreshes = 0

    def provider_keys(self) -> Mapping[str, Mapping[str, str]]:
        return self.bundle

    def refresh(self) -> None:
        self.refreshes += 1
        if self.next is not None:
            self.bundle = self.next

    def renew(self) -> None:
        return

    def pepper(self) -> bytes:
        return PEPPER


class Lines:
    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, line: str) -> None:
        self.written.append(line)


@dataclass
class Scripted:
    """A provider's answer: `chunks` come one by one; an exception among them is raised at its place."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    parts: list[bytes | Exception] | None = None
    closed: bool = False

    def read(self, limit: int | None = None) -> bytes:
        return b"".join(self.chunks())

    def chunks(self, tick: float | None = None) -> Iterator[bytes]:
        for part in self.parts if self.parts is not None else [self.body]:
            if isinstance(part, Exception):
                raise part
            yield part

    def close(self) -> None:
        self.closed = True


def events(*parts: bytes | Exception) -> Scripted:
    return Scripted(headers={"content-type": "text/event-stream"}, parts=list(parts))


class ScriptedTransport:
    """Gives its answers in turn (the last one for ever) and keeps the calls."""

    def __init__(self, *answers: Scripted | Exception | Callable[[UpstreamCall], Scripted]) -> None:
        self.answers = list(answers)
        self.calls: list[UpstreamCall] = []

    def send(self, call: UpstreamCall) -> Scripted:
        self.calls.append(call)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Scripted) else answer(call)

    def sent(self, number: int = -1) -> dict[str, object]:
        found = json.loads(self.calls[number].body)
        assert isinstance(found, dict)
        return found


PRICE = Price("", (PriceTier(0, {"input": 1_000_000_000, "output": 2_000_000_000}),))
"""One dollar for a million tokens in, two for a million out."""


def custom(name: str, **changes: object) -> Model:
    provider, _, model = name.partition("/")
    values: dict[str, object] = {"id": model, "provider": provider, "prices": (PRICE,)}
    return Model(**{**values, **changes})  # type: ignore[arg-type]


def configuration(**changes: object) -> Configuration:
    values: dict[str, object] = {
        "version": "v1",
        "providers": {
            "openai": ProviderSettings(base_url="https://openai.example/v1"),
            "anthropic": ProviderSettings(base_url="https://anthropic.example"),
        },
        "models": {m: custom(m) for m in ("openai/test-gpt", "anthropic/test-claude", "openai/other-gpt")},
        "routes": {
            "both": Route("both", (RouteTarget("openai/test-gpt"), RouteTarget("anthropic/test-claude"))),
            "pair": Route("pair", (RouteTarget("openai/test-gpt"), RouteTarget("openai/other-gpt"))),
        },
    }
    return Configuration(**{**values, **changes})  # type: ignore[arg-type]


class MemoryPayloads:
    """Archived payloads; with `failure`, putting one fails."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.failure: Exception | None = None

    def put(self, key: str, packed: bytes) -> None:
        if self.failure is not None:
            raise self.failure
        self.objects[key] = packed


class Gateway:
    """A composed application with everything outside it in memory."""

    def __init__(
        self,
        transport: Transport,
        *,
        keys: tuple[VirtualKey, ...] = (),
        live: Configuration | None = None,
        secrets: FixedSecrets | None = None,
        catalogues: tuple[Path, ...] = (),
        uploads: UploadAccess | None = None,
        open_line: Callable[[Tally], str] | None = None,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self.transport = transport
        self.keys = MemoryKeys(
            *(
                keys
                or (
                    virtual_key(KEY),
                    virtual_key(OTHER_KEY, team="ads"),
                    virtual_key(ADMIN_KEY, scopes=("admin", "inference")),
                )
            )
        )
        self.configurations = MemoryConfigurations(live or configuration())
        self.ledger = MemoryLedger()
        self.secrets = secrets or FixedSecrets(openai="sk-openai-secret", anthropic="sk-ant-secret")
        self.lines = Lines()
        self.responses = MemoryResponses()
        self.batches = MemoryBatches()
        self.counters, self.buckets = MemoryCounters(), MemoryBuckets()
        self.payloads = MemoryPayloads()
        self.slept: list[float] = []
        self.app: App = application(
            Adapters(
                keys=self.keys,
                configurations=self.configurations,
                ledger=self.ledger,
                secrets=self.secrets,
                transport=transport,
                lines=self.lines,
                encode_line=lambda entry, cold: json.dumps({"kind": "request", "id": entry.request_id, "cold": cold}),
                open_line=open_line or _open_line,
                region="us-east-1",
                clock=Clock(epoch=epoch, sleep=self.slept.append, random=lambda: 0.5),
                catalogues=catalogues,
                responses=lambda: self.responses,
                batches=lambda: self.batches,
                counters=lambda: (self.counters, self.buckets),
                uploads=uploads,
                payloads=lambda: self.payloads,
            )
        )

    def call(self, path: str, body: object, *, key: str = KEY, method: str = "POST", **headers: str) -> Response:
        """Send one request and leave the answer's body unread."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        auth = {"authorization": f"Bearer {key}"} if key else {}
        bare, _, query = path.partition("?")
        return self.app.handle(
            Request(method, bare, {**auth, **named}, raw, dict(parse_qsl(query)), repeated=_repeated(query))
        )

    def ask(self, path: str, body: object, **options: str) -> tuple[Response, bytes]:
        """Send one request, read its body, and settle it as the runtime does."""
        response = self.call(path, body, **options)
        read = response.body if isinstance(response.body, bytes) else b"".join(response.body)
        if response.after is not None:
            response.after()
        return response, read


def _repeated(query: str) -> dict[str, tuple[str, ...]]:
    return {name: tuple(values) for name, values in parse_qs(query).items() if len(values) > 1}


def _open_line(tally: Tally) -> str:
    return json.dumps({"kind": "open", "id": tally.request_id})
