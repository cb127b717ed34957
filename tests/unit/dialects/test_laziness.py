"""A pass-through loads none of the canonical types: they cost cold start."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

import pytest

from sluice.dialects import ALONE, FAMILIES, chat_dialect
from sluice.dialects.base import ChatDialect

CHAT = """
import sys
from sluice.dialects import chat_dialect, eventstream
from sluice.errors import BadRequest

wire, (body, told, broken) = chat_dialect(sys.argv[1]), eval(sys.argv[2])
wire.outline(body, 1)
meter = wire.meter()
meter.feed(told)
assert meter.usage.output == 1
wire.pass_edits(body, {"max_tokens_field": "max_tokens", "drop": ["seed"]})
kept = wire.stream_filter(body)
assert kept is None or sys.argv[1] == "snowflake_complete" or kept(told) == b""
wire.read_usage(b"{}")
assert wire.stream_error(broken) is not None
wire.stream_error_bytes(BadRequest("x"), "r")
wire.decode_error(500, {}, b"{}")
wire.encode_error(BadRequest("x"), "r")
wire.keep_alive()
for hook, given in (("body_error", (b'{"message":"x"}', {})), ("error_headers", (BadRequest("x"),)), ("framing", ())):
    if hasattr(wire, hook):
        getattr(wire, hook)(*given)
heavy = {"sluice.types.chat", "sluice.types.stream", "email", "http.client", "asyncio", "logging", "datetime", "boto3"}
print(sorted(heavy & set(sys.modules)))
wire.decode_request(body)
print("sluice.types.chat" in sys.modules)
"""
SAYS = [{"role": "user", "content": "x"}]
OPENAI = b'data: {"choices":[],"usage":{"completion_tokens":1,"prompt_tokens":0}}\n\n'
REFUSED = b'data: {"error":{"message":"x"}}\n\n'
SAMPLES: dict[str, object] = {
    "openai_chat": ({"model": "m", "stream": True, "messages": SAYS}, OPENAI, REFUSED),
    "openai_completions": ({"model": "m", "stream": True, "prompt": "x"}, OPENAI, REFUSED),
    "snowflake_complete": ({"model": "m", "stream": True, "messages": SAYS}, OPENAI, b'data: {"message":"x"}\n\n'),
    "openai_responses": (
        {"model": "m", "input": "x"},
        b'data: {"type":"response.completed","response":{"usage":{"input_tokens":2,"output_tokens":1}}}\n\n',
        b'event: error\ndata: {"type":"error","error":{"code":"server_error","message":"x"}}\n\n',
    ),
    "anthropic_messages": (
        {"model": "m", "max_tokens": 1, "messages": SAYS},
        b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":1}}\n\n',
        b'event: error\ndata: {"type":"error","error":{"type":"api_error","message":"x"}}\n\n',
    ),
    "gemini": (
        {"model": "m", "contents": [{"parts": [{"text": "x"}]}]},
        b'data: {"usageMetadata":{"candidatesTokenCount":1}}\n\n',
        b'data: {"error":{"code":500,"status":"INTERNAL","message":"x"}}\n\n',
    ),
    "cohere_chat": (
        {"model": "m", "messages": SAYS},
        b'data: {"type":"message-end","delta":{"usage":{"billed_units":{"output_tokens":1}}}}\n\n',
        b'data: {"type":"message-end","delta":{"error":"x"}}\n\n',
    ),
    "ollama_chat": ({"model": "m", "messages": SAYS}, b'{"done":true,"eval_count":1}\n', b'{"error":"x"}\n'),
}
FRAMES = """(
    {"model": "m", "messages": [{"role": "user", "content": [{"text": "x"}]}]},
    eventstream.event("metadata", b'{"usage":{"inputTokens":1,"outputTokens":1}}'),
    eventstream.exception("throttlingException", b'{"message":"x"}'),
)"""
OTHERS = """
import sys
from sluice.dialects import chat_dialect

texts = {"model": "m", "input": ["a"], "texts": ["a"], "text": ["a"], "query": "q", "documents": ["a"]}
texts["content"] = {"parts": []}
texts["requests"] = [{"content": {"parts": []}}]
texts |= {"inputText": "a", "prompt": "a", "image": "a", "file_id": "a", "voice": "a", "max_tokens": 1}
texts |= {"messages": [{"role": "user", "content": "a"}], "contents": []}
for name in sys.argv[1:]:
    wire = chat_dialect(name)
    body = {**texts, "instances": [{"content": "a"}], "passages": ["a"]}
    body = {**body, "query": {"text": "q"}} if name == "nvidia_ranking" else body
    body = {**body, "input": {"converse": {}}} if name == "bedrock_count_tokens" else body
    body = {**body, "input": "a"} if name == "openai_speech" else body
    wire.outline(body, 1)
    wire.pass_edits(body, {})
    wire.read_usage(b"{}")
    wire.stream_filter(body)
    getattr(wire, "request_meter", lambda *_: wire.meter({}))(body, {})
    if hasattr(wire, "answer_usage"):
        wire.answer_usage(b"{}", {}, body, {})
heavy = {"sluice.types.chat", "sluice.types.embeddings", "sluice.types.rerank", "sluice.types.stream"}
heavy |= {"email", "http.client", "asyncio", "logging", "datetime", "base64", "struct", "urllib.request", "boto3"}
print(sorted(heavy & set(sys.modules)))
"""
FRAMED = {name for name in (*sum(FAMILIES, ()), *ALONE) if name.startswith("bedrock_")}
HOOKS = {"framing", "body_error", "answer_usage", "request_meter", "model_edits", "finished_body", "parse", "portable"}
BY_PROVIDERS_ONLY = {"gemini_images", "anthropic_batches"}
"""They outline no request: the one is spoken to providers only, the other is handled batch by batch."""


def printed(script: str, *arguments: str) -> list[str]:
    command = [sys.executable, "-c", script, *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.splitlines()


@pytest.mark.parametrize("name", FAMILIES[0])
def test_a_chat_that_passes_through_imports_no_chat_types(name: str) -> None:
    sample = FRAMES if name == "bedrock_converse" else repr(SAMPLES[name])
    assert printed(CHAT, name, sample) == ["[]", "True"]


def test_what_is_no_chat_passes_through_without_canonical_types() -> None:
    names = [name for name in (*sum(FAMILIES[1:], ()), *ALONE) if name not in FRAMED | BY_PROVIDERS_ONLY]
    assert printed(OTHERS, *names) == ["[]"]


def test_what_bedrock_frames_passes_through_without_canonical_types() -> None:
    loaded = printed(OTHERS, *sorted(FRAMED - {"bedrock_converse"}))
    assert loaded == ["['struct']"]  # frames are binary


@pytest.mark.parametrize("name", [*sum(FAMILIES, ()), *ALONE])
def test_no_submodule_stands_in_an_exports_place(name: str) -> None:
    wire = chat_dialect(name)
    for submodule in iter_modules(getattr(wire, "__path__", ())):
        import_module(f"sluice.dialects.{name}.{submodule.name}")
    functions = {export for export in vars(ChatDialect) if not export.startswith("_")} | HOOKS
    assert [export for export in functions if isinstance(getattr(wire, export, None), ModuleType)] == []
