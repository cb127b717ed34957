"""Tells when budgets pass their thresholds or are forecast to; runs on a schedule, in the primary region alone."""

from __future__ import annotations

from sluice.aws.alerts import alerts_handler

handler = alerts_handler()
