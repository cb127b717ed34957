"""The words by which vendors tell what a vector is for, and the canonical word of each.

Sources (2026-11): Cohere `input_type` (docs.cohere.com/reference/embed), Gemini `taskType`
(ai.google.dev/api/embeddings), Voyage `input_type` (docs.voyageai.com/reference/embeddings-api), NVIDIA `input_type`
(docs.nvidia.com/nim, Retriever), Jina `task` (api.jina.ai/redoc).
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.types.embeddings import Task

GENERIC: Mapping[str, Task] = {
    "query": "query",
    "search_query": "query",
    "retrieval.query": "query",
    "retrieval_query": "query",
    "document": "document",
    "passage": "document",
    "search_document": "document",
    "retrieval.passage": "document",
    "retrieval_document": "document",
    "classification": "classification",
    "clustering": "clustering",
    "separation": "clustering",
    "similarity": "similarity",
    "text-matching": "similarity",
    "semantic_similarity": "similarity",
    "question_answering": "question_answering",
    "fact_verification": "fact_verification",
    "code_query": "code_query",
    "code.query": "code_query",
    "nl2code.query": "code_query",
    "code_retrieval_query": "code_query",
    "image": "image",
}
"""Any vendor's word in lower case -> the canonical word."""

_NEAREST: Mapping[Task, Task] = {
    "question_answering": "query",
    "fact_verification": "query",
    "code_query": "query",
}


def canonical(word: object) -> Task | None:
    """Return the canonical word for a vendor's, None for an unknown one."""
    return GENERIC.get(word.lower()) if isinstance(word, str) else None


def said(task: Task | None, words: Mapping[str, object]) -> str | None:
    """Return a vendor's word for a task, or for the nearest it knows; None where it knows neither."""
    if task is None:
        return None
    word = words.get(task) or words.get(_NEAREST.get(task, ""))
    return word if isinstance(word, str) else None
