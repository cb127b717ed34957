"""Puts into the ledger what the log knows and the ledger does not, and compares the books; runs on a schedule."""

from __future__ import annotations

from sluice.aws.reconcile import reconcile_handler

handler = reconcile_handler()
