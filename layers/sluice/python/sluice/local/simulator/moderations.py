"""Judge text without a model: each category has words, and a text that holds one is flagged in it."""

from __future__ import annotations

import hashlib

from sluice.local.simulator import hints
from sluice.local.simulator.models import Model
from sluice.local.simulator.shape import Json, Object, expect

_MEMBERS = frozenset({"model", "input"})
_WORDS = {
    "harassment": frozenset({"idiot", "loser", "stupid"}),
    "harassment/threatening": frozenset({"hunt", "regret"}),
    "hate": frozenset({"hate", "subhuman", "vermin"}),
    "hate/threatening": frozenset({"exterminate"}),
    "illicit": frozenset({"counterfeit", "launder", "shoplift"}),
    "illicit/violent": frozenset({"bomb", "explosive"}),
    "self-harm": frozenset({"suicide"}),
    "self-harm/instructions": frozenset({"overdose"}),
    "self-harm/intent": frozenset({"suicidal"}),
    "sexual": frozenset({"porn", "erotic"}),
    "sexual/minors": frozenset[str](),
    "violence": frozenset({"kill", "murder", "shoot", "stab", "attack"}),
    "violence/graphic": frozenset({"gore", "dismember"}),
}


def answer(body: Object, model: Model) -> Object:
    """Return one result for each text; the parts of one mixed input are judged together.

    Raises:
        Refused: OpenAI would answer 400.
    """
    for name in body:
        expect(name in _MEMBERS, f"Unrecognized request argument supplied: {name}")
    texts = _texts(body.get("input"))
    identity = hashlib.sha256("\0".join(texts).encode()).hexdigest()[:24]
    return {"id": f"modr-{identity}", "model": model.id, "results": [judged(text) for text in texts]}


def judged(text: str) -> Object:
    """Return the judgement of one text: a score for each category, flagged from 0.5 on."""
    found = hints.words(text)
    scores = {name: _score(name, text, len(found & words)) for name, words in _WORDS.items()}
    return {
        "flagged": any(score >= 0.5 for score in scores.values()),
        "categories": {name: score >= 0.5 for name, score in scores.items()},
        "category_scores": scores,
        "category_applied_input_types": {name: ["text"] if scores[name] >= 0.5 else [] for name in scores},
    }


def _score(category: str, text: str, hits: int) -> float:
    noise = int.from_bytes(hashlib.sha256(f"{category}:{text}".encode()).digest()[:4], "big") / 2**32
    return round(min(0.9 + 0.03 * hits, 0.99) + noise / 100, 6) if hits else round(noise / 1000, 9)


def _texts(given: Json) -> list[str]:
    expect(isinstance(given, str | list) and given, "Invalid 'input': send a text, or a list.", "input")
    if isinstance(given, str):
        return [given]
    if all(isinstance(item, str) for item in given):
        return list(given)
    parts = [item.get("text", "") if isinstance(item, dict) else None for item in given]
    expect(all(isinstance(part, str) for part in parts), "Invalid 'input': texts, or parts with a type.", "input")
    return ["\n".join(part for part in parts if part)]
