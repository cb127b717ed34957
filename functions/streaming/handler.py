"""Answers chat calls, streamed or not (POST chat/completions, messages)."""

from __future__ import annotations

from sluice.aws.entry import gateway_handler

handler = gateway_handler()
