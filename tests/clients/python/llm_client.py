"""The `llm` command line, told of the gateway's models in its extra-openai-models.yaml."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from telling import KEY, MODELS, OPENAI_BASE, tell


def _llm(*arguments: str) -> str:
    with tempfile.TemporaryDirectory() as home:
        entries = [
            {
                "model_id": model,
                "model_name": model,
                "api_base": OPENAI_BASE,
                "api_key_name": "sluice",
                "supports_schema": True,
            }
            for model in MODELS
        ]
        (Path(home) / "extra-openai-models.yaml").write_text(json.dumps(entries))  # JSON is YAML too
        (Path(home) / "keys.json").write_text(json.dumps({"sluice": KEY}))
        environ = {**os.environ, "LLM_USER_PATH": home}
        done = subprocess.run(
            [sys.executable, "-m", "llm", *arguments], env=environ, capture_output=True, text=True, check=False
        )
        return (done.stdout + done.stderr).strip()


def case_streamed() -> object:
    return _llm("-m", "sim-claude", "--usage", "Hello there")


def case_whole() -> object:
    return _llm("-m", "sim-fast", "--no-stream", "--no-log", "Hello there")


def case_schema(model: str) -> object:
    return json.loads(_llm("-m", model, "--schema", "explanation, final_answer int", "Solve 8x + 7 = -23"))


if __name__ == "__main__":
    tell(globals())
