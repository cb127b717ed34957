"""Faults of a provider, what each must come to, and the drill that plays them against a running stack."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from sluice.aws.attributes import unmarshal_item
from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.dynamodb import DynamoClient
from sluice.providers.transport import HttpTransport
from sluice.settings import Settings
from tests.drills.callers import OPENAI, Answer, Dialect, Exchange
from tests.e2e.ledger import PRICES, found
from tests.stacks import Stack, running

PATIENCE = {"connect": 1, "first_byte": 0.4, "idle": 0.4, "total": 10}
"""Seconds that the drill's routes give a provider."""
ENTRY_SECONDS = 20.0
"""How long an entry may take that a sweep must find first."""
SPOKEN = {"sim-fast": "openai", "sim-claude": "anthropic"}


@dataclass(frozen=True)
class Fault:
    """What the provider is told to do, and what it must come to.

    `kind` is the canonical class of the failed attempt, "" for a fault that shows only after the attempt was a success.
    `statuses` are those that the caller may get. `only` limits it to models of the caller's own dialect ("same") or of
    the other ("translated"). `raw`: the provider's own bytes are handed on where the dialect is the same.
    """

    name: str
    directive: str
    kind: str = ""
    statuses: tuple[int, ...] = (200,)
    stream: bool = True
    only: str = ""
    raw: bool = False
    outcome: str = "failed"

    def concerns(self, dialect: Dialect, model: str) -> bool:
        """Return whether it is a fault for this caller and model."""
        return not self.only or (self.only == "same") == (SPOKEN[model] == dialect.name)


BEFORE = (
    Fault("hangs before its first byte", "hang", "timeout", (504,)),
    Fault("hangs before its first byte, not streamed", "hang", "timeout", (504,), stream=False),
    Fault("cuts before its first event", "cut_after=0", "connection", (502,)),
    Fault("cuts in the middle of a whole answer", "cut_after=0", "connection", (502,), stream=False),
    Fault("begins with garbage", "malformed=0", "garbled", (502,)),
    Fault("answers with half of its JSON", "malformed=0", "garbled", (502,), stream=False),
    Fault("begins with an error event", "error_event_at=0", "overloaded", (503, 529)),
    Fault("answers 200 with an error in it", "error_event_at=0", "overloaded", (503, 529), stream=False),
    Fault("answers with a web page", "status=502 body=html", "server", (502,), raw=True),
    Fault("is at its limit for long", "status=429 retry_after=30", "rate_limit", (429,)),
)
"""Nothing was sent to the caller yet: a status of its own, in the caller's envelope."""

INSIDE = (
    Fault("cuts its stream", "slow=3 cut_after=8"),
    Fault("ends its stream too early", "slow=3 close_after=8"),
    Fault("falls silent in its stream", "slow=3 hang_after=8"),
    Fault("sends an error event in its stream", "slow=3 error_event_at=8"),
    Fault("sends garbage in its stream", "slow=3 malformed=8", only="translated"),
    # Bytes of the caller's own dialect pass untouched, whatever they are.
    Fault("sends garbage in its stream", "slow=3 malformed=8", only="same", outcome="ok"),
)
"""Events have been sent: the stream ends with an error event of the caller's dialect."""

FALLBACK = (
    Fault("hangs before its first byte", "hang", "timeout"),
    Fault("answers 500", "status=500", "server"),
    Fault("begins with an error event", "error_event_at=0", "overloaded"),
    Fault("begins with garbage", "malformed=0", "garbled"),
    Fault("answers with half of its JSON", "malformed=0", "garbled", stream=False),
    Fault("cuts before its first event", "cut_after=0", "connection"),
)
"""The first deployment fails, the second (of the other dialect) answers."""

WAITED = (
    Fault("is at its limit for a moment", "status=429 retry_after=0.2 times=1", "rate_limit"),
    Fault(
        "is at its limit for a moment, not streamed", "status=429 retry_after=0.2 times=1", "rate_limit", stream=False
    ),
    Fault("breaks one connection", "cut_after=0 times=1", "connection"),
)
"""The same deployment answers when it is asked again."""


@dataclass
class Finding:
    """What one scenario came to: figures for the reader, and everything that was wrong."""

    name: str
    figures: str = ""
    wrong: list[str] = field(default_factory=list)
    counts: Mapping[str, int] = field(default_factory=dict)

    def expect(self, holds: bool, words: str) -> None:
        """Note what is wrong."""
        if not holds:
            self.wrong.append(words)


