"""`sluice smoke URL`: does a gateway that was just deployed do what it is for?

It calls the gateway as a service would, with a virtual key (SLUICE_API_KEY) and one model, and costs a few tokens.
Each check says what it saw and how long it took; the exit status is 1 when one of them failed, so a release can stop.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sluice.cli.session import CommandFailed, Session, known_environment

if TYPE_CHECKING:
    import httpx

PATIENCE = 60.0
ENTRY_SECONDS = 30.0
"""How long a ledger entry may take: it is written after the last byte, a killed environment's by the next sweep."""
TOKENS = 32
PROMPT = "Reply with the word ready."
Table = Callable[[Sequence[str], Sequence[Sequence[object]]], str]


class Failed(Exception):
    """What a check saw instead of what it wants."""


@dataclass(frozen=True, slots=True)
class Result:
    """One check: what it is about, whether it holds, what was seen, and milliseconds."""

    name: str
    passed: bool
    seen: str
    ms: int


def add_commands(groups: Any, table: Table) -> None:
    """Add the command; `table` lays out rows under a head."""
    smoke = groups.add_parser("smoke", help="call a gateway as a service would, and check what comes back")
    smoke.add_argument("address", nargs="?", metavar="URL", help="the gateway's address (default: SLUICE_URL)")
    smoke.add_argument("--model", help="a model or route that the key may use (default: the cheapest chat model)")
    smoke.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print the results as JSON")
    smoke.set_defaults(command=lambda session, chosen: _smoke(session, chosen, table), gateway=False)


def _smoke(session: Session, chosen: argparse.Namespace, table: Table) -> None:
    import httpx

    known = known_environment()
    url, key = chosen.address or chosen.url or known.get("SLUICE_URL"), known.get("SLUICE_API_KEY")
    if not url or not key:
        raise CommandFailed("Name the gateway (sluice smoke URL) and set SLUICE_API_KEY to a virtual key of it.")
    with httpx.Client(base_url=url.rstrip("/"), timeout=PATIENCE, headers={"authorization": f"Bearer {key}"}) as client:
        results = list(checked(client, chosen.model))
    rows = [("ok" if each.passed else "FAILED", each.name, f"{each.ms} ms", each.seen) for each in results]
    passed = all(each.passed for each in results)
    shown = [{"check": each.name, "passed": each.passed, "seen": each.seen, "ms": each.ms} for each in results]
    session.show({"url": url, "passed": passed, "checks": shown}, table(("", "check", "took", "seen"), rows))
    if not passed:
        failed = [each.name for each in results if not each.passed]
        raise CommandFailed(f"{len(failed)} of {len(results)} checks failed: {', '.join(failed)}.")


def checked(client: httpx.Client, model: str | None) -> Iterator[Result]:
    """Run every check with a client that has the gateway's address and a key, and yield the results."""
    run = _Run(client, model)
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ("the gateway is up", run.is_up),
        ("a wrong key is refused", run.refuses_a_wrong_key),
        ("models can be called", run.finds_a_model),
        ("a whole answer", run.answers),
        ("a streamed answer", run.streams),
        ("the other dialect", run.translates),
        ("bad input is explained", run.explains),
        ("the ledger has the request", run.has_entered),
    )
    for name, check in checks:
        began = time.monotonic()
        try:
            seen, passed = check(), True
        except (Failed, KeyError, IndexError, TypeError, ValueError) as error:
            seen, passed = str(error) or type(error).__name__, False
        except Exception as error:
            # Whatever the connection fails with; its text could hold the address's credentials, its name does not.
            seen, passed = f"no answer ({type(error).__name__})", False
        yield Result(name, passed, seen, round((time.monotonic() - began) * 1000))


