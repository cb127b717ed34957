"""Token counts of the Cohere chat dialect, in both directions.

Rules: what is paid for is `billed_units`; `tokens` also count the vendor's own template around the prompt (some 500
tokens), which nobody is charged for, and leave out the tokens of pictures (`image_tokens`), which are charged (vendor
docs, "How Does Cohere's Pricing Work?", 2026-11; figures checked against recorded answers). So usage is what was
billed, and cached tokens, which are counted of the whole prompt, are told apart only where all of it was billed.
`reasoning_tokens` are part of the output. This module imports no canonical chat type.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.types.usage import Usage


def read(found: object) -> Usage | None:
    """Return the canonical counts of a `usage` member, None where it counts nothing."""
    raw = found if isinstance(found, Mapping) else {}
    billed, tokens = _object(raw.get("billed_units")), _object(raw.get("tokens"))
    if not {"input_tokens", "output_tokens"} & {*billed, *tokens}:
        return None
    images = _count(tokens.get("image_tokens"))
    counted = _count(tokens.get("input_tokens")) + images
    prompt = _count(billed["input_tokens"]) if "input_tokens" in billed else counted
    output = _count(billed["output_tokens"] if "output_tokens" in billed else tokens.get("output_tokens"))
    cached = min(_count(raw.get("cached_tokens")), prompt) if counted == prompt else 0
    return Usage(
        input=prompt - cached,
        cache_read=cached,
        output=output,
        reasoning=min(_count(tokens.get("reasoning_tokens")), output),
        image_input=min(images, prompt - cached),
    )


def write(usage: Usage) -> dict[str, object]:
    """Return the `usage` member of an answer; `read` gives the same figures back."""
    tokens: dict[str, object] = {
        "input_tokens": usage.prompt - usage.image_input,
        "output_tokens": usage.output,
    }
    if usage.image_input:
        tokens["image_tokens"] = usage.image_input
    if usage.reasoning:
        tokens["reasoning_tokens"] = usage.reasoning
    return {
        "billed_units": {"input_tokens": usage.prompt, "output_tokens": usage.output},
        "tokens": tokens,
        "cached_tokens": usage.cache_read,
    }


def _object(found: object) -> Mapping[str, object]:
    return found if isinstance(found, Mapping) else {}


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        return 0
    return int(value)
