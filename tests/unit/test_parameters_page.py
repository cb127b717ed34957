"""The examples of docs/parameters.md do what the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from sluice.control.configurations import ConfigurationModel
from sluice.dialects.effort import BUDGETS
from sluice.dialects.policy import POLICY
from sluice.routing.configuration import parse
from tests.fakes import FixedSecrets, Gateway, Scripted, ScriptedTransport

PAGE = (Path(__file__).parents[2] / "docs" / "parameters.md").read_text(encoding="utf-8")
ANSWER = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "our-model",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "sim-claude",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def example(name: str) -> dict[str, Any]:
    found = re.search(rf"<!-- example: {name} -->\n```json\n(.*?)\n```", PAGE, re.DOTALL)
    assert found is not None, name
    value: dict[str, Any] = json.loads(found[1])
    return value


def ask(body: dict[str, Any], answer: dict[str, Any]) -> tuple[Any, dict[str, Any], ScriptedTransport]:
    """Ask a gateway with the page's configuration."""
    document = example("configuration")
    ConfigurationModel.model_validate(document)
    transport = ScriptedTransport(Scripted(200, json.dumps(answer).encode()))
    served = Gateway(transport, live=parse(document, "v1"), secrets=FixedSecrets(openai="sk-o", simulator="sk-s"))
    response, raw = served.ask("/v1/chat/completions", body)
    return response, json.loads(raw), transport


def test_the_request_reaches_the_provider_as_the_page_says() -> None:
    response, _, transport = ask(example("request"), ANSWER)
    assert transport.sent() == example("sent")
    assert f"`x-sluice-edits: {response.headers['x-sluice-edits']}`" in PAGE


def test_the_strict_route_refuses_it_in_the_words_of_the_page() -> None:
    response, body, transport = ask({**example("request"), "model": "exact"}, ANSWER)
    assert (response.status, body["error"]["code"], transport.calls) == (400, "unsupported_parameter", [])
    (quoted,) = re.findall(r"refused: `(.*?) \.\.\.`", PAGE)
    assert body["error"]["message"].startswith(quoted)


def test_the_curl_line_prints_what_the_page_says() -> None:
    (text,) = re.findall(r"-d '(.*?)' \| grep edits", PAGE)
    document = {"providers": {"simulator": {"base_url": "https://simulator.example", "enabled": True}}}
    transport = ScriptedTransport(Scripted(200, json.dumps(MESSAGE).encode()))
    served = Gateway(transport, live=parse(document, "v1"), secrets=FixedSecrets(simulator="sk-s"))
    response, _ = served.ask("/v1/chat/completions", json.loads(text))
    assert f"It prints `x-sluice-edits: {response.headers['x-sluice-edits']}`" in PAGE


def test_the_tables_are_those_of_the_code() -> None:
    words = re.findall(r"^\| effort \|(.*)\|$", PAGE, re.MULTILINE)[0].split("|")
    tokens = re.findall(r"^\| tokens \|(.*)\|$", PAGE, re.MULTILINE)[0].split("|")
    assert dict(zip(map(str.strip, words), map(int, tokens), strict=True)) == BUDGETS
    assert re.findall(r"^\| `(rename|refuse|drop|clamp|defaults)` \|", PAGE, re.MULTILINE) == list(POLICY)
