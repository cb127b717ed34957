"""The calls of a rehearsal: what an operator does after the first deployment, and what callers do then."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import httpx

from infra.drill.report import Elsewhere, RehearsalFailed, Report

SIMULATOR = "simulator"
MODEL = "simulator/sim-fast"
COUNTING_MODEL = "simulator/sim-claude"
NATIVE_MODEL = "simulator/sim-gpt"
EMBEDDING_MODEL = "simulator/sim-embed"
SETTLED_SECONDS = 10.0
AT_ONCE = 6
"""Requests under way at the same time."""
VERSIONS = "/admin/configuration/versions"
PICTURE = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
RULES = {
    "budgets": {
        "month": {"scope": {"kind": "team"}, "amount": 10**12, "window": {"kind": "month"}},
        "soon": {
            "scope": {"kind": "team"},
            "amount": 1_000,
            "window": {"kind": "day"},
            "hard": False,
            "thresholds": [50],
        },
        "hour": {"scope": {"kind": "key"}, "amount": 10**12, "window": {"kind": "rolling", "seconds": 3600}},
    },
    "limits": {"key": {"scope": {"kind": "key"}, "requests": {"per_minute": 6000}, "concurrent": 100}},
}
"""Budgets and limits that refuse nothing here, so that every call is held and counted; one of them tells soon."""
QUESTION = {"role": "user", "content": "Count from one to twenty in words."}


class Calls:
    """Calls through `client`, whose base URL is the deployed API; what they give goes into `report`."""

    def __init__(self, client: httpx.AsyncClient, report: Report) -> None:
        self._client = client
        self._report = report
        self._headers: dict[str, str] = {}
        self._admin: dict[str, str] = {}

    async def strangers(self) -> None:
        """Call what needs no key, what needs one, and what is not there."""
        self._report.health = (await self._client.get("/health")).status_code
        self._report.without_key = (await self._client.get("/v1/models")).status_code
        unknown = await self._client.get("/v1/nothing")
        self._report.unknown_path = (unknown.status_code, unknown.text)

    async def set_up(self, admin_key: str, simulator_url: str) -> None:
        """Publish a configuration with the simulator in it and create a key for callers."""
        headers = self._admin = {"authorization": f"Bearer {admin_key}"}
        # A deployed gateway reaches no loopback address; here functions do, because they run with SLUICE_LOCAL.
        provider = {"enabled": True, "base_url": simulator_url, "allow_loopback": True}
        version = (await self._post(VERSIONS, {"providers": {SIMULATOR: provider}, **RULES}, headers))["version"]
        await self._post(f"{VERSIONS}/{version}/promote", None, headers)
        created = await self._post("/admin/keys", {"team": "rehearsal", "name": "caller"}, headers)
        self._headers = {"authorization": f"Bearer {created['key']}"}

    async def chat(self) -> None:
        """Ask for a streamed answer, and for its ledger entry until it is there."""
        body = {"model": MODEL, "stream": True, "messages": [QUESTION]}
        began = time.monotonic()
        async with self._client.stream("POST", "/v1/chat/completions", json=body, headers=self._headers) as answer:
            if answer.status_code != 200:
                raise RehearsalFailed(f"The chat call gave {answer.status_code}: {(await answer.aread())[:500]!r}")
            self._report.request_id = answer.headers["x-request-id"]
            async for piece in answer.aiter_text():
                self._report.pieces.append((time.monotonic() - began, piece))
        self._report.entry = await self._entry(self._report.request_id)

    async def others(self) -> None:
        """Call one endpoint of each other kind: Anthropic's dialect, embeddings, counting, models, plans."""
        body = {"model": MODEL, "max_tokens": 64, "messages": [QUESTION]}
        calls: dict[str, dict[str, object]] = {
            "/v1/messages": body,
            "/v1/messages/count_tokens": {"model": MODEL, "messages": [QUESTION]},
            "/v1/embeddings": {"model": EMBEDDING_MODEL, "input": "rain"},
            "/v1/route": {"model": MODEL, "messages": [QUESTION]},
        }
        for path, each in calls.items():
            self._note(path, await self._client.post(path, json=each, headers=self._headers))
        self._note("/v1/models", await self._client.get("/v1/models", headers=self._headers))

    async def uploads(self) -> None:
        """Put a file, use it in both functions that call models, look at it and delete it."""
        declared = {"filename": "dot.gif", "bytes": len(PICTURE), "mime_type": "image/gif", "purpose": "vision"}
        card = await self._post("/v1/uploads", declared, self._headers)
        put = await self._client.put(card["upload"]["url"], content=PICTURE, headers=card["upload"]["headers"])
        part = {"type": "image", "source": {"type": "url", "url": card["reference"]}}
        body = {"model": COUNTING_MODEL, "max_tokens": 200, "messages": [{"role": "user", "content": [part]}]}
        used = await self._client.post("/v1/messages", json=body, headers=self._headers)
        counted = await self._client.post("/v1/messages/count_tokens", json=body, headers=self._headers)
        path = f"/v1/uploads/{card['id']}"
        shown = await self._client.get(path, headers=self._headers)
        deleted = await self._client.delete(path, headers=self._headers)
        gone = await self._client.get(path, headers=self._headers)
        answers = {"put": put, "used": used, "counted": counted, "shown": shown, "deleted": deleted, "gone": gone}
        self._report.uploads = {name: answer.status_code for name, answer in answers.items()}
        self._report.seen = used.text

    async def responses(self) -> None:
        """Keep a response, go on from it, list what it was given and delete it; poll one that runs by itself."""
        asked = {"model": COUNTING_MODEL, "input": "Say hello."}
        last = await self._post("/v1/responses", asked, self._headers)
        for _ in range(3):  # what two turns or more need is read at once
            last = await self._post("/v1/responses", {**asked, "previous_response_id": last["id"]}, self._headers)
        path = f"/v1/responses/{last['id']}"
        items = await self._client.get(f"{path}/input_items", headers=self._headers)
        deleted = await self._client.delete(path, headers=self._headers)
        gone = await self._client.get(path, headers=self._headers)
        alone = await self._post(
            "/v1/responses", {"model": NATIVE_MODEL, "input": "x", "background": True}, self._headers
        )
        polled = await self._until(f"/v1/responses/{alone['id']}", "status", "completed")
        answers = {"items": items, "deleted": deleted, "gone": gone, "polled": polled}
        self._report.responses = {name: answer.status_code for name, answer in answers.items()}

    async def batches(self) -> None:
        """Create a batch, find it, read its results when it has ended, and delete it."""
        params = {"model": COUNTING_MODEL, "max_tokens": 20, "messages": [QUESTION]}
        headers = {**self._headers, "anthropic-version": "2023-06-01"}
        body = {"requests": [{"custom_id": "one", "params": params}]}
        made = await self._post("/v1/messages/batches", body, headers)
        path = f"/v1/messages/batches/{made['id']}"
        listed = await self._client.get("/v1/messages/batches", headers=headers)
        ended = await self._until(path, "processing_status", "ended")
        results = await self._client.get(f"{path}/results", headers=headers)
        deleted = await self._client.delete(path, headers=headers)
        answers = {"listed": listed, "ended": ended, "results": results, "deleted": deleted}
        self._report.batches = {name: answer.status_code for name, answer in answers.items()}

    async def elsewhere(self, client: httpx.AsyncClient) -> Elsewhere:
        """Call another region with the same key: its health, its models, a streamed answer, and its entry."""
        found = Elsewhere()
        found.health = (await client.get("/health")).status_code
        found.without_key = (await client.get("/v1/models")).status_code
        found.models = (await client.get("/v1/models", headers=self._headers)).status_code
        body = {"model": MODEL, "stream": True, "messages": [QUESTION]}
        async with client.stream("POST", "/v1/chat/completions", json=body, headers=self._headers) as answer:
            found.request_id = answer.headers["x-request-id"]
            async for _ in answer.aiter_text():
                found.pieces += 1
        found.entry = (await self._entry(found.request_id, client))["status"]
        return found

    async def traffic(self, clients: Sequence[httpx.AsyncClient], count: int) -> dict[str, int]:
        """Send `count` requests through all regions at once, every other one streamed; return how many failed."""
        free = asyncio.Semaphore(AT_ONCE)

        async def one(number: int) -> bool:
            client, streamed = clients[number % len(clients)], number % 4 < 2
            body = {"model": MODEL, "stream": streamed, "max_tokens": 16, "messages": [QUESTION]}
            async with free:
                answer = await client.post("/v1/chat/completions", json=body, headers=self._headers)
            whole = answer.text.rstrip().endswith("data: [DONE]") if streamed else "choices" in answer.text
            return answer.status_code == 200 and whole

        done = await asyncio.gather(*map(one, range(count)))
        return {"requests": count, "failed": done.count(False)}

    async def administer(self) -> None:
        """Ask the control plane what there is to know."""
        today = time.strftime("%Y-%m-%d", time.gmtime())
        asked = {
            "usage": "/admin/usage?by=team",
            "budget": "/admin/budgets/month/status",
            "audit": "/admin/audit",
            "rows": f"/admin/ledger/rows?partition=rehearsal%23{today}%230",
        }
        for name, path in asked.items():
            answer = await self._client.get(path, headers=self._admin)
            self._report.administered[name] = answer.status_code

    async def counted(self) -> int:
        """Return how many requests of the team the API counts."""
        answer = await self._client.get("/v1/usage", headers=self._headers)
        if answer.status_code != 200:
            raise RehearsalFailed(f"Usage gave {answer.status_code}: {answer.text[:300]}")
        return int(answer.json()["total"]["requests"])

    async def _until(self, path: str, name: str, value: str) -> httpx.Response:
        """Ask until a member says what is waited for."""
        limit = time.monotonic() + SETTLED_SECONDS
        while True:
            answer = await self._client.get(path, headers=self._headers)
            if answer.status_code != 200 or answer.json().get(name) == value or time.monotonic() > limit:
                return answer
            await asyncio.sleep(0.1)

    def _note(self, path: str, answer: httpx.Response) -> None:
        told = "" if answer.status_code == 200 else f" {answer.text[:300]}"
        self._report.others[path] = f"{answer.status_code}{told}"

    async def _entry(self, request_id: str, client: httpx.AsyncClient | None = None) -> dict[str, Any]:
        """Return a ledger entry, which is written after the last byte of the answer."""
        limit = time.monotonic() + SETTLED_SECONDS
        while True:
            answer = await (client or self._client).get(f"/v1/requests/{request_id}", headers=self._headers)
            if answer.status_code == 200:
                return dict(answer.json())
            if time.monotonic() > limit:
                raise RehearsalFailed(f"The ledger entry was not there in time: {answer.status_code} {answer.text}")
            await asyncio.sleep(0.05)

    async def _post(self, path: str, body: object, headers: dict[str, str]) -> dict[str, Any]:
        answer = await self._client.post(path, json=body, headers=headers)
        if answer.status_code >= 300:
            raise RehearsalFailed(f"{path} gave {answer.status_code}: {answer.text[:500]}")
        return dict(answer.json())
