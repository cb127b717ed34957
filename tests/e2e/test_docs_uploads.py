"""The curl lines of docs/uploads.md run as printed."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.emulator import ROOT
from tests.stacks import Stack, scrubbed

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed"),
]


def script() -> str:
    _, _, rest = (ROOT / "docs" / "uploads.md").read_text(encoding="utf-8").partition("```sh\n")
    return rest.partition("```")[0]


def test_a_file_is_declared_put_used_shown_and_deleted(stack: Stack, tmp_path: Path) -> None:
    environ = {**scrubbed(), "SLUICE_URL": stack.url, "SLUICE_API_KEY": stack.api_key}
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script()],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    decoder = json.JSONDecoder()
    answers, text = [], result.stdout.strip()
    while text:
        answer, end = decoder.raw_decode(text)
        answers.append(answer)
        text = text[end:].strip()
    told, shown, deleted = answers
    assert "image/png, 640x480 pixels, 8,000,000 bytes" in told["choices"][0]["message"]["content"]
    assert (shown["state"], shown["bytes"]) == ("ready", 8_000_000)
    assert deleted["deleted"] is True
