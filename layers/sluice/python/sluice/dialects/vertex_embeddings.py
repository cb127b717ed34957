"""Vertex AI text embeddings (`:predict` of a publisher model), both halves of the dialect.

Rules: each instance is one text with its own task and title; the token counts of an answer stand beside each vector.
Source: docs.cloud.google.com/vertex-ai, "Text embeddings API" (2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from sluice.dialects.base import EMPTY, Encoded, JsonObject, Outline, path_edits
from sluice.dialects.lazy import ERRORS, STREAMLESS, borrowed, lazily
from sluice.dialects.unstreamed import Leaving
from sluice.errors import BadRequest, ProviderGarbled
from sluice.types.usage import Usage

if TYPE_CHECKING:
    from sluice.types.embeddings import EmbeddingRequest, EmbeddingResponse
else:
    __getattr__ = lazily(__name__, {**borrowed("unstreamed", *STREAMLESS), **borrowed("gemini", *ERRORS)})


NAME = "vertex_embeddings"
pass_edits = path_edits
_INSTANCE = frozenset({"content", "task_type", "taskType", "title"})
_PARAMETERS = frozenset({"autoTruncate", "outputDimensionality"})


def outline(body: JsonObject, size: int) -> Outline:
    """Check an embeddings request; its model stands in the path. Raises BadRequest."""
    model = body.get("model")
    if not isinstance(model, str) or not model:
        raise BadRequest("The model stands in the path: .../models/{model}:predict.", param="model")
    instances = body.get("instances")
    if not isinstance(instances, list) or not instances:
        raise BadRequest("'instances' must be a list of objects with 'content'.", param="instances")
    for place, instance in enumerate(instances):
        content = instance.get("content") if isinstance(instance, Mapping) else None
        if not isinstance(content, str):
            raise BadRequest(f"'instances[{place}].content' must be text.", param=f"instances[{place}]")
    return Outline(model, stream=False, include_usage=False, max_output=0, choices=1, prompt_bytes=size)


def read_usage(body: bytes, quirks: JsonObject = EMPTY) -> Usage | None:  # noqa: ARG001 - one signature
    """Return the usage of a whole 200 answer, or None."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return _usage(found) if isinstance(found, dict) else None


def _usage(body: JsonObject) -> Usage | None:
    """Tokens, and the characters that the older models are billed by."""
    total, counted = 0, False
    predictions, metadata = body.get("predictions"), body.get("metadata")
    billed = metadata.get("billableCharacterCount") if isinstance(metadata, Mapping) else None
    for prediction in predictions if isinstance(predictions, list) else ():
        count = _statistics(prediction).get("token_count")
        if isinstance(count, int | float) and 0 <= count < 1e15:
            total, counted = total + int(count), True
    characters = billed if type(billed) is int and 0 <= billed < 10**15 else 0
    return Usage(input=total, characters=characters) if counted or characters else None


def _statistics(prediction: object) -> Mapping[str, object]:
    found = prediction.get("embeddings") if isinstance(prediction, Mapping) else None
    statistics = found.get("statistics") if isinstance(found, Mapping) else None
    return statistics if isinstance(statistics, Mapping) else EMPTY


def decode_request(body: JsonObject) -> EmbeddingRequest:
    """Return the canonical request; one whose instances differ in task or title is bound to Vertex."""
    from sluice.dialects.tasks import canonical
    from sluice.types.embeddings import EmbeddingRequest

    model = outline(body, 0).model
    instances = cast("list[Mapping[str, object]]", body["instances"])
    settings = [{name: value for name, value in item.items() if name != "content"} for item in instances]
    same = all(one == settings[0] for one in settings)
    found = body.get("parameters")
    parameters: Mapping[str, object] = found if isinstance(found, Mapping) else {}
    word, title = settings[0].get("task_type", settings[0].get("taskType")), settings[0].get("title")
    cut = parameters.get("autoTruncate")
    extras: dict[str, object] = {
        n: v for n, v in body.items() if n not in ("model", "stream", "instances", "parameters")
    }
    others = {name: value for name, value in parameters.items() if name not in _PARAMETERS}
    own = {name: value for name, value in settings[0].items() if name not in _INSTANCE}
    if word is not None and canonical(word) is None:
        own["task_type"] = word
    return EmbeddingRequest(
        model=model,
        inputs=tuple(cast("str", item["content"]) for item in instances),
        dimensions=cast("int | None", parameters.get("outputDimensionality")),
        task=canonical(word),
        truncate=("end" if cut else "none") if isinstance(cut, bool) else None,
        title=title if isinstance(title, str) else None,
        dialect=NAME,
        extras={**extras, **({"parameters": others} if others else {}), **({"instance": own} if own else {})},
        bound={}
        if same
        else {"instances": "they differ in task or title; send those that differ as calls of their own"},
    )


