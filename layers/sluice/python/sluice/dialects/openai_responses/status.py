"""Why an answer ended: `status` and `incomplete_details` on the wire, a stop reason in canonical form."""

from __future__ import annotations

from collections.abc import Mapping

from sluice.types.chat import Json, StopReason

_REASONS: dict[str, StopReason] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "length": "length",
    "content_filter": "content_filter",
}
_WORDS = {"length": "max_output_tokens", "content_filter": "content_filter", "refusal": "content_filter"}


def read_status(answer: Mapping[str, Json], calls: bool, refused: bool) -> tuple[StopReason, dict[str, Json]]:
    """Return the stop reason, and the wire's own words where the canonical one would lose them."""
    status, details = answer.get("status"), answer.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, Mapping) else None
    if status == "incomplete" or (status not in _DONE and reason):
        stop = _REASONS.get(str(reason), "length" if reason is None else "unknown")
    elif status in _DONE or status is None:
        stop = "tool_calls" if calls else "refusal" if refused else "stop"
    else:
        stop = "unknown"  # queued, in_progress: a background answer
    written, detail = write_status(stop, calls, refused)
    kept: dict[str, Json] = {}
    if status is not None and written != status:
        kept["status"] = status
    if reason is not None and (detail is None or detail["reason"] != reason):
        kept["incomplete_details"] = dict(details) if isinstance(details, Mapping) else None
    return stop, kept


_DONE = ("completed", "complete")


def write_status(stop: StopReason | None, calls: bool, refused: bool) -> tuple[str, dict[str, Json] | None]:
    """Return `status` and `incomplete_details`; a refusal in words is a complete answer."""
    if stop == "error":
        return "failed", None
    if stop in _WORDS and not (stop == "refusal" and (refused or calls)):
        return "incomplete", {"reason": _WORDS[stop]}
    return "completed", None
