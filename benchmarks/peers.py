"""Other gateways, installed from their registries into `.cache/peers` and started on loopback."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks import targets
from benchmarks.targets import ROOT, HttpTarget
from benchmarks.workload import Caller

HOME = ROOT / ".cache" / "peers"
LITELLM = "litellm[proxy]==1.106.2"
PORTKEY = "@portkey-ai/gateway@1.15.2"
_PORTKEY_NEEDS = {"@hono/node-server": "1.14.0"}
"""From 1.14.2 on its server answers every stream with 500 (TypeError: immutable), on Node 20 at least."""
_LITELLM_KEY = "sk-bench-4c7be0a1d2f34b6f9c55a6e0d1b7f382"
_START_SECONDS = 120.0


class PeerUnavailable(Exception):
    """A peer could not be installed or did not start; the message says why."""


def start(name: str, upstream: int, core: set[int]) -> HttpTarget:
    """Install a peer where it is absent, start it and wait until it answers.

    Raises:
        PeerUnavailable: an unknown name, no registry, or it does not answer.
    """
    starter = _PEERS.get(name)
    if starter is None:
        raise PeerUnavailable(f"There is no peer '{name}'. PEERS knows: {', '.join(_PEERS)}.")
    HOME.mkdir(parents=True, exist_ok=True)
    peer = starter(upstream, core)
    try:
        _await_answer(peer)
    except PeerUnavailable:
        targets.end(peer.child) if peer.child else None
        raise
    return peer


def _litellm(upstream: int, core: set[int]) -> HttpTarget:
    home = HOME / "litellm"
    executable = home / "bin" / "litellm"
    if not executable.exists():
        _run([sys.executable, "-m", "venv", str(home)])
        _run([str(home / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", LITELLM])
    settings = {"model": "openai/gpt-4o-mini", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "sk-mock"}
    config = HOME / "litellm.json"
    models = [{"model_name": "gpt-4o-mini", "litellm_params": settings}]
    config.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": _LITELLM_KEY}}))
    port = _free_port()
    environ = {**_environ(), "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    command = [str(executable), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
    child = targets.start(
        [*command, "--num_workers", "1", "--telemetry", "False"], environ, core, "litellm", quiet=True
    )
    return HttpTarget("litellm", port, Caller(_LITELLM_KEY, "gpt-4o-mini"), child)


def _portkey(upstream: int, core: set[int]) -> HttpTarget:
    home = HOME / "portkey"
    package = home / "node_modules" / "@portkey-ai" / "gateway"
    if not package.exists():
        npm, node = shutil.which("npm"), shutil.which("node")
        if npm is None or node is None:
            raise PeerUnavailable("portkey needs Node 20 or newer with npm; neither is on the PATH.")
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text(json.dumps({"private": True, "overrides": _PORTKEY_NEEDS}))
        _run([npm, "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(home), PORTKEY])
    entry = package / "build" / "start-server.js"
    port = _free_port()
    environ = {**_environ(), "NODE_ENV": "production", "TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    child = targets.start(["node", str(entry), f"--port={port}", "--headless"], environ, core, "portkey", quiet=True)
    headers = (("x-portkey-provider", "openai"), ("x-portkey-custom-host", f"http://127.0.0.1:{upstream}/v1"))
    return HttpTarget("portkey", port, Caller("sk-mock", "gpt-4o-mini", headers=headers), child)


_PEERS: dict[str, Callable[[int, set[int]], HttpTarget]] = {"litellm": _litellm, "portkey": _portkey}


def _environ() -> dict[str, str]:
    """The environment without what would send loopback traffic through a proxy."""
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    return {**kept, "NO_PROXY": "127.0.0.1,localhost"}


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        told = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise PeerUnavailable(f"'{' '.join(command[:4])} ...' failed: {' '.join(told)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_answer(peer: HttpTarget) -> None:
    limit = time.monotonic() + _START_SECONDS
    told = "it does not listen"
    while time.monotonic() < limit:
        if peer.child is not None and peer.child.poll() is not None:
            raise PeerUnavailable(f"{peer.name} ended with {peer.child.returncode}; see .cache/bench/{peer.name}.log.")
        connection = http.client.HTTPConnection("127.0.0.1", peer.port, timeout=20)
        try:
            connection.request("POST", peer.caller.path, peer.caller.body(None), peer.caller.sent_headers())
            answer = connection.getresponse()
            text = answer.read()[:200]
            if answer.status == 200:
                return
            told = f"it answers {answer.status}: {text!r}"
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.5)
    raise PeerUnavailable(f"{peer.name} did not answer within {_START_SECONDS:.0f} s: {told}.")
