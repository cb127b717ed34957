"""An upper bound of a request's input tokens, from its parsed body alone, in any dialect.

Rules. All text of the body counts (`text_bound`), with the names of members that are not the dialect's own; tools and
schemas count as the JSON that templates write of them. On top comes what the model's family adds by itself: its
template, its preamble for tools (`families`). Pictures count by size, documents by page, sounds and videos by second
(`attachments`). What the request only refers to (files, addresses, kept conversations and prompts, cached content) or
what the vendor fetches while it answers (searches, server tools) has no bound here: `InputBound.open` names it, and the
caller adds the declared allowance. `learned` raises the bound to what answers showed: never below, only ever up.
`certain` counts a token a byte and holds for text made to be dear as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sluice.errors import BadRequest
from sluice.metering.bodies import Reading
from sluice.metering.families import Family, family_of
from sluice.metering.text_bound import json_tokens, text_tokens

EXACT = 10_000
"""A correction that changes nothing, in basis points."""
_NONE: Mapping[str, object] = {}


@dataclass(frozen=True, slots=True)
class InputBound:
    """The most input tokens that a request can come to.

    `tokens` is all of it; `audio` and `pictures` are the parts that may be billed as sound or pictures; `audio_ms` the
    sound's length. `open` names what cannot be bounded, empty where the bound stands by itself. `certain` is the bound
    that no text can exceed. `long_cache` tells whether the request asks for cache writes of one hour.
    """

    tokens: int
    certain: int
    audio: int = 0
    pictures: int = 0
    audio_ms: int = 0
    open: tuple[str, ...] = ()
    long_cache: bool = False


def input_bound(
    body: Mapping[str, object],
    model: str = "",
    *,
    quirks: Mapping[str, object] = _NONE,
    correction: int = EXACT,
) -> InputBound:
    """Return the bound for a body as it is sent to `model` (its provider's name for it).

    `quirks` may declare `hidden_prompt`, tokens that the host adds by itself; `correction` is what `learned` returned
    for this model, in basis points. Raises BadRequest for a body nested too deeply.
    """
    family = family_of(model)
    read = Reading(family)
    try:
        read.body(body)
    except RecursionError:
        raise BadRequest(
            "The body is nested too deeply to be read: hundreds of lists or objects in one another."
        ) from None
    if "compound" in model or model.endswith(":online"):
        read.open["server tools"] = None
    close, certain = text_tokens("\n".join(read.texts))
    formed, most = json_tokens("\n".join(read.forms))
    close, certain = close + formed, certain + most
    fixed = read.counted + read.pictures + read.audio + _template(read, family)
    hidden = quirks.get("hidden_prompt")
    if isinstance(hidden, int):
        fixed += hidden
    if read.repeated:
        again, most = text_tokens(read.query)
        close, certain = close + again * read.repeated, certain + most * read.repeated
    return InputBound(
        tokens=-(-(close + fixed) * correction // EXACT),
        certain=-(-(certain + fixed) * correction // EXACT),
        audio=read.audio,
        pictures=read.pictures,
        audio_ms=read.audio_ms,
        open=tuple(read.open),
        long_cache=read.long_cache,
    )


def learned(known: int, bound: int, truth: int) -> int:
    """Return the correction in basis points after an answer of `truth` input tokens to a request bound by `bound`.

    Only for requests with nothing open, `bound` before its correction. Never less than what was known.
    """
    return max(known, EXACT, -(-truth * EXACT // bound)) if bound > 0 else max(known, EXACT)


def _template(read: Reading, family: Family) -> int:
    fixed = family.base + family.message * read.messages + family.typed_tool * read.typed
    if read.tools:
        fixed += family.tools + family.tool * read.tools
    return fixed + read.schema * family.schema + read.citations * family.citations
