"""Puts each day's ledger into S3 as rows of FOCUS; runs by night."""

from __future__ import annotations

from sluice.aws.export import export_handler

handler = export_handler()
