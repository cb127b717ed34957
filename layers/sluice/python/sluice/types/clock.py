"""Units of time and money, named so that signatures say which one they take."""

from __future__ import annotations

Millis = int
"""Milliseconds since the epoch, or a length of time in milliseconds."""

NanoUSD = int
"""Billionths of a US dollar."""
