"""What the emulator cannot do, and therefore is left out of a template that is deployed to it (`-c local=1`)."""

from __future__ import annotations

from aws_cdk import App, CfnResource

REFUSED: dict[str, str] = {}
"""CloudFormation types that the emulator refuses, with what happens otherwise."""


def strip(app: App) -> None:
    """Remove every resource of a type in `REFUSED` from the app's stacks."""
    for construct in app.node.find_all():
        if isinstance(construct, CfnResource) and construct.cfn_resource_type in REFUSED and construct.node.scope:
            construct.node.scope.node.try_remove_child(construct.node.id)
