"""What is left out for the emulator, and only for it."""

from __future__ import annotations

from aws_cdk import App, CfnResource, Stack

from infra.emulator import REFUSED, strip


def test_what_the_emulator_refuses_is_removed_and_named() -> None:
    app = App(analytics_reporting=False)
    stack = Stack(app, "stack")
    CfnResource(stack, "Refused", type=REFUSED[0])
    CfnResource(stack, "Taken", type="AWS::SNS::Topic")
    assert strip(app) == ("stack/Refused",)
    assert [child.node.id for child in stack.node.children] == ["Taken"]
    assert strip(app) == ()
