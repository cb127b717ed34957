"""Does buffered work: embeddings and token counts."""

from __future__ import annotations

from sluice.aws.entry import gateway_handler

handler = gateway_handler()
