"""A pass-through of embeddings, rerank and moderations loads none of the canonical types: they cost cold start."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from sluice.dialects import chat_dialect

texts = {"model": "m", "input": ["a"], "texts": ["a"], "query": "q", "documents": ["a"], "content": {"parts": []}}
texts["requests"] = texts["instances"] = [{"content": {"parts": []}}]
for name in sys.argv[1:]:
    wire = chat_dialect(name)
    body = {**texts, "instances": [{"content": "a"}], "passages": ["a"]}
    body = {**body, "query": {"text": "q"}} if name == "nvidia_ranking" else body
    wire.outline(body, 1)
    wire.pass_edits(body, {})
    wire.read_usage(b"{}")
    wire.stream_filter(body)
heavy = {"sluice.types.chat", "sluice.types.embeddings", "sluice.types.rerank", "sluice.types.stream"}
heavy |= {"email", "http.client", "asyncio", "logging", "datetime", "base64", "struct"}
print(sorted(heavy & set(sys.modules)))
"""
NAMES = (
    "openai_embeddings", "cohere_embeddings", "gemini_embeddings", "gemini_embed_content", "vertex_embeddings",
    "ollama_embeddings", "cohere_rerank", "jina_rerank", "voyage_rerank", "nvidia_ranking", "openai_moderations",
)  # fmt: skip


def test_passing_through_imports_no_canonical_types() -> None:
    command = [sys.executable, "-c", SCRIPT, *NAMES]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout.strip() == "[]", ran.stderr
