"""Says a caller's wish to think in the words of the provider, where the request otherwise passes through.

Callers of this dialect ask in many ways: `reasoning_effort`, OpenRouter's `reasoning`, `thinking`, `enable_thinking`
with `thinking_budget`. What the provider takes by itself stays as it was sent; everything else is said its way.
"""

from __future__ import annotations

from sluice.dialects.base import REMOVED, JsonObject
from sluice.dialects.policy import Changes

ASKING = ("reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget")

_OWN = {
    "effort": ("reasoning_effort",),
    "object": ("reasoning", "reasoning_effort"),
    "thinking": ("thinking", "reasoning_effort"),
    "enable_thinking": ("enable_thinking", "thinking_budget"),
    "none": (),
}


def ask_anew(body: JsonObject, quirks: JsonObject, changes: Changes) -> None:
    """Add to `changes` what makes the provider understand; nothing where no way is declared or the words fit."""
    if "reasoning_request" not in quirks and "reasoning_efforts" not in quirks:
        return
    sent = [name for name in ASKING if body.get(name) is not None]
    way = str(quirks.get("reasoning_request", "effort"))
    own = _OWN.get(way, ())
    if all(name in own for name in sent) and _fits(body, way, quirks):
        return
    from sluice.dialects.edits import Edits
    from sluice.dialects.openai_chat.effort import write_reasoning_request
    from sluice.dialects.openai_chat.request_in import read_reasoning

    wanted, edits = read_reasoning(body, {}), Edits()
    if wanted is None:
        return  # words that nobody knows: the provider says what it thinks of them
    written: dict[str, object] = {n: body[n] for n in ("max_tokens", "max_completion_tokens") if n in body}
    write_reasoning_request(written, wanted, quirks, True, edits)
    for name in sent:
        if name not in written:
            changes[name] = REMOVED
    for name in ASKING:
        if name in written and written[name] != body.get(name):
            changes[name] = written[name]
    foreign = [name for name in sent if changes.get(name) is REMOVED]
    if any(name in written for name in ASKING):
        for name in foreign:
            changes.say(f"renamed:{name}")
    for edit in edits.all():
        if edit.startswith("dropped:"):
            changes.lose(edit, sent[0], _LOST.format(name=sent[0]))
        else:
            changes.say(edit)
    changes.silence(*ASKING)


_LOST = (
    "This model cannot be told how much to think by '{name}'. Leave it out or choose another model, or use a route "
    "that is not strict about parameters."
)


def _fits(body: JsonObject, way: str, quirks: JsonObject) -> bool:
    """Return whether the provider takes the caller's effort word, as far as its words are declared."""
    word, taken = body.get("reasoning_effort"), quirks.get("reasoning_efforts")
    if word is None or way == "object" or not isinstance(taken, list | tuple) or not taken:
        return True
    return word in taken