class _Run:
    """The checks, and what one leaves for the next."""

    def __init__(self, client: httpx.Client, model: str | None) -> None:
        self._client = client
        self._model = model or ""
        self._request_id = ""

    def is_up(self) -> str:
        found = _json(self._client.get("/health", headers={"authorization": ""}))
        return f"status {found.get('status', '?')}"

    def refuses_a_wrong_key(self) -> str:
        wrong = {"authorization": "Bearer sk-sluice-" + "a" * 44}
        answer = self._client.post("/v1/chat/completions", json=self._chat(), headers=wrong)
        if answer.status_code != 401:
            raise Failed(f"status {answer.status_code} where 401 is due")
        return f"401, {answer.json()['error'].get('code') or answer.json()['error']['type']}"

    def finds_a_model(self) -> str:
        found = _json(self._client.get("/v1/models"))["data"]
        if not found:
            raise Failed("no model: put a provider's key into the provider secret, or allow the key some models")
        if not self._model:
            self._model = cheapest(found)
        return f"{len(found)} models; {self._model} is asked"

    def answers(self) -> str:
        answer = self._client.post("/v1/chat/completions", json=self._chat())
        found = _json(answer)
        self._request_id = answer.headers["x-request-id"]
        usage = found["usage"]
        overhead = answer.headers.get("x-sluice-overhead-ms", "?")
        return f"{usage['prompt_tokens']} + {usage['completion_tokens']} tokens, {overhead} ms in the gateway"

    def streams(self) -> str:
        events = []
        began = time.monotonic()
        with self._client.stream("POST", "/v1/chat/completions", json={**self._chat(), "stream": True}) as answer:
            if answer.status_code != 200:
                answer.read()
                _json(answer)
            for line in answer.iter_lines():
                if line.startswith("data:"):
                    events.append((time.monotonic() - began, line[5:].strip()))
        if not events or events[-1][1] != "[DONE]":
            raise Failed(f"{len(events)} events, and the stream did not end with [DONE]")
        first, last = round(events[0][0] * 1000), round(events[-1][0] * 1000)
        return f"{len(events)} events, the first after {first} ms, the last after {last} ms"

    def translates(self) -> str:
        asked = {"model": self._model, "max_tokens": TOKENS, "messages": [{"role": "user", "content": PROMPT}]}
        found = _json(self._client.post("/v1/messages", json=asked, headers={"anthropic-version": "2023-06-01"}))
        return f"Messages: {found['type']}, {found['usage']['output_tokens']} output tokens"

    def explains(self) -> str:
        answer = self._client.post("/v1/chat/completions", json={**self._chat(), "messages": "hello"})
        if answer.status_code != 400:
            raise Failed(f"status {answer.status_code} where 400 is due")
        return str(answer.json()["error"]["message"])[:80]

    def has_entered(self) -> str:
        if not self._request_id:
            raise Failed("no request was answered")
        deadline = time.monotonic() + ENTRY_SECONDS
        while (answer := self._client.get(f"/v1/requests/{self._request_id}")).status_code == 404:
            if time.monotonic() > deadline:
                raise Failed(f"no entry for {self._request_id} after {ENTRY_SECONDS:.0f} s")
            time.sleep(0.2)
        entry = _json(answer)
        return f"{entry['deployment']}, {entry['outcome']}, {entry['cost_usd']} USD"

    def _chat(self) -> dict[str, object]:
        return {
            "model": self._model or "smoke",
            "max_completion_tokens": TOKENS,
            "messages": [{"role": "user", "content": PROMPT}],
        }


def cheapest(models: Sequence[Mapping[str, Any]]) -> str:
    """Return the id of the model that a few words cost least of, of those that chat; a route if there is nothing else.

    Raises:
        Failed: none of them chats.
    """
    chatting = [card for card in models if "chat" in card.get("operations", ("chat",)) and not card.get("deprecated")]
    if not chatting:
        raise Failed("no model that chats; name one with --model")
    return str(min(chatting, key=_price)["id"])


def _price(card: Mapping[str, Any]) -> tuple[int, float]:
    prices = card.get("pricing") or {}
    try:
        return 0, float(prices["prompt"]) + float(prices["completion"])
    except (KeyError, TypeError, ValueError):
        return 1, 0.0


def _json(answer: httpx.Response) -> Any:
    """Return the JSON of a 200; otherwise what the gateway says."""
    try:
        found = answer.json()
    except json.JSONDecodeError:
        raise Failed(f"status {answer.status_code} without JSON") from None
    if answer.status_code != 200:
        told = found.get("error", {}) if isinstance(found, dict) else {}
        raise Failed(
            f"status {answer.status_code}: {told.get('message', '') if isinstance(told, dict) else told}"[:200]
        )
    return found
