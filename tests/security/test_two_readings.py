"""What one parser reads so and another one otherwise is refused: the bound that is paid for must hold."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.dialects.openai_chat import outline
from tests.fakes import Gateway, Scripted, ScriptedTransport

CONTENTS = '"contents":[{"role":"user","parts":[{"text":"hello"}]}]'
GEMINI = "/v1beta/models/openai/test-gpt:generateContent"
BODIES = (
    ("/v1/chat/completions", '{"model":"openai/test-gpt","max_tokens":9,"messages":[],"max_tokens":1}'),
    ("/v1/messages", '{"model":"openai/test-gpt","max_tokens":9,"max_tokens":1,"messages":[]}'),
    (GEMINI, f'{{{CONTENTS},"generationConfig":{{"maxOutputTokens":9}},"generation_config":{{"maxOutputTokens":1}}}}'),
    (GEMINI, f'{{{CONTENTS},"generationConfig":{{"maxOutputTokens":9,"max_output_tokens":1}}}}'),
    (GEMINI, f'{{{CONTENTS},"generationConfig":{{"candidate_count":9,"candidate__count":1}}}}'),
    ("/v1/chat/completions", '{"model":"openai/test-gpt","max_tokens":1,"messages":[]}{"max_tokens":9}'),
    ("/v1/chat/completions", '{"model":"openai/test-gpt","max_tokens":1,"max_tokens\\u0000":9,"messages":NaN}'),
)


@pytest.mark.parametrize(("path", "body"), BODIES)
def test_what_could_be_read_in_two_ways_calls_nobody(path: str, body: str) -> None:
    transport = ScriptedTransport(Scripted(body=b"{}"))
    response, told = Gateway(transport).ask(path, body.encode())
    assert (response.status, transport.calls) == (400, []), told


@pytest.mark.parametrize("config", ['{"max_output_tokens":7}', '{"maxOutputTokens":7,"max_output_tokens":null}'])
def test_either_spelling_alone_is_read(config: str) -> None:
    answers: Any = Scripted(status=400, body=b'{"error":{"message":"no"}}')
    transport = ScriptedTransport(answers)
    Gateway(transport).ask(GEMINI, f'{{{CONTENTS},"generation_config":{config}}}'.encode())
    assert 7 in transport.sent().values()


@pytest.mark.parametrize("bounds", [{"max_tokens": 9, "max_completion_tokens": 5}, {"max_completion_tokens": 9}])
def test_of_two_bounds_the_larger_is_paid_for(bounds: dict[str, object]) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], **bounds}
    assert outline(body, 100).max_output == 9
