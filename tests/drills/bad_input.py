"""Bad input of every kind gets the right status, the right envelope and a remedy; never a 5xx, never a charge."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sluice.ports import UpstreamCall
from sluice.types.http import Response
from tests.drills import bad_media
from tests.fakes import KEY, Gateway, Scripted, ScriptedTransport, configuration, custom, virtual_key

CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
CLAUDE = "anthropic/test-claude"
RESPONSES, GEMINI = "/v1/responses", "/v1beta/models/openai/test-gpt:generateContent"
COUNT, EMBED, ROUTE = "/v1/messages/count_tokens", "/v1/embeddings", "/v1/route"
USER = {"role": "user", "content": "Hello"}
GOOD: dict[str, dict[str, Any]] = {
    CHAT: {"model": "openai/test-gpt", "messages": [USER]},
    MESSAGES: {"model": "anthropic/test-claude", "max_tokens": 20, "messages": [USER]},
}
ODD: tuple[object, ...] = (None, 0, -1, 1.5, True, "", "x", [], {}, [None], [[]], {"a": 1}, "\ud800", 10**30, [USER, 3])
ANSWERS = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"finish_reason":"stop",'
    b'"message":{"role":"assistant","content":"Hi"}}],"usage":{"prompt_tokens":1,"completion_tokens":1}}',
    b'{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hi"}],'
    b'"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}',
)
REVOKED = "sk-sluice-" + "revokedrevok" + "V" * 32
EXPIRED = "sk-sluice-" + "expiredexpir" + "W" * 32


@dataclass(frozen=True)
class Case:
    """One bad request: what to send, and the status it must get."""

    name: str
    path: str
    body: object
    status: int
    key: str = KEY
    method: str = "POST"
    kind: str = ""
    """The content type, where it matters."""


@dataclass
class Findings:
    """Statuses seen, and what was wrong."""

    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def gateway() -> Gateway:
    """Return a gateway whose provider would accept anything, so that every refusal is the gateway's own."""
    keys = (virtual_key(KEY), virtual_key(REVOKED, revoked_ms=1), virtual_key(EXPIRED, expires_ms=1))
    live = configuration()
    painter = custom(bad_media.MODEL, operations=bad_media.OPERATIONS)
    live = configuration(models={**live.models, bad_media.MODEL: painter})
    return Gateway(ScriptedTransport(_accept), keys=keys, live=live)


def _accept(call: UpstreamCall) -> Scripted:
    return Scripted(body=ANSWERS["/messages" in call.url])


