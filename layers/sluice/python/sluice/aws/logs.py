"""Reads request lines back from CloudWatch Logs; for the jobs, not for the request path (it imports boto3)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

KINDS = ("request", "open")
PATTERN = '{ ($.kind = "request") || ($.kind = "open") }'


def request_lines(log_group: str, start_ms: int, end_ms: int, *, client: Any = None) -> Iterator[dict[str, Any]]:
    """Yield the `request` and `open` lines of a log group as JSON objects, oldest first within each stream.

    The times are epoch milliseconds, both included. `client` is a boto3 CloudWatch Logs client; by default one for the
    environment's own region. What is not such a line is passed over.
    """
    if client is None:
        import boto3

        client = boto3.client("logs")
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=log_group, startTime=start_ms, endTime=end_ms, filterPattern=PATTERN
    )
    for page in pages:
        for event in page["events"]:
            document = _document(event["message"])
            if document is not None:
                yield document


def _document(message: str) -> dict[str, Any] | None:
    start = message.find("{")
    if start < 0:
        return None
    try:
        # In front of the object may stand what the managed runtime's text format puts there.
        document, _ = json.JSONDecoder().raw_decode(message, start)
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("kind") not in KINDS:
        return None
    return document
