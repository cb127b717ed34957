"""Checks a Chat Completions request without building anything from it.

Lenient: what the gateway or the provider would certainly stumble over is refused with a remedy; members it does not
know pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sluice.dialects.base import JsonObject, Outline
from sluice.errors import BadRequest

ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})

_BOUNDS = ("max_tokens", "max_completion_tokens")
_POSITIVE = (*_BOUNDS, "n")
_NUMBERS = ("temperature", "top_p", "presence_penalty", "frequency_penalty", "top_k", "min_p", "repetition_penalty")
_WHOLE = ("seed", "top_logprobs")
_BOOLEANS = ("stream", "logprobs", "parallel_tool_calls", "store")
_OBJECTS = ("stream_options", "response_format", "metadata", "logit_bias")
_STRINGS = ("user", "service_tier")


def outline(body: JsonObject, size: int) -> Outline:
    """Check the caller's request; see `ChatDialect.outline`."""
    model = body.get("model")
    if not isinstance(model, str) or not model.strip():
        raise _bad("model", "must be a string that names a model; GET /v1/models lists what this key may call")
    _check_members(body)
    _check_messages(body.get("messages"))
    options = body.get("stream_options")
    # With both, a host goes by the one that it knows, so money is set aside for the larger.
    bounds = [int(each) for name in _BOUNDS if isinstance(each := body.get(name), int | float)]
    return Outline(
        model=model,
        stream=body.get("stream") is True,
        include_usage=isinstance(options, Mapping) and options.get("include_usage") is True,
        max_output=max(bounds, default=None),
        choices=int(n) if isinstance(n := body.get("n"), int | float) else 1,
        prompt_bytes=size,
    )


def _check_members(body: JsonObject) -> None:
    for name in _POSITIVE:
        value = body.get(name)
        if value is not None and (not _is_whole(value) or value < 1):  # type: ignore[operator]
            raise _bad(name, f"must be a whole number of at least 1, not {_shown(value)}")
    for name in _NUMBERS:
        value = body.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise _bad(name, f"must be a number, not {_shown(value)}")
    for name in _WHOLE:
        value = body.get(name)
        if value is not None and not _is_whole(value):
            raise _bad(name, f"must be a whole number, not {_shown(value)}")
    for names, kind, word in (
        (_BOOLEANS, bool, "true or false"),
        (_OBJECTS, Mapping, "an object"),
        (_STRINGS, str, "a string"),
    ):
        for name in names:
            value = body.get(name)
            if value is not None and value != [] and not isinstance(value, kind):  # PHP writes {} as []
                raise _bad(name, f"must be {word}, not {_shown(value)}")
    _check_stop(body.get("stop"))
    _check_tools(body)


def _check_stop(stop: object) -> None:
    if stop is None or isinstance(stop, str):
        return
    if not isinstance(stop, list) or not all(isinstance(item, str) for item in stop):
        raise _bad("stop", "must be a string or a list of strings")


def _check_tools(body: JsonObject) -> None:
    for name in ("tools", "functions"):
        tools = body.get(name)
        if tools is None:
            continue
        if not isinstance(tools, list):
            raise _bad(name, f"must be a list, not {_shown(tools)}")
        for position, tool in enumerate(tools):
            if not isinstance(tool, Mapping):
                raise _bad(f"{name}[{position}]", f"must be an object, not {_shown(tool)}")
            _check_function(f"{name}[{position}]", tool if name == "functions" else tool.get("function"), tool)
    choice = body.get("tool_choice")
    if choice is not None and not isinstance(choice, str | Mapping):
        raise _bad("tool_choice", f"must be a string or an object, not {_shown(choice)}")


def _check_function(param: str, function: object, tool: Mapping[str, object]) -> None:
    if tool.get("type", "function") != "function":
        return
    if not isinstance(function, Mapping):
        raise _bad(f"{param}.function", "is missing; a function tool holds its name and parameters there")
    if not isinstance(function.get("name"), str) or not function["name"]:
        raise _bad(f"{param}.function.name", "must be a string")
    parameters = function.get("parameters")
    if parameters is not None and parameters != [] and not isinstance(parameters, Mapping):
        raise _bad(f"{param}.function.parameters", f"must be a JSON Schema object, not {_shown(parameters)}")


def _check_messages(messages: object) -> None:
    if not isinstance(messages, list):
        raise _bad("messages", "must be a list of messages such as {'role': 'user', 'content': 'Hello'}")
    if not messages:
        raise _bad("messages", "is empty; send at least one message")
    calls: set[str] = set()
    nameless = False  # an assistant turn made a call without an id, so ids cannot be checked
    for position, message in enumerate(messages):
        param = f"messages[{position}]"
        if not isinstance(message, Mapping):
            raise _bad(param, f"must be an object with role and content, not {_shown(message)}")
        role = message.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise _bad(f"{param}.role", f"must be one of {', '.join(sorted(ROLES))}, not {_shown(role)}")
        _check_content(param, message)
        if role == "assistant":
            nameless = _note_calls(param, message, calls) or nameless
        elif role == "tool" and not nameless:
            _check_answer(param, message, calls)


def _check_content(param: str, message: Mapping[str, object]) -> None:
    content = message.get("content")
    if content is None and "content" not in message and message["role"] in ("user", "system", "developer"):
        raise _bad(f"{param}.content", "is missing; it must be a string or a list of parts")
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise _bad(f"{param}.content", f"must be a string or a list of parts, not {_shown(content)}")
    for position, part in enumerate(content):
        if not isinstance(part, Mapping):
            raise _bad(f"{param}.content[{position}]", f"must be an object with a type, not {_shown(part)}")


def _note_calls(param: str, message: Mapping[str, object], calls: set[str]) -> bool:
    made = message.get("tool_calls")
    if made is None:
        return False
    if not isinstance(made, list) or not all(isinstance(call, Mapping) for call in made):
        raise _bad(f"{param}.tool_calls", "must be a list of objects")
    ids = [call.get("id") for call in made]
    calls.update(call_id for call_id in ids if isinstance(call_id, str))
    return not all(isinstance(call_id, str) and call_id for call_id in ids)


def _check_answer(param: str, message: Mapping[str, object], calls: Sequence[str] | set[str]) -> None:
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, str):
        raise _bad(f"{param}.tool_call_id", "must be the id of the tool call that this message answers")
    if call_id not in calls:
        raise _bad(
            f"{param}.tool_call_id",
            f"{_shown(call_id)} answers no tool call of an earlier assistant message; "
            "send the assistant message with its tool_calls before the tool message",
            joined="",
        )


def _is_whole(value: object) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _shown(value: object) -> str:
    """Return a short description of a wrong value; long texts may be prompts and are not repeated."""
    if value is None:
        return "null"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if isinstance(value, str):
        return repr(value) if len(value) <= 40 else "a string"
    return "a list" if isinstance(value, list) else "an object"


def _bad(param: str, problem: str, joined: str = " ") -> BadRequest:
    return BadRequest(f"{param}{joined or ': '}{problem}.", param=param)
