"""Names that CloudFormation chooses, published for other stacks as parameters: of functions and of queues.

A parameter and not an export, which would tie two stacks together until neither can change. Operators find the same
names there: `aws ssm get-parameter --name /sluice-prod/functions/streaming`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from aws_cdk import Stack
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_ssm as ssm

from infra.constructs.gateway_function import GatewayFunction
from infra.settings import Stage


@dataclass(frozen=True, slots=True)
class Published:
    """What one stack published: functions by their folders, queues by their constructs' names, which differ."""

    functions: tuple[str, ...]
    queues: tuple[str, ...]


def publish(stack: Stack, stage: Stage) -> Published:
    """Add a parameter for the name of each function and each queue of `stack`."""
    functions, queues = [], []
    for construct in stack.node.find_all():
        if isinstance(construct, GatewayFunction):
            functions.append(construct.folder)
            _parameter(stack, stage, "functions", construct.folder, construct.function.function_name)
        elif isinstance(construct, sqs.Queue):
            name = queue_label(construct.node.id)
            queues.append(name)
            _parameter(stack, stage, "queues", name, construct.queue_name)
    return Published(tuple(sorted(functions)), tuple(sorted(queues)))


def queue_label(construct_id: str) -> str:
    """Return what a queue is called in alarms and parameters: `rollup-left` for the construct RollupLeft."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", construct_id).lower()


def name_parameter(stage: Stage, kind: str, name: str) -> str:
    """Return the parameter that holds the name of a function (`kind` functions) or a queue (`queues`)."""
    return f"/{stage.prefix}/{kind}/{name}"


def _parameter(stack: Stack, stage: Stage, kind: str, name: str, value: str) -> None:
    parameter = name_parameter(stage, kind, name)
    ssm.StringParameter(stack, f"Name-{kind}-{name}", parameter_name=parameter, string_value=value)
