"""Write the answer: a function of the request, friendly to a newcomer and useful in tests."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace

from sluice.local.simulator import calls, hints, tokens
from sluice.local.simulator.conversation import (
    Answer,
    Ask,
    Attachment,
    Call,
    Decline,
    Outcome,
    Piece,
    Say,
    Stop,
    Thought,
)
from sluice.local.simulator.schema import Filler

_SAY = re.compile(
    r"^\W*(?:please )?(?:just )?(?:say|repeat|echo|(?:reply|answer|respond) with)"
    r"(?: after me| exactly| only| just| the word| the text| this)*\s*:?\s+(.+)$",
    re.IGNORECASE | re.DOTALL,
)
_COUNT = re.compile(r"\bcount (?:from 1 |from one )?(?:up )?to (\d{1,4})\b", re.IGNORECASE)
_SNIPPET = 160
_PROSE = (
    "The river takes its time through the valley, past mills and orchards, under a stone bridge, around the old town, "
    "and every boat that follows it reaches the sea in the end. "
)


def answers(ask: Ask) -> tuple[Answer, ...]:
    """Return the answers, one for each that was asked for."""
    first = _answer(ask)
    others = (_answer(ask, number) for number in range(2, ask.answers + 1))
    return (first, *others)


def _answer(ask: Ask, number: int = 1) -> Answer:
    pieces: list[Piece] = []
    if ask.thinking:
        pieces.append(Thought(_thoughts(ask)))
    made = calls.wanted(ask)
    stop: Stop = "calls" if made else "end"
    if ask.directive.refuse:
        pieces.append(Decline("I'm sorry, but I can't help with that."))
        stop = "refusal"
    elif made:
        pieces.extend([Say("Let me look that up."), *made] if ask.choice == "auto" else made)
    else:
        text = _text(ask)
        pieces.append(Say(text if number == 1 else f"{text} (Answer {number} of {ask.answers}.)"))
    if ask.directive.filter:
        stop = "filter"
    return _shortened(_stopped(Answer(tuple(pieces), stop, 0), ask.stops), ask)


def _thoughts(ask: Ask) -> str:
    about = f"The caller asks: {_snippet(ask.question)} " if ask.question else "The caller asks nothing in words. "
    return tokens.cut(about + _PROSE * (ask.thinking // 30 + 1), ask.thinking)


def _text(ask: Ask) -> str:
    if ask.directive.tokens is not None:
        return tokens.cut(_PROSE * (ask.directive.tokens // 30 + 1), ask.directive.tokens)
    if ask.schema is not None:
        return _structured(ask)
    if ask.outcomes:
        return " ".join(_quoted(outcome) for outcome in ask.outcomes)
    said = _SAY.match(ask.question)
    if said:
        return said.group(1).strip().strip("\"'“”`").strip()
    counted = _COUNT.search(ask.question)
    if counted:
        return ", ".join(str(n) for n in range(1, int(counted.group(1)) + 1))
    return _greeting(ask)


def _structured(ask: Ask) -> str:
    told = " ".join([ask.question, *(o.text for o in ask.outcomes)])
    if not ask.schema:
        return json.dumps({"answer": "simulated", "question": _snippet(ask.question)}, ensure_ascii=False)
    return json.dumps(Filler(ask.schema, hints.read(told), everything=True).fill(), ensure_ascii=False)


def _quoted(outcome: Outcome) -> str:
    verb = "failed with" if outcome.is_error else "answered"
    return f"The tool {outcome.name} {verb}: {outcome.text.strip() or '(nothing)'}"


def _greeting(ask: Ask) -> str:
    parts = [f"Hello from {ask.model.id}, the provider that is simulated on your own machine."]
    parts.extend(_described(ask.attachments))
    if ask.question:
        parts.append(f"You asked: “{_snippet(ask.question)}”")
    if ask.turn > 1:
        parts.append(f"This is turn {ask.turn} of our conversation.")
    parts.append("The same request always gets the same answer, and none of them costs anything.")
    parts.append("Set a provider's key, for example OPENAI_API_KEY, and start again to reach a real model.")
    return " ".join(parts)


def _described(attachments: tuple[Attachment, ...]) -> list[str]:
    """One sentence for each attachment: its media type and its size, or where it stands."""
    sentences = []
    for item in attachments:
        facts = [item.media_type] if item.media_type else []
        facts += [f"{item.width}x{item.height} pixels"] if item.width else []
        facts += [f"{item.size:,} bytes"] if item.size is not None else [f"at {item.source}"]
        article = "an" if item.kind[0] in "aeiou" else "a"
        sentences.append(f"I see {article} {item.kind} ({', '.join(facts)}).")
    return sentences


def _snippet(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SNIPPET else line[: _SNIPPET - 1].rstrip() + "…"


def _stopped(answer: Answer, stops: tuple[str, ...]) -> Answer:
    """End the text before the first stop sequence in it."""
    for position, piece in enumerate(answer.pieces):
        if isinstance(piece, Say):
            found = [(piece.text.find(stop), stop) for stop in stops if stop and stop in piece.text]
            if found:
                at, stop = min(found)
                kept = (*answer.pieces[:position], Say(piece.text[:at]))
                return replace(answer, pieces=kept, stop="sequence", stop_sequence=stop)
    return answer


def _shortened(answer: Answer, ask: Ask) -> Answer:
    """Cut the answer at `max_tokens` (thinking included) and count it."""
    limit = min(ask.max_tokens or ask.model.max_output, ask.model.max_output)
    left, thinking = limit, 0
    kept: list[Piece] = []
    for piece in answer.pieces:
        if left <= 0:
            break
        short, used = _cut(piece, left)
        kept.append(short)
        left -= used
        thinking += used if isinstance(piece, Thought) else 0
        if short != piece:
            left = 0
    is_cut = len(kept) < len(answer.pieces) or kept != list(answer.pieces)
    output = sum(size(piece) for piece in kept)
    stop: Stop = "length" if is_cut else answer.stop
    sequence = None if is_cut else answer.stop_sequence
    return Answer(tuple(kept), stop, max(output, 1), thinking, sequence)


def _cut(piece: Piece, left: int) -> tuple[Piece, int]:
    whole = size(piece)
    if whole <= left:
        return piece, whole
    if isinstance(piece, Call):
        return replace(piece, arguments=tokens.cut(piece.arguments, max(left - 4, 0))), left
    return replace(piece, text=tokens.cut(piece.text, left)), left


def size(piece: Piece) -> int:
    """Return the tokens of one piece."""
    return calls.size(piece) if isinstance(piece, Call) else tokens.count(piece.text)


def fragments(text: str) -> list[str]:
    """Return the pieces in which a text is streamed, one a token; at least one, so that every part is announced."""
    return tokens.split(text) or [""]


def argument_fragments(arguments: str) -> list[str]:
    """Return the pieces in which tool arguments are streamed: three tokens each, cut across JSON boundaries."""
    split = iter(tokens.split(arguments))
    return ["".join(batch) for batch in iter(lambda: list(itertools.islice(split, 3)), [])]
