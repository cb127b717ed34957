"""Sluice as a target: the streaming function with one key, one configuration and the mock upstream as its provider."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import targets
from benchmarks.certificates import Certificates
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


@dataclass(frozen=True)
class Surroundings:
    """Mock provider and mock AWS by their ports. `bundle` is set when both speak TLS, and holds what to trust."""

    upstream: int
    aws: int
    children: tuple[subprocess.Popen[str], subprocess.Popen[str]]
    bundle: Path | None = None

    def url(self, port: int) -> str:
        """Return the base URL of one of the two."""
        return f"{'https' if self.bundle else 'http'}://127.0.0.1:{port}"

    def close(self) -> None:
        """End both."""
        for child in self.children:
            targets.end(child)


def surroundings(core: set[int], certificates: Certificates | None = None) -> Surroundings:
    """Start a mock provider, and a mock AWS that holds all that the function reads."""
    certificate = [str(certificates.server)] if certificates else []
    bundle = certificates.bundle if certificates else None
    provider = targets.start([sys.executable, "-m", "benchmarks.mock_upstream", *certificate], os.environ, core, "mock")
    upstream = targets.port_of(provider)
    command = [sys.executable, "-m", "benchmarks.stub_aws", *certificate]
    aws = targets.start(command, os.environ, core, "stub-aws", reads=subprocess.PIPE)
    made = Surroundings(upstream, 0, (provider, aws), bundle)
    assert aws.stdin is not None
    aws.stdin.write(json.dumps(_seeds(made.url(upstream))) + "\n")
    aws.stdin.close()
    return replace(made, aws=targets.port_of(aws))


def _seeds(upstream: str) -> dict[str, object]:
    key_id = KEY[10:22]
    key: dict[str, object] = {
        "pk": f"key#{key_id}",
        "sk": "key",
        "digest": digest_of(KEY, PEPPER.encode()),
        "team": "bench",
        "name": "bench",
    }
    key |= {"models": ("*",), "scopes": ("inference",), "created_ms": 1}
    document = canonical_json(_configuration(upstream))
    version = hashlib.sha256(document.encode()).hexdigest()
    items: list[dict[str, object]] = [
        key,
        {"pk": f"configuration#{version}", "sk": "version", "document": document, "created_ms": 1},
        {"pk": "configuration", "sk": "live", "version": version, "revision": 1},
    ]
    keys = {name: {"api_key": "sk-mock"} for name in ("openai", "anthropic")}
    secrets = {f"{PREFIX}-providers": json.dumps(keys), f"{PREFIX}-gateway": json.dumps({"pepper": PEPPER})}
    return {"tables": {table_name(PREFIX, "config"): [marshal_item(item) for item in items]}, "secrets": secrets}


def _configuration(upstream: str) -> dict[str, object]:
    return {
        "providers": {
            "openai": {"base_url": f"{upstream}/v1", "allow_loopback": True},
            "anthropic": {"base_url": upstream, "allow_loopback": True},
        }
    }


def environ(around: Surroundings) -> dict[str, str]:
    """Return the environment of the function, as Lambda would set it."""
    # Without TLS the function runs as in the local stack, where providers may be called over http.
    transport = {"SSL_CERT_FILE": str(around.bundle)} if around.bundle else {"SLUICE_LOCAL": "1"}
    return {
        **transport,
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
        "AWS_ENDPOINT_URL": around.url(around.aws),
        "SLUICE_STAGE": "bench",
        "SLUICE_TABLE_PREFIX": PREFIX,
        "SLUICE_PROVIDER_SECRET": f"{PREFIX}-providers",
        "SLUICE_GATEWAY_SECRET": f"{PREFIX}-gateway",
    }


def command() -> Sequence[str]:
    """Return what starts one environment."""
    return [interpreter(), "-m", "streaming_runtime"]


OPENAI = Caller(KEY, "openai/gpt-4o-mini")
ANTHROPIC_TO_OPENAI = Caller(KEY, "openai/gpt-4o-mini", PATHS["anthropic"], (("anthropic-version", "2023-06-01"),))
ANTHROPIC = replace(ANTHROPIC_TO_OPENAI, model="anthropic/claude-sonnet-4-5")


def target(name: str, caller: Caller, around: Surroundings, core: set[int], *, most: int = 32) -> FunctionTarget:
    """Return the streaming function, not started yet, for at most `most` callers at a time."""
    return FunctionTarget(name, caller, command(), environ(around), core, most)


def floor_loop(around: Surroundings, core: set[int]) -> FunctionTarget:
    """Return the runtime loop with a handler that only passes bytes on."""
    handlers = ROOT / "benchmarks/handlers"
    own = {**environ(around), "_HANDLER": "pass_through.handler", "UPSTREAM_PORT": str(around.upstream)}
    own |= {"LAMBDA_TASK_ROOT": str(handlers), "PYTHONPATH": os.pathsep.join(map(str, (*PATH[:2], handlers)))}
    return FunctionTarget("floor-loop", Caller("none", "gpt-4o-mini"), command(), own, core)


def site_packages() -> Path:
    """Return where this interpreter's own packages are."""
    return next(Path(p) for p in sys.path if p.endswith("site-packages"))
