"""Checks an embeddings request in the body of an InvokeModel call; imports no canonical type."""

from __future__ import annotations

from sluice.dialects.base import JsonObject, Outline
from sluice.errors import BadRequest

NAME = "bedrock_embeddings"
COHERE_FIELDS = ("texts", "inputs", "images")


def outline(body: JsonObject, size: int) -> Outline:
    """Check an embeddings request. Raises BadRequest naming the parameter and the remedy."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("Name the model in the path: POST /model/{modelId}/invoke.", param="modelId")
    text = body.get("inputText")
    if not any(body.get(name) for name in COHERE_FIELDS) and (not isinstance(text, str) or not text):
        raise BadRequest("Send 'inputText' (Titan) or 'texts' (Cohere).", param="inputText")
    return Outline(model, stream=False, include_usage=False, max_output=0, choices=1, prompt_bytes=size)
