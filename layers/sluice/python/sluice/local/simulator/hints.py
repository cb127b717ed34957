"""Find in a question what tool arguments and structured answers may be filled with."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_QUOTED = re.compile(r"[\"“`]([^\"”`]{1,200})[\"”`]|(?<!\w)'([^']{1,200})'(?!\w)")
_NAME = r"[A-Z][\w-]*(?: [A-Z][\w-]*)*"
_AFTER = re.compile(rf"(?<=[a-z,&] )({_NAME})")
_LIST = re.compile(rf"(?<=[a-z,] )({_NAME}(?:, {_NAME})*,? (?:and|&) {_NAME})")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_WORD = re.compile(r"[a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Hints:
    """Candidates in the order of the text. `listed` are names joined by "and": one call each."""

    text: str = ""
    quoted: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    numbers: tuple[float, ...] = ()
    words: frozenset[str] = field(default_factory=frozenset)

    def about(self, name: str) -> Hints:
        """Return the same hints with only `name` to choose from."""
        return Hints(self.text, (), (name,), (), self.numbers, self.words)


def read(text: str) -> Hints:
    """Read the hints of a text."""
    listed = _LIST.search(text)
    return Hints(
        text=text,
        quoted=tuple(a or b for a, b in _QUOTED.findall(text)),
        names=tuple(dict.fromkeys(_AFTER.findall(text))),
        listed=tuple(re.split(r", (?:and |& )?| and | & ", listed.group(1))) if listed else (),
        numbers=tuple(float(n) for n in _NUMBER.findall(text)),
        words=words(text),
    )


def words(text: str) -> frozenset[str]:
    """Return the lower-case words of a text or an identifier (`getWeather`, `get_weather`)."""
    return frozenset(_WORD.findall(_CAMEL.sub(" ", text).lower()))
