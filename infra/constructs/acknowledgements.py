"""Findings of cdk-nag that are decisions: each one is acknowledged where it arises, with its reason."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, reasons: Mapping[str, str]) -> None:
    """Acknowledge each rule (key) for `construct` and what is inside it, with its reason (value)."""
    validations = Validations.of(construct)
    for rule, reason in reasons.items():
        validations.acknowledge(Acknowledgment(id=rule, reason=reason))
