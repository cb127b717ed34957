"""The control plane: keys, configuration versions."""

from __future__ import annotations

from sluice.aws.entry import admin_handler

handler = admin_handler()
