"""What the emulator cannot do, and is therefore left out of the templates that are deployed to it (`-c local=1`).

Everything left out stands in the templates that the tests look at, which are synthesized without `local`.
"""

from __future__ import annotations

from collections.abc import Iterable

from aws_cdk import CfnResource
from constructs import IConstruct

REFUSED = (
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::CloudWatch::AnomalyDetector",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::Logs::QueryDefinition",
    "AWS::Route53::HealthCheck",
    "AWS::SecretsManager::ResourcePolicy",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::WAFv2::WebACLAssociation",
)
"""Types that ministack 1.5.33 does not know; one of them fails the whole deployment."""


def strip(root: IConstruct, also: Iterable[CfnResource] = ()) -> tuple[str, ...]:
    """Remove every resource of a type in `REFUSED` from the tree under `root`, and `also`; return their paths.

    `also` is for alarms on expressions: "Properties.Metrics (metric math) is not supported" (ministack 1.5.33).
    """
    refused = [
        construct
        for construct in root.node.find_all()
        if isinstance(construct, CfnResource) and construct.cfn_resource_type in REFUSED
    ]
    found = [*refused, *also]
    for construct in found:
        scope = construct.node.scope
        if scope is not None:
            scope.node.try_remove_child(construct.node.id)
    return tuple(construct.node.path for construct in found)
