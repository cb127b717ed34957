"""Adds the ledger's stream up into usage."""

from __future__ import annotations

from sluice.aws.rollup import rollup_handler

handler = rollup_handler()