class Drill:
    """Sends requests to a stack and keeps count of them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.asked: list[str] = []
        self._numbers = itertools.count(1)

    def ask(self, dialect: Dialect, model: str, content: str, *, stream: bool) -> Exchange:
        """Send a request and leave its answer unread."""
        return Exchange(self.stack.url, self.stack.api_key, dialect, dialect.request(model, content, stream=stream))

    def answer(self, dialect: Dialect, model: str, content: str, *, stream: bool) -> Answer:
        """Send a request and read the answer to its end."""
        answer = self.ask(dialect, model, content, stream=stream).whole()
        self.asked.append(answer.request_id)
        return answer

    def single(self, fault: Fault, dialect: Dialect, model: str) -> Finding:
        """Play a fault of the only deployment."""
        finding = Finding(f"{dialect.name} caller, {model} {fault.name}")
        answer = self.answer(dialect, f"only-{model}", _told(fault), stream=fault.stream)
        finding.expect(answer.status in fault.statuses, f"status {answer.status}, not one of {fault.statuses}")
        finding.expect(answer.complete, "the connection broke")
        if answer.status != 200:
            wrong = "" if fault.raw and SPOKEN[model] == dialect.name else dialect.envelope_fault(answer.body)
            finding.expect(not wrong, wrong)
            finding.expect("x-should-retry" in answer.headers, "no x-should-retry")
        elif fault.outcome == "failed":
            wrong = dialect.ending_fault(answer.body)
            finding.expect(not wrong, wrong)
        outcome = fault.outcome if answer.status == 200 else "error"
        self.close(finding, answer, model, outcome, (fault.kind or "ok",))
        return finding

    def fallback(self, fault: Fault, dialect: Dialect, order: tuple[str, ...]) -> Finding:
        """Play a fault of the first of two deployments."""
        first, second = order
        finding = Finding(f"{dialect.name} caller, {first} {fault.name}, {second} answers")
        answer = self.answer(dialect, f"{first}-then-{second}", _told(fault, only=first), stream=fault.stream)
        self._is_whole(finding, answer)
        self.close(finding, answer, second, "ok", (fault.kind, "ok"))
        return finding

    def waited(self, fault: Fault, dialect: Dialect) -> Finding:
        """Play a fault that is over when the same deployment is asked again."""
        finding = Finding(f"{dialect.name} caller, sim-fast {fault.name}, and answers then")
        told = _told(fault, id=f"waited-{next(self._numbers)}")
        answer = self.answer(dialect, "patient-sim-fast", told, stream=fault.stream)
        self._is_whole(finding, answer)
        self.close(finding, answer, "sim-fast", "ok", (fault.kind, "ok"))
        return finding

    def _is_whole(self, finding: Finding, answer: Answer) -> None:
        finding.expect(answer.status == 200 and answer.complete, f"status {answer.status}, complete: {answer.complete}")
        finding.expect(b"4" in answer.body and b"error" not in answer.body, f"no plain answer: {answer.body[-200:]!r}")

    def close(self, finding: Finding, answer: Answer, model: str, outcome: str, attempts: tuple[str, ...]) -> None:
        """Hold the ledger to what happened, and the gateway to serving the next one."""
        entry = self.entry(answer.request_id)
        if entry is None:
            finding.wrong.append(f"no entry for {answer.request_id or 'a request without an id'}")
        else:
            self.judge(finding, entry, model, outcome)
            made = tuple(attempt["outcome"] for attempt in entry["attempts"])
            finding.expect(made == attempts, f"attempts {made}, not {attempts}")
            finding.expect(entry["status"] == answer.status, f"entered with status {entry['status']}")
            finding.figures = (
                f"{answer.status} {entry['outcome']} {answer.seconds:.2f} s, {entry['cost_nano_usd']} nUSD"
            )
        self.serves(finding)

    def judge(self, finding: Finding, entry: Any, model: str, outcome: str) -> None:
        """Hold an entry to its outcome and to the cost of exactly one answer, none where nothing was answered."""
        usage, cost = entry["usage"], entry["cost_nano_usd"]
        finding.expect(entry["outcome"] == outcome, f"entered as {entry['outcome']}, not {outcome}")
        due = sum(usage[name] * price for name, price in PRICES[model].items())
        finding.expect(cost == due, f"charged {cost}, not {due}")
        finding.expect((cost > 0) == (outcome != "error"), f"an outcome of {outcome} costs {cost}")
        guessed = outcome in ("failed", "lost")
        finding.expect(usage["estimated"] == guessed, f"an outcome of {outcome} with estimated={usage['estimated']}")

    def entry(self, request_id: str, seconds: float = ENTRY_SECONDS) -> Any:
        """Return the entry of a request, None when it does not come."""
        deadline = time.monotonic() + seconds
        while request_id and time.monotonic() < deadline:
            entry = found(self.stack, request_id)
            if entry is not None:
                return entry
            time.sleep(0.02)
        return None

    def serves(self, finding: Finding) -> None:
        """Expect a plain answer to a plain question."""
        answer = self.answer(OPENAI, "simulator/sim-fast", "say still here", stream=False)
        finding.expect(answer.status == 200 and b"still here" in answer.body, f"then it answered {answer.status}")

    def logged(self, kind: str) -> Counter[str]:
        """Return how many lines of a kind the streaming function's log has for each request."""
        ids: Counter[str] = Counter()
        for raw in (self.stack.logs / "streaming.jsonl").read_bytes().splitlines():
            with contextlib.suppress(ValueError):
                line = json.loads(raw)
                if line.get("kind") == kind:
                    ids[line["entry"]["id"]] += 1
        return ids

    def faults(self, event: str) -> int:
        """Return how often the streaming function's log reports a fault of its own."""
        return (self.stack.logs / "streaming.jsonl").read_bytes().count(f'"event":"{event}"'.encode())

    def books(self) -> Finding:
        """Compare the whole ledger with what was asked: one entry for each request, and none beside them."""
        finding = Finding("every request has exactly one entry")
        begun, closed = self.logged("open"), self.logged("request")
        rows = self._rows()
        outcomes = Counter(str(row.get("outcome", "ok")) for row in rows)
        ids = Counter(str(row["sk"]) for row in rows)
        asked = {request_id for request_id in self.asked if request_id}
        finding.expect(max(ids.values()) == 1, f"entered twice: {[i for i, n in ids.items() if n > 1]}")
        finding.expect(max(closed.values()) == 1, f"logged twice: {[i for i, n in closed.items() if n > 1]}")
        finding.expect(set(ids) == set(begun), f"not in both log and ledger: {set(ids) ^ set(begun)}")
        finding.expect(asked <= set(ids), f"asked and not entered: {asked - set(ids)}")
        lost = {str(row["sk"]) for row in rows if row.get("outcome") == "lost"}
        finding.expect(lost == set(begun) - set(closed), f"wrongly lost or found: {lost ^ (set(begun) - set(closed))}")
        finding.counts = {"requests": len(begun), "entries": len(rows), **dict(sorted(outcomes.items()))}
        finding.figures = ", ".join(f"{name} {number}" for name, number in finding.counts.items())
        return finding

    def _rows(self) -> list[Mapping[str, Any]]:
        """Return all entries of the ledger table; the fences that the sweep keeps there are none."""
        settings = self.settings()
        source = FixedCredentials(Credentials(settings.access_key_id, settings.secret_access_key))
        transport = HttpTransport(trusted=True)
        client = DynamoClient(transport, source, region=settings.region, endpoint_url=settings.endpoint_url)
        rows: list[Mapping[str, Any]] = []
        payload: dict[str, object] = {"TableName": settings.table("ledger"), "ConsistentRead": True}
        try:
            while True:
                page = client.call("Scan", payload)
                rows.extend(row for item in page["Items"] if (row := unmarshal_item(item))["sk"] != "fence")
                if "LastEvaluatedKey" not in page:
                    return rows
                payload["ExclusiveStartKey"] = page["LastEvaluatedKey"]
        finally:
            transport.drop_connections()

    def settings(self) -> Settings:
        """Return the settings that the stack's own environments have."""
        (pid, *_) = self.stack.environments("streaming")
        pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
        return Settings.from_environment({name: value for name, _, value in (pair.partition("=") for pair in pairs)})


