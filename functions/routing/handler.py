"""Answers what calls no model: models, plans, ledger entries, health."""

from __future__ import annotations

from sluice.aws.entry import gateway_handler

handler = gateway_handler()
