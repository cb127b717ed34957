"""The quirks a provider may declare in its catalogue file: every departure from a dialect that code acts on.

A quirk is data of the provider (or of one model, which overrides the provider), never a provider's name in code.
What is not declared is the dialect as its inventor documents it. `check` tells a catalogue's author about a
misspelt name or a wrong type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirk:
    """One declared departure: its `name`, the JSON types it takes, the dialects that read it, what it means."""

    name: str
    types: tuple[type, ...]
    dialects: tuple[str, ...]
    meaning: str
    values: tuple[str, ...] = ()
    """The words allowed for a string; empty means any."""


_CHAT = ("openai_chat",)
_MESSAGES = ("anthropic_messages",)
_BOTH = (*_CHAT, *_MESSAGES)
_GEMINI = ("gemini",)
_RESPONSES = ("openai_responses",)
_FORMS = ("openai_image_edits", "openai_transcriptions", "openai_translations")
_CONVERSE = ("bedrock_converse",)
_ALL = (*_BOTH, *_GEMINI, *_RESPONSES, "cohere_chat", "ollama_chat", *_CONVERSE)
_POLICY = (*_ALL, "openai_completions", "snowflake_complete")
"""Their names are wire names: members at the top, or dotted paths (`sluice.dialects.policy`)."""
_BUDGETS = (*_BOTH, *_GEMINI, *_CONVERSE, "cohere_chat", "snowflake_complete")
_VECTORS = ("openai_embeddings",)
_BATCHES = ("openai_embeddings", "gemini_embeddings", "vertex_embeddings", "ollama_embeddings")
_RERANK = ("jina_rerank",)

QUIRKS: tuple[Quirk, ...] = (
    Quirk(
        "max_tokens_field",
        (str,),
        _CHAT,
        "Name of the bound on output tokens. Undeclared: the caller's own name passes, translation writes max_tokens.",
        ("max_tokens", "max_completion_tokens"),
    ),
    Quirk("stream_options", (bool,), _CHAT, "False: rejects stream_options; usage comes unasked or not at all."),
    Quirk(
        "stores_responses",
        (bool,),
        _RESPONSES,
        "False: keeps no answers, so the gateway keeps them itself; `store` is left out.",
    ),
    Quirk("rename", (dict,), _POLICY, "Members to rename, old name to new name; null in a model keeps the old one."),
    Quirk("refuse", (list,), _POLICY, "Members the provider rejects and that may not be left out silently."),
    Quirk(
        "drop",
        (list,),
        _POLICY,
        'Members the provider rejects and that may be left out, reported; "!name" in a model lifts the provider\'s.',
    ),
    Quirk("clamp", (dict,), _POLICY, "The range [low, high] of a number, null for no end; the nearest in it is sent."),
    Quirk("defaults", (dict,), _POLICY, "Members to set where the caller sent none; null in a model sets none."),
    Quirk("developer_role", (bool,), _CHAT, "False: knows no role 'developer'; it becomes 'system'."),
    Quirk("content_parts", (bool,), _CHAT, "False: takes only strings as content; text parts are joined."),
    Quirk("cache_control", (bool,), _CHAT, "True: takes cache_control marks inside parts and tools."),
    Quirk(
        "prompt_cache_breakpoint",
        (bool,),
        (*_CHAT, *_RESPONSES),
        "True: takes prompt_cache_breakpoint marks inside parts.",
    ),
    Quirk("top_k", (bool,), _CHAT, "True: takes top_k."),
    Quirk(
        "tool_choice_required",
        (str,),
        (*_CHAT, *_RESPONSES),
        "The word that forces some tool call (undeclared: required).",
    ),
    Quirk("parallel_tool_calls", (bool,), _CHAT, "False: rejects parallel_tool_calls."),
    Quirk(
        "strict_tools",
        (bool,),
        (*_BOTH, *_RESPONSES, "cohere_chat", *_CONVERSE),
        "False: rejects `strict` in function tools.",
    ),
    Quirk("tool_id_length", (int,), _CHAT, "Tool call ids must be this many of [A-Za-z0-9]; others are mapped."),
    Quirk(
        "tool_images",
        (bool,),
        (*_CHAT, *_GEMINI),
        "True: takes pictures in tool messages; else they follow as user content.",
    ),
    Quirk(
        "json_schema",
        (bool,),
        (*_ALL, "snowflake_complete"),
        "False: takes no JSON schema for its answer (json_object at most).",
    ),
    Quirk("file_parts", (bool,), _CHAT, "False: takes no file parts."),
    Quirk("file_urls", (bool,), _CHAT, "True: a file part's file_data may be a URL."),
    Quirk(
        "input_urls",
        (bool,),
        _ALL,
        "True: fetches pictures and documents from https URLs itself, so that an upload too large to be written into "
        "the request can go by a signed URL.",
    ),
    Quirk("max_stop", (int,), _CHAT, "The most stop sequences it takes."),
    Quirk(
        "reasoning_request",
        (str,),
        _CHAT,
        "How it is told to think: effort = reasoning_effort (undeclared), object = reasoning{effort|max_tokens}, "
        "thinking = thinking{type}, enable_thinking = enable_thinking and thinking_budget, none = cannot be told.",
        ("effort", "object", "thinking", "enable_thinking", "none"),
    ),
    Quirk(
        "reasoning_efforts",
        (list,),
        (*_ALL, "snowflake_complete"),
        "The effort words it takes; the nearest one is used.",
    ),
    Quirk(
        "reasoning_field",
        (str,),
        _CHAT,
        "Member in which earlier reasoning is sent back; '' = never. Undeclared: the member it came in, and reasoning "
        "that came from another dialect is left out.",
        ("reasoning_content", "reasoning", "reasoning_details", "content", ""),
    ),
    Quirk(
        "thinking_request",
        (str,),
        (*_MESSAGES, "cohere_chat"),
        "How it is told to think: budget = thinking.budget_tokens (undeclared), adaptive = thinking.type adaptive and "
        "output_config.effort, none = cannot be told.",
        ("budget", "adaptive", "none"),
    ),
    Quirk(
        "reasoning_items",
        (str,),
        _RESPONSES,
        "Which earlier reasoning goes back to it: encrypted = what it can verify (undeclared), text = readable ones as "
        "well, none = no reasoning at all.",
        ("encrypted", "text", "none"),
    ),
    Quirk("min_output_tokens", (int,), _RESPONSES, "The least bound on output tokens it takes; a lower one is raised."),
    Quirk(
        "message_threads",
        (bool,),
        _MESSAGES,
        "True: keeps message threads; elsewhere a new thread is an ordinary request and a continued one is not found.",
    ),
    Quirk("system_turns", (bool,), _MESSAGES, "True: takes system messages between the turns."),
    Quirk("reasoning_outside_completion", (bool,), _CHAT, "True: completion_tokens leave out the reasoning tokens."),
    Quirk(
        "thinking_config",
        (str,),
        _GEMINI,
        "How it is told to think: budget = thinkingBudget (undeclared), level = thinkingLevel, none = cannot be told.",
        ("budget", "level", "none"),
    ),
    Quirk("least_thinking", (int,), _BUDGETS, "The smallest budget of thinking; above 0 Gemini cannot stop."),
    Quirk("most_thinking", (int,), _BUDGETS, "The largest budget of thinking it takes."),
    Quirk("stops_thinking", (bool,), _GEMINI, "True: can stop thinking although least_thinking is above 0."),
    Quirk(
        "openapi_schemas",
        (bool,),
        _GEMINI,
        "True: takes only the OpenAPI subset of schemas (parameters, responseSchema), no JSON Schema.",
    ),
    Quirk(
        "signed_calls",
        (bool,),
        _GEMINI,
        "False: takes function calls without a thought signature, so calls of other vendors get no placeholder.",
    ),
    Quirk(
        "dimensions_field",
        (str,),
        _VECTORS,
        "Name of the length of vectors (undeclared: dimensions).",
        ("dimensions", "output_dimension"),
    ),
    Quirk(
        "task_field",
        (str,),
        _VECTORS,
        "Member that says what vectors are for. Undeclared: it cannot be said.",
        ("input_type", "task"),
    ),
    Quirk("task_words", (dict,), _VECTORS, "Canonical task (query, document, clustering, ...) -> the host's word."),
    Quirk(
        "default_task",
        (str,),
        (*_VECTORS, "cohere_embeddings"),
        "The canonical task to state where the caller named none and the host requires one.",
    ),
    Quirk(
        "truncate_request",
        (str,),
        _VECTORS,
        "How it is told to cut long inputs: words = truncate NONE|START|END; truncate or truncation = true or false.",
        ("words", "truncate", "truncation"),
    ),
    Quirk(
        "dtype_field",
        (str,),
        _VECTORS,
        "Member that asks for whole numbers or bits instead of floats.",
        ("output_dtype", "embedding_type", "encoding_format"),
    ),
    Quirk("base64_vectors", (bool,), _VECTORS, "False: answers with numbers only; the gateway packs them if asked."),
    Quirk("float_format", (bool,), _VECTORS, "False: rejects encoding_format float, which is what it answers anyway."),
    Quirk("packed_numbers", (str,), _VECTORS, "What its base64 holds, where that is not 32-bit floats.", ("int8",)),
    Quirk("token_inputs", (bool,), _VECTORS, "False: takes text only, no token ids."),
    Quirk(
        "image_inputs",
        (str,),
        _VECTORS,
        'How it takes pictures: image = {"image": ...}, content = {"content": [parts]}. Undeclared: it takes none.',
        ("image", "content"),
    ),
    Quirk("drop_embedding", (list,), _VECTORS, "Members of an embeddings request that it rejects; left out."),
    Quirk("max_inputs", (int,), _BATCHES, "The most inputs it takes in one call."),
    Quirk("document_objects", (bool,), _RERANK, "True: takes documents that are objects, and rank_fields."),
    Quirk("return_documents", (bool,), _RERANK, "False: rejects return_documents; the gateway puts them in."),
    Quirk("document_tokens_field", (str,), _RERANK, "Name of the bound on each document's tokens, where it has one."),
    Quirk("drop_rerank", (list,), _RERANK, "Members of a rerank request that it rejects; left out."),
    Quirk(
        "thinking_fields",
        (str,),
        _CONVERSE,
        "Where it is told to think: budget = thinking.budget_tokens, adaptive = thinking.type adaptive and an effort, "
        "reasoning_config = reasoningConfig.maxReasoningEffort, reasoning_effort. Undeclared: it cannot be told.",
        ("budget", "adaptive", "reasoning_config", "reasoning_effort"),
    ),
    Quirk(
        "top_k_field",
        (str,),
        _CONVERSE,
        "Its own parameter for top_k. Undeclared: it has none.",
        ("top_k", "inferenceConfig.topK", "k"),
    ),
    Quirk(
        "cortex_reasoning",
        (str,),
        ("snowflake_complete",),
        "How it is told to think: anthropic = anthropic.thinking.budget_tokens, openai = openai.reasoning.effort; "
        "undeclared = it cannot be told.",
        ("anthropic", "openai"),
    ),
    Quirk("cache_points", (bool,), _CONVERSE, "False: rejects cachePoint blocks."),
    Quirk("forced_tools", (bool,), _CONVERSE, "False: rejects toolChoice any and tool; it is asked in words instead."),
    Quirk(
        "embedding_body",
        (str,),
        ("bedrock_embeddings",),
        "Whose embeddings body it takes: cohere (undeclared), cohere_v4 = cuts at LEFT or RIGHT, titan = one text.",
        ("cohere", "cohere_v4", "titan"),
    ),
    Quirk("unmetered", (bool,), ("openai_moderations",), "True: its moderations are neither counted nor charged."),
    Quirk("forms", (bool,), _FORMS, "False: takes no uploaded files, only JSON bodies with URLs and data URLs."),
    Quirk("least_audio_ms", (int,), _FORMS, "The shortest sound it charges for, in milliseconds."),
    Quirk(
        "stated_cost",
        (bool,),
        (*_ALL, *_VECTORS, "openai_completions", "openai_images", "openai_image_edits"),
        "True: the cost that its answers state is what it bills; its list prices hold where it states none.",
    ),
    Quirk("hidden_prompt", (int,), _ALL, "Input tokens at most that it puts before each chat by itself, and bills."),
    Quirk(
        "geo_surcharge",
        (dict,),
        _MESSAGES,
        "Where its answers may say that they were made (`inference_geo`) -> basis points on the price of each token.",
    ),
    Quirk(
        "regional_surcharge",
        (dict,),
        (*_ALL, *_VECTORS),
        "Where it is called -> basis points on the price of each token: the first label of its host, the location in "
        'its path or the deployment\'s region; "*" is any location but "global".',
    ),
)
"""The table."""

_BY_NAME = {quirk.name: quirk for quirk in QUIRKS}


_GATEWAYS_OWN = frozenset({"model", "stream", "stream_options"})
_LISTS = ("refuse", "drop")
_MAPS = ("rename", "clamp", "defaults")
_SURCHARGES = ("geo_surcharge", "regional_surcharge")


def check(quirks: Mapping[str, object]) -> list[str]:
    """Return what is wrong with a catalogue's quirks, one sentence each; empty when all is well."""
    problems: list[str] = []
    for name, value in quirks.items():
        quirk = _BY_NAME.get(name)
        if quirk is None:
            problems.append(_unknown(name))
        elif type(value) not in quirk.types:
            wanted = " or ".join(kind.__name__ for kind in quirk.types)
            problems.append(f"Quirk {name!r} must be {wanted}, not {type(value).__name__}.")
        elif quirk.values and value not in quirk.values:
            problems.append(f"Quirk {name!r} must be one of {', '.join(map(repr, quirk.values))}, not {value!r}.")
        elif isinstance(value, list) and not all(isinstance(word, str) and word.strip("!") for word in value):
            problems.append(f"Quirk {name!r} must list names, as texts.")
        elif isinstance(value, Mapping) and name in _MAPS:
            problems.extend(_entries(name, value))
        elif isinstance(value, Mapping) and name in _SURCHARGES:
            problems.extend(_points(name, value))
        elif type(value) is int and value < 0:
            problems.append(f"Quirk {name!r} is {value}; it must be at least 0.")
    return problems + _together(quirks)


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, _BY_NAME, 1)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    return f"Unknown quirk {name!r}.{meant} Known are {', '.join(sorted(_BY_NAME))}."


