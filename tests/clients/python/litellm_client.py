"""LiteLLM as a client: openai/, anthropic/ and litellm_proxy/ prefixes (the last one asks /chat/completions)."""

from __future__ import annotations

import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from telling import KEY, OPENAI_BASE, URL, WEATHER_QUESTION, tell, weather

litellm.num_retries = 0
HELLO = [{"role": "user", "content": "Hello there"}]
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Get the weather of a city",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


def _said(answer: object) -> dict[str, object]:
    usage = answer.usage  # type: ignore[attr-defined]
    text = answer.choices[0].message.content  # type: ignore[attr-defined]
    return {"text": text, "tokens": (usage.prompt_tokens, usage.completion_tokens)}


def case_openai(model: str) -> object:
    return _said(litellm.completion(f"openai/{model}", messages=HELLO, api_base=OPENAI_BASE, api_key=KEY))


def case_anthropic(model: str) -> object:
    return _said(litellm.completion(f"anthropic/{model}", messages=HELLO, api_base=URL, api_key=KEY, max_tokens=100))


def case_proxy(model: str) -> object:
    return _said(litellm.completion(f"litellm_proxy/{model}", messages=HELLO, api_base=URL, api_key=KEY))


def case_stream(model: str) -> object:
    chunks = list(
        litellm.completion(
            f"openai/{model}",
            messages=HELLO,
            api_base=OPENAI_BASE,
            api_key=KEY,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    usage = [chunk.usage for chunk in chunks if getattr(chunk, "usage", None)]
    return {"text": text, "tokens": (usage[-1].prompt_tokens, usage[-1].completion_tokens)}


def case_tools(model: str) -> object:
    messages: list[object] = [{"role": "user", "content": WEATHER_QUESTION}]
    where = {"api_base": OPENAI_BASE, "api_key": KEY}
    asked = litellm.completion(f"openai/{model}", messages=messages, tools=TOOLS, **where).choices[0].message
    messages.append(asked.model_dump())
    for call in asked.tool_calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": weather("Paris")})
    after = litellm.completion(f"openai/{model}", messages=messages, tools=TOOLS, **where)
    return {"calls": [call.function.arguments for call in asked.tool_calls], "text": after.choices[0].message.content}


def case_embeddings() -> object:
    found = litellm.embedding("openai/sim-embed", input=["one", "two"], api_base=OPENAI_BASE, api_key=KEY)
    return {"vectors": len(found.data)}


def case_unknown_model() -> object:
    try:
        litellm.completion("openai/nobody/nothing", messages=HELLO, api_base=OPENAI_BASE, api_key=KEY)
    except Exception as error:
        return {"raised": type(error).__name__}
    return None


if __name__ == "__main__":
    tell(globals())
