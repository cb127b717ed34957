"""Delivers the ledger's stream to where the stage's telemetry goes."""

from __future__ import annotations

from sluice.aws.exporter import exporter_handler

handler = exporter_handler()
