"""Decide which tools the question asks for, and with which arguments."""

from __future__ import annotations

import json

from sluice.local.simulator import hints, tokens
from sluice.local.simulator.conversation import Ask, Call, Offer
from sluice.local.simulator.schema import Filler

_IDLE_WORDS = "get set list fetch find do run call tool the a of current lookup look up make create"
_VERBS = frozenset(_IDLE_WORDS.split())
_MOST_CALLS = 8
_DESCRIBED = 3
"""So many words of a description must stand in the question when no word of the name does."""


def wanted(ask: Ask) -> tuple[Call, ...]:
    """Return the calls this request is answered with; none when it is to be answered with text."""
    if not ask.offers or ask.choice == "none":
        return ()
    asked = hints.read(ask.question)
    if ask.forced is not None:
        chosen = [offer for offer in ask.offers if offer.name == ask.forced]
    elif ask.choice == "required":
        chosen = _matching(ask, asked)[:1] or [_closing(ask) if ask.outcomes else ask.offers[0]]
    else:
        chosen = [] if ask.outcomes else _matching(ask, asked)
    limit = _MOST_CALLS if ask.directive.calls is None else ask.directive.calls
    calls = [call for offer in chosen for call in _calls_to(ask, offer, asked)]
    kept = calls[: limit if ask.parallel else min(limit, 1)]
    return tuple(Call(f"{ask.digest[:20]}{i:04d}", name, arguments, c) for i, (name, arguments, c) in enumerate(kept))


def _matching(ask: Ask, asked: hints.Hints) -> list[Offer]:
    """Return the tools that the question names; the best described one when it names none."""
    if ask.outcomes:
        return []
    named = [offer for offer in ask.offers if _is_named(offer, asked.words)]
    if named:
        return named
    scores = [(len(_telling(offer.description) & asked.words), -i) for i, offer in enumerate(ask.offers)]
    best, position = max(scores)
    return [ask.offers[-position]] if best >= _DESCRIBED else []


def _closing(ask: Ask) -> Offer:
    """After tool results, a caller that still forces a call waits for the one that ends its loop."""
    ending = [o for o in ask.offers if hints.words(o.name) & {"final", "answer", "finish", "done", "submit"}]
    return (ending or list(ask.offers))[0]


def _is_named(offer: Offer, words: frozenset[str]) -> bool:
    own = hints.words(offer.name)
    return any(_same(a, b) for a in (own - _VERBS) or own for b in words)


def _same(a: str, b: str) -> bool:
    shorter, longer = sorted((a, b), key=len)
    return a == b or (len(shorter) >= 4 and longer.startswith(shorter))


def _telling(description: str) -> frozenset[str]:
    return frozenset(w for w in hints.words(description.split(". ", maxsplit=1)[0]) if len(w) >= 5)


def _calls_to(ask: Ask, offer: Offer, asked: hints.Hints) -> list[tuple[str, str, bool]]:
    if offer.custom:
        return [(offer.name, asked.quoted[0] if asked.quoted else ask.question, True)]
    properties = offer.parameters.get("properties") or {}
    takes_list = any(isinstance(p, dict) and p.get("type") == "array" for p in properties.values())
    each = [asked] if not asked.listed or takes_list or not ask.parallel else [asked.about(n) for n in asked.listed]
    filled = [json.dumps(Filler(offer.parameters, one, everything=False).fill(), ensure_ascii=False) for one in each]
    return [(offer.name, arguments, False) for arguments in dict.fromkeys(filled)]


def size(call: Call) -> int:
    """Return the tokens a call costs: its name, its arguments and four for the frame."""
    return tokens.count(call.name) + tokens.count(call.arguments) + 4
