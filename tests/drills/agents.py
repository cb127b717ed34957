"""The coding agents Claude Code and Codex, as they are published, against the local stack: `make drill-agents`.

Each answers one question without a terminal, by models of its own dialect and of others. A run passes when the agent
ends with 0 and says something, and every request it made was answered with 200 but for those it must retry (a message
thread that is not kept). The packages are large (800 MB), so they are installed into .cache/agents only here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.emulator import ROOT
from tests.stacks import Stack, missing, running

HOME = ROOT / ".cache" / "agents"
PACKAGES = ("@anthropic-ai/claude-code@2.1.330", "@openai/codex@0.169.0")
SECONDS = 120
QUESTION = "Say hello"
CLAUDE_MODELS = ("sim-claude-thinking", "sim-claude", "sim-fast", "sim-gpt")
CODEX_MODELS = ("sim-gpt", "sim-fast", "sim-claude")


@dataclass(frozen=True)
class Run:
    """One run of an agent: what it said, and the statuses of the requests it made."""

    agent: str
    model: str
    code: int
    said: str
    statuses: tuple[int, ...]

    @property
    def passed(self) -> bool:
        """Whether it ended well and every request was answered."""
        return self.code == 0 and bool(self.said.strip()) and set(self.statuses) <= {200, 404} and 200 in self.statuses


def install() -> str | None:
    """Install the agents; return why not, or None."""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not on this machine"
    HOME.mkdir(parents=True, exist_ok=True)
    if not (HOME / "package.json").exists():
        (HOME / "package.json").write_text('{"name": "sluice-agents", "private": true}')
    print("Installing the agents ...", file=sys.stderr, flush=True)
    done = subprocess.run(
        [npm, "install", "--no-audit", "--no-fund", "--loglevel=error", *PACKAGES], cwd=HOME, check=False
    )
    return None if done.returncode == 0 else "npm could not install them"


def runs(stack: Stack, folder: Path) -> Iterator[Run]:
    """Run both agents with each model."""
    for model in CLAUDE_MODELS:
        environ = {
            "ANTHROPIC_BASE_URL": stack.url,
            "ANTHROPIC_AUTH_TOKEN": stack.api_key,
            "ANTHROPIC_MODEL": f"simulator/{model}",
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": "simulator/sim-claude",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        }
        yield _run(stack, folder, "claude", model, ["-p", QUESTION, "--output-format", "text"], environ)
    for model in CODEX_MODELS:
        config = folder / "home" / ".codex" / "config.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(_codex(stack.url, model))
        arguments = ["exec", "--skip-git-repo-check", QUESTION]
        yield _run(stack, folder, "codex", model, arguments, {"SLUICE_API_KEY": stack.api_key})


def _codex(url: str, model: str) -> str:
    return (
        f'model = "simulator/{model}"\nmodel_provider = "sluice"\n[model_providers.sluice]\nname = "Sluice"\n'
        f'base_url = "{url}/v1"\nenv_key = "SLUICE_API_KEY"\nwire_api = "responses"\nsupports_websockets = false\n'
    )


def _run(stack: Stack, folder: Path, agent: str, model: str, arguments: list[str], environ: dict[str, str]) -> Run:
    print(f"{agent} with {model} ...", file=sys.stderr, flush=True)
    work = folder / "work"
    work.mkdir(exist_ok=True)
    before = len(_statuses(stack))
    own = {"PATH": os.environ["PATH"], "HOME": str(folder / "home"), **environ}
    command = [str(HOME / "node_modules" / ".bin" / agent), *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=work,
            env=own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        code, said = done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        code, said = -1, ""
    return Run(agent, model, code, said, tuple(_statuses(stack)[before:]))


def _statuses(stack: Stack) -> list[int]:
    """Return the statuses of all requests to models so far, from the log's lines."""
    log = stack.logs / "streaming.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    entries = [json.loads(line) for line in lines if '"kind":"request"' in line]
    return [entry["entry"]["status"] for entry in entries]


def main() -> int:
    """Print the table and a summary; 1 when a run failed or the agents cannot be had."""
    why = missing() or install()
    if why is not None:
        print(f"The agents cannot be run: {why}.")
        print(json.dumps({"drill": "agents", "runs": 0, "failed": 0, "why": why}))
        return 1
    with tempfile.TemporaryDirectory() as folder, running(Path(folder) / "stack") as stack:
        (Path(folder) / "home").mkdir()
        found = list(runs(stack, Path(folder)))
    print(f"{'agent':<8}{'model':<22}{'exit':>5}  {'requests':<20}said")
    for run in found:
        counted = ", ".join(f"{run.statuses.count(status)}x {status}" for status in sorted(set(run.statuses)))
        print(f"{run.agent:<8}{run.model:<22}{run.code:>5}  {counted:<20}{' '.join(run.said.split())[:70]}")
    failed = [f"{run.agent} {run.model}" for run in found if not run.passed]
    print(json.dumps({"drill": "agents", "runs": len(found), "failed": len(failed), "which": failed}))
    return 1 if failed or not found else 0


if __name__ == "__main__":
    sys.exit(main())
