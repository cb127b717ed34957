"""Pydantic AI: agents with tools and typed results over chat, Responses and Messages."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider
from telling import KEY, OPENAI_BASE, URL, WEATHER_QUESTION, tell, weather


class Solution(BaseModel):
    """The solution of an equation."""

    explanation: str
    final_answer: int


def _openai() -> OpenAIProvider:
    return OpenAIProvider(base_url=OPENAI_BASE, api_key=KEY)


def _chat(model: str) -> Any:
    return OpenAIChatModel(model, provider=_openai())


def _responses(model: str) -> Any:
    return OpenAIResponsesModel(model, provider=_openai())


def _messages(model: str) -> Any:
    return AnthropicModel(model, provider=AnthropicProvider(base_url=URL, api_key=KEY))


def case_chat(model: str) -> object:
    return _everything(_chat(model))


def case_responses(model: str) -> object:
    return _everything(_responses(model))


def case_messages(model: str) -> object:
    return _everything(_messages(model))


def _everything(model: Any) -> object:
    agent = Agent(model, retries=0)
    called: list[str] = []

    @agent.tool_plain
    def get_weather(city: str) -> str:
        """Get the weather of a city."""
        called.append(city)
        return weather(city)

    answer = agent.run_sync(WEATHER_QUESTION)
    solved = Agent(model, output_type=Solution, retries=0).run_sync("Solve 8x + 7 = -23")
    usage = answer.usage() if callable(answer.usage) else answer.usage
    return {
        "called": called,
        "text": str(answer.output),
        "requests": usage.requests,
        "tokens": (usage.input_tokens, usage.output_tokens),
        "solved": solved.output.model_dump(),
    }


def case_stream(model: str) -> object:
    import asyncio

    async def read() -> dict[str, object]:
        async with Agent(_chat(model)).run_stream("Hello there") as result:
            pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]
        return {"text": "".join(pieces), "pieces": len(pieces)}

    return asyncio.run(read())


if __name__ == "__main__":
    tell(globals())