def listed() -> Iterator[Case]:
    """Yield the cases that every caller meets one day."""
    for path, good in GOOD.items():
        yield Case("not JSON", path, b"{not json", 400)
        yield Case("not an object", path, [good], 400)
        yield Case("empty body", path, b"", 400)
        yield Case("not UTF-8", path, b'{"model":"\xff"}', 400)
        yield Case("no key", path, good, 401, key="")
        yield Case("foreign key", path, good, 401, key="sk-proj-abc")
        yield Case("unknown key", path, good, 401, key="sk-sluice-" + "u" * 44)
        yield Case("revoked key", path, good, 401, key=REVOKED)
        yield Case("expired key", path, good, 401, key=EXPIRED)
        yield Case("unknown model", path, {**good, "model": "no/such"}, 404)
        yield Case("no model", path, {k: v for k, v in good.items() if k != "model"}, 400)
        yield Case("model is a number", path, {**good, "model": 7}, 400)
        yield Case("no messages", path, {k: v for k, v in good.items() if k != "messages"}, 400)
        yield Case("empty messages", path, {**good, "messages": []}, 400)
        yield Case("messages is text", path, {**good, "messages": "hi"}, 400)
        yield Case("message is text", path, {**good, "messages": ["hi"]}, 400)
        yield Case("unknown role", path, {**good, "messages": [{"role": "robot", "content": "x"}]}, 400)
        yield Case("stream is text", path, {**good, "stream": "yes"}, 400)
        yield Case("max_tokens is text", path, {**good, "max_tokens": "many"}, 400)
        yield Case("max_tokens is negative", path, {**good, "max_tokens": -1}, 400)
        yield Case("temperature is text", path, {**good, "temperature": "hot"}, 400)
        yield Case("7 MB body", path, {**good, "messages": [{"role": "user", "content": "x" * 7_000_000}]}, 413)
        yield Case("wrong method", path, None, 405, method="GET")
    yield from _responses()
    yield from _gemini()
    for name, path, body, status, kind in bad_media.listed():
        yield Case(name, path, body, status, kind=kind)
    result = {"role": "tool", "tool_call_id": "call_1", "content": "42"}
    yield Case("tool result without a call", CHAT, {**GOOD[CHAT], "messages": [USER, result]}, 400)
    block = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "42"}
    orphan = {"role": "user", "content": [block]}
    yield Case("tool result without a call", MESSAGES, {**GOOD[MESSAGES], "messages": [orphan]}, 400)
    yield Case("no max_tokens", MESSAGES, {k: v for k, v in GOOD[MESSAGES].items() if k != "max_tokens"}, 400)
    translated = {**GOOD[CHAT], "model": "anthropic/test-claude"}
    yield Case("parameter the target cannot express", CHAT, {**translated, "n": 3}, 400)
    yield Case("no such path", "/v1/nothing", {}, 404)
    yield Case("empty embedding input", EMBED, {"model": "openai/test-gpt", "input": ""}, 400)
    yield Case("no embedding input", EMBED, {"model": "openai/test-gpt"}, 400)
    yield Case("token count without messages", COUNT, {"model": "anthropic/test-claude"}, 400)
    yield Case("plan without model", ROUTE, {}, 400)
    yield Case("unknown request", "/v1/requests/req_0", None, 404, method="GET")


def _responses() -> Iterator[Case]:
    good = {"model": "openai/test-gpt", "input": "Hello"}
    yield Case("not JSON", RESPONSES, b"{not json", 400)
    yield Case("no key", RESPONSES, good, 401, key="")
    yield Case("unknown model", RESPONSES, {**good, "model": "no/such"}, 404)
    yield Case("no model", RESPONSES, {"input": "Hello"}, 400)
    yield Case("input is a number", RESPONSES, {**good, "input": 7}, 400)
    yield Case("max_output_tokens is text", RESPONSES, {**good, "max_output_tokens": "many"}, 400)
    yield Case("stored state elsewhere", RESPONSES, {**good, "model": CLAUDE, "previous_response_id": "resp_1"}, 400)


def _gemini() -> Iterator[Case]:
    good = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
    yield Case("not JSON", GEMINI, b"{not json", 400)
    yield Case("no key", GEMINI, good, 401, key="")
    yield Case("unknown model", "/v1beta/models/no/such:generateContent", good, 404)
    yield Case("unknown method", "/v1beta/models/openai/test-gpt:guess", good, 404)
    yield Case("no contents", GEMINI, {}, 400)
    yield Case("contents is a number", GEMINI, {"contents": 7}, 400)
    yield Case("generationConfig is text", GEMINI, {**good, "generationConfig": "x"}, 400)


