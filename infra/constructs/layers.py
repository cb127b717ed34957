"""The three Lambda layers, from what `infra.build` has put into `.build/`.

Each stack makes its own layer versions from the same assets: a version's ARN changes with its content, so a stack that
exported it could never be updated while another one uses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aws_cdk import AssetHashType, RemovalPolicy
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra.build import DEPLOYED, Target, built_layer, digest


@dataclass(frozen=True, slots=True)
class Platform:
    """What functions run on. `skip_layers` synthesizes without the layers' files, for looking at templates only."""

    target: Target = DEPLOYED
    skip_layers: bool = False

    @property
    def architecture(self) -> lambda_.Architecture:
        """The target's machine in Lambda's words."""
        arm = self.target.machine in ("aarch64", "arm64")
        return lambda_.Architecture.ARM_64 if arm else lambda_.Architecture.X86_64

    @property
    def runtime(self) -> lambda_.Runtime:
        """The managed runtime of the target's Python version."""
        return lambda_.Runtime(f"python{self.target.python}", lambda_.RuntimeFamily.PYTHON)


class Layers(Construct):
    """Makes the layer versions that its stack asks for, each one once."""

    def __init__(self, scope: Construct, construct_id: str, *, platform: Platform) -> None:
        super().__init__(scope, construct_id)
        self.platform = platform
        self._made: dict[str, lambda_.LayerVersion] = {}

    def of(self, *names: str) -> list[lambda_.ILayerVersion]:
        """Return the layers of these names (see `infra.build.LAYERS`).

        Raises:
            LayerMissing: one has not been built.
        """
        return [self._made.get(name) or self._make(name) for name in names]

    def _make(self, name: str) -> lambda_.LayerVersion:
        self._made[name] = lambda_.LayerVersion(
            self,
            name.capitalize(),
            code=self._code(name),
            description=f"Sluice: {name}",
            compatible_runtimes=[self.platform.runtime],
            compatible_architectures=[self.platform.architecture],
            # Published function versions keep what they were published with, so old versions can go.
            removal_policy=RemovalPolicy.DESTROY,
        )
        return self._made[name]

    def _code(self, name: str) -> lambda_.Code:
        if self.platform.skip_layers:
            nowhere = s3.Bucket.from_bucket_name(self, f"{name.capitalize()}Skipped", "layers-were-skipped")
            return lambda_.Code.from_bucket(nowhere, name)
        folder: Path = built_layer(name, self.platform.target)
        asset_hash = digest(name, self.platform.target)
        return lambda_.Code.from_asset(str(folder), asset_hash=asset_hash, asset_hash_type=AssetHashType.CUSTOM)
