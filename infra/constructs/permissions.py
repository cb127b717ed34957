"""What a function may do, said as tables, secrets and logs; the IAM statements follow.

Actions are named one by one and resources exactly, so a function can reach what its code calls and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from infra.constructs.names import customer_key_arn, log_group_arn, log_group_name, secret_arn, table_arn
from infra.settings import Stage


@dataclass(frozen=True, slots=True)
class Permissions:
    """`tables` maps a table's schema name to DynamoDB actions, such as {"ledger": ("PutItem",)}.

    `logs_of` names the functions whose log lines may be read.
    """

    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider_secret: bool = False
    gateway_secret: bool = False
    logs_of: tuple[str, ...] = ()

    def statements(self, stack: Stack, stage: Stage) -> list[iam.PolicyStatement]:
        """Return the statements for a function of `stage` in the stack's region."""
        made = [
            iam.PolicyStatement(
                sid=f"{name.capitalize()}Table",
                actions=[f"dynamodb:{action}" for action in actions],
                resources=[table_arn(stack, stage, name)],
            )
            for name, actions in self.tables.items()
        ]
        if secrets := self._secrets(stage):
            resources = [secret_arn(stack, name) for name in secrets]
            actions = ["secretsmanager:GetSecretValue"]
            made.append(iam.PolicyStatement(sid="Secrets", actions=actions, resources=resources))
        if self.logs_of:
            groups = [log_group_arn(stack, stage, name) for name in self.logs_of]
            made.append(iam.PolicyStatement(sid="ReadLogs", actions=["logs:FilterLogEvents"], resources=groups))
        if stage.customer_key:
            made.append(_key_statement(stack, stage))
        return made

    def acknowledged(self, stack: Stack, stage: Stage) -> dict[str, str]:
        """Return the findings of cdk-nag that the statements cause, with the reason for each."""
        here = f"arn:{stack.partition}:logs:{stack.region}:{stage.account or '<AWS::AccountId>'}:log-group"
        groups = [f"{here}:{log_group_name(stage, name)}:*" for name in self.logs_of]
        reason = "This is how a policy spells one log group; the * stands for its streams, which Lambda names."
        return {f"AwsSolutions-IAM5[Resource::{group}]": reason for group in groups}

    def _secrets(self, stage: Stage) -> list[str]:
        wanted = ((self.provider_secret, stage.provider_secret), (self.gateway_secret, stage.gateway_secret))
        return [name for is_wanted, name in wanted if is_wanted]


def _key_statement(stack: Stack, stage: Stage) -> iam.PolicyStatement:
    # Only through the two services: the function itself has nothing to decrypt.
    services = [f"{service}.{stack.region}.amazonaws.com" for service in ("dynamodb", "secretsmanager")]
    return iam.PolicyStatement(
        sid="CustomerKey",
        actions=["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
        resources=[customer_key_arn(stack, stage)],
        conditions={"StringEquals": {"kms:ViaService": services}},
    )
