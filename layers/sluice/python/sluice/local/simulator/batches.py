"""Message batches as Anthropic runs them: accepted at once, worked off behind the caller's back, read as JSON lines.

Unlike single answers they have a time of their own: a batch is in progress for `SECONDS` at the simulator's pace. What
a request of a batch answers is what it would answer alone.
"""

from __future__ import annotations

import json
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sluice.local.simulator import shape
from sluice.local.simulator.conversation import Refused
from sluice.local.simulator.playback import Reply
from sluice.local.simulator.shape import Object, expect

SECONDS = 1.0
"""How long a batch takes; a real one takes minutes to a day."""
_DAY = 86_400
_KEPT = 1000
_MOST = 100_000
_ID = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@dataclass(slots=True)
class Batch:
    """One batch; `lines` are its results once it has ended."""

    id: str
    requests: list[Object]
    created: float
    ends: float
    canceled: float | None = None
    lines: list[Object] = field(default_factory=list)


class Batches:
    """All batches of this simulator. `answer` gives what a Messages request answers: its status and JSON body."""

    def __init__(
        self, answer: Callable[[Object], tuple[int, Any]], pace: float, now: Callable[[], float] = time.time
    ) -> None:
        self._answer = answer
        self._pace = pace
        self._now = now
        self._kept: OrderedDict[str, Batch] = OrderedDict()

    def reply(self, method: str, place: str, query: Mapping[str, str], body: bytes) -> Reply:
        """Serve what is below `messages/batches`; `place` is the rest of the path."""
        batch_id, _, act = place.strip("/").partition("/")
        if not batch_id:
            return self._create(body) if method == "POST" else self._listed(method, query)
        batch = self._kept.get(batch_id)
        if batch is None:
            raise Refused(404, f"Message batch {batch_id} was not found.")
        self._work(batch)
        if act == "results" and method == "GET":
            return self._results(batch)
        if act == "cancel" and method == "POST":
            if not batch.lines:
                batch.canceled = batch.canceled or self._now()
            return Reply(200, {}, self._described(batch))
        if not act and method == "DELETE":
            expect(batch.lines, f"Message batch {batch.id} has not ended; cancel it first.")
            del self._kept[batch.id]
            return Reply(200, {}, {"id": batch.id, "type": "message_batch_deleted"})
        if act or method != "GET":
            raise Refused(405, f"Method {method} is not allowed here.", code="method_not_allowed")
        return Reply(200, {}, self._described(batch))

    def _create(self, body: bytes) -> Reply:
        request = shape.parsed(body)
        given = shape.required(request, "requests", list)
        expect(1 <= len(given) <= _MOST, f"requests: a batch has from 1 to {_MOST} requests.")
        ids = [_checked(raw, f"requests.{number}") for number, raw in enumerate(given)]
        expect(len(set(ids)) == len(ids), "requests: custom_id must be unique for each request within the batch.")
        now = self._now()
        batch = Batch(f"msgbatch_{uuid.uuid4().hex[:24]}", list(given), now, now + SECONDS * self._pace)
        self._kept[batch.id] = batch
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return Reply(200, {}, self._described(batch))

    def _listed(self, method: str, query: Mapping[str, str]) -> Reply:
        if method != "GET":
            raise Refused(405, f"Method {method} is not allowed here; use GET or POST.", code="method_not_allowed")
        limit = query.get("limit", "20")
        expect(limit.isdigit() and 1 <= int(limit) <= 1000, "limit: must be from 1 to 1000.")
        batches = list(reversed(self._kept.values()))
        ids = [batch.id for batch in batches]
        after = query.get("after_id")
        start = ids.index(after) + 1 if after in ids else 0
        page = batches[start : start + int(limit)]
        for batch in page:
            self._work(batch)
        listed = [self._described(batch) for batch in page]
        ends = {"first_id": page[0].id if page else None, "last_id": page[-1].id if page else None}
        return Reply(200, {}, {"data": listed, "has_more": start + len(page) < len(batches), **ends})

    def _work(self, batch: Batch) -> None:
        """Answer everything once the batch's time has come; what was canceled before that is not answered."""
        if batch.lines or (self._now() < batch.ends and batch.canceled is None):
            return
        for request in batch.requests:
            result = {"type": "canceled"} if batch.canceled is not None else self._result(request["params"])
            batch.lines.append({"custom_id": request["custom_id"], "result": result})

    def _result(self, params: Object) -> Object:
        status, body = self._answer(params)
        if status >= 400:
            return {"type": "errored", "error": body}
        body["usage"]["service_tier"] = "batch"
        return {"type": "succeeded", "message": body}

    def _described(self, batch: Batch) -> Object:
        kinds = [line["result"]["type"] for line in batch.lines]
        running = 0 if batch.lines else len(batch.requests)
        counts = {kind: kinds.count(kind) for kind in ("succeeded", "errored", "canceled", "expired")}
        status = "ended" if batch.lines else "canceling" if batch.canceled is not None else "in_progress"
        ended = min(batch.ends, batch.canceled or batch.ends)
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": status,
            "request_counts": {"processing": running, **counts},
            "ended_at": _at(ended) if batch.lines else None,
            "created_at": _at(batch.created),
            "expires_at": _at(batch.created + _DAY),
            "archived_at": None,
            "cancel_initiated_at": _at(batch.canceled) if batch.canceled is not None else None,
            "results_url": f"/v1/messages/batches/{batch.id}/results" if batch.lines else None,
        }

    def _results(self, batch: Batch) -> Reply:
        if not batch.lines:
            raise Refused(404, f"Message batch {batch.id} has no results yet.")
        lines = b"".join(json.dumps(line, ensure_ascii=False).encode() + b"\n" for line in batch.lines)
        return Reply(200, {}, lines, media_type="application/x-jsonl")


def _checked(raw: Any, place: str) -> str:
    request = shape.typed(raw, dict, place)
    custom_id = shape.required(request, "custom_id", str, f"{place}.")
    expect(1 <= len(custom_id) <= 64, f"{place}.custom_id: String should have at most 64 characters")
    expect(_ID.issuperset(custom_id), f"{place}.custom_id: letters, digits, - and _ only")
    params = shape.required(request, "params", dict, f"{place}.")
    expect(params.get("stream") is not True, f"{place}.params.stream: batches do not stream")
    return str(custom_id)


def _at(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()
