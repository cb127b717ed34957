"""The CDK command line against an emulated account: bootstrap, synth, deploy, destroy.

It runs in an environment of its own making, so that nothing that this machine knows of real accounts (profiles,
credentials, caches) can reach it. The app is synthesized once; what is deployed and destroyed is that assembly.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.build import ROOT

COMMAND = ROOT / "node_modules" / ".bin" / "cdk"
ACCOUNT = "000000000000"
TIMEOUT_SECONDS = 240.0


class CdkFailed(RuntimeError):
    """The command ended with an error; the message holds its last lines."""


class Cdk:
    """Runs the command line against `endpoint`, with its files in `folder`."""

    def __init__(self, endpoint: str, folder: Path) -> None:
        self._endpoint = endpoint
        self._folder = folder
        self._count = 0

    @property
    def assembly(self) -> Path:
        """Where `synth` leaves the templates."""
        return self._folder / "cdk.out"

    async def bootstrap(self, region: str) -> None:
        """Create the bucket and the roles that deployments use. Raises CdkFailed."""
        # Away from the project: there it would synthesize the app first, which this step does not need.
        await self.run("bootstrap", f"aws://{ACCOUNT}/{region}", region=region)

    async def synth(self, context: Mapping[str, str]) -> None:
        """Write the assembly of the app with this context. Raises CdkFailed."""
        given = [part for name, value in context.items() for part in ("-c", f"{name}={value}")]
        await self.run("synth", "--quiet", *given, "--output", str(self.assembly), folder=ROOT)

    async def destroy(self) -> None:
        """Delete every stack. Raises CdkFailed."""
        await self.run("destroy", "--all", "--force", "--app", str(self.assembly))

    async def run(self, *arguments: str, folder: Path | None = None, region: str = "us-east-1") -> None:
        """Run the command line, away from the project unless `folder` says otherwise. Raises CdkFailed."""
        child = await asyncio.create_subprocess_exec(
            str(COMMAND),
            *arguments,
            "--no-notices",
            cwd=folder or self._folder,
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
        self._count += 1
        (self._folder / f"cdk-{self._count}-{arguments[0]}.log").write_bytes(output)
        if child.returncode != 0:
            tail = "\n".join(output.decode("utf-8", "replace").splitlines()[-25:])
            raise CdkFailed(f"cdk {arguments[0]} ended with exit code {child.returncode}:\n{tail}")

    def runner(self, loop: asyncio.AbstractEventLoop) -> Runner:
        """Return what runs the command line for code that is no coroutine; `loop` must be running in another thread."""
        return Runner(self, loop)

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


class Runner:
    """Runs the command line from a thread, and keeps what its last failure said."""

    def __init__(self, command: Cdk, loop: asyncio.AbstractEventLoop) -> None:
        self._command = command
        self._loop = loop
        self.failure: CdkFailed | None = None

    def __call__(self, arguments: Sequence[str]) -> int:
        """Return the exit status as the shell would see it."""
        try:
            asyncio.run_coroutine_threadsafe(self._command.run(*arguments), self._loop).result()
        except CdkFailed as failure:
            self.failure = failure
            return 1
        return 0


def missing() -> str | None:
    """Return why nothing can be deployed from here, or None."""
    if not COMMAND.exists():
        return "the CDK command line is absent; install it with `npm ci`"
    return None
