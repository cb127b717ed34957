"""What a function may do, said as tables, secrets, uploads and logs; the IAM statements follow.

Actions are named one by one and resources exactly, so a function can reach what its code calls and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from infra.constructs.invoice_permissions import invoice_acknowledgements, invoice_statements
from infra.constructs.names import (
    alert_topic_arn,
    archive_arn,
    customer_key_arn,
    exports_arn,
    log_group_arn,
    log_group_name,
    secret_arn,
    table_arn,
    uploads_arn,
)
from infra.constructs.provider_permissions import provider_acknowledgements, provider_statements
from infra.settings import Stage


@dataclass(frozen=True, slots=True)
class Permissions:
    """`tables` maps a table's schema name to DynamoDB actions, such as {"ledger": ("PutItem",)}.

    `uploads` are S3 actions on uploaded files, such as ("GetObject",). `logs_of` names the functions whose log lines
    may be read. `calls_providers` adds what the stage allows towards providers that let the role in, `invoices` what
    it lists of AWS's own bills.
    """

    tables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provider_secret: bool = False
    gateway_secret: bool = False
    uploads: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    """S3 actions on the ledger's exports."""
    archives: str = ""
    """What the keys begin with that may be put into the archive, where the stage has one; "" for none."""
    logs_of: tuple[str, ...] = ()
    calls_providers: bool = False
    invoices: bool = False
    stream: str = ""
    """ARN of a table's stream that the function is fed from."""
    publishes_alerts: bool = False
    rotates_secret: bool = False
    """Whether versions of the providers' secret may be read, written and labelled, and a rotation begun."""

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
        if self.rotates_secret:
            verbs = ("DescribeSecret", "GetSecretValue", "PutSecretValue", "RotateSecret", "UpdateSecretVersionStage")
            actions = [f"secretsmanager:{verb}" for verb in verbs]
            secret = secret_arn(stack, stage.provider_secret)
            made.append(iam.PolicyStatement(sid="RotatedSecret", actions=actions, resources=[secret]))
        if self.exports:
            actions = [f"s3:{action}" for action in self.exports]
            made.append(iam.PolicyStatement(sid="Exports", actions=actions, resources=[exports_arn(stack, stage)]))
        if self.archives and stage.archive:
            objects = [archive_arn(stack, stage, self.archives)]
            made.append(iam.PolicyStatement(sid="Archive", actions=["s3:PutObject"], resources=objects))
        if self.uploads:
            actions = [f"s3:{action}" for action in self.uploads]
            made.append(iam.PolicyStatement(sid="Uploads", actions=actions, resources=[uploads_arn(stack, stage)]))
        if self.logs_of:
            groups = [log_group_arn(stack, stage, name) for name in self.logs_of]
            made.append(iam.PolicyStatement(sid="ReadLogs", actions=["logs:FilterLogEvents"], resources=groups))
        if self.stream:
            # What a mapping asks of its function's role (Lambda guide, "Using Lambda with DynamoDB", 2026-11).
            reads = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
            actions = [f"dynamodb:{action}" for action in reads]
            made.append(iam.PolicyStatement(sid="Stream", actions=actions, resources=[self.stream]))
        if self.publishes_alerts:
            topic = alert_topic_arn(stack, stage)
            made.append(iam.PolicyStatement(sid="Alerts", actions=["sns:Publish"], resources=[topic]))
        if self.calls_providers:
            made += provider_statements(stack, stage.providers)
        if self.invoices:
            made += invoice_statements(stack, stage.invoices)
        if stage.customer_key:
            stores = self.uploads or self.exports or (self.archives and stage.archive)
            uses = (("s3", bool(stores)), ("sns", self.publishes_alerts))
            made.append(_key_statement(stack, stage, [service for service, is_used in uses if is_used]))
        return made

    def acknowledged(self, stack: Stack, stage: Stage) -> dict[str, str]:
        """Return the findings of cdk-nag that the statements cause, with the reason for each."""
        account = stage.account or "<AWS::AccountId>"  # how cdk-nag writes the account that deploys
        here = f"arn:{stack.partition}:logs:{stack.region}:{account}:log-group"
        groups = [f"{here}:{log_group_name(stage, name)}:*" for name in self.logs_of]
        reason = "This is how a policy spells one log group; the * stands for its streams, which Lambda names."
        found = {f"AwsSolutions-IAM5[Resource::{group}]": reason for group in groups}
        if self.exports:
            files = exports_arn(stack, stage).replace(stack.account, account)
            found[f"AwsSolutions-IAM5[Resource::{files}]"] = "Exports are named by their day and team."
        if self.archives and stage.archive:
            files = archive_arn(stack, stage, self.archives).replace(stack.account, account)
            found[f"AwsSolutions-IAM5[Resource::{files}]"] = "Objects are named by what is archived, at run time."
        if self.uploads:
            files = uploads_arn(stack, stage).replace(stack.account, account)
            found[f"AwsSolutions-IAM5[Resource::{files}]"] = (
                "Uploads have ids that are made at run time; the function keeps each team to its own part of the keys."
            )
        if self.calls_providers:
            found |= provider_acknowledgements(stage.providers)
        if self.invoices:
            found |= invoice_acknowledgements(stack, stage.invoices)
        return found

    def _secrets(self, stage: Stage) -> list[str]:
        wanted = ((self.provider_secret, stage.provider_secret), (self.gateway_secret, stage.gateway_secret))
        return [name for is_wanted, name in wanted if is_wanted]


def _key_statement(stack: Stack, stage: Stage, also: Sequence[str]) -> iam.PolicyStatement:
    # Only through these services: the function itself has nothing to decrypt.
    through = ("dynamodb", "secretsmanager", *also)
    services = [f"{service}.{stack.region}.amazonaws.com" for service in through]
    return iam.PolicyStatement(
        sid="CustomerKey",
        actions=["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
        resources=[customer_key_arn(stack, stage)],
        conditions={"StringEquals": {"kms:ViaService": services}},
    )
