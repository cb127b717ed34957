"""The legacy completions API with the official OpenAI SDK through the running gateway, served by chat models."""

from __future__ import annotations

from collections.abc import Iterator

import openai
import pytest

from tests.e2e import ledger
from tests.stacks import Stack

pytestmark = pytest.mark.stack

MODELS = pytest.mark.parametrize("model", ["sim-fast", "sim-claude"])


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key=stack.api_key, max_retries=0) as opened:
        yield opened


@MODELS
def test_a_prompt_is_completed_by_a_chat_model_and_charged(stack: Stack, client: openai.OpenAI, model: str) -> None:
    raw = client.completions.with_raw_response.create(
        model=f"simulator/{model}", prompt="say three words now", max_tokens=50, echo=True
    )
    answer = raw.parse()
    assert answer.choices[0].text.startswith("say three words now")
    assert len(answer.choices[0].text) > len("say three words now")
    assert (answer.object, answer.choices[0].finish_reason) == ("text_completion", "stop")
    assert answer.usage is not None
    ledger.paid(
        stack,
        raw.headers["x-request-id"],
        model,
        prompt=answer.usage.prompt_tokens,
        output=answer.usage.completion_tokens,
    )


@MODELS
def test_a_streamed_completion_says_what_the_whole_one_says(client: openai.OpenAI, model: str) -> None:
    asked = {"model": f"simulator/{model}", "prompt": "Count to 5", "max_tokens": 50}
    whole = client.completions.create(**asked)
    chunks = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == whole.choices[0].text
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"


def test_what_no_chat_model_can_do_is_refused_by_name(client: openai.OpenAI) -> None:
    for more, param in (({"prompt": ["a", "b"]}, "prompt"), ({"prompt": "a", "suffix": "b"}, "suffix")):
        with pytest.raises(openai.BadRequestError) as refused:
            client.completions.create(model="simulator/sim-fast", **more)  # type: ignore[call-overload]
        assert refused.value.param == param
