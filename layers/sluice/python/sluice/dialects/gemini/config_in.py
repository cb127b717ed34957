"""Reads `generationConfig`: sampling, structured output and thinking; what has no canonical form is left over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from sluice.dialects.gemini.casing import camel
from sluice.dialects.gemini.schema import from_openapi
from sluice.types.chat import Effort, Json, OutputFormat, Reasoning

_READ = frozenset(
    {
        "maxOutputTokens", "temperature", "topP", "topK", "stopSequences", "seed", "candidateCount", "presencePenalty",
        "frequencyPenalty", "responseLogprobs", "logprobs",
    }
)  # fmt: skip
_JSON = "application/json"
_LEVELS = ("minimal", "low", "medium", "high")


class Config:
    """A `generationConfig` that was read; `rest` holds the members without a canonical form."""

    __slots__ = ("_found", "output_format", "reasoning", "rest")

    def __init__(self, found: Mapping[str, Json]) -> None:
        self._found = found
        self.rest: dict[str, Json] = {name: value for name, value in found.items() if name not in _READ}
        self.output_format: OutputFormat | None = None
        self.reasoning: Reasoning | None = None

    @property
    def stop(self) -> tuple[str, ...]:
        """The stop sequences."""
        found = self._found.get("stopSequences")
        return tuple(text for text in found if isinstance(text, str)) if isinstance(found, list) else ()

    def number(self, name: str) -> float | None:
        """Return a member that is a number."""
        value = self._found.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def whole(self, name: str) -> int | None:
        """Return a member that is a whole number; the vendor's clients send some as floats or strings."""
        value = self._found.get(name)
        if isinstance(value, str):
            return int(value) if value.isdecimal() else None
        number = self.number(name)
        return None if number is None else int(number)

    def flag(self, name: str) -> bool | None:
        """Return a member that is true or false."""
        value = self._found.get(name)
        return value if isinstance(value, bool) else None


def read_config(found: Mapping[str, Json]) -> Config:
    """Return the config of a request, its members in camelCase."""
    config = Config(found)
    _read_format(config)
    _read_thinking(config)
    modalities = config.rest.get("responseModalities")
    if isinstance(modalities, list) and [str(name).upper() for name in modalities] == ["TEXT"]:
        del config.rest["responseModalities"]  # what every dialect means anyway
    return config


def _read_format(config: Config) -> None:
    rest = config.rest
    kind = rest.get("responseMimeType")
    if kind == "text/plain":
        del rest["responseMimeType"]
    if kind != _JSON:
        return  # an enum as plain text has no canonical form
    del rest["responseMimeType"]
    full, plain = (
        rest.pop("responseJsonSchema", rest.pop("_responseJsonSchema", None)),
        rest.pop("responseSchema", None),
    )
    schema = full if isinstance(full, Mapping) else from_openapi(plain) if isinstance(plain, Mapping) else None
    config.output_format = OutputFormat("json_object" if schema is None else "json_schema", schema=schema)


def _read_thinking(config: Config) -> None:
    found = config.rest.pop("thinkingConfig", None)
    if not isinstance(found, Mapping):
        return
    thinking = camel(found)
    budget, level, shown = (thinking.pop(name, None) for name in ("thinkingBudget", "thinkingLevel", "includeThoughts"))
    display = {True: "summarized", False: "omitted"}.get(shown) if isinstance(shown, bool) else None
    word = level.lower() if isinstance(level, str) else ""
    effort = cast(Effort, word) if word in _LEVELS else None
    if effort is None and level is not None:
        thinking["thinkingLevel"] = level
    if thinking:
        config.rest["thinkingConfig"] = thinking
    if isinstance(budget, float):
        budget = int(budget)
    if type(budget) is not int:
        if effort is not None or display is not None:
            config.reasoning = Reasoning(effort, enabled=True if effort else None, display=display)
    elif budget < 0:
        config.reasoning = Reasoning(effort, adaptive=True, enabled=True, display=display)
    elif budget == 0:
        config.reasoning = Reasoning(effort, enabled=False, display=display)
    else:
        config.reasoning = Reasoning(effort, budget, enabled=True, display=display)