def _entries(quirk: str, declared: Mapping[str, object]) -> list[str]:
    """Return what is wrong with the entries of a map that belongs to a policy."""
    problems = []
    for name, value in declared.items():
        if value is None:
            continue  # a model's word against its provider's entry
        if quirk == "rename" and (not isinstance(value, str) or not value or value == name):
            problems.append(f"Quirk 'rename' must give {name!r} another name, not {value!r}.")
        elif quirk == "clamp":
            problems.extend(_range(name, value))
    return problems


def _points(quirk: str, declared: Mapping[str, object]) -> list[str]:
    """Return which surcharges are no basis points, from 0 to ten times the price."""
    wrong = [name for name, value in declared.items() if type(value) is not int or not 0 <= value <= 100_000]
    return [f"Quirk {quirk!r} must give {name!r} whole basis points, 1000 for ten per cent." for name in wrong]


def _range(name: str, value: object) -> list[str]:
    ends = value if isinstance(value, list | tuple) else ()
    if len(ends) != 2 or not all(end is None or type(end) in (int, float) for end in ends):
        return [f"Quirk 'clamp' must give {name!r} a range [low, high] of numbers or null, not {value!r}."]
    low, high = ends
    if low is None and high is None:
        return [f"Quirk 'clamp' gives {name!r} no end; state a number, or leave the entry out."]
    if low is not None and high is not None and not low <= high:
        return [f"Quirk 'clamp' gives {name!r} the range {low} to {high}; the lower end comes first."]
    return []


def _together(quirks: Mapping[str, object]) -> list[str]:
    """Return where quirks contradict each other, or touch what is the gateway's own."""
    problems = []
    named = {name: list(value) for name in (*_LISTS, *_MAPS) if isinstance(value := quirks.get(name), list | dict)}
    for quirk, members in named.items():
        for member in _GATEWAYS_OWN.intersection(map(str, members)):
            problems.append(f"Quirk {quirk!r} names {member!r}, which the gateway itself sets; leave it out.")
    for member in set(named.get("drop", ())) & set(named.get("refuse", ())):
        problems.append(f"{member!r} is both dropped and refused; choose one.")
    least, most = quirks.get("least_thinking"), quirks.get("most_thinking")
    if isinstance(least, int) and isinstance(most, int) and least > most:
        problems.append(f"Quirk 'least_thinking' is {least}, above 'most_thinking', {most}.")
    return problems
