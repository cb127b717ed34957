"""The Lambda functions as the local stack runs them: their folders, limits and environment variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "000000000000"
REGION = "us-east-1"
STAGE = "local"
PREFIX = "sluice-local"
TUNABLE = (
    "SLUICE_EXPORTERS",
    "SLUICE_LEDGER_DAYS",
    "SLUICE_SWEEP_GRACE_SECONDS",
    "SLUICE_UPLOAD_DAYS",
    "SLUICE_UPLOAD_INLINE_MB",
)
"""Settings of the functions that may be given to the stack."""
BUFFERED_SECONDS = 29.0
"""How long API Gateway waits for a buffered integration."""
STREAMED_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `folder` holds its handler.py; `limit` is how many environments it may have at once."""

    name: str
    folder: Path
    timeout: float = BUFFERED_SECONDS
    memory_mb: int = 512
    streamed: bool = False
    limit: int = 4
    events: str = "http"

    @property
    def arn(self) -> str:
        """The ARN under which it is invoked."""
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.full_name}"

    @property
    def full_name(self) -> str:
        """The name it would have in an account."""
        return f"{PREFIX}-{self.name}"

    def environment(self, settings: Mapping[str, str], log_stream: str) -> dict[str, str]:
        """Return the environment variables of one of its environments; the Runtime API's address is not among them."""
        return {
            **settings,
            "_HANDLER": "handler.handler",
            "LAMBDA_TASK_ROOT": str(self.folder),
            "AWS_LAMBDA_FUNCTION_NAME": self.full_name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.full_name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "STREAMING_RUNTIME_EVENTS": self.events,
            "TZ": ":UTC",
        }


def variables(root: Path, logs: Path, endpoint_url: str, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment variables that all functions share; `endpoint_url` is the emulator's."""
    layers = root / "layers"
    given = environ or {}
    return {
        **{name: given[name] for name in TUNABLE if given.get(name)},
        "SLUICE_STAGE": STAGE,
        "SLUICE_TABLE_PREFIX": PREFIX,
        "SLUICE_PROVIDER_SECRET": f"{PREFIX}/providers",
        "SLUICE_GATEWAY_SECRET": f"{PREFIX}/gateway",
        "SLUICE_UPLOAD_BUCKET": f"{PREFIX}-uploads",
        "SLUICE_ARCHIVE_BUCKET": f"{PREFIX}-archive",
        "SLUICE_LOCAL": "1",
        "SLUICE_LOCAL_LOGS": str(logs),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        # What the person at this machine has set up for real accounts must not reach the emulator, nor the reverse.
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": f"{layers / 'sluice' / 'python'}:{layers / 'runtime' / 'python'}",
    }


def functions(folder: Path, limit: int) -> dict[str, Function]:
    """Return every function whose handler is in `folder`, by name; `limit` bounds the streaming one's environments."""
    known = (
        Function("streaming", folder / "streaming", timeout=STREAMED_SECONDS, streamed=True, limit=limit),
        Function("completion", folder / "completion"),
        Function("routing", folder / "routing"),
        Function("admin", folder / "admin"),
        Function("reconcile", folder / "reconcile", timeout=300.0, limit=1, events="any"),
        Function("rollup", folder / "rollup", timeout=60.0, limit=1, events="any"),
        Function("exporter", folder / "exporter", timeout=120.0, limit=1, events="any"),
        Function("alerts", folder / "alerts", timeout=55.0, limit=1, events="any"),
    )
    return {function.name: function for function in known if (function.folder / "handler.py").is_file()}
