"""Every caller's dialect against every provider's dialect, through the whole gateway.

Cases: text, tools, forced tools, pictures, structured output, reasoning; whole and streamed; refusals of every status
and streams that break. What arrives at the provider and at the caller must mean what was sent; what a dialect
cannot say is refused with a clear error or reported in `x-sluice-edits`, never lost in silence.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sluice.dialects import FAMILIES, chat_dialect
from sluice.errors import ProviderError
from tests.matrix.conversations import ANSWERS, REQUESTS, USAGE, collected, meaning, said
from tests.matrix.host import CALLS, Answered, Host, ask, between, expressible

CHAT = FAMILIES[0]
_MORE_THAN_TEXT = ("text", "tools", "forced_tool", "image", "structured")
REFUSED = {
    "openai_completions": _MORE_THAN_TEXT,  # takes one text
    "ollama_chat": ("forced_tool",),  # cannot be told that it must call one
    "snowflake_complete": ("text",),  # knows no stop sequences
}
"""Provider's dialect -> what it cannot be asked: such a request is refused."""
UNASKED = {("openai_responses", "snowflake_complete", "text")}
"""Where the caller's dialect lacks what the provider's would refuse: Responses has no stop sequences."""
UNSAYABLE = REFUSED
"""Caller's dialect -> what it has no words for: the same."""
PAIRS = [(caller, provider) for caller in CHAT for provider in CHAT]
pairs = pytest.mark.parametrize(("caller", "provider"), PAIRS, ids=[f"{a}-to-{b}" for a, b in PAIRS])
ASKED = [(a, b, case) for a, b in PAIRS for case in REQUESTS if case not in UNSAYABLE.get(a, ())]
asked = pytest.mark.parametrize(("caller", "provider", "case"), ASKED, ids=[f"{a}-to-{b}-{c}" for a, b, c in ASKED])
kinds = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


def test_the_matrix_has_every_chat_dialect() -> None:
    assert set(CALLS) == set(CHAT)


@pytest.mark.parametrize("dialect", CHAT)
def test_what_a_dialect_has_no_words_for_is_declared(dialect: str) -> None:
    unsayable = {case for case, request in REQUESTS.items() if not expressible(dialect, request)}
    assert unsayable == set(UNSAYABLE.get(dialect, ()))


@kinds
@asked
def test_a_request_and_its_answer_mean_the_same_on_both_sides(
    tmp_path: Path, caller: str, provider: str, case: str, stream: bool
) -> None:
    host = Host(provider, case)
    with between(host, tmp_path) as gateway:
        answered = ask(gateway, caller, REQUESTS[case], stream=stream)
    if case in REFUSED.get(provider, ()) and (caller, provider, case) not in UNASKED:
        _refused_clearly(answered, host)
        return
    assert answered.response.status == 200, answered.body
    _same_request(case, host, answered)
    _same_answer(caller, provider, case, answered, stream)
    assert answered.entry.outcome == "ok"
    assert (answered.entry.usage.prompt, answered.entry.usage.output) == (USAGE.prompt, USAGE.output)


def _refused_clearly(answered: Answered, host: Host) -> None:
    """A refusal is the gateway's own, comes before any call, costs nothing and names what cannot be said."""
    assert answered.response.status == 400, answered.body
    assert host.asked == []
    assert answered.entry.cost == 0
    assert answered.response.headers["x-should-retry"] == "false"
    assert len(answered.body) > 40


def _same_request(case: str, host: Host, answered: Answered) -> None:
    want, have = meaning(answered.sent), meaning(host.asked[-1])
    assert have.turns == want.turns == meaning(REQUESTS[case]).turns
    assert have.tools == want.tools == meaning(REQUESTS[case]).tools
    for name in ("choice", "structure", "reasoning"):
        assert getattr(have, name) == getattr(want, name) or _reported(name, answered), name
    for name, value in want.settings.items():
        assert have.settings[name] == value or _reported(name, answered), (name, have.settings[name])


_WORDS = {
    "choice": ("tool_choice", "toolConfig", "toolChoice"),
    "structure": ("response_format", "output_format", "format"),
    "reasoning": ("reasoning", "thinking", "think"),
    "max_tokens": ("max_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens", "num_predict", "max_completion"),
    "top_p": ("top_p", "topP"),
    "stop": ("stop",),
}


def _reported(name: str, answered: Answered) -> bool:
    return any(word in answered.edits for word in _WORDS.get(name, (name,)))


def _same_answer(caller: str, provider: str, case: str, answered: Answered, stream: bool) -> None:
    wire = chat_dialect(caller)
    if stream:
        found = collected(wire.decode_stream([answered.body]))
        assert found.failure is None
        told, stop, usage = found.told, found.stop, found.usage
    else:
        decoded = wire.decode_response(json.loads(answered.body))
        told, stop, usage = said(decoded.choices[0].parts), decoded.choices[0].stop, decoded.usage
    want = said(ANSWERS[case].parts)
    if {caller, provider} & WITHOUT_THOUGHTS:
        want = [part for part in want if part[0] != "thinking"]
    assert told == want
    assert stop == ANSWERS[case].stop
    assert usage is not None
    assert (usage.prompt, usage.output) == (USAGE.prompt, USAGE.output)


WITHOUT_THOUGHTS = {"openai_completions"}
"""Dialects that have no place for reasoning."""

FAILURES = {
    400: "bad_request",
    401: "authentication",
    404: "not_found",
    413: "too_large",
    429: "rate_limit",
    500: "server",
    503: "overloaded",
    529: "overloaded",
}
"""Status of a provider's refusal -> its kind."""


COARSER = {("bedrock_converse", 401): "permission", ("bedrock_converse", 413): "bad_request"}
"""What Bedrock calls errors that it has no name of its own for: AccessDenied and Validation."""


@pytest.mark.parametrize("status", FAILURES)
@pairs
def test_a_providers_refusal_keeps_its_status_and_kind(tmp_path: Path, caller: str, provider: str, status: int) -> None:
    error = ProviderError("It cannot be done here.", provider_status=status, kind=FAILURES[status], provider="matrix")
    host = Host(provider, "one_text", failure=(status, error))
    with between(host, tmp_path) as gateway:
        answered = ask(gateway, caller, REQUESTS["one_text"], stream=False)
    headers = {name.lower(): value for name, value in answered.response.headers.items()}
    read = chat_dialect(caller).decode_error(answered.response.status, headers, answered.body)
    assert answered.response.status == status
    named = {COARSER.get((dialect, status), FAILURES[status]) for dialect in (caller, provider)}
    assert read.kind in named, answered.body
    assert "It cannot be done here." in read.message
    assert answered.entry.cost == 0


@pairs
def test_a_stream_that_breaks_ends_with_the_error_of_the_callers_dialect(
    tmp_path: Path, caller: str, provider: str
) -> None:
    host = Host(provider, "one_text", breaks_after=4)
    with between(host, tmp_path) as gateway:
        answered = ask(gateway, caller, REQUESTS["one_text"], stream=True)
    assert answered.response.status == 200
    found = collected(chat_dialect(caller).decode_stream([answered.body]))
    assert isinstance(found.failure, ProviderError)
    assert found.failure.kind == "overloaded"
    assert "overloaded" in found.failure.message
    assert "".join(str(part[1]) for part in found.told if part[0] == "text") == "Hello 雨 ba"
    assert answered.entry.outcome == "failed"
