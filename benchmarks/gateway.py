"""Sluice as a target: the streaming function with one key, one configuration and the mock upstream as its provider."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import targets
from benchmarks.targets import ROOT, FunctionTarget
from benchmarks.workload import PATHS, Caller
from sluice.aws.attributes import marshal_item
from sluice.governance.authentication import digest_of
from sluice.routing.configuration import canonical_json
from sluice.settings import table_name

PREFIX = "bench"
KEY = "sk-sluice-" + "benchmarkkey" + "B" * 32
PEPPER = "the pepper of a benchmark"
VENV = ROOT / ".cache" / "bench" / "venv"
PATH = (ROOT / "layers/sluice/python", ROOT / "layers/runtime/python", ROOT / "functions/streaming")


def interpreter() -> str:
    """Return a Python with nothing installed, as the managed runtime is: .pth files would slow down every start."""
    python = VENV / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], check=True)
    return str(python)


def stub_aws(upstream: int, core: set[int]) -> tuple[int, subprocess.Popen[str]]:
    """Start DynamoDB and Secrets Manager with all that the function reads; return their port."""
    child = targets.start(
        [sys.executable, "-m", "benchmarks.stub_aws"], os.environ, core, "stub-aws", reads=subprocess.PIPE
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(json.dumps(_seeds(upstream)) + "\n")
    child.stdin.close()
    return int(child.stdout.readline()), child


def _seeds(upstream: int) -> dict[str, object]:
    key_id = KEY[10:22]
    key = {
        "pk": f"key#{key_id}",
        "sk": "key",
        "digest": digest_of(KEY, PEPPER.encode()),
        "team": "bench",
        "name": "bench",
    }
    key |= {"models": ("*",), "scopes": ("inference",), "created_ms": 1}
    document = canonical_json(_configuration(upstream))
    version = hashlib.sha256(document.encode()).hexdigest()
    items = [
        key,
        {"pk": f"configuration#{version}", "sk": "version", "document": document, "created_ms": 1},
        {"pk": "configuration", "sk": "live", "version": version, "revision": 1},
    ]
    keys = {name: {"api_key": "sk-mock"} for name in ("openai", "anthropic")}
    secrets = {f"{PREFIX}-providers": json.dumps(keys), f"{PREFIX}-gateway": json.dumps({"pepper": PEPPER})}
    return {"tables": {table_name(PREFIX, "config"): [marshal_item(item) for item in items]}, "secrets": secrets}


def _configuration(upstream: int) -> dict[str, object]:
    root = f"http://127.0.0.1:{upstream}"
    return {
        "providers": {
            "openai": {"base_url": f"{root}/v1", "allow_loopback": True},
            "anthropic": {"base_url": root, "allow_loopback": True},
        }
    }


def environ(aws: int) -> dict[str, str]:
    """Return the environment of the function, as Lambda would set it."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PYTHONPATH": os.pathsep.join(map(str, PATH)),
        "_HANDLER": "handler.handler",
        "LAMBDA_TASK_ROOT": str(ROOT / "functions/streaming"),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "AWS_LAMBDA_FUNCTION_NAME": "sluice-streaming",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/sluice-streaming",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{aws}",
        "SLUICE_STAGE": "bench",
        "SLUICE_TABLE_PREFIX": PREFIX,
        "SLUICE_PROVIDER_SECRET": f"{PREFIX}-providers",
        "SLUICE_GATEWAY_SECRET": f"{PREFIX}-gateway",
        "SLUICE_LOCAL": "1",
    }


def command() -> Sequence[str]:
    """Return what starts one environment."""
    return [interpreter(), "-m", "streaming_runtime"]


OPENAI = Caller(KEY, "openai/gpt-4o-mini")
ANTHROPIC_TO_OPENAI = Caller(KEY, "openai/gpt-4o-mini", PATHS["anthropic"], (("anthropic-version", "2023-06-01"),))
ANTHROPIC = replace(ANTHROPIC_TO_OPENAI, model="anthropic/claude-sonnet-4-5")


def target(name: str, caller: Caller, aws: int, core: set[int]) -> FunctionTarget:
    """Return the streaming function, not started yet."""
    return FunctionTarget(name, caller, command(), environ(aws), core)


def floor_loop(upstream: int, core: set[int]) -> FunctionTarget:
    """Return the runtime loop with a handler that only passes bytes on."""
    handlers = ROOT / "benchmarks/handlers"
    own = {**environ(0), "_HANDLER": "pass_through.handler", "UPSTREAM_PORT": str(upstream)}
    own |= {"LAMBDA_TASK_ROOT": str(handlers), "PYTHONPATH": os.pathsep.join(map(str, (*PATH[:2], handlers)))}
    return FunctionTarget("floor-loop", Caller("none", "gpt-4o-mini"), command(), own, core)


def site_packages() -> Path:
    """Return where this interpreter's own packages are."""
    return next(Path(p) for p in sys.path if p.endswith("site-packages"))
