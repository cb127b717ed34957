"""Directives: what a caller may ask the simulator to break, in a header or inside the prompt."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_IN_PROMPT = re.compile(r"\[\[(?:fault|simulate):([^\]]*)\]\]")
_REMEMBERED_IDS = 10_000


@dataclass(frozen=True, slots=True)
class Directive:
    """Everything that was asked for; the package's docstring says what each word does."""

    status: int | None = None
    retry_after: float | None = None
    code: str | None = None
    body: str | None = None
    delay: float = 0.0
    stall: float = 0.0
    hang: bool = False
    hang_after: int | None = None
    cut_after: int | None = None
    close_after: int | None = None
    malformed: int | None = None
    error_event_at: int | None = None
    no_usage: bool = False
    slow: float | None = None
    pace: float | None = None
    tokens: int | None = None
    calls: int | None = None
    cached: int | None = None
    refuse: bool = False
    filter: bool = False
    think: int | None = None
    redacted: bool = False


Value = str | int | float | bool
_READERS: dict[str, Callable[[str], Value]] = {
    **dict.fromkeys(
        ("status", "hang_after", "cut_after", "close_after", "malformed", "error_event_at", "tokens", "calls"), int
    ),
    **dict.fromkeys(("cached", "think", "times"), int),
    **dict.fromkeys(("retry_after", "delay", "stall", "slow", "pace"), float),
    **dict.fromkeys(("code", "body", "only", "id"), str),
}
_FLAGS = frozenset({"hang", "no_usage", "refuse", "filter", "redacted"})


def parse(text: str) -> dict[str, Value]:
    """Read one directive's words.

    Raises:
        ValueError: an unknown word, a bad value, or `times` without `id`.
    """
    wishes: dict[str, Value] = {}
    for word in text.replace(",", " ").split():
        name, _, value = word.partition("=")
        if name in _FLAGS:
            wishes[name] = value not in ("0", "false")
        elif name in _READERS:
            wishes[name] = _read(name, value)
        else:
            known = ", ".join(sorted([*_READERS, *_FLAGS]))
            raise ValueError(f"The simulator knows no directive '{name}'. It knows: {known}.")
    if "times" in wishes and "id" not in wishes:
        raise ValueError("The directive 'times' needs an 'id', for example: status=500 times=2 id=first-drill.")
    return wishes


def _read(name: str, value: str) -> Value:
    try:
        read = _READERS[name](value)
    except ValueError:
        raise ValueError(f"The directive '{name}' cannot be '{value}'.") from None
    if name == "status" and not (type(read) is int and 400 <= read <= 599):
        raise ValueError(f"The directive 'status' is {value}; it must be from 400 to 599.")
    if isinstance(read, int | float) and read < 0:
        raise ValueError(f"The directive '{name}' is {value}; it must not be negative.")
    return read


def found_in(prompt: str) -> list[str]:
    """Return the directives that stand in a prompt."""
    return [words.strip() for words in _IN_PROMPT.findall(prompt)]


def without(prompt: str) -> str:
    """Return the prompt without its directives, for answers that repeat it."""
    return _IN_PROMPT.sub("", prompt).strip()


class Attempts:
    """Counts the requests that carried an id, so that a fault can be over after the first few."""

    def __init__(self) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()

    def _is_over(self, wishes: dict[str, Value]) -> bool:
        times = wishes.get("times")
        if times is None:
            return False
        key = str(wishes["id"])
        self._counts[key] = self._counts.get(key, 0) + 1
        self._counts.move_to_end(key)
        if len(self._counts) > _REMEMBERED_IDS:
            self._counts.popitem(last=False)
        return self._counts[key] > int(times)

    def settle(self, texts: Iterable[str], *, model: str, dialect: str) -> Directive:
        """Merge the directives that hold for this request; of two that disagree the later wins.

        Raises:
            ValueError: a directive that cannot be read.
        """
        merged: dict[str, Value] = {}
        for text in texts:
            wishes = parse(text)
            if wishes.get("only", model) in (model, dialect) and not self._is_over(wishes):
                merged.update(wishes)
        for word in ("times", "id", "only"):
            merged.pop(word, None)
        return Directive(**merged)  # type: ignore[arg-type]
