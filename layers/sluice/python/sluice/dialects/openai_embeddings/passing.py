"""What a request that stays in this dialect needs: its check, the hosts' declared names for the same things, and
vectors in the encoding that was asked for. This module imports no canonical type."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from sluice.dialects.base import EMPTY, REMOVED, JsonObject, Outline
from sluice.dialects.policy import Changes, changes_of
from sluice.dialects.splice import to_bytes
from sluice.errors import BadRequest

NAME = "openai_embeddings"
INPUT_LIMIT = 2048
"""Inputs in one request (OpenAI API reference, 2026-08)."""

TASK_FIELDS = ("input_type", "task")
DIMENSION_FIELDS = ("dimensions", "output_dimension")
_NUMBERS = re.compile(rb'"embedding"\s*:\s*\[')


def outline(body: JsonObject, size: int) -> Outline:
    """Check an embeddings request. Raises BadRequest naming the parameter and the remedy."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("'model' must be the name of an embedding model.", param="model")
    _check_input(body.get("input"))
    encoding = body.get("encoding_format")
    if encoding is not None and not isinstance(encoding, str):
        raise BadRequest('\'encoding_format\' must be "float" or "base64".', param="encoding_format")
    for name in DIMENSION_FIELDS:
        dimensions = body.get(name)
        if dimensions is not None and (type(dimensions) is not int or dimensions < 1):
            raise BadRequest(f"{name!r} must be a whole number of at least 1.", param=name)
    return Outline(model, stream=False, include_usage=False, max_output=0, choices=1, prompt_bytes=size)


def pass_edits(body: JsonObject, quirks: JsonObject = EMPTY) -> Changes:
    """Return the members to set or take away, as the quirks of the host declare; none for OpenAI itself."""
    edits = changes_of(body, _policy(quirks)) if quirks else Changes()
    refused = {"base64": "base64_vectors", "float": "float_format"}.get(str(body.get("encoding_format")))
    if refused is not None and quirks.get(refused) is False:
        edits["encoding_format"] = REMOVED
        edits.silence("encoding_format")  # numbers come unasked, and the gateway packs them
    if isinstance(quirks.get("task_field"), str):
        edits.update(_task_edits(body, quirks))
    return edits


def _policy(quirks: JsonObject) -> JsonObject:
    """Return the policy of the host's embeddings, in the names of `sluice.dialects.policy`."""
    field = quirks.get("dimensions_field")
    named = isinstance(field, str) and field != "dimensions"
    return {"rename": {"dimensions": field} if named else {}, "drop": quirks.get("drop_embedding")}


def _task_edits(body: JsonObject, quirks: JsonObject) -> dict[str, object]:
    """Say the task in the host's own word and member; a word that the host or nobody knows is left as it is."""
    from sluice.dialects.tasks import canonical, said

    field, declared = str(quirks["task_field"]), quirks.get("task_words")
    words = declared if isinstance(declared, Mapping) else {}
    sent = next((name for name in TASK_FIELDS if isinstance(body.get(name), str)), None)
    if sent is None:
        default = words.get(str(quirks.get("default_task")))
        return {field: default} if default is not None and body.get(field) is None else {}
    word = said(canonical(body[sent]), words)
    if word is None or body[sent] in words.values():
        word = str(body[sent])
    if sent == field:
        return {} if word == body[sent] else {field: word}
    return {sent: REMOVED, field: word}


def finished_body(body: bytes, members: JsonObject) -> bytes:
    """Return an answer with base64 vectors for a caller who asked for them, where the host answered with numbers.

    OpenAI's clients ask for base64 unasked, and some of them decode whatever comes (openai-node, 2026-11).
    """
    if members.get("encoding_format") != "base64" or _NUMBERS.search(body) is None:
        return body
    try:
        answer = json.loads(body)
        vectors = [item["embedding"] for item in answer["data"]]
    except (ValueError, RecursionError, LookupError, TypeError):
        return body
    from sluice.dialects.vectors import packed, read

    for item, vector in zip(answer["data"], vectors, strict=True):
        item["embedding"] = packed(read(vector))
    return to_bytes(answer)


def _check_input(value: object) -> None:
    if isinstance(value, str):
        if not value:
            raise BadRequest("'input' is empty; send text.", param="input")
        return
    if not isinstance(value, list) or not value:
        raise BadRequest("'input' must be text, a list of texts, or lists of token ids.", param="input")
    if all(type(item) is int for item in value):
        return
    if len(value) > INPUT_LIMIT:
        raise BadRequest(f"'input' has {len(value)} items; the limit is {INPUT_LIMIT}. Split it.", param="input")
    for position, item in enumerate(value):
        if not isinstance(item, str | list | Mapping) or not item:
            raise BadRequest(f"'input[{position}]' must be text or a list of token ids.", param=f"input[{position}]")
