"""IAM statements for what AWS charges: one export's objects, or Cost Explorer.

Sources: AWS Data Exports user guide, "Understanding export delivery" (folders); Service Authorization Reference, "AWS
Cost Explorer Service" (GetCostAndUsage); both read 2026-11.
"""

from __future__ import annotations

from aws_cdk import Stack
from aws_cdk import aws_iam as iam

from infra.invoice_checks import InvoiceChecks


def invoice_statements(stack: Stack, checks: InvoiceChecks) -> list[iam.PolicyStatement]:
    """Return the statements for what `checks` lists."""
    if checks.reads_costs:
        return [iam.PolicyStatement(sid="Costs", actions=["ce:GetCostAndUsage"], resources=["*"])]
    if checks.export is None:
        return []
    return [iam.PolicyStatement(sid="Export", actions=["s3:GetObject"], resources=_export_arns(stack, checks))]


def invoice_acknowledgements(stack: Stack, checks: InvoiceChecks) -> dict[str, str]:
    """Return the findings of cdk-nag that the statements cause, with the reason."""
    if checks.reads_costs:
        return {"AwsSolutions-IAM5[Resource::*]": "Cost Explorer's figures are the account's; there is no ARN of them."}
    if checks.export is None:
        return {}
    reason = "AWS names an export's files when it delivers them; the pattern is one folder of one export."
    return {f"AwsSolutions-IAM5[Resource::{arn}]": reason for arn in _export_arns(stack, checks)}


def _export_arns(stack: Stack, checks: InvoiceChecks) -> list[str]:
    if checks.export is None:
        return []
    root = f"arn:{stack.partition}:s3:::{checks.export.bucket}/{checks.export.root}"
    return [f"{root}/data/BILLING_PERIOD=*", f"{root}/metadata/BILLING_PERIOD=*"]
