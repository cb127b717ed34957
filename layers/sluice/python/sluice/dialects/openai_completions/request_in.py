"""Reads a completions request into its canonical form.

What only a completions endpoint can serve (several prompts, token ids, a suffix, probabilities of the prompt) is kept
in `extras` for one, and listed in `bound` so that no other dialect is tried. Without `max_tokens` the vendor stops
after 16 tokens; a chat model that serves the request instead is given no such bound.
"""

from __future__ import annotations

from collections.abc import Mapping

from sluice.dialects.base import JsonObject
from sluice.dialects.openai_completions.names import NAME
from sluice.dialects.openai_completions.outline import outline
from sluice.types.chat import ChatRequest, Json, Message, Text

_KNOWN = frozenset(
    {
        "model", "prompt", "stream", "stream_options", "max_tokens", "temperature", "top_p", "top_k", "stop", "seed",
        "n", "presence_penalty", "frequency_penalty", "logprobs", "echo", "user",
    }
)  # fmt: skip


def decode_request(body: JsonObject) -> ChatRequest:
    """Return the canonical request; see `ChatDialect.decode_request`."""
    sketch = outline(body, 0)
    extras: dict[str, Json] = {name: value for name, value in body.items() if name not in _KNOWN}
    text = _only_text(body.get("prompt"))
    if text is None and body.get("prompt") is not None:
        extras["prompt"] = body["prompt"]
    stop, logprobs, echo = body.get("stop"), body.get("logprobs"), body.get("echo") is True
    options = body.get("stream_options")
    if isinstance(options, Mapping) and (others := {k: v for k, v in options.items() if k != "include_usage"}):
        extras["stream_options"] = others
    return ChatRequest(
        model=sketch.model,
        messages=() if text is None else (Message("user", (Text(text),)),),
        max_tokens=sketch.max_output,
        temperature=_number(body, "temperature"),
        top_p=_number(body, "top_p"),
        top_k=_whole(body, "top_k"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop) if isinstance(stop, list) else (),
        seed=_whole(body, "seed"),
        n=_whole(body, "n"),
        presence_penalty=_number(body, "presence_penalty"),
        frequency_penalty=_number(body, "frequency_penalty"),
        logprobs=None if logprobs is None else logprobs is not False,
        top_logprobs=_whole(body, "logprobs"),
        stream=sketch.stream,
        include_usage=sketch.include_usage,
        user=user if isinstance(user := body.get("user"), str) else None,
        echo=echo,
        dialect=NAME,
        extras=extras,
        bound=_bound(body, text),
    )


def _only_text(prompt: object) -> str | None:
    """Return the prompt where it is one text."""
    if isinstance(prompt, list) and len(prompt) == 1:
        prompt = prompt[0]
    return prompt if isinstance(prompt, str) else None


def _bound(body: JsonObject, text: str | None) -> dict[str, str]:
    bound: dict[str, str] = {}
    prompt = body.get("prompt")
    if prompt is None:
        bound["prompt"] = "it is missing, and a chat model needs a text to answer; send a string"
    elif text is None and isinstance(prompt, list) and isinstance(prompt[0], str):
        bound["prompt"] = f"it holds {len(prompt)} texts, and a chat model answers one; send one request for each"
    elif text is None:
        bound["prompt"] = "it holds token ids, which mean something else to every model; send the text"
    if body.get("suffix"):
        bound["suffix"] = "a chat model cannot write text that ends in a given way; leave it out"
    if body.get("echo") is True and body.get("logprobs") not in (None, False):
        bound["echo"] = "a chat model does not tell the probabilities of its prompt; ask for echo or logprobs, not both"
    if body.get("max_tokens") == 0:
        bound["max_tokens"] = "0 asks for no answer, and a chat model gives one; ask for at least 1"
    return bound


def _number(body: JsonObject, name: str) -> float | None:
    value = body.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(body: JsonObject, name: str) -> int | None:
    value = _number(body, name)
    return None if value is None else int(value)
