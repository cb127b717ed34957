"""What every client script here does: read the gateway's address, run its cases, print one JSON object last.

A case is a function named `case_...` that returns what it saw; an exception becomes {"raised": "Type: message"}.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable, Mapping
from typing import Any

URL = os.environ["SLUICE_URL"]
KEY = os.environ["SLUICE_API_KEY"]
OPENAI_BASE = f"{URL}/v1"
MODELS = ("sim-fast", "sim-claude")
"""One model of OpenAI's chat dialect and one of Anthropic's, so that each client meets both paths."""


def weather(city: str) -> str:
    """Get the weather of a city."""
    return f"18 degrees in {city}"


WEATHER_QUESTION = "What is the weather in Paris?"


def tell(cases: Mapping[str, Any]) -> None:
    """Run the cases among the names of a module and print what they saw."""
    seen: dict[str, object] = {}
    for name, case in cases.items():
        if not name.startswith("case_"):
            continue
        for model in MODELS if "model" in case.__code__.co_varnames[: case.__code__.co_argcount] else (None,):
            label = name.removeprefix("case_") + (f" {model}" if model else "")
            seen[label] = _run(case, model)
    print("\n" + json.dumps(seen, default=str))


def _run(case: Callable[..., object], model: str | None) -> object:
    try:
        return case() if model is None else case(model)
    except Exception as error:
        traceback.print_exc()
        return {"raised": f"{type(error).__name__}: {error}"[:2000]}
