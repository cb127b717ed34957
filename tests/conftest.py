"""Fixtures that every test folder may use."""

from __future__ import annotations

from tests.emulator import emulator, tables

__all__ = ["emulator", "tables"]
