"""Compares the ledger with what the vendors say they charge; runs every night."""

from __future__ import annotations

from sluice.aws.invoices import invoices_handler

handler = invoices_handler()
