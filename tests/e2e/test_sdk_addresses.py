"""The vendors' own environment variables make their providers usable, also with a server on this machine."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import anthropic
import openai
import pytest

from tests.e2e import ledger
from tests.stacks import Stack, missing, running

pytestmark = pytest.mark.stack

HELLO = "[[simulate: tokens=5]] Hello"


@pytest.fixture(scope="module")
def vendor() -> Iterator[str]:
    """A server of one's own that speaks both vendors' dialects."""
    with subprocess.Popen(
        [sys.executable, "-m", "sluice.local.simulator", "--port", "0", "--pace", "0"], stdout=subprocess.PIPE
    ) as server:
        assert server.stdout is not None
        try:
            yield f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}"
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def addressed(vendor: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with running(
        tmp_path_factory.mktemp("addressed"),
        OPENAI_BASE_URL=f"{vendor}/openai/v1",
        OPENAI_API_KEY="sim-x",
        ANTHROPIC_BASE_URL=f"{vendor}/anthropic",
        ANTHROPIC_API_KEY="sim-x",
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def chat(addressed: Stack) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{addressed.url}/v1", api_key=addressed.api_key, max_retries=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def messages(addressed: Stack) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=addressed.url, api_key=addressed.api_key, max_retries=0) as opened:
        yield opened


@pytest.mark.parametrize("name", ["gpt-4o-mini", "openai/gpt-4o-mini"])
def test_a_model_of_openai_is_asked_of_that_server(addressed: Stack, chat: openai.OpenAI, name: str) -> None:
    # The server knows other models, so what it says of this one is the proof that it was asked.
    with pytest.raises(
        openai.NotFoundError, match=r"The model 'gpt-4o-mini' does not exist\. \(The simulator has"
    ) as told:
        chat.chat.completions.create(model=name, messages=[{"role": "user", "content": "Hello"}])
    entry = ledger.entry_of(addressed, str(told.value.request_id))
    assert [(a["deployment"], a["status"]) for a in entry["attempts"]] == [("openai/gpt-4o-mini", 404)]


@pytest.mark.filterwarnings("ignore:The model .* is deprecated:DeprecationWarning")  # the SDK counts the days
@pytest.mark.parametrize("name", ["claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"])
def test_a_model_of_anthropic_is_asked_of_that_server(
    addressed: Stack, messages: anthropic.Anthropic, name: str
) -> None:
    with pytest.raises(anthropic.NotFoundError, match=r"model: claude-sonnet-4-5 \(The simulator has") as told:
        messages.messages.create(model=name, max_tokens=50, messages=[{"role": "user", "content": "Hello"}])
    entry = ledger.entry_of(addressed, str(told.value.request_id))
    assert [(a["deployment"], a["status"]) for a in entry["attempts"]] == [("anthropic/claude-sonnet-4-5", 404)]


def test_what_that_server_alone_knows_is_charged_at_the_ceiling(
    addressed: Stack, chat: openai.OpenAI, messages: anthropic.Anthropic
) -> None:
    first = chat.chat.completions.create(model="openai/sim-fast", messages=[{"role": "user", "content": HELLO}])
    second = messages.messages.create(
        model="anthropic/sim-claude", max_tokens=50, messages=[{"role": "user", "content": HELLO}]
    )
    for answer, provider in ((first, "openai"), (second, "anthropic")):
        entry = ledger.entry_of(addressed, str(answer._request_id))
        assert (entry["provider"], entry["outcome"]) == (provider, "ok")
        assert (entry["usage"]["output"], entry["cost_nano_usd"]) == (5, entry["usage"]["input"] * 10_000 + 5 * 50_000)


def test_the_models_of_both_are_listed_beside_the_simulators(chat: openai.OpenAI) -> None:
    listed = {model.id for model in chat.models.list()}
    assert {"openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5", "simulator/sim-fast"} <= listed
    assert not any(name.startswith("groq/") for name in listed)
