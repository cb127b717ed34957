"""What an embeddings request needs on its way to a host that speaks the dialect with words of its own."""

from __future__ import annotations

import json

import pytest

from sluice.dialects import openai_embeddings as wire
from sluice.dialects.base import REMOVED
from sluice.errors import BadRequest
from sluice.providers.registry import Registry


def quirks_of(name: str) -> dict[str, object]:
    provider = Registry().provider(name)
    assert provider is not None
    return dict(provider.quirks)


def asked(**more: object) -> dict[str, object]:
    return {"model": "m", "input": "Hello", **more}


def test_openai_itself_gets_what_the_caller_sent() -> None:
    body = asked(dimensions=256, encoding_format="base64", user="u", input_type="query")
    assert wire.pass_edits(body, quirks_of("openai")) == {}


def test_the_length_of_vectors_is_asked_for_under_the_hosts_name() -> None:
    assert wire.pass_edits(asked(dimensions=256), quirks_of("mistral")) == {
        "dimensions": REMOVED,
        "output_dimension": 256,
    }
    both = asked(dimensions=256, output_dimension=512)
    assert wire.pass_edits(both, quirks_of("mistral")) == {"dimensions": REMOVED}


@pytest.mark.parametrize(
    ("host", "sent", "edits"),
    [
        ("nvidia", {"input_type": "document"}, {"input_type": "passage"}),
        ("nvidia", {"input_type": "search_query"}, {"input_type": "query"}),
        ("nvidia", {"input_type": "passage"}, {}),
        ("nvidia", {}, {"input_type": "query"}),
        ("voyage", {"input_type": "RETRIEVAL_DOCUMENT"}, {"input_type": "document"}),
        ("voyage", {"input_type": None}, {}),
        ("jina", {"input_type": "query"}, {"input_type": REMOVED, "task": "retrieval.query"}),
        ("jina", {"task": "nl2code.passage"}, {}),
        ("voyage", {"encoding_format": "float", "user": "u"}, {"encoding_format": REMOVED, "user": REMOVED}),
    ],
)
def test_a_task_is_said_in_the_hosts_own_word(host: str, sent: dict[str, object], edits: dict[str, object]) -> None:
    assert wire.pass_edits(asked(**sent), quirks_of(host)) == edits


def test_base64_is_not_asked_of_a_host_that_refuses_it() -> None:
    body = asked(encoding_format="base64")
    assert wire.pass_edits(body, {"base64_vectors": False}) == {"encoding_format": REMOVED}


def test_a_caller_who_asked_for_base64_gets_it_from_a_host_that_answers_numbers() -> None:
    answer = json.dumps({"object": "list", "data": [{"index": 0, "embedding": [1.0, -2.0]}], "extra": 1}).encode()
    told = json.loads(wire.finished_body(answer, asked(encoding_format="base64")))
    assert told == {"object": "list", "data": [{"index": 0, "embedding": "AACAPwAAAMA="}], "extra": 1}


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b'{ "data": [{"embedding": "AACAPw=="}] }', "base64"),
        (b'{ "data": [{"embedding": [1.0]}] }', "float"),
        (b'{ "data": [{"embedding": [1.0]}] }', None),
        (b'{ "embedding": broken', "base64"),
        (b'{"data": 7, "embedding": 1}', "base64"),
    ],
)
def test_every_other_answer_leaves_byte_for_byte(body: bytes, encoding: str | None) -> None:
    assert wire.finished_body(body, asked(encoding_format=encoding)) is body


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": ""}, "model"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": 7}, "input"),
        ({"input": ["a", ""]}, "input[1]"),
        ({"input": ["x"] * 2049}, "input"),
        ({"dimensions": 0}, "dimensions"),
        ({"output_dimension": "512"}, "output_dimension"),
        ({"encoding_format": 7}, "encoding_format"),
    ],
)
def test_a_faulty_request_is_refused_with_the_parameter(change: dict[str, object], param: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wire.outline({**asked(), **change}, 10)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("answer", "tokens"),
    [
        (b'{"data":[],"usage":{"prompt_tokens":7,"total_tokens":7}}', 7),
        (b'{"usage":{"total_tokens":8},"data":[]}', 8),
        (b'{"data":[]}', None),
        (b'{"usage":', None),
        (b'{"usage":{}}', None),
    ],
)
def test_usage_is_read_wherever_it_stands(answer: bytes, tokens: int | None) -> None:
    usage = wire.read_usage(answer)
    assert (None if usage is None else usage.prompt) == tokens


def test_a_cost_that_the_host_states_is_kept() -> None:
    usage = wire.read_usage(b'{"usage":{"prompt_tokens":3,"total_tokens":3,"cost":6e-08}}')
    assert usage is not None
    assert float(usage.provider_cost_usd or 0) == 6e-08
