"""The clients people use, each in its own process and its own pinned environment, through the running gateway.

The scripts are in tests/clients; each prints what it saw as one JSON object, which the tests here judge. `sim-fast`
speaks OpenAI's chat dialect and `sim-claude` Anthropic's, so every client is served natively and across dialects.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.emulator import ROOT
from tests.stacks import Stack, scrubbed

pytestmark = pytest.mark.stack

SCRIPTS = ROOT / "tests" / "clients"
SECONDS = 180
WEATHER = "The tool get_weather answered: 18 degrees in Paris"
SOLVED = {"explanation": "simulated explanation", "final_answer": 8}
MODELS = ("sim-fast", "sim-claude")


class Seen(dict[str, Any]):
    """What the cases of one script saw, by name; asking for a case that raised fails with what it raised."""

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if isinstance(value, dict) and name != "unknown_model":
            assert "raised" not in value, value["raised"]
        return value


def _python(environment: str, script: str) -> list[str]:
    interpreter = ROOT / environment / "bin" / "python"
    if not interpreter.exists():
        pytest.skip(f"{environment} is absent; make setup-clients installs it")
    return [str(interpreter), str(SCRIPTS / "python" / script)]


def _node(script: str) -> list[str]:
    node = shutil.which("node")
    if node is None or not (SCRIPTS / "node" / "node_modules").is_dir():
        pytest.skip("node or tests/clients/node/node_modules is absent; make setup-clients installs the packages")
    return [node, str(SCRIPTS / "node" / script)]


@pytest.fixture(scope="module")
def seen(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Seen]:
    """Return what a client's script saw; each script runs once."""
    home = tmp_path_factory.mktemp("clients")

    @cache
    def run(*command: str) -> Seen:
        environ = {
            **scrubbed(),
            "HOME": str(home),
            "SLUICE_URL": stack.url,
            "SLUICE_API_KEY": stack.api_key,
            "AI_SDK_LOG_WARNINGS": "false",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        done = subprocess.run(
            command,
            cwd=Path(command[1]).parent,
            env=environ,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return Seen(json.loads(done.stdout.strip().splitlines()[-1]))

    return run


def hello(text: str, model: str) -> bool:
    return text.startswith(f"Hello from {model}, the provider that is simulated") and "“Hello there”" in text


@pytest.fixture
def langchain(seen: Callable[..., Seen]) -> Seen:
    return seen(*_python(".venv-clients", "langchain_client.py"))


@pytest.mark.parametrize("model", MODELS)
def test_langchain_asks_streams_calls_tools_and_types_its_answers(langchain: Seen, model: str) -> None:
    for dialect in ("openai", "anthropic"):
        whole = langchain[f"{dialect}_text {model}"]
        assert hello(whole["text"], model)
        assert whole["usage"]["total_tokens"] == whole["usage"]["input_tokens"] + whole["usage"]["output_tokens"] > 0
        streamed = langchain[f"{dialect}_stream {model}"]
        assert hello(streamed["text"], model)
        assert streamed["chunks"] > 20
    assert langchain[f"openai_stream {model}"]["usage"] | {"input_token_details": None} == langchain[
        f"openai_text {model}"
    ]["usage"] | {"input_token_details": None}
    for way in ("openai", "responses", "anthropic"):
        assert langchain[f"{way}_tools {model}"] == {"calls": [["get_weather", {"city": "Paris"}]], "text": WEATHER}
    assert hello(langchain[f"responses_stream {model}"]["text"], model)
    assert langchain[f"openai_structured {model}"] == SOLVED


def test_langchain_embeds_and_names_an_unknown_model(langchain: Seen) -> None:
    assert langchain["embeddings"] == {"vectors": 2, "same": True}
    assert langchain["unknown_model"]["status"] == 404


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("dialect", ["chat", "responses", "messages"])
def test_pydantic_ai_runs_agents_over_each_dialect(seen: Callable[..., Seen], dialect: str, model: str) -> None:
    found = seen(*_python(".venv-clients", "pydantic_ai_client.py"))
    run = found[f"{dialect} {model}"]
    assert (run["called"], run["text"], run["requests"]) == (["Paris"], WEATHER, 2)
    assert run["solved"] == SOLVED
    assert all(tokens > 0 for tokens in run["tokens"])
    assert hello(found[f"stream {model}"]["text"], model)
    assert found[f"stream {model}"]["pieces"] > 20


@pytest.mark.parametrize("model", MODELS)
def test_instructor_types_answers_by_tools_and_by_schema(seen: Callable[..., Seen], model: str) -> None:
    found = seen(*_python(".venv-clients", "instructor_client.py"))
    for way in ("openai_tools", "openai_schema", "anthropic_tools"):
        assert found[f"{way} {model}"] == SOLVED
    assert found[f"openai_partial {model}"]["last"] == SOLVED
    assert found[f"openai_partial {model}"]["states"] > 1


def test_the_llm_command_line_streams_and_takes_schemas(seen: Callable[..., Seen]) -> None:
    found = seen(*_python(".venv-clients", "llm_client.py"))
    assert hello(found["streamed"], "sim-claude")
    assert "output" in found["streamed"].splitlines()[-1]  # its --usage line
    assert hello(found["whole"], "sim-fast")
    assert [found[f"schema {model}"] for model in MODELS] == [SOLVED, SOLVED]


@pytest.mark.parametrize("model", MODELS)
def test_litellm_reaches_the_gateway_under_each_of_its_prefixes(seen: Callable[..., Seen], model: str) -> None:
    found = seen(*_python(".venv-litellm", "litellm_client.py"))
    for prefix in ("openai", "anthropic", "proxy", "stream"):
        assert hello(found[f"{prefix} {model}"]["text"], model)
        assert found[f"{prefix} {model}"]["tokens"] == found[f"openai {model}"]["tokens"]
    run = found[f"tools {model}"]
    assert ([json.loads(call) for call in run["calls"]], run["text"]) == ([{"city": "Paris"}], WEATHER)
    assert found["embeddings"] == {"vectors": 2}
    assert found["unknown_model"] == {"raised": "NotFoundError"}


@pytest.mark.parametrize("model", MODELS)
def test_openai_node_asks_streams_runs_tools_and_parses(seen: Callable[..., Seen], model: str) -> None:
    found = seen(*_node("openai.mjs"))
    whole, streamed = found[f"text {model}"], found[f"stream {model}"]
    assert hello(whole["text"], model)
    assert whole["id"].startswith("req_")
    assert (streamed["text"], streamed["total"]) == (whole["text"], whole["total"])
    assert found[f"tools {model}"] == {"called": ["Paris"], "text": WEATHER}
    assert found[f"structured {model}"] == SOLVED
    assert found[f"responses {model}"] == {"text": whole["text"], "total": whole["total"], "status": "completed"}
    assert found[f"responses_stream {model}"] == {"text": whole["text"], "total": whole["total"], "rising": True}


def test_openai_node_embeds_and_has_typed_errors(seen: Callable[..., Seen]) -> None:
    found = seen(*_node("openai.mjs"))
    assert found["embeddings"] == {"vectors": 2, "length": 256}
    unknown = {"kind": "NotFoundError", "status": 404, "code": "model_not_found", "param": "model"}
    assert found["unknown_model"] == unknown
    assert found["stranger"] == {"kind": "AuthenticationError", "status": 401}


@pytest.mark.parametrize("model", MODELS)
def test_anthropic_node_asks_streams_and_runs_tools_in_threads(seen: Callable[..., Seen], model: str) -> None:
    found = seen(*_node("anthropic.mjs"))
    whole, streamed = found[f"text {model}"], found[f"stream {model}"]
    assert hello(whole["text"], model)
    assert (streamed["text"], streamed["output"]) == (whole["text"], whole["output"])
    assert found[f"tools {model}"] == {"called": ["Paris"], "stop": "tool_use", "text": WEATHER}
    # Its tool runner begins a message thread, and sends everything again when told that the thread is not kept.
    assert found[f"tool_runner {model}"] == {"called": ["Paris"], "text": WEATHER}
    assert found[f"count {model}"]["input_tokens"] > 0


def test_anthropic_node_keeps_signatures_and_has_typed_errors(seen: Callable[..., Seen]) -> None:
    found = seen(*_node("anthropic.mjs"))
    assert found["thinking"] == {"signed": True, "kinds": ["thinking", "text"]}
    assert found["unknown_model"] == {"kind": "NotFoundError", "status": 404, "type": "not_found_error"}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("provider", ["responses", "chat", "messages", "compatible", "openrouter"])
def test_the_vercel_ai_sdk_works_with_each_of_its_providers(
    seen: Callable[..., Seen], provider: str, model: str
) -> None:
    run = seen(*_node("ai_sdk.mjs"))[f"{provider} {model}"]
    assert hello(run["text"], model)
    assert run["streamed"] is True
    assert run["pieces"] > 20
    # OpenRouter's provider does not ask for usage in streams.
    assert run["tokens"][0] == run["tokens"][1] or (provider, run["tokens"][1]) == ("openrouter", None)
    assert (run["called"], run["answered"]) == (["Paris"], WEATHER)
    assert run["solved"] == SOLVED


def test_the_vercel_ai_sdk_embeds_and_sees_that_retrying_is_vain(seen: Callable[..., Seen]) -> None:
    found = seen(*_node("ai_sdk.mjs"))
    assert found["embeddings"] == {"vectors": 2, "length": 256}
    assert (found["unknown_model"]["status"], found["unknown_model"]["again"]) == (404, False)


def test_no_script_knows_a_secret() -> None:
    texts = [path.read_text() for path in (*SCRIPTS.glob("python/*.py"), *SCRIPTS.glob("node/*.mjs"))]
    assert len(texts) >= 9
    assert not [text for text in texts if "sk-sluice-" in text or os.environ.get("SLUICE_API_KEY", "\0") in text]
