"""What is left out for the emulator, and only for it."""

from __future__ import annotations

import json

import boto3
import pytest
from aws_cdk import App, CfnResource, Stack
from botocore.exceptions import ClientError

from infra.emulator import REFUSED, strip
from tests.emulator import Emulator


def test_what_the_emulator_refuses_is_removed_and_named() -> None:
    app = App(analytics_reporting=False)
    stack = Stack(app, "stack")
    CfnResource(stack, "Refused", type=REFUSED[0])
    CfnResource(stack, "Taken", type="AWS::SNS::Topic")
    assert strip(app) == ("stack/Refused",)
    assert [child.node.id for child in stack.node.children] == ["Taken"]
    assert strip(app) == ()


@pytest.mark.parametrize("kind", REFUSED)
def test_the_emulator_still_refuses_what_is_left_out_for_it(emulator: Emulator, kind: str) -> None:
    client = boto3.client(
        "cloudformation",
        endpoint_url=emulator.url,
        region_name=emulator.region,
        aws_access_key_id=emulator.access_key_id,
        aws_secret_access_key=emulator.secret_access_key,
    )
    name = kind.replace("::", "-")
    template = json.dumps({"Resources": {"Refused": {"Type": kind}}})
    with pytest.raises(ClientError, match="Unrecognized resource types"):
        client.create_stack(StackName=name, TemplateBody=template)