def _told(fault: Fault, **words: str) -> str:
    directive = " ".join((fault.directive, *(f"{name}={value}" for name, value in words.items())))
    return f"[[fault: {directive}]] count to 40"


@contextlib.contextmanager
def opened(home: Path) -> Iterator[Drill]:
    """Run a stack with the drill's routes live before its first request, and a sweep that hardly waits."""
    with running(home, SLUICE_RECONCILE_SECONDS="1", SLUICE_SWEEP_GRACE_SECONDS="2") as stack:
        _publish(stack)
        yield Drill(stack)


def _publish(stack: Stack) -> None:
    headers = {"authorization": f"Bearer {stack.admin_key}"}
    with httpx.Client(base_url=stack.url, headers=headers, timeout=30) as admin:
        document = admin.get("/admin/configuration").raise_for_status().json()["document"]
        published = admin.post("/admin/configuration/versions", json={**document, "routes": _routes()})
        version = published.raise_for_status().json()["version"]
        admin.post(f"/admin/configuration/versions/{version}/promote").raise_for_status()


def _routes() -> dict[str, object]:
    fast, claude = "sim-fast", "sim-claude"
    return {
        f"only-{fast}": _route(fast),
        f"only-{claude}": _route(claude),
        f"{fast}-then-{claude}": _route(fast, claude),
        f"{claude}-then-{fast}": _route(claude, fast),
        f"patient-{fast}": _route(fast, attempts=2),
    }


def _route(*models: str, attempts: int = 1) -> dict[str, object]:
    targets = [{"model": f"simulator/{model}"} for model in models]
    return {"targets": targets, "timeouts": PATIENCE, "retry": {"attempts": attempts, "base": 0.01, "longest": 1}}
