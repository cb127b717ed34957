"""Puts into the ledger what the log knows and the ledger does not; runs on a schedule."""

from __future__ import annotations

from sluice.aws.entry import reconcile_handler

handler = reconcile_handler()
