"""One emulated AWS (ministack) per pytest session, for tests that need real conditions, transactions or streams.

Use the session fixture `emulator` and, for tables of one's own, the function fixture `tables`:

    def test_x(emulator: Emulator, tables: str) -> None:
        environ = emulator.environment(tables)      # the variables a function gets
        emulator.call("DynamoDB_20120810.GetItem", {"TableName": f"{tables}-config", ...})

`started` serves tests that want an emulator of their own. It listens on 127.0.0.1 only (its default is every address),
on a port that was free, keeps nothing on disk but scratch files in the folder it is given, and ends with the process
that started it, even when that one is killed.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sluice.aws.tables import create_request
from sluice.settings import TABLES

ROOT = Path(__file__).resolve().parents[1]
INTERPRETER = ROOT / ".venv-ministack" / "bin" / "python"
REGION = "us-east-1"
# Ends the emulator when its parent is gone: a killed test run must not leave a server behind.
LAUNCHER = """
import os, runpy, sys, threading, time
parent = int(sys.argv.pop())
def watch():
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(0)
threading.Thread(target=watch, daemon=True).start()
runpy.run_module("ministack", run_name="__main__", alter_sys=True)
"""
_PREFIXES = itertools.count(1)


@dataclass(frozen=True)
class Emulator:
    """A running emulator. `url` has no trailing slash."""

    url: str
    region: str = REGION
    access_key_id: str = "test"
    secret_access_key: str = "test"

    def environment(self, prefix: str) -> dict[str, str]:
        """Return the environment variables of a function whose tables begin with `prefix`."""
        return {
            "SLUICE_STAGE": "local",
            "SLUICE_TABLE_PREFIX": prefix,
            "SLUICE_PROVIDER_SECRET": f"{prefix}-providers",
            "SLUICE_GATEWAY_SECRET": f"{prefix}-gateway",
            "SLUICE_UPLOAD_BUCKET": f"{prefix}-uploads",
            "SLUICE_ARCHIVE_BUCKET": f"{prefix}-archive",
            "SLUICE_LOCAL": "1",
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }

    def call(self, target: str, payload: dict[str, object]) -> dict[str, object]:
        """Call one action of an AWS JSON service, such as `DynamoDB_20120810.Scan` or `secretsmanager.CreateSecret`."""
        service = target.partition("_")[0].partition(".")[0].lower()
        scope = f"{self.access_key_id}/20260101/{self.region}/{service}/aws4_request"
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": target,
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        }
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=30)
        with closing(connection):
            connection.request("POST", "/", json.dumps(payload).encode(), headers)
            answer = connection.getresponse()
            body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{target}: {answer.status} {body[:500]!r}")
        return dict(json.loads(body)) if body else {}

    def create_tables(self, prefix: str) -> None:
        """Create every table of the schema under `prefix`."""
        for table in TABLES:
            self.call("DynamoDB_20120810.CreateTable", create_request(table, prefix))

    def put_secret(self, name: str, value: dict[str, object]) -> None:
        """Create a secret whose string is the JSON of `value`, or give an existing one a new value."""
        text = json.dumps(value)
        try:
            self.call("secretsmanager.CreateSecret", {"Name": name, "SecretString": text})
        except RuntimeError:
            self.call("secretsmanager.PutSecretValue", {"SecretId": name, "SecretString": text})


@contextmanager
def started(folder: Path, **extra: str) -> Iterator[Emulator]:
    """Run an emulator of one's own, with `extra` environment variables; its output goes to `folder/ministack.log`."""
    port = _free_port()
    environ = {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "WARNING",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        **extra,
    }
    arguments = [str(INTERPRETER), "-c", LAUNCHER, str(os.getpid())]
    log = folder / "ministack.log"
    with log.open("wb") as output:
        child = subprocess.Popen(arguments, env=environ, cwd=folder, stdout=output, stderr=subprocess.STDOUT)
    try:
        _await_ready(child, port, log)
        yield Emulator(f"http://127.0.0.1:{port}")
    finally:
        _end(child)


def missing() -> str | None:
    """Return why no emulator can be started here, or None."""
    if sys.platform == "win32":
        return "the emulator's launcher needs a POSIX system"
    if not INTERPRETER.exists():
        return ".venv-ministack is absent; create it from requirements-ministack.txt (make installs it)"
    return None


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """The session's emulator."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    with started(tmp_path_factory.mktemp("ministack")) as running:
        yield running


@pytest.fixture
def tables(emulator: Emulator) -> str:
    """Every table of the schema, empty, under a prefix that no other test uses; returns the prefix."""
    prefix = f"t{next(_PREFIXES)}"
    emulator.create_tables(prefix)
    return prefix


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_ready(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        if child.poll() is not None:
            break
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with closing(connection):
            try:
                connection.request("GET", "/_ministack/health")
                if connection.getresponse().read() is not None:
                    return
            except OSError:
                time.sleep(0.05)
    raise RuntimeError(f"The emulator did not start: {log.read_text(errors='replace')[-2000:]}")


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the emulator and wait until it is gone: while it lingers, it shares its port with a successor."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
    child.wait(timeout=30)