def mutated(rounds: int, seed: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield good bodies with one to three members, at any depth, replaced by something odd."""
    chance = random.Random(seed)
    rich = {
        CHAT: {
            **GOOD[CHAT],
            "stream": False,
            "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
            "messages": [
                {"role": "system", "content": "s"},
                {"role": "user", "content": [{"type": "text", "text": "t"}]},
                {"role": "assistant", "tool_calls": [_call("a")], "content": None},
                {"role": "tool", "tool_call_id": "a", "content": "r"},
            ],
            "response_format": {"type": "json_object"},
            "stop": ["x"],
        },
        MESSAGES: {
            **GOOD[MESSAGES],
            "system": [{"type": "text", "text": "s"}],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "t"}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "r"}]},
            ],
            "thinking": {"type": "enabled", "budget_tokens": 1024},
        },
        RESPONSES: {
            "model": "",
            "instructions": "s",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "t"}]},
                {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "a", "output": "r"},
            ],
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
            "text": {"format": {"type": "json_object"}},
            "reasoning": {"effort": "low"},
        },
        GEMINI: {
            "contents": [
                {"role": "user", "parts": [{"text": "t"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"r": 1}}}]},
            ],
            "systemInstruction": {"parts": [{"text": "s"}]},
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": {"type": "object"}}]}],
            "generationConfig": {"temperature": 1, "stopSequences": ["x"], "thinkingConfig": {"thinkingBudget": 1}},
        },
    }
    targets = ("openai/test-gpt", "anthropic/test-claude")
    for number in range(rounds):
        path = tuple(rich)[number % len(rich)]
        body: dict[str, Any] = json.loads(json.dumps(rich[path]))
        if "model" in body:
            body["model"] = targets[(number // len(rich)) % 2]
        for _ in range(chance.randint(1, 3)):
            holder, name = chance.choice(list(_places(body)))
            holder[name] = json.loads(json.dumps(chance.choice(ODD)))
        yield path, body


def _call(name: str) -> dict[str, Any]:
    return {"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    names = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    for name in names:
        yield value, name
        yield from _places(value[name])


def envelope_fault(path: str, body: bytes) -> str:
    """Return what is wrong with an error body for the dialect of `path`, "" when nothing is."""
    try:
        told = json.loads(body)
    except ValueError:
        return "not JSON"
    if path.startswith("/v1/messages"):
        if told.get("type") != "error" or not {"type", "message"} <= set(told.get("error", {})):
            return f"not Anthropic's envelope: {body[:120]!r}"
    elif path.startswith("/v1beta/"):
        if not {"message", "code", "status"} <= set(told.get("error", {})):
            return f"not Gemini's envelope: {body[:120]!r}"
    elif not {"message", "type", "param", "code"} <= set(told.get("error", {})):
        return f"not OpenAI's envelope: {body[:120]!r}"
    message = told["error"]["message"]
    return "" if isinstance(message, str) and len(message) > 15 else f"a message without a remedy: {message!r}"


def run(rounds: int, seed: int = 1) -> Findings:
    """Send every listed case and `rounds` mutated bodies."""
    findings, bad = Findings(), gateway()
    for case in listed():
        response, body = ask(bad, case)
        findings.statuses[response.status] += 1
        fault = envelope_fault(case.path, body)
        if response.status != case.status or fault:
            findings.wrong.append(
                f"{case.path} {case.name}: {response.status}, not {case.status}; {fault} {body[:200]!r}"
            )
    for path, changed in (*mutated(rounds, seed), *bad_media.mutated(rounds // 4, seed, ODD)):
        _send(bad, findings, Case("mutated", path, json.dumps(changed).encode(), 0))
    for path, mangled in bad_media.mangled(rounds // 4, seed):
        _send(bad, findings, Case("mangled", path, mangled, 0, kind=bad_media.FORM))
    charged = [entry for entry in bad.ledger.entries.values() if entry.status != 200 and entry.cost]
    findings.wrong += [f"{entry.request_id} was refused and charged {entry.cost}" for entry in charged]
    return findings


def ask(bad: Gateway, case: Case) -> tuple[Response, bytes]:
    """Send one case."""
    headers = {"content_type": case.kind} if case.kind else {}
    return bad.ask(case.path, case.body, key=case.key, method=case.method, **headers)


def _send(bad: Gateway, findings: Findings, case: Case) -> None:
    """Send what may be good or bad: it must be served, or refused in words."""
    try:
        response, body = ask(bad, case)
    except Exception as error:
        findings.wrong.append(f"{case.path} {case.body!r}: {type(error).__name__} {error}")
        return
    findings.statuses[response.status] += 1
    if response.status >= 500 or (response.status != 200 and envelope_fault(case.path, body)):
        findings.wrong.append(f"{case.path} {case.body!r}: {response.status} {body[:200]!r}")


def main() -> int:
    """Print what was found and the summary; 1 when anything was wrong."""
    findings = run(4000)
    for fault in findings.wrong[:40]:
        print(f"WRONG {fault}")
    for status, count in sorted(findings.statuses.items()):
        print(f"status {status}: {count}")
    total = sum(findings.statuses.values())
    print(json.dumps({"requests": total, "wrong": len(findings.wrong), "bar": 0}))
    return 1 if findings.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
