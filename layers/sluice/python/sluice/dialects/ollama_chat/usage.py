"""Token counts of the Ollama chat dialect, in both directions.

Rules: `prompt_eval_count` counts the whole prompt, `eval_count` all output, thinking included (vendor docs, "Usage",
2026-11); a host that took the whole prompt from its memory may leave the first one out. Imports no canonical chat type.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.types.usage import Usage

COUNTS = ("prompt_eval_count", "eval_count")


def read(answer: Mapping[str, object]) -> Usage | None:
    """Return the canonical counts of an answer or of a stream's last line, None where it counts nothing."""
    if not any(name in answer for name in COUNTS):
        return None
    return Usage(input=_count(answer.get(COUNTS[0])), output=_count(answer.get(COUNTS[1])))


def write(usage: Usage) -> dict[str, object]:
    """Return the members that count an answer's tokens; `read` gives the same totals back."""
    return {COUNTS[0]: usage.prompt, COUNTS[1]: usage.output}


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return 0
    return int(value)
