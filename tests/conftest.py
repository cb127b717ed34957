"""Fixtures that every test folder may use."""

from __future__ import annotations

import signal

from hypothesis import settings

from tests.emulator import emulator, tables

__all__ = ["emulator", "tables"]

# How long an example takes depends on what else the machine does, so it is no reason to fail.
settings.register_profile("sluice", deadline=None)
settings.load_profile("sluice")

# A shell that runs the tests in its background ignores interrupts, and every process that a test starts would too.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
