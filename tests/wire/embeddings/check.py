"""Holds the embeddings dialects to recorded traffic, and prints a table of what passed.

Run it with `python -m tests.wire.embeddings.check`; `SLUICE_RECORDINGS` names another folder of recordings. Each
recording is up to three cases: its request, its answer or error, and its answer in every other dialect.
"""

from __future__ import annotations

import base64
import json
import struct
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from typing import Any

from sluice.dialects import chat_dialect
from sluice.errors import BadRequest, ProviderError
from sluice.providers.registry import Registry
from sluice.types.chat import Text
from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse
from tests.wire.recordings import Recording
from tests.wire.stated import words_of
from tests.wire.tally import Case, main, not_served, same

BAR = 0.99
ENDPOINTS = ("embeddings", "gemini.embed", "vertex.predict")
TONGUES = (
    "openai_embeddings",
    "cohere_embeddings",
    "gemini_embeddings",
    "gemini_embed_content",
    "vertex_embeddings",
    "ollama_embeddings",
)
UNLISTED = {"perplexity": {"packed_numbers": "int8"}, "cohere": {"default_task": "document"}}
"""Quirks of hosts whose catalogue file offers no embeddings in this dialect."""


def outside(recording: Recording) -> str:
    """Return why a recording of these endpoints is no embeddings call, "" when it is one."""
    if recording.request is not None and recording.request.get("method") == "GET":
        return "a usage report of the vendor's administration API, no call of a model"
    return ""


def dialect_of(recording: Recording) -> str:
    """Return the dialect of a recording: what its path says, or else its answer's members."""
    path = str((recording.request or {}).get("path") or "")
    ends = (
        (":predict", "vertex_embeddings"),
        (":embedContent", "gemini_embed_content"),
        ("/embed", "cohere_embeddings"),
    )
    for end, tongue in (*ends, (":batchEmbedContents", "gemini_embeddings"), ("/v1/embeddings", "openai_embeddings")):
        if path.endswith(end):
            return tongue
    members = json.loads(recording.body)
    signs = (("predictions", "vertex_embeddings"), ("data", "openai_embeddings"), ("meta", "cohere_embeddings"))
    for sign, tongue in signs:
        if sign in members:
            return tongue
    if recording.provider == "ollama":
        return "ollama_embeddings"
    if recording.provider == "gemini":
        return "gemini_embed_content" if "embedding" in members else "gemini_embeddings"
    return "openai_embeddings"


def cases(recording: Recording) -> Iterator[tuple[str, Case]]:
    """Yield the cases of one recording."""
    if reason := outside(recording):
        yield "recording", not_served(reason)
        return
    told = (recording, dialect_of(recording), _quirks(recording.provider))
    if isinstance(recording.request_body, dict):
        yield "request", partial(check_request, *told)
    if recording.status >= 400:
        yield "error", partial(check_error, *told)
    else:
        yield "answer", partial(check_answer, *told)
        yield "across", partial(check_across, *told)


@cache
def _quirks(name: str) -> Any:
    provider = Registry().provider(name)
    return UNLISTED.get(name) or (provider.quirks if provider is not None else {})


def _wire(tongue: str) -> Any:
    return chat_dialect(tongue)


def check_request(recording: Recording, tongue: str, quirks: dict[str, Any]) -> None:
    """A request that was served is accepted, read in full, and written back the same."""
    wire, body = _wire(tongue), {**recording.request_body, "model": recording.model or "m"}
    try:
        outline, request = wire.outline(body, 100), wire.decode_request(body)
    except BadRequest:
        if recording.status >= 400:
            return  # the provider refused it as well
        raise
    same("model", outline.model, request.model)
    same("inputs", list(request.inputs), _texts(body))
    same("dimensions", request.dimensions, _dimensions(body))
    encoded = wire.encode_request(request, request.model, quirks, True)
    written = {**json.loads(json.dumps(encoded.body)), "model": request.model}
    same("second reading", wire.decode_request(written), request)


def _texts(body: dict[str, Any]) -> list[Any]:
    """The inputs as the vendor's reference names them."""
    if "requests" in body:
        return [_content(request["content"]) for request in body["requests"]]
    if "content" in body:
        return [_content(body["content"])]
    if "instances" in body:
        return [instance["content"] for instance in body["instances"]]
    if body.get("images"):
        from sluice.dialects.openai_embeddings.request_in import picture

        return [(picture(image),) for image in body["images"]]
    given = body.get("texts") or body.get("input") or body.get("prompt")
    if isinstance(given, list) and given and isinstance(given[0], int):
        return [tuple(given)]
    items = given if isinstance(given, list) else [given]
    return [tuple(item) if isinstance(item, list) else item for item in items]


def _content(content: dict[str, Any]) -> Any:
    texts = tuple(Text(part["text"]) for part in content["parts"])
    return texts[0].text if len(texts) == 1 else texts


def _dimensions(body: dict[str, Any]) -> Any:
    nested = [body, *body.get("requests", ()), body.get("parameters") or {}]
    names = ("dimensions", "output_dimension", "output_dimensionality", "outputDimensionality")
    return next((found[name] for found in nested for name in names if found.get(name) is not None), None)


