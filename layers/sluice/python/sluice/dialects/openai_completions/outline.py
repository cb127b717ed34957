"""Checks a completions request without building anything from it.

`prompt` is a text, a list of texts, a list of token ids or a list of such lists; its vendor takes a request without one
as well. Members that are not known pass.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import JsonObject, Outline
from sluice.errors import BadRequest

MOST_PROMPTS = 2048
"""The most prompts of one request that the gateway counts with; more are a mistake."""

_WHOLE = {"max_tokens": 0, "n": 1, "best_of": 1, "logprobs": 0, "seed": None, "top_k": None}
"""Whole numbers and the least each may be; 0 tokens with `echo` scores a prompt."""
_NUMBERS = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
_KINDS: tuple[tuple[tuple[str, ...], type, str], ...] = (
    (("stream", "echo"), bool, "true or false"),
    (("stream_options", "logit_bias"), Mapping, "an object"),
    (("suffix", "user"), str, "a string"),
)


def outline(body: JsonObject, size: int) -> Outline:
    """Check the caller's request; see `ChatDialect.outline`."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise bad("model", "must be a string that names a model; GET /v1/models lists what this key may call")
    _check_members(body)
    prompts = count_prompts(body.get("prompt"))
    options, bound, n, best = (body.get(name) for name in ("stream_options", "max_tokens", "n", "best_of"))
    asked = int(n) if isinstance(n, int | float) else 1
    made = max(asked, int(best) if isinstance(best, int | float) else 1)
    return Outline(
        model=model,
        stream=body.get("stream") is True,
        include_usage=isinstance(options, Mapping) and options.get("include_usage") is True,
        max_output=int(bound) if isinstance(bound, int | float) else None,
        choices=made * prompts,  # every candidate of `best_of` is paid for
        prompt_bytes=size,
    )


def count_prompts(prompt: object) -> int:
    """Return how many prompts a request holds. Raises BadRequest for what is no prompt."""
    if prompt is None or isinstance(prompt, str):
        return 1
    if not isinstance(prompt, list) or not prompt:
        raise bad("prompt", "must be a string, a list of strings, a list of token ids, or a list of such lists")
    if all(_is_token(item) for item in prompt):
        return 1
    if len(prompt) > MOST_PROMPTS:
        raise bad("prompt", f"holds {len(prompt)} prompts; the most is {MOST_PROMPTS}")
    for position, item in enumerate(prompt):
        if isinstance(item, str):
            continue
        if not isinstance(item, list) or not item or not all(_is_token(token) for token in item):
            raise bad(f"prompt[{position}]", "must be a string or a list of token ids, as the others are")
    if len({isinstance(item, str) for item in prompt}) > 1:
        raise bad("prompt", "mixes strings and token ids; send prompts of one kind")
    return len(prompt)


def _check_members(body: JsonObject) -> None:
    for name, least in _WHOLE.items():
        value = body.get(name)
        if value is None or (name == "logprobs" and isinstance(value, bool)):  # llama.cpp's clients send true
            continue
        if not _is_whole(value) or (least is not None and value < least):  # type: ignore[operator]
            bound = "" if least is None else f" of at least {least}"
            raise bad(name, f"must be a whole number{bound}")
    for name in _NUMBERS:
        value = body.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise bad(name, "must be a number")
    for names, kind, word in _KINDS:
        for name in names:
            value = body.get(name)
            if value is not None and value != [] and not isinstance(value, kind):  # PHP writes {} as []
                raise bad(name, f"must be {word}")
    stop = body.get("stop")
    texts = isinstance(stop, list) and all(isinstance(item, str) for item in stop)
    if stop is not None and not isinstance(stop, str) and not texts:
        raise bad("stop", "must be a string or a list of strings")
    n, best = body.get("n"), body.get("best_of")
    if isinstance(n, int) and isinstance(best, int) and best < n:
        raise bad("best_of", f"is {best}, but n asks for {n} answers; best_of must be at least n")


def _is_token(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return _is_token(value) or (isinstance(value, float) and value.is_integer())


def bad(param: str, problem: str) -> BadRequest:
    """Return the refusal of one parameter."""
    return BadRequest(f"{param} {problem}.", param=param)