def encode_request(
    request: EmbeddingRequest,
    model: str,  # noqa: ARG001 - one signature; it stands in the path
    quirks: JsonObject = EMPTY,
    strict: bool = False,
) -> Encoded:
    """Return the provider's request body. Raises UnsupportedParameter."""
    from sluice.dialects.gemini_embeddings.request import WORDS
    from sluice.dialects.openai_embeddings.request_out import check_count, check_plain, text_of
    from sluice.dialects.tasks import said

    check_count(request, quirks)
    check_plain(request)
    leaving = Leaving(strict)
    own = request.extras if request.dialect == NAME else {}
    settings: dict[str, object] = {}
    word = said(request.task, WORDS)
    leaving.drop_if(request.task is not None and word is None, "input_type")
    if word is not None:
        settings["task_type"] = word
    if request.title is not None:
        settings["title"] = request.title
    settings.update(cast("Mapping[str, object]", own.get("instance", {})))
    parameters = dict(cast("Mapping[str, object]", own.get("parameters", {})))
    if request.dimensions is not None:
        parameters["outputDimensionality"] = request.dimensions
    if request.truncate in ("none", "end"):
        parameters["autoTruncate"] = request.truncate == "end"
    leaving.drop_if(request.truncate == "start", "truncate")
    leaving.drop_if(request.user is not None, "user")
    for name in request.extras:
        leaving.drop_if(request.dialect != NAME, name)
    texts = [text_of(item, place) for place, item in enumerate(request.inputs)]
    body: dict[str, object] = {"instances": [{"content": text, **settings} for text in texts]}
    if parameters:
        body["parameters"] = parameters
    rest = {name: value for name, value in own.items() if name not in ("instance", "parameters")}
    return Encoded({**rest, **body}, leaving.edits)


def decode_response(body: JsonObject, quirks: JsonObject = EMPTY) -> EmbeddingResponse:  # noqa: ARG001 - one signature
    """Return the canonical answer. Raises ProviderGarbled."""
    from sluice.dialects.vectors import read
    from sluice.types.embeddings import EmbeddingResponse

    found = body.get("predictions")
    if not isinstance(found, list):
        raise ProviderGarbled("The provider's answer holds no predictions.")
    vectors = []
    for item in found:
        embeddings = item.get("embeddings") if isinstance(item, Mapping) else None
        vectors.append(read(embeddings.get("values") if isinstance(embeddings, Mapping) else None))
    return EmbeddingResponse(
        id="",
        model="",
        vectors=tuple(vectors),
        usage=_usage(body),
        dialect=NAME,
        extras={
            **{name: value for name, value in body.items() if name != "predictions"},
            "statistics": [dict(_statistics(item)) for item in found],
        },
    )


def encode_response(response: EmbeddingResponse, request: EmbeddingRequest) -> dict[str, object]:  # noqa: ARG001
    """Return the body of a whole answer."""
    from sluice.dialects.vectors import numbers

    rest = dict(response.extras) if response.dialect == NAME else {}
    found = rest.pop("statistics", None)
    statistics = found if isinstance(found, list) else []
    if not statistics and response.usage is not None and response.vectors:
        # The other dialects count an answer as a whole: the first vector carries it.
        counts = [response.usage.prompt, *[0] * (len(response.vectors) - 1)]
        statistics = [{"token_count": count, "truncated": False} for count in counts]
    predictions: list[dict[str, object]] = []
    for place, vector in enumerate(response.vectors):
        values: dict[str, object] = {"values": numbers(vector)}
        if place < len(statistics):
            values["statistics"] = statistics[place]
        predictions.append({"embeddings": values})
    return {"predictions": predictions, **rest}
