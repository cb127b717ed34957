"""Exports of a dialect that are imported when they are first asked for (PEP 562).

A pass-through must not pay for the modules that translate: they import the canonical types. A dialect imports at once
what passes bytes through, and sets `__getattr__ = lazily(__name__, {...})` for the rest. What is found is stored in
the dialect's namespace, so that only the first access is slow. For mypy, the same names are imported under
`TYPE_CHECKING`, and `__getattr__` stands in the `else` branch, where it cannot hide a name that does not exist.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

ROOM = "sluice.dialects"

TRANSLATING: Mapping[str, str] = {
    "decode_request": "request_in",
    "encode_request": "request_out",
    "decode_response": "response_in",
    "encode_response": "response_out",
    "decode_stream": "stream_in",
    "encode_stream": "stream_out",
}
"""Where a chat dialect's translating functions are, unless it says otherwise."""

EMBEDDING: Mapping[str, str] = {
    "decode_request": "request",
    "encode_request": "request",
    "decode_response": "response",
    "encode_response": "response",
}
"""Where an embeddings dialect's translating functions are, unless it says otherwise."""

ERRORS = ("decode_error", "encode_error", "stream_error", "stream_error_bytes")
"""What a dialect says of errors."""

STREAMLESS = (*ERRORS, "keep_alive", "meter", "stream_filter")
"""What a dialect without streams says of errors and of streams."""


def borrowed(dialect: str, *names: str) -> dict[str, str]:
    """Return the exports that are those of another module of `sluice.dialects`."""
    return dict.fromkeys(names, f"{ROOM}.{dialect}")


def lazily(module: str, exports: Mapping[str, str]) -> Callable[[str], object]:
    """Return the `__getattr__` of a module whose exports are imported on first access.

    `exports` maps a name to the submodule that has it, or to a dotted module elsewhere; `submodule:function` where the
    function has another name there. Raises ValueError for an export that has a submodule's name: importing the
    submodule would put the module in the function's place.
    """
    sources = {name: place.partition(":")[0] for name, place in exports.items()}
    shadowed = sorted(sources.keys() & {source for source in sources.values() if "." not in source})
    if shadowed:
        raise ValueError(f"{module} exports {shadowed[0]!r}, which is the name of one of its submodules; rename one.")

    def found(name: str) -> object:
        source = sources.get(name)
        if source is None:
            raise AttributeError(f"module {module!r} has no attribute {name!r}", name=name)
        place = source if "." in source else f"{module}.{source}"
        __import__(place)
        value: object = getattr(sys.modules[place], exports[name].partition(":")[2] or name)
        setattr(sys.modules[module], name, value)
        return value

    return found