def check_answer(recording: Recording, tongue: str, quirks: dict[str, Any]) -> None:
    """A whole answer is read in full, with the provider's usage, and says the same after another round."""
    wire, body = _wire(tongue), json.loads(recording.body)
    response = wire.decode_response(body, quirks)
    same("vectors", _all(response), _recorded(body))
    used, expected = response.usage, _tokens(body)
    same("usage", None if used is None else used.prompt, expected)
    same("output", used.output if used is not None else 0, 0)
    read_in_passing = wire.read_usage(recording.body, quirks)
    same("usage read in passing", None if read_in_passing is None else read_in_passing.prompt, expected)
    if "cost" in (body.get("usage") or {}):
        cost = body["usage"]["cost"]
        stated = cost["total_cost"] if isinstance(cost, dict) else cost
        same("cost", float(used.provider_cost_usd), stated)
    encoding: Any = "base64" if any(isinstance(vector, str) for vector in response.vectors) else "float"
    asked = EmbeddingRequest(model="m", inputs=("x",), encoding=encoding, dialect=tongue)
    again = wire.decode_response(json.loads(json.dumps(wire.encode_response(response, asked))), quirks)
    same("second reading", _comparable(again), _comparable(response))


def _comparable(response: EmbeddingResponse) -> Any:
    cost = response.usage.provider_cost_usd if response.usage is not None else None
    return replace(response, model="", extras={}), cost


def _all(response: EmbeddingResponse) -> list[Any]:
    return [*response.vectors, *(vector for vectors in response.typed.values() for vector in vectors)]


def _recorded(body: dict[str, Any]) -> list[Any]:
    if "data" in body:
        found = [item["embedding"] for item in sorted(body["data"], key=lambda item: item["index"])]
    elif "predictions" in body:
        found = [item["embeddings"]["values"] for item in body["predictions"]]
    elif isinstance(body.get("embeddings"), dict):
        found = [vector for vectors in body["embeddings"].values() for vector in vectors]
    else:
        found = body.get("embeddings") or [body["embedding"]]
        found = [item["values"] if isinstance(item, dict) else item for item in found]
    return [vector if isinstance(vector, str) else tuple(vector) for vector in found]


def _tokens(body: dict[str, Any]) -> int | None:
    """The tokens as the vendor's reference names them."""
    if usage := body.get("usage"):
        return int(usage.get("prompt_tokens", usage.get("total_tokens")))
    if units := (body.get("meta") or {}).get("billed_units"):
        return int(sum(units.get(name, 0) for name in ("input_tokens", "image_tokens")))
    if usage := body.get("usageMetadata"):
        return int(usage["promptTokenCount"])
    if "predictions" in body:
        return sum(int(item["embeddings"]["statistics"]["token_count"]) for item in body["predictions"])
    count = body.get("prompt_eval_count")
    return None if count is None else int(count)


def check_across(recording: Recording, tongue: str, quirks: dict[str, Any]) -> None:
    """Translated into each other dialect and back, the vectors are the same 32-bit floats; so are the tokens."""
    response = _wire(tongue).decode_response(json.loads(recording.body), quirks)
    if not response.vectors:
        return  # whole numbers go to callers who asked for them, in the same dialect
    expected = [_bits(vector) for vector in response.vectors]
    for other in TONGUES:
        wire = _wire(other)
        if other == "gemini_embed_content" and len(expected) > 1:
            continue  # it holds one vector; a request for several never gets there
        encodings: tuple[Any, ...] = ("float", "base64")
        for encoding in encodings:
            asked = EmbeddingRequest(model="m", inputs=("x",) * len(expected), encoding=encoding, dialect=other)
            written = json.loads(json.dumps(wire.encode_response(response, asked)))
            again = wire.decode_response(written)
            same(f"vectors in {other}", [_bits(vector) for vector in again.vectors], expected)
            if response.usage is not None and again.usage is not None:
                same(f"tokens in {other}", again.usage.prompt, response.usage.prompt)


def _bits(vector: Any) -> bytes:
    return base64.b64decode(vector) if isinstance(vector, str) else struct.pack(f"<{len(vector)}f", *vector)


def check_error(recording: Recording, tongue: str, quirks: dict[str, Any]) -> None:
    """An error keeps its status and has a kind and words; written for a caller it says the same."""
    wire = _wire(tongue)
    error = wire.decode_error(recording.status, recording.headers, recording.body)
    if type(error) is not ProviderError:
        raise AssertionError(f"not a provider error: {error!r}")
    same("status", error.provider_status, recording.status)
    told = words_of(recording.body)
    same("message", error.message[:20], error.message[:20] if told is None else told[:20])
    if not error.kind:
        raise AssertionError("an error without kind")
    again = wire.decode_error(recording.status, {}, json.dumps(wire.encode_error(error, "req_1")).encode())
    same("second reading", (again.kind, again.message), (error.kind, error.message))


if __name__ == "__main__":
    sys.exit(main("embeddings", ENDPOINTS, cases, BAR))
