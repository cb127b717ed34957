"""Rotates the providers' keys: the four steps that Secrets Manager calls, and a daily look at their age."""

from __future__ import annotations

from sluice.aws.rotation import rotation_handler

handler = rotation_handler()
