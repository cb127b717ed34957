"""Writes `generationConfig`: sampling, structured output and how much to think.

The quirk `thinking_config` says how a model is told to think: "budget" (undeclared) = `thinkingBudget`, which 2.5 needs
and 3 still takes; "level" = `thinkingLevel`; "none" = it cannot be told. Ranges: vendor docs, "Thinking", 2026-11.
"""

from __future__ import annotations

from sluice.dialects.base import JsonObject
from sluice.dialects.edits import Edits
from sluice.dialects.effort import budget_for, declared, word_for
from sluice.dialects.gemini.names import NAME
from sluice.dialects.gemini.schema import reduced, to_openapi
from sluice.types.chat import ChatRequest, Json, OutputFormat, Reasoning

Config = dict[str, Json]

_NUMBERS = (
    ("max_tokens", "maxOutputTokens"),
    ("temperature", "temperature"),
    ("top_p", "topP"),
    ("top_k", "topK"),
    ("seed", "seed"),
    ("n", "candidateCount"),
    ("presence_penalty", "presencePenalty"),
    ("frequency_penalty", "frequencyPenalty"),
    ("logprobs", "responseLogprobs"),
    ("top_logprobs", "logprobs"),
)
_LEVELS = ("low", "high")
"""What every model with levels takes."""
_MOST_STOPS = 5


def write_config(request: ChatRequest, quirks: JsonObject, edits: Edits) -> Config:
    """Return the config of a request. Raises UnsupportedParameter."""
    native = request.dialect == NAME
    kept = request.extras.get("generationConfig") if native else None
    config: Config = dict(kept) if isinstance(kept, dict) else {}
    for name, wire in _NUMBERS:
        value = getattr(request, name)
        if value is not None and (native or value is not False):
            config[wire] = value
    if not native:
        _fit(config, request, quirks, edits)
    if request.stop:
        config["stopSequences"] = list(request.stop)
    if request.output_format is not None:
        _write_format(config, request.output_format, native, quirks, edits)
    if request.reasoning is not None:
        thinking = (
            _native_thinking(request.reasoning) if native else _thinking(request.reasoning, config, quirks, edits)
        )
        others = config.get("thinkingConfig")
        thinking = {**(others if isinstance(others, dict) else {}), **thinking}
        if thinking:
            config["thinkingConfig"] = thinking
    return config


def _fit(config: Config, request: ChatRequest, quirks: JsonObject, edits: Edits) -> None:
    """Keep what another dialect allows within what this one takes."""
    most = quirks.get("max_output")
    if isinstance(most, int) and 0 < most < (request.max_tokens or 0):
        edits.note("clamped:max_tokens")  # the model could not have written more
        config["maxOutputTokens"] = most
    if config.get("candidateCount") == 1:
        del config["candidateCount"]
    if len(request.stop) > _MOST_STOPS:
        edits.refuse("stop", f"This model takes at most {_MOST_STOPS} stop sequences; {len(request.stop)} were sent.")
    _write_modalities(config, request.extras.get("modalities"), edits)
    for name in ("presencePenalty", "frequencyPenalty"):
        if config.get(name) == 0:
            del config[name]  # the default; some models take no penalties at all
    if config.get("logprobs") == 0:
        del config["logprobs"]


def _write_modalities(config: Config, asked: Json, edits: Edits) -> None:
    """Ask for pictures beside text where another dialect's `modalities` do."""
    names = asked if isinstance(asked, list) else []
    if "image" in names and set(names) <= {"text", "image"}:
        config["responseModalities"] = ["TEXT", "IMAGE"]
    elif asked is not None and names != ["text"]:
        edits.refuse("modalities", "This model's sound cannot be translated; ask for text, or text and image.")


def _write_format(config: Config, wanted: OutputFormat, native: bool, quirks: JsonObject, edits: Edits) -> None:
    if wanted.kind == "text":
        return
    config["responseMimeType"] = "application/json"
    if wanted.kind == "json_object" or wanted.schema is None:
        return
    if native:
        config["responseJsonSchema"] = wanted.schema
        return
    if quirks.get("json_schema") is False:
        edits.refuse(
            "response_format",
            "This model cannot be held to a JSON schema. Ask for json_object and describe the schema in the prompt, "
            "or choose another model.",
        )
    openapi = quirks.get("openapi_schemas") is True
    schema = to_openapi(wanted.schema) if openapi else reduced(wanted.schema)
    config["responseSchema" if openapi else "responseJsonSchema"] = schema
    if schema != wanted.schema:
        edits.note("reduced:response_format.schema")


def _native_thinking(wanted: Reasoning) -> Config:
    written: Config = {}
    if wanted.enabled is False:
        written["thinkingBudget"] = 0
    elif wanted.adaptive:
        written["thinkingBudget"] = -1
    elif wanted.budget is not None:
        written["thinkingBudget"] = wanted.budget
    if wanted.effort is not None:
        written["thinkingLevel"] = wanted.effort
    if wanted.display is not None:
        written["includeThoughts"] = wanted.display != "omitted"
    return written


def _thinking(wanted: Reasoning, config: Config, quirks: JsonObject, edits: Edits) -> Config:
    style = quirks.get("thinking_config", "budget")
    if wanted == Reasoning():
        return {}
    if style == "none":
        edits.drop("reasoning_effort")
        return {}
    off = wanted.enabled is False or wanted.effort == "none"
    if style == "level":
        written = _level(wanted, off, quirks, edits)
    else:
        limit = config.get("maxOutputTokens")
        written = _budget(wanted, off, quirks, edits, limit if isinstance(limit, int) else None)
    if not off and wanted.display != "omitted":
        written["includeThoughts"] = True
    return written


def _budget(wanted: Reasoning, off: bool, quirks: JsonObject, edits: Edits, limit: int | None) -> Config:
    least = quirks.get("least_thinking")
    floor = least if isinstance(least, int) else 0
    if off:
        if floor and quirks.get("stops_thinking") is not True:
            edits.note("clamped:reasoning_effort")  # this model cannot stop thinking
            return {"thinkingBudget": floor}
        return {"thinkingBudget": 0}
    if wanted.budget is None and wanted.effort is None:
        return {"thinkingBudget": -1}  # as much as the model sees fit
    budget = budget_for(wanted, quirks, edits, limit=limit)
    if budget is None:
        edits.drop("reasoning_effort")  # no room to think before the answer
        return {}
    return {"thinkingBudget": budget}


def _level(wanted: Reasoning, off: bool, quirks: JsonObject, edits: Edits) -> Config:
    level = word_for(Reasoning("none") if off else wanted, declared(quirks, _LEVELS), edits)
    return {} if level is None else {"thinkingLevel": level}
