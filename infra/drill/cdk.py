"""The CDK command line against an emulated account: bootstrap, deploy, destroy.

It runs in an environment of its own making, so that nothing that this machine knows of real accounts (profiles,
credentials, caches) can reach it. The app is synthesized once, by `deploy`; `destroy` reads the assembly that it left.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path

from infra.build import ROOT

COMMAND = ROOT / "node_modules" / ".bin" / "cdk"
ACCOUNT = "000000000000"
TIMEOUT_SECONDS = 240.0


class CdkFailed(RuntimeError):
    """The command ended with an error; the message holds its last lines."""


class Cdk:
    """Runs the command line against `endpoint`, with its files in `folder` and this context for the app."""

    def __init__(self, endpoint: str, folder: Path, context: Mapping[str, str]) -> None:
        self._endpoint = endpoint
        self._folder = folder
        self._context = context

    @property
    def assembly(self) -> Path:
        """Where `deploy` leaves what it synthesized."""
        return self._folder / "cdk.out"

    async def bootstrap(self, region: str) -> None:
        """Create the bucket and the roles that deployments use. Raises CdkFailed."""
        # Away from the project: there it would synthesize the app first, which this step does not need.
        await self._run("bootstrap", f"aws://{ACCOUNT}/{region}", folder=self._folder, region=region)

    async def deploy(self, region: str) -> dict[str, dict[str, str]]:
        """Deploy every stack of the app; return the outputs by stack and name. Raises CdkFailed."""
        outputs = self._folder / "outputs.json"
        context = [part for name, value in self._context.items() for part in ("-c", f"{name}={value}")]
        options = ["--all", "--require-approval", "never", "--concurrency", "2", "--outputs-file", str(outputs)]
        await self._run("deploy", *options, *context, "--output", str(self.assembly), folder=ROOT, region=region)
        return dict(json.loads(outputs.read_text(encoding="utf-8")))

    async def destroy(self, region: str) -> None:
        """Delete every stack. Raises CdkFailed."""
        options = ["--all", "--force", "--app", str(self.assembly)]
        await self._run("destroy", *options, folder=self._folder, region=region)

    async def _run(self, verb: str, *options: str, folder: Path, region: str) -> None:
        child = await asyncio.create_subprocess_exec(
            str(COMMAND),
            verb,
            *options,
            "--no-notices",
            cwd=folder,
            env=self._environment(region),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(child.communicate(), TIMEOUT_SECONDS)
        finally:
            if child.returncode is None:
                child.kill()
                await child.wait()
        (self._folder / f"cdk-{verb}.log").write_bytes(output)
        if child.returncode != 0:
            tail = "\n".join(output.decode("utf-8", "replace").splitlines()[-25:])
            raise CdkFailed(f"cdk {verb} ended with exit code {child.returncode}:\n{tail}")

    def _environment(self, region: str) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self._folder),
            "AWS_ENDPOINT_URL": self._endpoint,
            "AWS_REGION": region,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CI": "true",
            "NODE_NO_WARNINGS": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
        }


def missing() -> str | None:
    """Return why nothing can be deployed from here, or None."""
    if not COMMAND.exists():
        return "the CDK command line is absent; install it with `npm ci`"
    return None
